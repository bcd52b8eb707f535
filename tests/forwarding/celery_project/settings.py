"""Settings from the environment."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.forwarding.celery_project"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = {"node_1": {"URL": os.environ.get("PROJECT_SERVER", "ami://admin:a@127.0.0.1:1")}}
AMI_FORWARD = json.loads(os.environ["PROJECT_FORWARD"])
CELERY_BROKER_URL = os.environ["PROJECT_BROKER"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = json.loads(os.environ.get("PROJECT_ACCEPT", '["json"]'))
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ.get("PROJECT_TRANSPORT", "{}"))
