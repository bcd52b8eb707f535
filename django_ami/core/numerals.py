"""Numbers that others have written: servers, callers, files.

Rule: no text raises an exception. Python refuses to read more than 4,300 digits, and makes no
float, and no time, of a number that is far too large.
"""

from __future__ import annotations

from typing import Final

__all__ = ["whole_number"]

#: How many digits a number has at most: with as many, a time in milliseconds is 30 million years.
_MOST_DIGITS: Final = 18


def whole_number(text: str | None) -> int | None:
    """The number from 0 on that a text is; None if it is none, or has more than 18 digits."""
    if text is None or len(text) > _MOST_DIGITS or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)
