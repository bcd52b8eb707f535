"""The wallboard as a site, ``tests.benchmarks.streaming.wallboard:asgi``, and its publisher.

With the memory feed the publisher is a thread of the site; else it is a process of its own:
``python -m tests.benchmarks.streaming.wallboard``.
"""

from __future__ import annotations

import json
import os
import threading
import time

import django
from django.conf import settings

FEED = json.loads(os.environ["BENCH_FEED"])
settings.configure(
    SECRET_KEY="only-for-benchmarks",
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    ROOT_URLCONF="tests.wallboard.urls",
    DATABASES={"default": json.loads(os.environ["BENCH_DATABASE"])},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django_ami",
        "django_ami.live.feed",
        "django_ami.wallboard",
    ],
    AMI_SERVERS={"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}},
    AMI_FEED=FEED,
    AMI_WALLBOARD={"ACCESS": "tests.wallboard.urls.everybody", "MAX_STREAMS": 10_000},
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import call_command  # noqa: E402

from django_ami import feeds  # noqa: E402
from django_ami.live.feed.publisher import Publisher  # noqa: E402
from django_ami.live.feed.records import Heading  # noqa: E402
from django_ami.live.queue_views import Caller  # noqa: E402


def publish() -> None:
    """One caller after the other has another name, for ever."""
    backend = feeds.backend()
    assert backend is not None
    publisher, number = Publisher(backend), 0
    publisher.note("node_1", [("server:", Heading("node_1", ready=True, complete=True))])
    while True:
        time.sleep(1 / float(os.environ["BENCH_CHANGES"]))
        number = (number + 1) % 500
        caller = Caller("sales", f"{number}", "", "0301234", f"t{time.time():.6f}", 1, 1.0)
        publisher.note("node_1", [(f"caller:{number}", caller)])


if __name__ == "__main__":
    if FEED == "database":
        call_command("migrate", verbosity=0)
    publish()

if FEED == "memory":
    threading.Thread(target=publish, daemon=True).start()
asgi = get_asgi_application()
