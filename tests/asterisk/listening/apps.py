"""The app: receivers that write down what they are told.

And, if asked, a thread that works with the same login.

Each is a line of JSON with the name of the server and one of these keys: ``event`` (and ``number``,
if it is one of those that the tests number), ``ready``, ``lost``, ``action``.
"""

from __future__ import annotations

import atexit
import json
import os
import threading
from functools import partial
from itertools import count
from typing import Any

from django.apps import AppConfig

#: Between two actions of the worker's own, in seconds.
PAUSE_SECONDS = 0.02


class ListeningConfig(AppConfig):
    name = "tests.asterisk.listening"

    def ready(self) -> None:
        from django_ami.signals import ami_event, server_lost, server_ready

        # Whole lines, written at once: there are several threads, and the end may come at any
        # moment.
        self._file = os.open(os.environ["AMI_TEST_FILE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        ami_event.connect(self._on_event)
        server_ready.connect(self._on_ready)
        server_lost.connect(self._on_lost)
        self._ending = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        atexit.register(self._end)

    def _write(self, server: str, **what: Any) -> None:
        os.write(self._file, json.dumps({"server": server, **what}).encode() + b"\n")

    def _on_event(self, sender: Any, event: Any, **_: Any) -> None:
        number = (
            event.get("Number")
            if event.name == "UserEvent" and event["UserEvent"] != "Own"
            else None
        )
        numbered = {} if number is None else {"number": int(number)}
        raw = event.raw.decode("latin-1")
        self._write(event.server, event=event.name, headers=event.headers, raw=raw, **numbered)

    def _on_lost(self, sender: Any, error: Any, retry_in: float | None, **_: Any) -> None:
        self._write(sender.name, lost=str(error), retry_in=retry_in)

    def _on_ready(self, sender: Any, again: bool, **_: Any) -> None:
        self._write(sender.name, ready=again)
        if os.environ.get("AMI_TEST_ACTING") and sender.name not in self._threads:
            thread = threading.Thread(target=self._act, args=(sender,), daemon=True)
            self._threads[sender.name] = thread
            thread.start()

    # --- its own actions ---

    def _act(self, server: Any) -> None:
        """Send numbered actions that everybody can see, whatever the connection does meanwhile."""
        from django_ami.actions import UserEvent

        for number in count(1):
            if self._ending.wait(PAUSE_SECONDS):
                return
            action = UserEvent("Own", Number=number, By=server.name)
            server.send(action).on_complete(partial(self._on_answer, server.name, number))

    def _on_answer(self, server: str, number: int, error: Any, response: Any) -> None:
        name = "" if error is None else type(error).__name__
        self._write(
            server,
            action=number,
            error=name,
            sent=error is None or error.sent,
            text=str(error or ""),
        )

    def _end(self) -> None:
        self._ending.set()
        for thread in self._threads.values():
            thread.join()
