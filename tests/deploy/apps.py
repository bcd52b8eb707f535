"""Receivers that take their time, so that a stop finds something to drain, and that hold things up,
so that a watchdog finds something to tell.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import OperationalError

from django_ami import ami
from django_ami.signals import events


class SlowReceiver(AppConfig):
    name = "tests.deploy"
    label = "tests_deploy"

    def ready(self) -> None:
        events["UserEvent"].connect(on_user_event, dispatch_uid="tests.deploy")
        events["Slow"].connect(on_slow)
        events["HoldReceivers"].connect(on_hold_receivers)
        events["HoldLoop"].connect(on_hold_loop)
        events["NeedDatabase"].connect(on_need_database)


def on_user_event(sender: object, event: object, **kwargs: Any) -> None:
    time.sleep(0.01)


def on_slow(sender: object, event: Any, **kwargs: Any) -> None:
    time.sleep(float(event["Seconds"]))


def on_hold_receivers(sender: object, event: object, **kwargs: Any) -> None:
    print("held", flush=True)
    threading.Event().wait()


def on_hold_loop(sender: object, event: object, **kwargs: Any) -> None:
    """The next turn of the event loop does not end."""
    client = ami._here().client
    assert client is not None
    client.inbox.when_turned(threading.Event().wait)  # type: ignore[arg-type]
    print("held", flush=True)


def on_need_database(sender: object, event: Any, **kwargs: Any) -> None:
    """The database is there once there is a file."""
    if not Path(event["File"]).exists():
        raise OperationalError("the database does not answer")
    print("done", flush=True)
