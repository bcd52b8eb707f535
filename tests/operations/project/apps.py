"""The app: connects its receivers where AMI_TEST_FILE says where to tell."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from typing import Any

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Receivers that write a line for whatever they get, and their process and token."""

    name = "tests.operations.project"
    label = "operations_project"

    def ready(self) -> None:
        from django_ami import signals

        if "AMI_TEST_FILE" not in os.environ:
            return
        signals.events["UserEvent"].connect(on_user_event)
        signals.server_ready.connect(on_ready)
        signals.server_lost.connect(on_lost)
        signals.gap.connect(on_gap)
        signals.lease_lost.connect(on_lease_lost)


def note(sender: Any, what: str, **more: object) -> None:
    """One line, written at once, so that several processes may write."""
    token = None if sender.lease is None else sender.lease.token
    line = json.dumps(
        {
            "what": what,
            "server": sender.name,
            "pid": os.getpid(),
            "token": token,
            "at": time.monotonic(),
            **more,
        }
    )
    file = os.open(os.environ["AMI_TEST_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def on_user_event(sender: Any, event: Any, **kwargs: Any) -> None:
    note(sender, "event", number=int(event["Number"]), valid=sender.lease.valid)
    if "Seconds" in event:
        threading.Event().wait(float(event["Seconds"]))
    if "Fork" in event:
        fork(event["Fork"])


def fork(end: str) -> None:
    """The child comes back from here; its parent waits until it has ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # there are threads: this child needs none of theirs
        child = os.fork()
    if child:
        os.waitpid(child, 0)
    elif end == "exits":
        sys.exit()
    elif end == "raises":
        raise ValueError("in the child")


def on_ready(sender: Any, again: bool, **kwargs: Any) -> None:
    note(sender, "ready", again=again)


def on_lost(sender: Any, **kwargs: Any) -> None:
    note(sender, "lost")


def on_gap(sender: Any, begin: Any, end: Any, reason: Any, lost: Any, **kwargs: Any) -> None:
    note(sender, "gap", begin=begin.timestamp(), end=end.timestamp(), reason=str(reason), lost=lost)


def on_lease_lost(sender: Any, token: int, **kwargs: Any) -> None:
    note(sender, "lease_lost", lost_token=token)
