"""The project of tests/forwarding/celery_project, its workers, and its batches."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django_ami.conf.forward import Forward
from django_ami.core.event_id import EventId
from django_ami.forwarding.envelope import Envelope, encode
from django_ami.forwarding.outlet import Batch
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTITIONS = 2
#: Workers start and connect within that, on a machine that does ten other things.
PATIENCE_SECONDS = 90.0


class Line(NamedTuple):
    """Of the journal: a receiver begins or ends."""

    what: str
    call: int
    number: int
    id: EventId
    pid: int


class Project:
    """One project: a broker, a prefix of queues, and a journal of its receivers."""

    def __init__(self, broker: str, folder: Path, monkeypatch: Any, **options: Any) -> None:
        self.journal = folder / "journal"
        self.broker = broker
        self.options = {
            "APP": "tests.forwarding.celery_project.celery:app",
            "PREFIX": f"p{os.getpid()}{folder.name}",
            **options,
        }
        self.spool = folder / "spool"
        self._monkeypatch = monkeypatch
        self._workers = 0

    @property
    def environment(self) -> dict[str, str]:
        forward = {"OUTLET": "celery", "PARTITIONS": PARTITIONS, "SPOOL": str(self.spool)}
        return {
            "PROJECT_BROKER": self.broker,
            "PROJECT_JOURNAL": str(self.journal),
            "PROJECT_FORWARD": json.dumps({**forward, "OPTIONS": self.options}),
        }

    def queue(self, name: object) -> str:
        return f"{self.options['PREFIX']}.{name}"

    def worker(self, *more: str, queues: str = "", **environment: str) -> Program:
        """Start a worker for all partitions."""
        served = queues or ",".join(map(self.queue, range(PARTITIONS)))
        self._workers += 1
        command = [
            sys.executable, "-m", "celery", "-A", "tests.forwarding.celery_project", "worker",
            "-Q", served, "-n", f"w{self._workers}@%h", "--loglevel=INFO",
            "--without-mingle", "--without-gossip",
            *(more or ("-P", "threads")),
        ]  # fmt: skip
        return Program(
            command,
            **{
                **self.environment,
                "DJANGO_SETTINGS_MODULE": "tests.forwarding.celery_project.settings",
                **environment,
            },
        )

    def listener(self, server: str) -> Program:
        """Start ``ami_listen`` of the same project for the server at that address."""
        return Program(
            [*PYTHON, "-m", "django", "ami_listen", "--server=node_1"],
            **{
                **self.environment,
                "DJANGO_SETTINGS_MODULE": "tests.forwarding.celery_project.settings",
                "PROJECT_SERVER": server,
            },
        )

    @contextmanager
    def outlet(self) -> Iterator[Any]:
        """The outlet of a listener, in this process."""
        from celery import Celery

        from django_ami.forwarding.celery import CeleryOutlet

        app = Celery("listener", broker=self.broker, set_as_current=False)
        self._monkeypatch.setattr(
            "django_ami.forwarding.celery.outlet.celery_app", lambda options: app
        )
        outlet = CeleryOutlet(Forward("celery", partitions=PARTITIONS, options=self.options))
        try:
            yield outlet
        finally:
            outlet.close(5)
            app.close()

    def lines(self) -> list[Line]:
        """The journal."""
        try:
            text = self.journal.read_text()
        except FileNotFoundError:
            return []
        return [
            Line(what, int(call), int(number), EventId.parse(event_id), int(pid))
            for what, call, number, event_id, pid in map(str.split, text.splitlines())
        ]

    def ended(self) -> set[EventId]:
        """The events that a receiver has taken."""
        return {line.id for line in self.lines() if line.what == "end"}

    def wait_for(self, count: int, *programs: Program) -> None:
        """Return when as many events are taken; if they are not, tell what the programs said."""
        try:
            wait_until(lambda: len(self.ended()) >= count, PATIENCE_SECONDS)
        except TimeoutError:
            said = "\n".join(map(str, programs))
            raise TimeoutError(f"{len(self.ended())} of {count} events: {said}") from None

    def disorder(self, *, outage: bool = False) -> list[tuple[Line, Line]]:
        """Pairs of lines of one call of which the second came too early.

        An event that is repeated may begin anew, but nothing behind it while it is under way.
        ``outage``: the broker may have lost the confirmations of the last few events. Then all of
        them are repeated, from the first one on.
        """
        calls: dict[int, list[Line]] = defaultdict(list)
        for line in self.lines():
            calls[line.call].append(line)
        return [
            (one, other)
            for lines in calls.values()
            for one, other in pairwise(lines)
            if other.number > one.number + 1
            or (other.number > one.number and (one.what, other.what) != ("end", "begin"))
            or (
                other.number < one.number
                and not (outage and (one.what, other.what) == ("end", "begin"))
            )
        ]


def batches(calls: int, numbers: int, **headers: object) -> list[Batch]:
    """A batch for each event: ``numbers`` events of each call, in turn."""
    return [
        batch(call, number, 1 + call + number * calls, **headers)
        for number in range(numbers)
        for call in range(calls)
    ]


def batch(call: int, number: int, position: int, **headers: object) -> Batch:
    """One event of a call in the partition of the call."""
    event_id = EventId("node_1", "epoch", position)
    fields = {
        "Event": "UserEvent",
        "Call": call,
        "Number": number,
        "Name": 'Müller \\"x"',
        **headers,
    }
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    envelope = Envelope(event_id, raw.encode("latin-1"), 1.0)
    return Batch(call % PARTITIONS, encode([envelope]), event_id, event_id, "source", position)


def frame(call: int, number: int) -> bytes:
    """The bytes of the event in a batch."""
    return batch(call, number, 1).data.partition(b"\n")[2]
