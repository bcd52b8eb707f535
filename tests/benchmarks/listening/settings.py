"""Its settings: one server, no database, and a queue in which a whole flood has room.

With BENCH_SITE, which is JSON, it has the app ``django_ami.operations``: its database and options.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields

from django_ami.core import Options

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.benchmarks.listening.apps.ListeningConfig"]
AMI_SERVERS = {"pbx": {"URL": os.environ["AMI_BENCH_URL"]}}
#: An older build has no bound in bytes.
AMI_OPTIONS = {
    name: value
    for name, value in {"event_queue_capacity": 10_000_000, "event_queue_bytes": 2**36}.items()
    if name in {field.name for field in fields(Options)}
}

_site = json.loads(os.environ.get("BENCH_SITE", "{}"))
if _site:
    DATABASES = {"default": _site.pop("database")}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    INSTALLED_APPS += [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django_ami.operations",
    ]
    AMI_OPERATIONS = _site
