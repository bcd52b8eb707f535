"""Settings of listeners with leases: their servers and their database are those of the environment.

AMI_TEST_DATABASE is JSON, an entry of DATABASES; AMI_TEST_OPERATIONS the setting AMI_OPERATIONS.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import gettempdir

FILE = Path(gettempdir(), f"django_ami-operations-{os.getpid()}.sqlite3")
DATABASES = {
    "default": json.loads(os.environ.get("AMI_TEST_DATABASE", "{}"))
    or {"ENGINE": "django.db.backends.sqlite3", "NAME": FILE, "TEST": {"NAME": FILE}}
}
if DATABASES["default"]["ENGINE"].endswith("mysql"):
    import pymysql

    pymysql.install_as_MySQLdb()

SECRET_KEY = "only-for-tests"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
INSTALLED_APPS = ["django_ami", "django_ami.operations", "tests.operations.project"]
AMI_SERVERS = {
    f"node_{number}": {"URL": os.environ[key]}
    for number in range(1, 10)
    if (key := f"AMI_NODE{number}_URL") in os.environ
} or {"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}}
AMI_OPTIONS = {"reconnect_initial": 0.05}
AMI_OPERATIONS = json.loads(os.environ.get("AMI_TEST_OPERATIONS", "{}"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
for _name, _value in json.loads(os.environ.get("AMI_TEST_SETTINGS", "{}")).items():
    globals()[_name] = _value
