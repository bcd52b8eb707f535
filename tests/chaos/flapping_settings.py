"""Settings of a listener to many servers, whose log at INFO goes to stderr."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["django_ami"]
AMI_SERVERS = {name: {"URL": url} for name, url in json.loads(os.environ["AMI_TEST_URLS"]).items()}
AMI_OPTIONS = {"reconnect_initial": 0.05, "reconnect_max": 0.2}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_ami": {"handlers": ["console"], "level": "WARNING"}},
}
