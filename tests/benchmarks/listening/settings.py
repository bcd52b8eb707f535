"""Its settings: one server, no database, and a queue in which a whole flood has room."""

from __future__ import annotations

import os

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.benchmarks.listening.apps.ListeningConfig"]
AMI_SERVERS = {"pbx": {"URL": os.environ["AMI_BENCH_URL"]}}
AMI_OPTIONS = {"event_queue_capacity": 10_000_000, "event_queue_bytes": 2**36}
