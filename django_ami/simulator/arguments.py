"""Checks of a test's arguments to the test kit.

They are refused at once: an error on the server's own thread would reach nobody.
"""

from __future__ import annotations

from math import inf
from types import NoneType
from typing import Any, TypeVar

__all__ = ["checked", "seconds"]

T = TypeVar("T")


def checked(value: Any, wanted: type[T] | tuple[type[T], ...], what: str) -> T:
    """The value.

    Raises TypeError, which says what it is for, if it is of another type; a bool is no number.
    """
    if isinstance(value, wanted) and not isinstance(value, bool):
        return value
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    names = " or ".join("None" if one is NoneType else one.__name__ for one in types)
    raise TypeError(f"{what} must be {names}, not of the type {type(value).__name__}.")


def seconds(value: Any, what: str) -> float:
    """A time in seconds, from 0 on. Raises TypeError or ValueError for what is none."""
    try:
        found = float(checked(value, (int, float), what))
    except OverflowError:
        found = inf
    if not 0 <= found < inf:
        raise ValueError(f"{what} must be a number of seconds from 0 on, not {found:g}.")
    return found
