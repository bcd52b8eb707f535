"""From the live pictures of a listener to the feed that other processes read.

Rule: it runs on the thread of the receivers, and only says which objects changed. Another thread
writes them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django_ami.live.changes import Kind
from django_ami.live.feed.keys import object_of
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.live.changes import Change
    from django_ami.live.feed.backend import Backend
    from django_ami.live.tracker import Tracker

__all__ = ["Feeding"]


class Feeding:
    """Publishes what changes in the pictures of some servers.

    ``received(server)`` says how many events have come.
    """

    def __init__(self, backend: Backend, received: Callable[[str], int]) -> None:
        self.publisher = Publisher(backend)
        self._received = received
        self._headings: dict[str, Heading] = {}
        #: The calls that have ended and are still shown, by server.
        self._ended: dict[str, set[str]] = {}

    def head(self, server: str, *, ready: bool, complete: bool, token: int = 0) -> None:
        """How the connection to a server is; ``token`` is that of its lease, 0 if there is none."""
        self.publisher.tokens[server] = token
        before = self._headings.get(server)
        since = time.time() if before is None or before.ready != ready else before.since
        heading = self._headings[server] = Heading(
            server, ready, complete, since, received=self._received(server)
        )
        self.publisher.note(server, [("server:", heading)])

    def changed(self, server: str, tracker: Tracker, changes: Iterable[Change]) -> None:
        """These objects of a picture have changed."""
        objects: dict[str, Any] = {}
        interfaces, counted, listed = set(), False, set()
        for change in changes:
            key, subject = object_of(change)
            objects[key] = subject
            if change.kind is Kind.MEMBER:
                interfaces.add(change.subject.interface)  # type: ignore[attr-defined]  # a Member
                if (change.subject.queue, change.subject.interface) not in tracker.members:  # type: ignore[attr-defined]
                    objects[key] = None
            elif change.kind is Kind.QUEUE and change.inferred:
                listed.add(key)
            elif change.kind is Kind.ENDED:
                self._ended.setdefault(server, set()).add(key)
            counted = counted or change.kind in {Kind.QUEUE, Kind.MEMBER, Kind.CALLER}
        if listed:  # a list may tell that a queue is gone
            there = {f"queue:{name}" for name in tracker.queues}
            objects.update(dict.fromkeys(listed - there))
        if interfaces:
            agents = tracker.agents(time.time())
            objects.update({f"agent:{name}": agents.get(name) for name in interfaces})
        if counted:
            objects["totals:"] = tracker.totals(time.time())
        if objects:
            self.publisher.note(server, objects.items())

    def tick(self, server: str, tracker: Tracker) -> None:
        """Time has gone on: calls that the tracker has forgotten are gone here, too."""
        ended = self._ended.get(server)
        if ended:
            gone = {key for key in ended if key.removeprefix("call:") not in tracker.ended}
            ended -= gone
            self.publisher.note(server, [(key, None) for key in gone])

    def forget(self, server: str) -> None:
        """The server was removed from the settings."""
        self._ended.pop(server, None)
        if self._headings.pop(server, None) is not None:
            self.publisher.end(server, [("server:", Heading(server, listening=False))])

    def leave(self, server: str) -> None:
        """Another process publishes its picture: say no more, and nothing of that."""
        self._ended.pop(server, None)
        if self._headings.pop(server, None) is not None:
            self.publisher.drop(server)

    def close(self) -> None:
        """Say that nobody listens any more, and write what is left."""
        for server in list(self._headings):
            self.forget(server)
        self.publisher.close()
