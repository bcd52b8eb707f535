"""``Action``: any action with any headers; the typed ones are built on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import copy
from enum import Enum
from functools import lru_cache
from typing import Final, Self, cast

from django_ami.core.calls import channel_id_for
from django_ami.core.config import Secret
from django_ami.core.errors import InvalidAction

__all__ = ["Action", "Scalar", "Value", "as_text", "numbered", "spelled"]

#: What a header's value may be: a bool is sent as ``true``/``false``, None leaves the header out, a list repeats it.
Scalar = str | int | float | bool | None
Value = Scalar | Iterable[Scalar]

#: Nobody means a header for each part of these, nor their repr.
_NO_VALUE: Final = bytes | bytearray | memoryview | Mapping

#: Actions and headers whose values must never be shown: a configuration file holds the secrets of everybody.
_SECRET_HEADERS = re.compile(r".*:(?:secret|password)|login:key|updateconfig:(?:value|match)-\d+", re.IGNORECASE)


def _has_text(value: object) -> bool:
    """True for what is one text: a number, or what says so itself, as a Decimal, a date and a lazy translation do."""
    return isinstance(value, str | int | float) or type(value).__str__ is not object.__str__


def as_text(action: str, header: str, value: object) -> str:
    """A value as it is sent. Raises InvalidAction, which names the header, for what has no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return as_text(action, header, value.value)
    if _has_text(value) and not isinstance(value, _NO_VALUE):
        return str(value)
    raise InvalidAction(
        f"{action}: {header} is of the type {type(value).__name__}: give a text, a number, or a list of them."
    )


def _items(action: str, header: str, value: object) -> Iterable[str]:
    """What is said of a header: nothing, one thing, or several. Raises InvalidAction for what has no text."""
    several = isinstance(value, Iterable) and not isinstance(value, _NO_VALUE | Enum) and not _has_text(value)
    values = cast("Iterable[object]", value) if several else (value,)
    return [as_text(action, header, item) for item in values if item is not None]


def numbered(header: str, values: Iterable[Scalar] | None) -> dict[str, Value]:
    """A header for each of the values, numbered from 0: ``numbered("UnitAmount({})", [5])``; None has no header."""
    return {header.format(number): value for number, value in enumerate(values or ())}


def spelled(value: bool | str | None, yes: str, no: str) -> str | None:
    """A bool in the words that the server compares with; None stays None."""
    return (yes if value else no) if isinstance(value, bool) else value


class Action:
    """Any action with any headers: ``Action("QueueSummary", Queue="support")``.

    Headers that are no Python names go into a mapping: ``Action("UpdateConfig", {"Cat-000000": "x"})``. A list repeats
    its header; None leaves it out. Nothing is checked here: ``send`` refuses (InvalidAction) what cannot be written
    safely, before anything leaves. The ActionID is given by the client.

    A value is a text (a lazy translation, too), a number, a bool (``true``, ``false``), a Decimal, UUID, date, time,
    path or member of an Enum (its value). Raises InvalidAction for anything else, such as bytes, a mapping or a list in
    a list: decode it, or name what is meant.

    ``timeout`` is the time in seconds within which the answer must have come (None: the option ``action_timeout``).
    """

    #: The event that completes the action after its response, if it is not the response itself.
    final_event: str | None = None
    #: Whether it is OriginateResponse, which goes to everybody who has the class ``call``, not to whoever asked alone.
    final_broadcast: bool = False

    def __init__(self, name: str, headers: Mapping[str, Value] | None = None, /, **more: Value) -> None:
        self.name = name = str(name)
        self.headers: tuple[tuple[str, str], ...] = ()
        self.timeout: float | None = None
        if headers or more:
            self.headers = tuple(
                [
                    (str(key), Secret(text) if _is_secret(name, str(key)) else text)
                    for key, value in ([*headers.items(), *more.items()] if headers else more.items())
                    for text in ((value,) if type(value) is str else _items(name, str(key), value))
                ]
            )

    def headers_for(self, action_id: str) -> tuple[tuple[str, str], ...]:
        """The headers as they are sent with that ActionID: a call whose outcome is wanted needs a known ChannelId."""
        if not self.final_broadcast or any(key.lower() == "channelid" for key, _ in self.headers):
            return self.headers
        return (*self.headers, ("ChannelId", channel_id_for(action_id)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return (self.name, self.headers, self.final_event) == (other.name, other.headers, other.final_event)

    def __hash__(self) -> int:
        return hash((self.name, self.headers))

    def __deepcopy__(self, memo: object) -> Self:
        # What it holds cannot change; and a secret that is copied by itself becomes ``***``.
        return copy(self)

    def __repr__(self) -> str:
        shown = [f"{key}={value!r}" for key, value in self.headers]
        return f"<{self.name}{': ' if shown else ''}{', '.join(shown)}>"


@lru_cache(1024)
def _is_secret(name: str, key: str) -> bool:
    return _SECRET_HEADERS.fullmatch(f"{name}:{key}") is not None
