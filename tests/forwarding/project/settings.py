"""Settings of consumers in processes of their own: by the environment."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = [
    "django_ami",
    "django_ami.forwarding",
    "tests.forwarding.project.apps.ProjectConfig",
]
DATABASES = {
    "default": json.loads(os.environ.get("TEST_DATABASE", "{}"))
    or {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
}
AMI_SERVERS = {"node_1": {"URL": os.environ.get("TEST_SERVER", "ami://admin:amp111@127.0.0.1:1")}}
AMI_FORWARD = json.loads(os.environ["TEST_FORWARD"])
AMI_DISPATCH = {"retry_initial": 0.01, "retry_max": 0.05}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"django_ami": {"handlers": ["stderr"], "level": "WARNING"}},
}
