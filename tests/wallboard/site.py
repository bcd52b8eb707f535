"""A site with the wallboard, for real web servers: ``tests.wallboard.site:asgi`` and ``:wsgi``.

A thread publishes what changes, SITE_CHANGES objects a second, in the memory of the process, or in
SITE_FEED. The site has logins in the database SITE_DATABASE (JSON); without one it lets
everybody in.
"""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import django
from django.conf import settings

DATABASE = os.environ.get("SITE_DATABASE")
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

if not settings.configured:
    settings.configure(
        SECRET_KEY="only-for-tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.wallboard.urls",
        MIDDLEWARE=MIDDLEWARE if DATABASE else MIDDLEWARE[:1],
        DATABASES={"default": json.loads(DATABASE)} if DATABASE else {},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django_ami",
            "django_ami.wallboard",
        ],
        AMI_SERVERS={"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}},
        AMI_FEED=json.loads(os.environ.get("SITE_FEED", '"memory"')),
        AMI_WALLBOARD={
            "MAX_STREAMS": int(os.environ.get("SITE_STREAMS", "2000")),
            "MAX_STREAMS_PER_USER": 2000,
            **({} if DATABASE else {"ACCESS": "tests.wallboard.site.everybody"}),
        },
    )
    django.setup()

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from django_ami.wallboard.access import Access
from tests.wallboard.publishing import HEADING, caller, publisher

if TYPE_CHECKING:
    from django.http import HttpRequest


def everybody(request: HttpRequest) -> Access:
    return Access()


def publish(changes: float) -> None:
    """One caller after the other has another place, for ever."""
    made, number = publisher(), 0
    made.note("node_1", [HEADING])
    while True:
        time.sleep(1 / changes)
        number += 1
        made.note("node_1", [caller(f"caller-{number % 50}", number)])


if "SITE_PUBLISHES_NOTHING" not in os.environ:
    changes = float(os.environ.get("SITE_CHANGES", "50"))
    threading.Thread(target=publish, args=[changes], daemon=True).start()

asgi = get_asgi_application()
wsgi = get_wsgi_application()
