"""Times that callers give: seconds, or a ``timedelta``.

Everything else is refused where it is given.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from django_ami.core.arguments import shown

if TYPE_CHECKING:
    from datetime import timedelta

    #: The times that a caller may give: seconds as a number, or a timedelta.
    Timeout: TypeAlias = float | timedelta

__all__ = ["in_seconds", "in_words"]

#: The longest wait, a week: no clock and no selector of any system overflows with it.
MOST_SECONDS: Final = 604_800.0


def in_seconds(value: object) -> float:
    """A time in seconds. Raises ValueError for what is none: its text names what is wanted."""
    if (type(value) is float or type(value) is int) and 0 <= value <= MOST_SECONDS:
        return value  # as nearly always; NaN fails the comparison
    from datetime import timedelta

    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        with suppress(OverflowError):
            number = float(seconds)  # a subclass is asked once, and is what it says then
            if 0 <= number <= MOST_SECONDS:
                return number
    raise ValueError(
        f"a timeout is a number of seconds, from 0 to {MOST_SECONDS:g}, or a timedelta, not "
        f"{shown(value)}"
    )


def in_words(seconds: float) -> str:
    """A time for a message: ``10 s``, also where so much is left of it as ``9.99998``."""
    return f"{round(seconds, 2 if seconds >= 1 else 4):.12g} s"
