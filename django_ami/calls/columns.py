"""Values as columns take them: those off the wire may be any."""

from __future__ import annotations

from typing import Final

__all__ = ["number_of", "storable"]

#: Of a PositiveIntegerField.
_GREATEST: Final = 2**31 - 1


def number_of(value: int) -> int:
    """The number, or the nearest one that the column takes."""
    return min(max(0, value), _GREATEST)


def storable(text: str) -> str:
    """The text without what databases refuse: PostgreSQL a NUL, and each a lone surrogate."""
    if text.isprintable():
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
