"""The types of arguments that commands share."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Final

from django_ami.conf.dispatch import MOST_WORKERS

__all__ = ["age", "amount", "count", "file", "names", "numbers", "seconds", "workers"]

#: Thirty years in seconds. Waits of the operating system end at three hundred.
_MOST_SECONDS: Final = 1e9
#: Python makes no number of more than a few thousand digits.
_MOST_DIGITS: Final = 10
_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def names(text: str) -> tuple[str, ...]:
    """The type of an argument: names with commas between them."""
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise ArgumentTypeError("give names with commas between them, as in Hangup,Newchannel")
    return found


def file(text: str) -> Path:
    """The type of an argument: a file to write, and not a stream."""
    if text == "-":
        raise ArgumentTypeError("give the name of a file: this command does not write to stdout")
    return Path(text)


def _number(text: str) -> float:
    """A number from 0 on; NaN if the text is none, or more than any wait may be."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if 0 <= value <= _MOST_SECONDS else math.nan


def seconds(text: str) -> float:
    """The type of an argument: a time that is not over before it begins."""
    if not (value := _number(text)) > 0:
        raise ArgumentTypeError(
            f"give a number of seconds between 0 and {_MOST_SECONDS:.0f}, not {text!r:.60}"
        )
    return value


def amount(text: str) -> float:
    """The type of an argument: a number of seconds, or of anything, that may be 0."""
    if math.isnan(value := _number(text)):
        raise ArgumentTypeError(f"give a number from 0 to {_MOST_SECONDS:.0f}, not {text!r:.60}")
    return value


def count(text: str) -> int:
    """The type of an argument: a whole number from 1 on."""
    if not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise ArgumentTypeError(f"give a whole number above 0, not {text!r:.60}")
    return int(text)


def numbers(text: str) -> list[int]:
    """The type of an argument: whole numbers from 0 on, and ranges of them, with commas between."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last if dash else first]
        if not all(one.isdecimal() and one.isascii() and len(one) < 5 for one in ends):
            raise ArgumentTypeError(f"give numbers and ranges, as in 0-7,12, not {text!r:.60}")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    if not found:
        raise ArgumentTypeError(f"give ranges from a lower to a higher number, not {text!r:.60}")
    return sorted(found)


def workers(text: str) -> int:
    """The type of an argument: a number of threads."""
    if not text.isdecimal() or len(text) > _MOST_DIGITS or not 1 <= int(text) <= MOST_WORKERS:
        raise ArgumentTypeError(f"give a whole number from 1 to {MOST_WORKERS}, not {text!r:.60}")
    return int(text)


def age(text: str) -> timedelta:
    """The type of an argument: 12h, 90d or 8w."""
    unit = _UNITS.get(text[-1:])
    number = text[:-1]
    if unit is None or not (number.isdecimal() and number.isascii()) or len(number) > 4:
        raise ArgumentTypeError(
            f"give hours, days or weeks, as in 12h, 90d or 8w, not {text!r:.60}"
        )
    return timedelta(**{unit: int(number)})
