"""Text for a terminal: tables, and values from the wire that can neither steer it nor show a secret.

Rule: a value may be anything that a caller has put into his name, so what is no letter, sign or blank is written as an
escape; and passwords that a server tells are masked (``redaction``).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from django_ami.core.messages import Event
from django_ami.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django_ami.core.messages import Message

__all__ = ["clip", "counted", "headers", "pairs", "printable", "table"]

_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")


def pairs(message: Message) -> list[tuple[str, str]]:
    """The headers of a message, without secrets."""
    return list(redacted(message.headers, message.name if isinstance(message, Event) else ""))


def headers(message: Message, *, without: Iterable[str] = ()) -> dict[str, str | list[str]]:
    """The headers of a message for a table or for JSON, masked; a key that is repeated has a list."""
    left_out = {key.lower() for key in without}
    found: dict[str, list[str]] = {}
    for key, value in pairs(message):
        if key.lower() not in left_out:
            found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def printable(text: str, encoding: str | None = None) -> str:
    """The text with every control character, and what the terminal's encoding lacks, as an escape."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    encoding = encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def counted(number: int | None, noun: str) -> str:
    """``1 call``, ``2 calls``, ``unknown calls``."""
    return f"{'unknown' if number is None else number} {noun}{'' if number == 1 else 's'}"


def _width(text: str) -> int:
    """So many columns of a terminal: Chinese, Japanese and Korean characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def clip(text: str, width: int) -> str:
    """As much of the text as takes so many columns, without control characters."""
    text = printable(text)
    while _width(text) > width:
        text = text[: max(0, min(len(text) - 1, width))]
    return text


def _as_text(value: str | Sequence[str] | None) -> str:
    return "" if value is None else value if isinstance(value, str) else ", ".join(value)


def table(
    rows: Iterable[Mapping[str, str | Sequence[str] | None]], columns: Sequence[str] | None = None
) -> Iterator[str]:
    """Rows as aligned lines under a line of headings; numbers stand to the right.

    ``columns`` are found whatever their case; without them all keys that occur are shown, in their order, but for those
    that are empty in every row.
    """
    shown = [{key: printable(_as_text(value)) for key, value in row.items()} for row in rows]
    if columns is None:
        keys = dict.fromkeys(key for row in shown for key in row)
        columns = [key for key in keys if any(row.get(key) for row in shown)]
    folded = [{key.lower(): value for key, value in row.items()} for row in shown]
    cells = [[row.get(column.lower(), "") for column in columns] for row in folded]
    right = [all(_NUMBER.fullmatch(row[at]) for row in cells if row[at]) for at in range(len(columns))]
    lines: list[list[str]] = [[printable(column) for column in columns], *cells]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        padded = []
        for cell, width, is_number in zip(line, widths, right, strict=True):
            blanks = " " * (width - _width(cell))
            padded.append(blanks + cell if is_number else cell + blanks)
        yield "  ".join(padded).rstrip()
