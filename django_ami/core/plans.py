"""Whom to call with the events of a name.

Rule: a plan holds on to receivers, so it is kept for one batch at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    #: The function to call with the event; the receiver behind it; and the name that its time
    #: counts for, empty if for none.
    Call = tuple[Callable[[Any], object], Callable[..., Any], str]

__all__ = ["Plans", "RecoveringPlans", "several"]

#: Names of events come off the wire: the plans of so many are kept, and of none that is longer.
_MAX_PLANS: Final = 2048
_LONGEST_NAME_CHARACTERS: Final = 128


class Plans(dict[str, "tuple[Call, ...]"]):
    """Whom to call with the events of a name, worked out when one comes.

    ``clear`` it when that may have changed.
    """

    def __init__(self, plan: Callable[[str], tuple[Call, ...]]) -> None:
        self._plan = plan

    def __missing__(self, name: str) -> tuple[Call, ...]:
        calls = self._plan(name)
        if len(self) < _MAX_PLANS and len(name) <= _LONGEST_NAME_CHARACTERS:
            self[name] = calls
        return calls


class RecoveringPlans(Plans):
    """Plans of which each call tells when its receiver goes well again."""


def several(*_: object) -> None:
    """The receiver behind a call of several ones, each of which is timed and named by itself."""
