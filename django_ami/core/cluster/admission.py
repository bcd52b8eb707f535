"""Which servers may connect now: a thousand that come back are not a thousand handshakes at once.

Rule: an attempt that proceeds has a place, and the number of places is bounded. An attempt that is
silent for a while gives its place to one that waits, and goes on without: dead servers keep no
others out.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.cluster.server import Server
    from django_ami.core.reactor import Loop, Timer

__all__ = ["MAX_ATTEMPTS", "MAX_CONNECTING_SERVERS", "SILENCE_SECONDS", "Admission"]

#: How many servers are connecting at a time, and proceed.
MAX_CONNECTING_SERVERS: Final = 50
#: How many attempts are under way at a time, with those that lost their place. Each may hold a few
#: descriptors.
MAX_ATTEMPTS: Final = 500
#: How long an attempt keeps its place while nothing is heard of it and others wait.
SILENCE_SECONDS: Final = 0.25


class Admission:
    """Lets a bounded number of servers connect at a time, in the order of their coming."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        #: Those with a place, and when each was heard of for the last time, the longest ago first.
        self._inside: dict[Server, float] = {}
        #: Those that lost their place, and go on.
        self._silent: set[Server] = set()
        self._queue: deque[Server] = deque()
        #: Those inside that have not begun.
        self._entering: deque[Server] = deque()
        self._timer: Timer | None = None

    def __contains__(self, server: Server) -> bool:
        return server in self._inside or server in self._silent or server in self._queue

    def request(self, server: Server) -> None:
        if server not in self:
            self._queue.append(server)
            self._let_in()

    def heard(self, server: Server) -> None:
        """The attempt of a server proceeds."""
        if self._inside.pop(server, None) is not None:
            self._inside[server] = self._loop.now

    def leave(self, server: Server) -> None:
        if server in self._inside or server in self._silent:
            self._inside.pop(server, None)
            self._silent.discard(server)
            if server in self._entering:
                self._entering.remove(server)
            self._let_in()

    def _let_in(self) -> None:
        while self._queue and len(self._inside) < MAX_CONNECTING_SERVERS:
            if len(self._inside) + len(self._silent) >= MAX_ATTEMPTS:
                return  # the next one that ends lets one in
            server = self._queue.popleft()
            self._inside[server] = self._loop.now
            # Not now: an attempt may fail at once and let in the next one, and so on; and others
            # would wait for all.
            self._entering.append(server)
            self._loop.call_when_idle(self._enter)
        if self._queue and self._timer is None:
            longest_ago = next(iter(self._inside.values()))
            self._timer = self._loop.call_at(longest_ago + SILENCE_SECONDS, self._give_places)

    def _give_places(self) -> None:
        """Those that wait get the places of those that were silent."""
        self._timer = None
        for server, heard_at in tuple(self._inside.items()):
            if self._loop.now < heard_at + SILENCE_SECONDS:
                break
            del self._inside[server]
            self._silent.add(server)
        self._let_in()

    def _enter(self) -> None:
        if self._entering:  # not if it has left meanwhile
            server = self._entering.popleft()
            self.heard(server)
            server.attempt()
