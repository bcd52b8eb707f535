"""The objects that a listener publishes of a tracker, as a page gets them: small, plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django_ami.feeding import Feeding
from django_ami.live.feed.codec import encode
from django_ami.live.feed.memory import MemoryBackend
from django_ami.wallboard.shaping import slimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_ami.live.changes import Change
    from django_ami.live.tracker import Tracker

__all__ = ["Published", "texts"]

#: Fields with an id, a moment or a name that no mask is for.
UNMASKED = {
    "id",
    "merged_into",
    "uniqueid",
    "call",
    "queue",
    "queues",
    "lot",
    "space",
}


class Published:
    """The objects of one server, as they are noted for its feed; in the place of a publisher."""

    def __init__(self, server: str = "node_1") -> None:
        self.server = server
        self._feeding = Feeding(MemoryBackend(), lambda name: self.received, lambda: self.now)
        self._feeding.publisher = self  # type: ignore[assignment]
        self.received, self.now = 7, 0.0
        self.tokens: dict[str, int] = {}
        #: The bodies by their keys, all of them and those of the last changes.
        self.bodies: dict[str, str | None] = {}
        self.news: dict[str, str | None] = {}

    def note(self, server: str, objects: Iterable[tuple[str, Any]]) -> None:
        for key, subject in objects:
            body = None if subject is None else json.dumps(encode(subject))
            self.news[key] = body
            if body is None:
                self.bodies.pop(key, None)
            else:
                self.bodies[key] = body

    def hear(self, tracker: Tracker, changes: Iterable[Change], now: float) -> dict[str, Any]:
        """Take over changes, and let time go on: the objects that have changed."""
        self.news, self.now = {}, now
        self._feeding.head(self.server, ready=True, complete=True)
        self._feeding.changed(self.server, tracker, changes)
        self._feeding.tick(self.server, tracker)
        return slimmed(self.news)

    @property
    def all(self) -> dict[str, Any]:
        """Every object, as it is now."""
        return slimmed(self.bodies)


def texts(value: object, field: str = "") -> Iterator[str]:
    """Every text of an object, but for those that no mask is for."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name not in UNMASKED:
                yield from texts(each, name)
    elif isinstance(value, str):
        yield value
