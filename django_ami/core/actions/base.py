"""``Action``: any action with any headers; the typed ones are built on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from django_ami.core.config import Secret

__all__ = ["Action", "Scalar", "Value", "numbered", "spelled"]

#: What a header's value may be: a bool is sent as ``true``/``false``, None leaves the header out, a list repeats it.
Scalar = str | int | float | bool | None
Value = Scalar | Iterable[Scalar]

#: Actions and headers whose values must never be shown: a configuration file holds the secrets of everybody.
_SECRET_HEADERS = re.compile(r".*:(?:secret|password)|login:key|updateconfig:(?:value|match)-\d+", re.IGNORECASE)


def _as_text(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _items(value: Value) -> Iterable[str]:
    """What is said of a header: nothing, one thing, or several."""
    values = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else value
    return [_as_text(item) for item in values if item is not None]


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

    ``timeout`` is the time in seconds within which the answer must have come (None: the option ``action_timeout``).
    """

    #: The event that completes the action after its response, if it is not the response itself.
    final_event: str | None = None
    #: Whether that event goes to everybody who has the class ``call``, and not to whoever asked alone.
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
                    for text in ((value,) if type(value) is str else _items(value))
                ]
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return (self.name, self.headers, self.final_event) == (other.name, other.headers, other.final_event)

    def __hash__(self) -> int:
        return hash((self.name, self.headers))

    def __repr__(self) -> str:
        shown = [f"{key}={value!r}" for key, value in self.headers]
        return f"<{self.name}{': ' if shown else ''}{', '.join(shown)}>"


@lru_cache(1024)
def _is_secret(name: str, key: str) -> bool:
    return _SECRET_HEADERS.fullmatch(f"{name}:{key}") is not None
