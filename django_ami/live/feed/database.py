"""A feed in the project's database.

One row has the whole picture of each server, and a short table has the batches.

Readers ask for what is new, a few times a second; PostgreSQL wakes them at once.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, InterfaceError, connections

from django_ami.live.feed.backend import Backend
from django_ami.live.feed.models import FeedBatch, FeedWhole
from django_ami.live.feed.postgresql import Notifications, notify
from django_ami.live.feed.records import Batch, Position, Superseded, Whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["DatabaseBackend"]

#: How long a batch is kept for readers that are behind, and how often old ones are deleted.
_KEPT_SECONDS: Final = 60.0
_PRUNE_SECONDS: Final = 10.0
#: How many batches a reader takes at a time.
_MOST_READ: Final = 500
#: How often readers look, where nothing wakes them.
_POLL_SECONDS: Final = 0.5


class DatabaseBackend(Backend):
    """Feeds in the tables of ``django_ami.live.feed``, in the database ``using``.

    Each thread has a connection of its own, as everywhere in Django: the publisher's, and one for
    the reader of each process.
    """

    write_seconds = 0.25

    def __init__(self, using: str = "default") -> None:
        self._using = using
        self._notifications = Notifications(using)
        self._threads = threading.local()
        #: When the batches of a server are looked through next.
        self._prune_at: dict[str, float] = {}

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """The connection of this thread works inside, as far as can be known."""
        connection = connections[self._using]
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        try:
            yield
        except (DatabaseError, InterfaceError):
            if not connection.in_atomic_block:
                connection.close()
            raise

    def append(self, server: str, batch: Batch) -> None:
        position = batch.position
        with self._usable():
            FeedBatch.objects.using(self._using).create(
                server=server,
                epoch=position.epoch,
                number=position.number,
                at=batch.at,
                bodies=json.dumps(dict(batch.bodies), ensure_ascii=False),
            )
            self._notify()
        now = time.monotonic()
        if now >= self._prune_at.get(server, 0.0):
            self._prune_at[server] = now + _PRUNE_SECONDS
            self._prune(server, batch)

    def _prune(self, server: str, batch: Batch) -> None:
        rows = FeedBatch.objects.using(self._using).filter(server=server)
        others = rows.exclude(epoch=batch.position.epoch)
        if later := batch.position.later_term:  # those of a later lease are not old
            others = others.exclude(epoch__startswith="t", epoch__gte=later)
        others.delete()
        rows.filter(at__lt=batch.at - _KEPT_SECONDS).delete()

    def replace(self, server: str, whole: Whole) -> None:
        values = {
            "epoch": whole.position.epoch,
            "number": whole.position.number,
            "at": whole.at,
            "bodies": json.dumps(dict(whole.bodies), ensure_ascii=False),
        }
        wholes = FeedWhole.objects.using(self._using)
        later = whole.position.later_term
        with self._usable():
            if not later:
                wholes.update_or_create(server=server, defaults=values)
                return
            # One statement decides: a listener whose lease is over may write at the same time.
            earlier = wholes.filter(server=server).exclude(epoch__startswith="t", epoch__gte=later)
            if not earlier.update(**values) and not self._is_first(server, values):
                raise Superseded(f"a listener of {server} with a later lease has written")

    def _is_first(self, server: str, values: dict[str, Any]) -> bool:
        """Keep the first picture of a server; False if there is one."""
        _, made = FeedWhole.objects.using(self._using).get_or_create(server=server, defaults=values)
        return made

    def whole(self, server: str) -> Whole | None:
        with self._usable():
            row = FeedWhole.objects.using(self._using).filter(server=server).first()
        if row is None:
            return None
        return Whole(Position(row.epoch, row.number), row.at, json.loads(row.bodies))

    def after(self, server: str, position: Position) -> Sequence[Batch]:
        rows = FeedBatch.objects.using(self._using).filter(
            server=server, epoch=position.epoch, number__gt=position.number
        )
        with self._usable():
            return [
                Batch(Position(row.epoch, row.number), row.at, json.loads(row.bodies))
                for row in rows.order_by("number")[:_MOST_READ]
            ]

    def epoch(self, server: str) -> str:
        with self._usable():
            rows = FeedWhole.objects.using(self._using).filter(server=server)
            return rows.values_list("epoch", flat=True).first() or ""

    def wait(self, seconds: float) -> None:
        self._threads.waits = True
        self._notifications.wait(min(seconds, _POLL_SECONDS))

    def close(self) -> None:
        if getattr(self._threads, "waits", False):
            self._notifications.close()
        connections[self._using].close()

    def _notify(self) -> None:
        if connections[self._using].vendor == "postgresql":
            notify(connections[self._using])
