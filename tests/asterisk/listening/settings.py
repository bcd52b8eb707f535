"""Settings of a worker; AMI_TEST_SERVERS is the setting AMI_SERVERS in JSON."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.asterisk.listening"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = json.loads(os.environ["AMI_TEST_SERVERS"])
AMI_OPTIONS = {"reconnect_initial": 0.1, "reconnect_max": 1}
