"""Receivers that take their time: they wait for another system, or write into a database."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from django_ami.signals import batch_receiver
from tests.benchmarks.events import KINDS
from tests.benchmarks.listening.models import Row
from tests.benchmarks.listening.receivers import Task

if TYPE_CHECKING:
    from django_ami.core import Event

__all__ = ["Bulk", "Copies", "Rows", "Waiting"]

#: About that of a request to a system in the same house.
_WAIT_SECONDS: Final = 0.005


class Waiting(Task):
    """A receiver that waits for 5 ms."""

    def __init__(self, events: int, **arguments: Any) -> None:
        super().__init__(events, **arguments)
        self._lock = threading.Lock()

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.prepare()
        super().begin(sender)

    def prepare(self) -> None:
        """Get ready, before the time begins."""

    def on_event(self, sender: Any, event: Event, **kwargs: Any) -> None:
        self.work(event)
        with self._lock:  # of several threads
            self.meter.count()

    def work(self, event: Event) -> None:
        time.sleep(_WAIT_SECONDS)


class Rows(Waiting):
    """A receiver that writes a row, with a commit of its own."""

    def prepare(self) -> None:
        if Row._meta.db_table not in connection.introspection.table_names():
            with connection.schema_editor() as editor:
                editor.create_model(Row)

    def work(self, event: Event) -> None:
        Row.objects.create(name=event.name, uniqueid=event["Uniqueid"], channel=event["Channel"])


class Bulk(Rows):
    """A batch receiver that writes many rows with one statement."""

    def begin(self, sender: Any, **kwargs: Any) -> None:
        self.prepare()
        self.receiver = batch_receiver(*KINDS, max_size=500, max_seconds=0.5)(self.on_some)
        self.meter.begin()
        sender.send(self.action())

    def on_some(self, sender: Any, events: list[Event], **kwargs: Any) -> None:
        self.write(events)
        with self._lock:
            for _ in events:
                self.meter.count()

    def write(self, events: list[Event]) -> None:
        Row.objects.bulk_create(
            Row(name=one.name, uniqueid=one["Uniqueid"], channel=one["Channel"]) for one in events
        )


class Copies(Bulk):
    """A batch receiver that writes many rows by PostgreSQL's COPY."""

    def write(self, events: list[Event]) -> None:
        now = timezone.now()
        statement = f"COPY {Row._meta.db_table} (name, uniqueid, channel, at) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for one in events:
                copy.write_row((one.name, one["Uniqueid"], one["Channel"], now))
