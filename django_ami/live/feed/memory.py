"""A feed in the memory of one process: for tests, and for a listener beside a site."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.live.feed.backend import Backend
from django_ami.live.feed.records import Superseded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.live.feed.records import Batch, Position, Whole

__all__ = ["MemoryBackend"]

#: How many batches are kept for readers that are behind: a minute, at ten a second.
_KEPT_BATCHES: Final = 600


class MemoryBackend(Backend):
    """Feeds in the memory of this process."""

    write_seconds = 0.05
    one_process = True

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._written = 0
        self._seen = 0
        self._wholes: dict[str, Whole] = {}
        self._batches: dict[str, deque[Batch]] = {}

    def append(self, server: str, batch: Batch) -> None:
        with self._news:
            self._batches.setdefault(server, deque(maxlen=_KEPT_BATCHES)).append(batch)
            self._tell()

    def replace(self, server: str, whole: Whole) -> None:
        with self._news:
            before = self._wholes.get(server)
            later = whole.position.later_term
            if later and before is not None and before.position.term >= later:
                raise Superseded(before.position.term)
            if before is not None and before.position.epoch != whole.position.epoch:
                self._batches.pop(server, None)
            self._wholes[server] = whole
            self._tell()

    def _tell(self) -> None:
        self._written += 1
        self._news.notify_all()

    def whole(self, server: str) -> Whole | None:
        return self._wholes.get(server)

    def after(self, server: str, position: Position) -> Sequence[Batch]:
        with self._news:
            return [
                batch
                for batch in self._batches.get(server, ())
                if batch.position.epoch == position.epoch
                and batch.position.number > position.number
            ]

    def epoch(self, server: str) -> str:
        whole = self._wholes.get(server)
        return "" if whole is None else whole.position.epoch

    def wait(self, seconds: float) -> None:
        with self._news:
            self._news.wait_for(lambda: self._written != self._seen, seconds)
            self._seen = self._written

    def wake(self) -> None:
        with self._news:
            self._tell()
