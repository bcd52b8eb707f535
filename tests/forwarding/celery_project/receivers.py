"""A receiver that writes down when it begins and ends, and does what the event says."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from django.dispatch import receiver

from django_ami.signals import events

JOURNAL = os.environ.get("PROJECT_JOURNAL", os.devnull)


def write(*words: object) -> None:
    """One line at once, whichever process writes."""
    descriptor = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


@receiver(events["UserEvent"])
def on_user_event(sender: Any, event: Any, **_: object) -> None:
    """Take as long as the event says; raise, or kill the process, if it says so."""
    write("begin", event["Call"], event["Number"], event.id, os.getpid())
    if event.get("Kill") and not Path(JOURNAL + ".killed").exists():
        Path(JOURNAL + ".killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if event.get("Poison"):
        raise ValueError("it cannot be taken")
    time.sleep(float(event.get("Seconds", "0")))
    write("end", event["Call"], event["Number"], event.id, os.getpid())
