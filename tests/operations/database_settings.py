"""The settings of the tests, on the database server of AMI_TEST_DATABASE, in a zone with summer."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403

DATABASES = {"default": json.loads(os.environ["AMI_TEST_DATABASE"])}
TIME_ZONE = "Europe/Berlin"
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()
