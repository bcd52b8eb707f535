"""Events that wait between the thread that delivers and the one that forwards.

Rule: neither waits for the other. Of a server that has too much here nothing more is taken: its
events wait in their own bounded queue, which drops by its policy, and counts.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.options import Options
    from django_ami.forwarding.envelope import Envelope

__all__ = ["Waiting"]


class Waiting:
    """Envelopes by server, each with its partition. ``options_of`` gives the options of a server.

    Half of what a server's own queue may have can be here.
    """

    def __init__(self, options_of: Callable[[str], Options]) -> None:
        self._options_of = options_of
        self._changed = threading.Condition(threading.Lock())
        self._by_server: dict[str, list[tuple[int, Envelope]]] = {}
        self._bytes: Counter[str] = Counter()
        self._woken = False
        #: How many are not safe yet: those that wait here, and those that were taken.
        self.unsafe = 0
        #: When the first of those that wait was put, by ``time.monotonic``; 0 if none waits.
        self.since = 0.0

    def put(self, server: str, envelopes: list[tuple[int, Envelope]]) -> None:
        """Have these forwarded."""
        if not envelopes:
            return
        size = sum(len(one.raw) for _, one in envelopes)
        with self._changed:
            self._by_server.setdefault(server, []).extend(envelopes)
            self._bytes[server] += size
            self.unsafe += len(envelopes)
            if not self.since:
                self.since = time.monotonic()
                self._changed.notify()

    def is_full(self, server: str, part: float = 1.0) -> bool:
        """True if a server has all that it may have here, or that ``part`` of it."""
        options = self._options_of(server)
        return (
            len(self._by_server.get(server, ())) >= part * options.event_queue_capacity / 2
            or self._bytes[server] >= part * options.event_queue_bytes / 2
        )

    @property
    def is_any_full(self) -> bool:
        """True if any server has all that it may have here."""
        return any(map(self.is_full, self.servers))

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._by_server.values()))

    def __bool__(self) -> bool:
        return self.since > 0

    @property
    def servers(self) -> list[str]:
        with self._changed:
            return list(self._by_server)

    def take(self, most: int, serves: Callable[[str], bool]) -> list[tuple[int, Envelope]]:
        """Up to about so many, of the servers whose events may be forwarded now, each in order."""
        allowed = {server for server in self.servers if serves(server)}
        taken: list[tuple[int, Envelope]] = []
        with self._changed:
            for server in [one for one in self._by_server if one in allowed]:
                some = self._by_server[server]
                part = some[: most - len(taken)]
                taken += part
                if len(part) == len(some):
                    del self._by_server[server], self._bytes[server]
                else:
                    del some[: len(part)]
                    self._by_server[server] = self._by_server.pop(server)  # others first, then
                    self._bytes[server] -= sum(len(one.raw) for _, one in part)
                if len(taken) >= most:
                    break
            if not self._by_server:
                self.since = 0.0
        return taken

    def note_safe(self, count: int) -> None:
        """Some of those that were taken are safe."""
        with self._changed:
            self.unsafe -= count

    def discard(self, server: str) -> Iterable[Envelope]:
        """The events of a server that wait are not to be forwarded. Gives them."""
        with self._changed:
            gone = self._by_server.pop(server, [])
            self._bytes.pop(server, None)
            self.unsafe -= len(gone)
            if not self._by_server:
                self.since = 0.0
        return [one for _, one in gone]

    def wake(self) -> None:
        """Let ``wait`` return. From any thread."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def wait(self, seconds: float | None, *, for_first: bool) -> None:
        """Wait for so long, or until ``wake``; ``for_first`` also until something is put."""
        with self._changed:
            if not self._woken and not (for_first and self.since):
                self._changed.wait(seconds)
            self._woken = False
