"""A project that publishes its live pictures in its database, SQLite in the file AMI_TEST_FILE."""

from __future__ import annotations

import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["AMI_TEST_FILE"],
        "OPTIONS": {"timeout": 20},
    }
}
INSTALLED_APPS = ["django_ami", "django_ami.live.feed"]
AMI_SERVERS = {"node_1": {"URL": os.environ.get("AMI_NODE1_URL", "ami://me:amp111@127.0.0.1:1")}}
