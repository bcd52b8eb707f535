"""The settings of the workers that supervisor starts: the servers come from the environment."""

from __future__ import annotations

import environ

env = environ.Env()

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.deploy.apps.SlowReceiver"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
AMI_SERVERS = {
    "node_1": {"URL": env.str("AMI_NODE1_URL")},
    "node_2": {"URL": env.str("AMI_NODE2_URL")},
}
