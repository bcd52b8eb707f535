"""Settings of a worker whose receivers save into the database of ``AMI_TEST_DATABASE`` (JSON)."""

from __future__ import annotations

import json
import os

SECRET_KEY = "only-for-tests"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.database"]
DATABASES = {"default": json.loads(os.environ["AMI_TEST_DATABASE"])}
AMI_SERVERS = {"node_1": {"URL": os.environ["AMI_NODE1_URL"]}}
AMI_DISPATCH = json.loads(os.environ.get("AMI_TEST_DISPATCH", "{}"))
