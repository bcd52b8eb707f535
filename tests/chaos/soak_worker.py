"""The project inside the ``ami_listen`` of the soak.

Receivers that send, threads that send, and a look at itself.

The simulator gives orders, by events: ``Work`` (a number of actions), ``Wait`` (receive a number of
events before the next one), ``Settle`` and ``Measure`` (write a line when all actions have come to
their end; with ``Measure`` the process is measured, too). The lines, JSON, go into the file
``CHAOS_FILE`` with the suffix ``.lines``; the outcome of each action goes into ``CHAOS_FILE``
itself. Nothing here grows: the figures shall be django_ami's and not its test's.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from django_ami import ami
from django_ami.actions import Action, Originate
from django_ami.core.errors import AmiError, InvalidAction
from django_ami.signals import events, server_lost
from tests.chaos import census
from tests.chaos.worker import ChaosConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.client import ServerStatus
    from django_ami.core.pending import PendingAction

THREADS = 8
#: Seconds after which an action that is never answered is given up.
SOON_SECONDS = 0.01
#: Seconds: nobody waits so long unless something is broken.
NEVER_SECONDS = 3600.0

#: The actions while the link is up, in turn. One that is ``held`` is not answered before ``LetGo``,
#: which comes after the link: it is lost, unless it was late itself.
WORK = ("ping", "list", "refused", "call", "unanswered", "ping", "late", "list", "held", "invalid")
#: And what is sent when the link is lost; it waits for the next one.
MEANWHILE = ("ping", "unanswered", "list", "refused", "invalid")


class SoakConfig(ChaosConfig):
    """Connects the receivers, and starts the threads."""

    def ready(self) -> None:
        super().ready()
        soak = Soak()
        for name in ("UserEvent", "QueueMemberStatus", "Work", "Wait", "Settle", "Measure"):
            events[name].connect(getattr(soak, f"on_{name.lower()}"), weak=False)
        events["Work"].connect(raises, weak=False)
        events["Work"].connect(awaits, weak=False)
        server_lost.connect(soak.on_lost, weak=False)


def raises(sender: Any, event: Any, **_: Any) -> None:
    """As many receivers do, now and then."""
    raise ValueError(f"no use for {event!r}")


async def awaits(sender: Any, event: Any, **_: Any) -> None:
    """An asynchronous one."""
    await asyncio.sleep(0)


class Soak:
    """The jobs, their threads, and their outcomes."""

    def __init__(self) -> None:
        path = Path(os.environ["CHAOS_FILE"])
        self._ends = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._lines = os.open(path.with_suffix(".lines"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._lost_work = int(os.environ["SOAK_MEANWHILE"])
        self._numbers = count()
        self._jobs: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._reports: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()
        self._under_way = self._held = 0
        self._last = (-1, -1)
        self._disorder = 0
        self._loop = asyncio.new_event_loop()
        threads = [
            threading.Thread(target=self._send, name=f"soak-{n}", daemon=True)
            for n in range(THREADS)
        ]
        threads.append(
            threading.Thread(target=self._loop.run_forever, name="soak-loop", daemon=True)
        )
        threads.append(threading.Thread(target=self._report, name="soak-report", daemon=True))
        for thread in threads:
            thread.start()

    # --- receivers ---

    def on_userevent(self, sender: Any, event: Any, **_: Any) -> None:
        """Of a flood; the events of one flood are numbered, and so are the floods."""
        place = int(event["Round"]), int(event["Number"])
        self._disorder += place <= self._last
        self._last = place

    def on_queuememberstatus(self, sender: Any, event: Any, **_: Any) -> None:
        """Read the whole event."""
        assert dict(event.headers)["Interface"] == event.get("interface")

    def on_work(self, sender: Any, event: Any, **_: Any) -> None:
        """A receiver sends one action, and waits for its answer; the rest is for the threads."""
        self._give(int(event["Count"]) - 1, WORK)
        self._do(self._begin(), "ping", waits=True, sender=sender)
        self._end()

    def on_lost(self, sender: Any, **_: Any) -> None:
        self._give(self._lost_work, MEANWHILE)

    def on_wait(self, sender: Any, event: Any, **_: Any) -> None:
        """Wait until the queue is full."""
        enough = sender.status().received + int(event["More"])
        while sender.status().received < enough:
            time.sleep(0.005)

    def on_settle(self, sender: Any, event: Any, **_: Any) -> None:
        self._reports.put(event)

    on_measure = on_settle

    # --- actions ---

    def _give(self, some: int, kinds: tuple[str, ...]) -> None:
        for one in range(some):
            kind = kinds[one % len(kinds)]
            self._jobs.put((self._begin(), kind))

    def _begin(self, kind: str = "") -> int:
        """Something is under way until it ends. Returns a number for it."""
        with self._lock:
            if kind == "held":
                self._held += 1
            else:
                self._under_way += 1
            return next(self._numbers)

    def _end(self, kind: str = "") -> None:
        with self._lock:
            if kind == "held":
                self._held -= 1
            else:
                self._under_way -= 1

    def _send(self) -> None:
        """The loop of each thread."""
        while True:
            number, kind = self._jobs.get()
            self._do(number, kind, waits=number % 3 == 0 and kind != "held")
            if kind == "late":
                # The server gives the late answers, and then this one.
                self._do(self._begin(), "release", waits=True)
                self._end()
            self._end()

    def _do(self, number: int, kind: str, *, waits: bool, sender: Any = ami) -> None:
        """Send one action, and hear of its end in one way or in two."""
        try:
            pending = sender.send(make(number, kind), timeout=timeout(kind))
        except InvalidAction as error:
            self._tell(number, kind, "raised", error)
            return
        self._begin(kind)
        pending.on_complete(partial(self._told, number, kind))
        if waits or kind == "late":
            self._tell(number, kind, "waited", pending.exception(NEVER_SECONDS))
        elif number % 3 == 1:
            self._begin(kind)
            asyncio.run_coroutine_threadsafe(self._awaited(number, kind, pending), self._loop)

    def _told(self, number: int, kind: str, error: AmiError | None, _: object) -> None:
        self._tell(number, kind, "told", error)
        self._end(kind)

    async def _awaited(self, number: int, kind: str, pending: PendingAction) -> None:
        caught: AmiError | None = None
        try:
            await pending
        except AmiError as error:
            caught = error
        self._tell(number, kind, "awaited", caught)
        self._end(kind)

    def _tell(self, number: int, kind: str, how: str, error: BaseException | None) -> None:
        sent = getattr(error, "sent", True)
        name = "ok" if error is None else type(error).__name__
        os.write(self._ends, f"{number} {kind} {how} {name} {sent}\n".encode())

    # --- reports ---

    def _report(self) -> None:
        while True:
            event = self._reports.get()
            measured = event.name == "Measure"
            self._wait_for(lambda: not self._under_way)
            # The answer comes behind those of all that were held. The server has counted all that
            # it wrote before it.
            ami.send(Action("LetGo" if measured else "Ping")).result(NEVER_SECONDS)
            if measured:
                self._wait_for(lambda: not self._held and _quiet(ami.status()["node_1"]))
            full = measured and event["Full"] == "True"
            looked = census.look() if full else {}
            status = ami.status()["node_1"]
            line = {
                **looked,
                **status.as_dict(),
                "what": event.name,
                "round": int(event["Round"]),
                "disorder": self._disorder,
            }
            del event, status
            os.write(self._lines, json.dumps(line).encode() + b"\n")

    @staticmethod
    def _wait_for(condition: Callable[[], bool]) -> None:
        while not condition():
            time.sleep(0.002)


def make(number: int, kind: str) -> Action:
    """An action with its number in a place where the server finds it."""
    match kind:
        case "call":
            return Originate(
                channel="PJSIP/101",
                application="Playback",
                data="hello",
                variables={"NUMBER": number},
                wait=True,
            )
        case "invalid":
            return Action("Refused", Number=number, Text="a\r\nAction: Logoff")
        case "list":
            return Action("QueueStatus", Number=number)
    return Action(kind.title(), Number=number)


def timeout(kind: str) -> float:
    return {"unanswered": SOON_SECONDS, "late": SOON_SECONDS, "held": NEVER_SECONDS}.get(kind, 60.0)


def _quiet(status: ServerStatus) -> bool:
    looking_up = any(thread.name.startswith("django_ami-dns") for thread in threading.enumerate())
    return status.ready and not status.queued and not looking_up
