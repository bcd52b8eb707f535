"""Its settings: one server, no database, and a queue in which a whole flood has room."""

import os

SECRET_KEY = "only-for-benchmarks"
USE_TZ = True
INSTALLED_APPS = ["django_ami", "tests.benchmarks.listening.apps.ListeningConfig"]
AMI_SERVERS = {"pbx": {"URL": os.environ["AMI_BENCH_URL"]}}
AMI_OPTIONS = {"event_queue_capacity": 10_000_000}
