"""The settings of a consumer in a process of its own: database, cache and store from outside."""

from __future__ import annotations

import json
import os

DATABASES = {"default": json.loads(os.environ["AMI_TEST_DATABASE"])}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

SECRET_KEY = "only-for-tests"
USE_TZ = True
CACHES = {"default": json.loads(os.environ["AMI_TEST_CACHE"])}
INSTALLED_APPS = ["django_ami", "django_ami.forwarding"]
AMI_SERVERS = {"node_1": {"HOST": "127.0.0.1", "USERNAME": "admin", "SECRET": "amp111"}}
AMI_FORWARD = {"ONCE": json.loads(os.environ["AMI_TEST_ONCE"])}
