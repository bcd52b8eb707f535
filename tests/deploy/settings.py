"""The settings of the workers that supervisor starts: the servers come from the environment.

With AMI_TEST_DATABASE, the file of a database, the app with the leases is installed, too.
"""

from __future__ import annotations

import environ

env = environ.Env()

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.deploy.apps.SlowReceiver"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
if DATABASE := env.str("AMI_TEST_DATABASE", ""):
    INSTALLED_APPS += ["django_ami.operations"]
    DATABASES["default"] |= {"NAME": DATABASE, "OPTIONS": {"timeout": 5}}
    AMI_OPERATIONS = {"lease_timeout": 2, "standby_interval": 0.1}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AMI_SERVERS = {
    "node_1": {"URL": env.str("AMI_NODE1_URL")},
    "node_2": {"URL": env.str("AMI_NODE2_URL")},
}
