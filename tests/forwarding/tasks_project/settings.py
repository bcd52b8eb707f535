"""Settings from the environment."""

from __future__ import annotations

import importlib.util
import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
#: Django 6.0 and later need no other app for the framework.
FRAMEWORK = [] if importlib.util.find_spec("django.tasks") else ["django_tasks"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    *FRAMEWORK,
    "django_tasks_db",
    "django_ami",
    "tests.forwarding.celery_project",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["PROJECT_DATABASE"],
        "OPTIONS": {"timeout": 20, "transaction_mode": "EXCLUSIVE"},
    }
}
if (_tasks := json.loads(os.environ["PROJECT_TASKS"])) is not None:
    TASKS = _tasks
AMI_SERVERS = {"node_1": {"HOST": "127.0.0.1", "PORT": 1, "USERNAME": "admin", "SECRET": "amp111"}}
AMI_FORWARD = {"OUTLET": "tasks", "SPOOL": None, **json.loads(os.environ["PROJECT_FORWARD"])}
