"""Receivers that tell in a file what they got, one JSON object a line, and some that make trouble
when asked to.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from django_ami import ami
from django_ami.actions import Action
from django_ami.signals import ami_event, events, server_lost, server_ready


def note(what: str, **more: object) -> None:
    """One line, there for all to see when this returns."""
    with Path(os.environ["AMI_TEST_FILE"]).open("a") as file:
        file.write(json.dumps({"what": what, **more}) + "\n")


def connect_none() -> None:
    """Nobody listens."""


def connect_usual() -> None:
    """Everything that the tests need."""
    for name, receiver in {
        "UserEvent": on_user_event,
        "Hangup": on_hangup,
        "Boom": on_boom,
        "Stop": on_stop,
        "Block": on_block,
        "Exit": on_exit,
        "Slow": on_slow,
        "Ask": on_ask,
        "Save": on_save,
    }.items():
        events[name].connect(receiver)
    if "AMI_TEST_SERVERS" in os.environ:
        events["Mine"].connect(on_mine, sender=ami.server("one"))
        events["Reload"].connect(on_reload)
    server_ready.connect(on_ready)
    server_lost.connect(on_lost)


def connect_every() -> None:
    """One receiver of every event."""
    ami_event.connect(on_any)


def on_ready(sender: Any, again: bool, **kwargs: Any) -> None:
    note("ready", server=sender.name, again=again)


def on_lost(sender: Any, error: Any, retry_in: Any, **kwargs: Any) -> None:
    note("lost", server=sender.name, error=type(error).__name__, tries_again=retry_in is not None)


def on_any(sender: Any, event: Any, **kwargs: Any) -> None:
    note(event.name, server=event.server)


def on_user_event(sender: Any, event: Any, **kwargs: Any) -> None:
    note("UserEvent", server=event.server, number=int(event["Number"]), main=_in_main_thread())


def on_hangup(sender: Any, event: Any, **kwargs: Any) -> None:
    note("Hangup", server=event.server)


def on_boom(sender: Any, event: Any, **kwargs: Any) -> None:
    raise ValueError(f"boom {event['Number']}")


def on_mine(sender: Any, event: Any, **kwargs: Any) -> None:
    """Connected for one server alone."""
    assert sender.send(Action("ListCommands")).result(20).ok
    note("Mine", server=event.server)


def on_reload(sender: Any, event: Any, **kwargs: Any) -> None:
    note("Reload", changes=str(ami.reload()), servers=list(ami.servers))


def on_exit(sender: Any, event: Any, **kwargs: Any) -> None:
    sys.exit(9)


def on_slow(sender: Any, event: Any, **kwargs: Any) -> None:
    threading.Event().wait(float(event["Seconds"]))
    note("Slow")


def on_stop(sender: Any, event: Any, **kwargs: Any) -> None:
    """The signal arrives when so many events wait in the queue, this one included."""
    _wait_for_queued(sender, event)
    os.kill(os.getpid(), signal.SIGTERM)


def on_block(sender: Any, event: Any, **kwargs: Any) -> None:
    """Never return, once so many events wait in the queue, this one included."""
    _wait_for_queued(sender, event)
    note("blocked")
    threading.Event().wait()


def on_ask(sender: Any, event: Any, **kwargs: Any) -> None:
    """Send over the listener's own connection: once to be told later, and once waiting here."""
    ami.send(Action("Ping")).on_complete(
        lambda error, response: note(
            "answer", error=repr(error), ping=response["Ping"], main=_in_main_thread()
        )
    )
    response = ami.server(event.server).send(Action("Ping")).result(timeout=20)
    note("waited", ping=response["Ping"], same=ami.servers[event.server] is sender)


def on_save(sender: Any, event: Any, **kwargs: Any) -> None:
    """A receiver whose database is away for some attempts."""
    from django.db import OperationalError

    note("attempt", number=int(event["Number"]))
    attempts = Path(os.environ["AMI_TEST_FILE"]).read_text().count('"attempt"')
    if attempts <= int(event["Attempts"]):
        raise OperationalError("server closed the connection unexpectedly")
    note("saved", number=int(event["Number"]))


def _wait_for_queued(sender: Any, event: Any) -> None:
    while sender.status().queued < int(event["Queued"]):
        threading.Event().wait(0.005)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
