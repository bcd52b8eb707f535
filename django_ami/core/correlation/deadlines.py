"""The deadlines of actions, the earliest first. Nothing here reads a clock."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Deadlines"]

#: How many deadlines of settled actions are kept, beside as many as there are actions.
_MOST_SETTLED: Final = 64


class Deadlines:
    """By ActionID: an action may hold a long list, so it is not kept until its deadline.

    ``unsettled`` has the ActionIDs of which the deadlines still count. Most actions have the same
    timeout, so a new deadline is mostly the last one. A heap would compare a few dozen for each.
    """

    def __init__(self, unsettled: Container[str]) -> None:
        self._unsettled = unsettled
        self._in_order: deque[tuple[float, str]] = deque()
        self._most = _MOST_SETTLED

    def add(self, when: float, action_id: str) -> None:
        """An action has this deadline, beside any that it had before."""
        in_order = self._in_order
        if not in_order or when >= in_order[-1][0]:
            in_order.append((when, action_id))
        else:
            insort(in_order, (when, action_id))
        if len(in_order) > self._most:
            left = deque(entry for entry in in_order if entry[1] in self._unsettled)
            self._in_order, self._most = left, 2 * len(left) + _MOST_SETTLED

    def __len__(self) -> int:
        """How many are kept, those of settled actions included."""
        return len(self._in_order)

    def first(self) -> tuple[float, str] | None:
        """The earliest deadline, and whose it is; None if there is none."""
        in_order = self._in_order
        while in_order and in_order[0][1] not in self._unsettled:
            in_order.popleft()
        return in_order[0] if in_order else None

    def next(self) -> float | None:
        """The earliest deadline; None if there is none."""
        first = self.first()
        return None if first is None else first[0]

    def drop_first(self) -> None:
        """The earliest one no longer counts."""
        self._in_order.popleft()

    def clear(self) -> None:
        self._in_order.clear()
