"""Text for a terminal: tables, and values from the wire without their secrets (``core.redaction``).

Rule: text is escaped before it is cut or aligned (``core.escaping``), since an escape is wider than
what it stands for.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

from django_ami.core.escaping import printable
from django_ami.core.messages import Event
from django_ami.core.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django_ami.core.messages import Message

__all__ = [
    "Column",
    "clip",
    "counted",
    "fitted",
    "headers",
    "pairs",
    "shortened",
    "table",
    "width_of",
]

_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")


def pairs(message: Message) -> list[tuple[str, str]]:
    """The headers of a message, without secrets."""
    return list(redacted(message.headers, message.name if isinstance(message, Event) else ""))


def headers(message: Message, *, without: Iterable[str] = ()) -> dict[str, str | list[str]]:
    """The headers of a message for a table or for JSON, masked.

    A key that is repeated has a list.
    """
    left_out = {key.lower() for key in without}
    found: dict[str, list[str]] = {}
    for key, value in pairs(message):
        if key.lower() not in left_out:
            found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in found.items()}


def counted(number: int | None, noun: str) -> str:
    """``1 call``, ``2 calls``, ``unknown calls``."""
    return f"{'unknown' if number is None else number} {noun}{'' if number == 1 else 's'}"


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes.

    Chinese, Japanese and Korean characters take two, combining ones none.
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(one) in ("Mn", "Me")
        else 2
        if unicodedata.east_asian_width(one) in "WF"
        else 1
        for one in text
    )


def clip(text: str, width: int) -> str:
    """As much of the text as takes so many columns, without control characters."""
    text = printable(text)
    while width_of(text) > width:
        text = text[: max(0, min(len(text) - 1, width))]
    return text


def shortened(text: str, width: int) -> str:
    """The text, with a ``~`` at its end if some of it is left out to fit into so many columns."""
    text = printable(text)
    return text if width_of(text) <= width else f"{clip(text, width - 1)}~" if width > 0 else ""


class Column(NamedTuple):
    """A column of a table that has to fit.

    It may be cut to ``least`` columns of the terminal (None: it may not). ``goes`` says when it is
    left out: 1 first, higher numbers later, 0 never.
    """

    name: str
    least: int | None = None
    goes: int = 0


def fitted(rows: Sequence[Mapping[str, str]], columns: Sequence[Column], width: int) -> list[str]:
    """Rows as ``table`` has them, in so many columns of the terminal.

    Columns are left out, empty ones first, and texts are cut.
    """
    natural = {
        one.name: max(map(width_of, [one.name, *(row[one.name] for row in rows)]))
        for one in columns
    }
    filled = {one.name: any(row[one.name] for row in rows) for one in columns}
    left = list(columns)

    def needs(least: bool) -> int:
        wanted = (
            natural[one.name] if one.least is None or not least else _least(one, natural)
            for one in left
        )
        return sum(wanted) + 2 * (len(left) - 1)

    while needs(least=True) > width and (dispensable := [one for one in left if one.goes]):
        left.remove(min(dispensable, key=lambda one: (filled[one.name], one.goes)))
    while needs(least=False) > width and (
        long := [one for one in left if natural[one.name] > _least(one, natural)]
    ):
        natural[max(long, key=lambda one: natural[one.name]).name] -= 1
    cut = [{one.name: shortened(row[one.name], natural[one.name]) for one in left} for row in rows]
    return [clip(line, width) for line in table(cut, [one.name for one in left])]


def _least(column: Column, natural: Mapping[str, int]) -> int:
    """Its least width, its heading included."""
    if column.least is None:
        return natural[column.name]
    return min(natural[column.name], max(column.least, len(column.name)))


def _as_text(value: str | Sequence[str] | None) -> str:
    return "" if value is None else value if isinstance(value, str) else ", ".join(value)


def table(
    rows: Iterable[Mapping[str, str | Sequence[str] | None]], columns: Sequence[str] | None = None
) -> Iterator[str]:
    """Rows as aligned lines under a line of headings; numbers stand to the right.

    ``columns`` are found whatever their case; without them all keys that occur are shown, in their
    order, but for those that are empty in every row.
    """
    shown = [{key: printable(_as_text(value)) for key, value in row.items()} for row in rows]
    if columns is None:
        keys = dict.fromkeys(key for row in shown for key in row)
        columns = [key for key in keys if any(row.get(key) for row in shown)]
    folded = [{key.lower(): value for key, value in row.items()} for row in shown]
    cells = [[row.get(column.lower(), "") for column in columns] for row in folded]
    right = [
        all(_NUMBER.fullmatch(row[at]) for row in cells if row[at]) for at in range(len(columns))
    ]
    lines: list[list[str]] = [[printable(column) for column in columns], *cells]
    widths = [max(width_of(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        padded = []
        for cell, width, is_number in zip(line, widths, right, strict=True):
            blanks = " " * (width - width_of(cell))
            padded.append(blanks + cell if is_number else cell + blanks)
        yield "  ".join(padded).rstrip()
