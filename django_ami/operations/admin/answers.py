"""The answer to an action, as tables without secrets; the template escapes all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django_ami.tools.text import headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.core.messages import Event, Message, Response

__all__ = ["Answer", "Table", "answer_of"]

#: More rows than that help nobody.
_MOST_ROWS: Final = 500
_HIDDEN: Final = ("ActionID", "Event", "Privilege", "EventList")


@dataclass(frozen=True, slots=True)
class Table:
    """The events of one name in a list."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: How many rows there are beside these.
    more: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The words of the server."""

    ok: bool
    status: str
    message: str
    headers: tuple[tuple[str, str], ...]
    output: str
    tables: tuple[Table, ...]


def answer_of(response: Response) -> Answer:
    """A response, and the events that came with it."""
    events: list[Event] = [*response.events]
    if response.final_event is not None and response.final_event not in events:
        events.append(response.final_event)
    shown = _texts(response)
    output = shown.pop("Output", "")
    hidden = {"Response", "Message"}
    return Answer(
        ok=response.ok,
        status=response.status,
        message=shown.get("Message", ""),
        headers=tuple((key, value) for key, value in shown.items() if key not in hidden),
        output=output,
        tables=_tables(events),
    )


def _texts(message: Message) -> dict[str, str]:
    masked = headers(message, without=_HIDDEN)
    return {
        key: value if isinstance(value, str) else "\n".join(value) for key, value in masked.items()
    }


def _tables(events: Iterable[Event]) -> tuple[Table, ...]:
    by_name: dict[str, list[Event]] = {}
    for event in events:
        by_name.setdefault(event.name, []).append(event)
    return tuple(_table(name, some) for name, some in by_name.items())


def _table(name: str, events: Sequence[Event]) -> Table:
    rows = [_texts(event) for event in events[:_MOST_ROWS]]
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    cells = tuple(tuple(row.get(key, "") for key in columns) for row in rows)
    return Table(name, columns, cells, max(0, len(events) - _MOST_ROWS))
