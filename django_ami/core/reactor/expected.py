"""The callers that wait for a reply which another thread brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.reactor.runner import Awaited

__all__ = ["Expected"]

#: How many callers that have their reply are remembered at most, beside as many as still wait.
_MOST_FORGOTTEN: Final = 64


class Expected(set["Awaited"]):
    """Each is a promise, or a condition. It may be over before it is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._most = _MOST_FORGOTTEN

    def note(self, awaited: Awaited) -> None:
        """One more. If they are many, those that are over are forgotten."""
        self.add(awaited)
        if len(self) > self._most:
            # A leader leads for a long time, and other callers have had their replies meanwhile.
            self.forget_over()
            self._most = 2 * len(self) + _MOST_FORGOTTEN

    def forget_over(self) -> None:
        """Forget all that are over."""
        for awaited in list(self):
            if awaited.over:
                self.discard(awaited)

    def is_any(self) -> bool:
        """True if a caller still waits. Those before it that do not are forgotten."""
        for awaited in list(self):
            if not awaited.over:
                return True
            self.discard(awaited)
        return False
