"""A site with the wallboard, for real web servers: ``tests.wallboard.site:asgi`` and ``:wsgi``.

A thread publishes SITE_CHANGES changes a second.
"""

from __future__ import annotations

import os
import threading
import time

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.wallboard.settings")
asgi = get_asgi_application()
wsgi = get_wsgi_application()

from tests.wallboard.publishing import HEADING, caller, publisher  # noqa: E402  (behind the setup)


def publish(changes: float) -> None:
    """One caller after the other has another place, for ever, and one is always the same."""
    made, number = publisher(), 0
    made.note("node_1", [HEADING, caller("the same")])
    while True:
        time.sleep(1 / changes)
        number += 1
        made.note("node_1", [caller(f"caller-{number % 50}", number)])


if changes := float(os.environ.get("SITE_CHANGES", "50")):
    threading.Thread(target=publish, args=[changes], daemon=True).start()
