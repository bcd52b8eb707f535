"""An epoll that watches another one.

The reactor thread sleeps on it, and need not hold the loop while it sleeps.
"""

from __future__ import annotations

import select
import selectors
from functools import partial

__all__ = ["OuterEpoll"]


class OuterEpoll:
    """Sleeps until any socket of a selector is ready, unless the selector is muted.

    ``mute`` and ``unmute`` may be called on any thread: while it is muted no socket ends the sleep,
    and after ``unmute`` every socket that is ready by then does.
    """

    def __init__(self, selector: int) -> None:
        self._epoll = select.epoll()
        self._epoll.register(selector, select.EPOLLIN)
        # They are functions of C: an exception from outside comes before or behind one of them,
        # never within.
        self.mute = partial(self._epoll.modify, selector, 0)
        self.unmute = partial(self._epoll.modify, selector, select.EPOLLIN)

    @classmethod
    def over(cls, selector: selectors.BaseSelector) -> OuterEpoll | None:
        """One that watches the selector; None if that is no epoll.

        Raises OSError if the system refuses it.
        """
        if isinstance(selector, getattr(selectors, "EpollSelector", ())):
            return cls(selector.fileno())  # type: ignore[attr-defined]
        return None

    def sleep(self, seconds: float) -> None:
        """Sleep for at most so many seconds."""
        self._epoll.poll(seconds)

    def close(self) -> None:
        self._epoll.close()
