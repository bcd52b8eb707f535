"""What the own thread of a reactor sleeps on, so that it need not hold the turn while it sleeps.

All sockets look like one here, and whoever leads lets that one rest: what comes then wakes him alone.
"""

from __future__ import annotations

import select
import selectors

__all__ = ["Watch"]


class Watch:
    """Sleeps until one of the selector's sockets is ready. Only an epoll can be watched by another one: see ``able``."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        #: False if its owner has to wait in the selector itself.
        self.able = hasattr(selectors, "EpollSelector") and isinstance(selector, selectors.EpollSelector)
        if self.able:
            self._selector = selector.fileno()
            self._epoll = select.epoll()
            self._epoll.register(self._selector, select.EPOLLIN)

    def sleep(self, timeout: float) -> None:
        """At most ``timeout`` seconds."""
        self._epoll.poll(timeout)

    def close_eyes(self) -> None:
        """No socket ends the sleep from now on; from any thread."""
        self._epoll.modify(self._selector, 0)

    def open_eyes(self) -> None:
        """They do again, even those that are ready by now; from any thread."""
        self._epoll.modify(self._selector, select.EPOLLIN)

    def close(self) -> None:
        if self.able:
            self._epoll.close()
