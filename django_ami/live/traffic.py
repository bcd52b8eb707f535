"""The traffic of a queue since the picture began, for metrics: its numbers never go back.

Pure. ``figures.Counts`` is put right when an end was concluded from a list, and the true one is
told later. Here each visit counts once, as it was known first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.metering import Histogram
from django_ami.live.terms import VisitResult
from django_ami.live.visits import REFUSED

if TYPE_CHECKING:
    from django_ami.live.visits import Visit

__all__ = ["LEFT", "Traffic"]

_WAIT_BOUNDS_SECONDS: Final = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
#: The ways out of a queue that are neither an answer nor an abandon.
LEFT: Final[tuple[VisitResult, ...]] = tuple(
    result
    for result in VisitResult
    if result not in {VisitResult.WAITING, VisitResult.ANSWERED, VisitResult.ABANDONED}
)


class Traffic:
    """How many callers came, how each visit ended, and how long they waited."""

    __slots__ = ("abandoned", "answered", "joined", "left", "short_abandons", "waits")

    def __init__(self) -> None:
        self.joined = self.answered = self.abandoned = self.short_abandons = 0
        self.left = dict.fromkeys(LEFT, 0)
        #: The waits of the answered, the abandoned and the left. Short abandons are in none, nor
        #: callers who were not let in.
        self.waits = {
            outcome: Histogram(_WAIT_BOUNDS_SECONDS)
            for outcome in ("answered", "abandoned", "left")
        }

    def count_end(self, visit: Visit, *, is_short: bool) -> None:
        """A visit has ended, perhaps not for the first time."""
        if visit.counted:
            return
        visit.counted = True
        if is_short:
            self.short_abandons += 1
            return
        if visit.result is VisitResult.ANSWERED:
            self.answered += 1
        elif visit.result is VisitResult.ABANDONED:
            self.abandoned += 1
        else:
            self.left[visit.result] += 1
        if visit.result not in REFUSED:
            outcome = "left" if visit.result in self.left else visit.result.value
            self.waits[outcome].observe(visit.wait)
