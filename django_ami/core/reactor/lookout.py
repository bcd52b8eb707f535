"""What the own thread of a reactor sleeps on, so that it need not hold the turn while it sleeps.

All sockets look like one here, and whoever leads closes its eyes to that one: what comes then wakes him alone.
"""

from __future__ import annotations

import select
from functools import partial

__all__ = ["Lookout"]


class Lookout:
    """Sleeps until one of a selector's sockets is ready; for a selector that is an epoll, which another one can watch.

    ``close_eyes`` and ``open_eyes`` are for any thread: with closed eyes no socket ends the sleep, and who opens them
    lets those end it that are ready by then, too.
    """

    def __init__(self, selector: int) -> None:
        self._epoll = select.epoll()
        self._epoll.register(selector, select.EPOLLIN)
        # No functions of ours: who is interrupted by an exception from outside is so before or behind them, not within.
        self.close_eyes = partial(self._epoll.modify, selector, 0)
        self.open_eyes = partial(self._epoll.modify, selector, select.EPOLLIN)

    def sleep(self, timeout: float) -> None:
        """At most ``timeout`` seconds."""
        self._epoll.poll(timeout)

    def close(self) -> None:
        self._epoll.close()
