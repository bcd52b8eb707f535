"""Counts events that two sides have: the receivers of the listener, and the engine.

Rule: an event is over when both sides are through with it, with the worse of what became of it. As
many are over as both sides are through with, whichever they are.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from django_ami.core.counters import Counts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Ledger"]


class Ledger:
    """Passes on to ``settle`` what both sides are through with, by server. From any thread."""

    def __init__(self, settle: Callable[[str, Counts], None]) -> None:
        self._settle = settle
        self._lock = threading.Lock()
        self._local: defaultdict[str, Counts] = defaultdict(Counts)
        self._forwarded: defaultdict[str, Counts] = defaultdict(Counts)

    def local(self, server: str, counts: Counts) -> None:
        """The listener's own receivers are through with some events."""
        self._add(self._local[server], server, counts)

    def forwarded(self, server: str, counts: Counts) -> None:
        """So is the forwarder: they are safe, or nobody will have them."""
        self._add(self._forwarded[server], server, counts)

    def _add(self, side: Counts, server: str, counts: Counts) -> None:
        with self._lock:
            side.delivered += counts.delivered
            side.failed += counts.failed
            side.dropped += counts.dropped
            side.dropped_important += counts.dropped_important
            local, forwarded = self._local[server], self._forwarded[server]
            number = min(_sum(local), _sum(forwarded))
            one, other = _take(local, number), _take(forwarded, number)
        over = Counts(gaps=counts.gaps)
        over.dropped = max(one.dropped, other.dropped)
        over.dropped_important = max(one.dropped_important, other.dropped_important)
        over.failed = min(number - over.dropped, max(one.failed, other.failed))
        over.delivered = number - over.dropped - over.failed
        self._settle(server, over)


def _sum(counts: Counts) -> int:
    return counts.delivered + counts.failed + counts.dropped


def _take(counts: Counts, number: int) -> Counts:
    """Take so many out of a side, the worst first."""
    dropped = min(counts.dropped, number)
    failed = min(counts.failed, number - dropped)
    important = min(counts.dropped_important, dropped)
    delivered = number - dropped - failed
    counts.dropped -= dropped
    counts.failed -= failed
    counts.delivered -= delivered
    counts.dropped_important -= important
    return Counts(delivered=delivered, failed=failed, dropped=dropped, dropped_important=important)
