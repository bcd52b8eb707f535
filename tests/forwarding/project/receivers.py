"""Writes a line for each event to the file ``TEST_OUT``, in one write.

``Number: die`` ends the process, ``Number: raise`` raises, ``Number: hold`` waits for a file.
With a database, another receiver writes a row for each event, once; and now and then the process
is killed behind that.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from django.db import connection
from django.dispatch import receiver

from django_ami.forwarding import once
from django_ami.signals import events

_OUT = os.open(os.environ["TEST_OUT"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_PAUSE_SECONDS = float(os.environ.get("TEST_PAUSE", "0"))


@receiver(events["Newexten"])
def on_exten(event: Any, **_: Any) -> None:
    what = event["Number"]
    os.write(_OUT, f"{event['Linkedid']} {what} {event.id} {os.getpid()}\n".encode())
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "raise":
        raise ValueError("it cannot be taken")
    while what == "hold" and not Path(os.environ["TEST_OUT"] + ".go").exists():
        time.sleep(0.01)
    if _PAUSE_SECONDS:
        time.sleep(_PAUSE_SECONDS)


if os.environ.get("TEST_DATABASE"):

    @receiver(events["Newexten"])
    @once
    def bill(event: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bills (number) VALUES (%s)", [int(event["Number"])])

    @receiver(events["Newexten"])
    def die(**_: Any) -> None:
        if random.random() < 0.005:
            os.kill(os.getpid(), signal.SIGKILL)
