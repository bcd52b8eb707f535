"""Settings of the listeners and consumers of a fleet: by the environment."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django_ami",
    "django_ami.operations",
    "tests.forwarding.fleet.apps.FleetConfig",
]
DATABASES = {"default": json.loads(os.environ["FLEET_DATABASE"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AMI_SERVERS = {name: {"URL": url} for name, url in json.loads(os.environ["FLEET_SERVERS"]).items()}
AMI_OPTIONS = {"reconnect_initial": 0.05}
AMI_OPERATIONS = {"lease_timeout": 2.0, "heartbeat_interval": 1.0}
AMI_FORWARD = {
    "OUTLET": "redis",
    "URL": os.environ["FLEET_REDIS"],
    "PARTITIONS": 8,
    "SPOOL": os.environ.get("FLEET_SPOOL"),
    "OPTIONS": {"lease_timeout": 2},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"django_ami": {"handlers": ["stderr"], "level": "WARNING"}},
}
