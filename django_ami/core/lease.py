"""The lease of a server: the right to deliver its events, for a time, as this process sees it.

Rule: only the clock of this machine that goes on while it is suspended is trusted, and nothing here
waits. Its keeper gets it, and renews it, elsewhere.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Lease", "boottime"]

#: CLOCK_BOOTTIME goes on while Linux, or its virtual machine, is suspended; elsewhere the clock of
#: ``time.monotonic`` has to do.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

#: Seconds on a clock that nobody sets, and that goes on while the machine is suspended. It is asked
#: before each event, so it is a function of C.
boottime: Final[Callable[[], float]] = (
    time.monotonic if _CLOCK is None else partial(time.clock_gettime, _CLOCK)
)

Item = TypeVar("Item")


class Lease:
    """The right to deliver the events of ``server``.

    ``token`` is a whole number that grows whenever another process gets the lease. Store it with
    whatever a receiver writes, and refuse a write whose token is lower than the stored one.
    """

    __slots__ = ("server", "token", "until")

    def __init__(self, server: str, token: int, until: float) -> None:
        self.server = server
        self.token = token
        #: By ``boottime``. Its keeper writes it; from then on another process may have the lease.
        self.until = until

    @property
    def valid(self) -> bool:
        """False from the moment on in which another process may have the lease. It may come back.

        Costs a look at the clock.
        """
        return boottime() < self.until

    @property
    def left(self) -> float:
        """For how many seconds it is valid, if it is not renewed; 0 if it is not."""
        return max(0.0, self.until - boottime())

    def while_valid(self, items: Iterable[Item], left: list[Item]) -> Iterator[Item]:
        """The items, each while it is valid; the first one behind it goes to ``left``."""
        for item in items:
            if not self.valid:
                left.append(item)
                return
            yield item

    def renew(self, until: float) -> None:
        """It is valid until then, by ``boottime``. For its keeper alone."""
        self.until = until

    def end(self) -> None:
        """It is over for good. For its keeper alone."""
        self.until = float("-inf")

    def __repr__(self) -> str:
        return f"<Lease of {self.server}, token {self.token}>"
