"""Settings of a worker.

Its servers are those of AMI_NODE1_URL, AMI_NODE2_URL, … in the environment.

AMI_TEST_SETTINGS is JSON with any settings; None takes one away.
"""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.management.listening"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}

AMI_SERVERS = {
    f"node_{number}": {"URL": os.environ[key]}
    for number in range(1, 10)
    if (key := f"AMI_NODE{number}_URL") in os.environ
}
AMI_OPTIONS = {"reconnect_initial": 0.05}

for _name, _value in json.loads(os.environ.get("AMI_TEST_SETTINGS", "{}")).items():
    globals()[_name] = _value
