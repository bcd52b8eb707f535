"""Who may connect now: a thousand servers that come back at once shall not be a thousand handshakes at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.cluster.server import Server
    from django_ami.core.reactor import Reactor

__all__ = ["MAX_CONNECTING", "Admission"]

#: How many servers are connecting at a time.
MAX_CONNECTING: Final = 50


class Admission:
    """Lets a bounded number of servers connect at a time, in the order of their coming."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._inside: set[Server] = set()
        self._queue: deque[Server] = deque()
        #: Those inside that have not begun.
        self._entering: deque[Server] = deque()

    def __contains__(self, server: Server) -> bool:
        return server in self._inside or server in self._queue

    def request(self, server: Server) -> None:
        if server not in self:
            self._queue.append(server)
            self._let_in()

    def leave(self, server: Server) -> None:
        if server in self._inside:
            self._inside.remove(server)
            if server in self._entering:
                self._entering.remove(server)
            self._let_in()

    def _let_in(self) -> None:
        while self._queue and len(self._inside) < MAX_CONNECTING:
            server = self._queue.popleft()
            self._inside.add(server)
            # Not now: an attempt may fail at once and let in the next one, and so on; and others would wait for all.
            self._entering.append(server)
            self._reactor.sockets.call_at_leisure(self._enter)

    def _enter(self) -> None:
        if self._entering:  # not if he has left meanwhile
            self._entering.popleft().attempt()
