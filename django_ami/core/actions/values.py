"""The values of headers as they are sent: texts of numbers, bools, lists and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import islice
from typing import Final, cast

from django_ami.core.arguments import plain_text, shown
from django_ami.core.errors import InvalidAction

__all__ = [
    "Scalar",
    "Value",
    "as_text",
    "items",
    "listed",
    "mapped",
    "named",
    "numbered",
    "spelled",
]

#: The values that a header may have: a bool is sent as ``true``/``false``, None leaves the header
#: out, a list repeats it.
Scalar = str | int | float | bool | None
Value = Scalar | Iterable[Scalar]

#: No caller means a header for each part of these, nor their repr.
_NO_VALUE: Final = bytes | bytearray | memoryview | Mapping | Enum
#: More headers than any server takes (MAX_HEADERS in base.py): a list that goes on is not gone
#: through to its end.
_MOST_ITEMS: Final = 1000
_ONE_OR_SEVERAL: Final = "a text, a number, or a list of them"
_NO_NUMBERS: Final = frozenset({"nan", "inf", "infinity"})


def _has_text(value: object) -> bool:
    """True for a value with one text.

    It is a number, or has a ``__str__`` of its own, as a Decimal, a date or a lazy translation.
    """
    return isinstance(value, str | int | float) or type(value).__str__ is not object.__str__


def as_text(action: str, header: str, value: object, wanted: str = "a text or a number") -> str:
    """A value as it is sent.

    Raises InvalidAction, which names the header and what is ``wanted``, for an object without a
    text.
    """
    given = value.value if isinstance(value, Enum) else value
    if type(given) is str:
        return given  # as the values of a list mostly are
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, _NO_VALUE) or not _has_text(given):
        raise InvalidAction(
            f"{action}: {header} is of the type {type(value).__name__}: give {wanted}."
        )
    try:
        text = plain_text(given if isinstance(given, str) else str(given))
    except ValueError as error:  # an int of thousands of digits
        raise InvalidAction(f"{action}: {header} cannot be written as a text: {error}.") from None
    except Exception as error:  # noqa: BLE001  (of a user's object)
        raise InvalidAction(
            f"{action}: {header} cannot be written as a text ({type(error).__name__})."
        ) from None
    if not isinstance(given, str) and text.lower().lstrip("+-") in _NO_NUMBERS:
        raise InvalidAction(
            f"{action}: {header} is {text}, which is not a number: give one, or a text."
        )
    return text


def items(action: str, header: str, value: object) -> Iterable[str]:
    """The values of a header: none, one or several.

    Raises InvalidAction for an object without a text.
    """
    several = (
        isinstance(value, Iterable) and not isinstance(value, _NO_VALUE) and not _has_text(value)
    )
    if several:
        header_of, values = f"a value of {header}", listed(action, header, value)
        return [as_text(action, header_of, item) for item in values if item is not None]
    return [] if value is None else [as_text(action, header, value, _ONE_OR_SEVERAL)]


def listed(action: str, header: str, values: object) -> list[object]:
    """The items of a list.

    Raises InvalidAction for what is none: a text would be taken letter by letter.
    """
    if not isinstance(values, Iterable) or isinstance(values, str | _NO_VALUE):
        raise InvalidAction(f"{action}: {header} must be a list, not {shown(values)}.")
    several = list(islice(values, _MOST_ITEMS + 1))
    if len(several) > _MOST_ITEMS:
        raise InvalidAction(
            f"{action}: {header} has more than {_MOST_ITEMS} values: send less, or in several "
            "actions."
        )
    return several


def mapped(action: str, headers: object) -> dict[str, Value]:
    """The headers of a mapping; none of None.

    Raises InvalidAction for anything else, and for a key that is no text.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise InvalidAction(
            f"{action}: the headers must be a mapping, or keywords, not {shown(headers)}."
        )
    return {named(f"{action}: the key of a header", key): value for key, value in headers.items()}


def named(what: str, name: object) -> str:
    """A name as it is sent: a text, or a member of an Enum that is one.

    Raises InvalidAction for anything else.
    """
    given = name.value if isinstance(name, Enum) else name
    if not isinstance(given, str):
        raise InvalidAction(f"{what} must be a text, not {shown(name)}.")
    return plain_text(given)


def numbered(header: str, values: Iterable[Scalar] | None) -> dict[str, Value]:
    """A header for each of the values, numbered from 0: ``numbered("UnitAmount({})", [5])``.

    None has no header.
    """
    given = () if values is None else listed(header.format("…"), "its value", values)
    return {header.format(number): cast("Scalar", value) for number, value in enumerate(given)}


def spelled(value: bool | str | None, yes: str, no: str) -> str | None:
    """A bool in the words that the server compares with; None stays None."""
    return (yes if value else no) if isinstance(value, bool) else value
