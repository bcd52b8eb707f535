"""Snapshots of the live picture as plain data, for JSON, and back.

A field that has its default is left out, and a field that is not known is ignored. So records of
older and newer releases are read, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from django_ami.live import conferences, devices, parking, queue_views, snapshots
from django_ami.live.feed.records import Heading

__all__ = ["KINDS", "decode", "encode"]

#: The classes of the objects in a feed, by the kind in their keys.
KINDS: Final[Mapping[str, type]] = {
    "server": Heading,
    "call": snapshots.Call,
    "queue": queue_views.Queue,
    "curve": queue_views.Curve,
    "member": queue_views.Member,
    "agent": queue_views.Agent,
    "caller": queue_views.Caller,
    "device": devices.Device,
    "parked": parking.ParkedCaller,
    "conference": conferences.Conference,
}

#: Names that annotations use and that their modules import for type checkers alone.
_NAMES: Final = {"Mapping": Mapping}


def encode(subject: Any) -> Any:
    """A snapshot, or a value in one, as what JSON knows."""
    if is_dataclass(subject):
        return {
            field.name: encode(value)
            for field in _fields(subject.__class__)
            if (value := getattr(subject, field.name)) != _default(field)
        }
    if isinstance(subject, Enum):
        return subject.value
    if isinstance(subject, tuple | list):
        return [encode(value) for value in subject]
    if isinstance(subject, Mapping):
        return {encode(name): encode(value) for name, value in subject.items()}
    return subject


def decode(kind: str, data: Mapping[str, Any]) -> Any:
    """The snapshot that ``encode`` made this of.

    Raises KeyError for a kind that is not known, and TypeError or ValueError for data that is not
    of that kind.
    """
    return _decoder(KINDS[kind])(data)


@cache
def _fields(cls: type) -> tuple[Field[Any], ...]:
    return fields(cls)


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    """A function that makes a value of an annotation from plain data."""
    if is_dataclass(hint):
        return _dataclass_decoder(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        (inner,) = (_decoder(each) for each in arguments if each is not type(None))
        return lambda data: None if data is None else inner(data)
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda data: tuple(item(each) for each in data)
    if origin is not None and issubclass(origin, Mapping):
        key, value = map(_decoder, arguments)
        return lambda data: {key(name): value(each) for name, each in data.items()}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return lambda data: data


def _dataclass_decoder(cls: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(cls, localns=_NAMES)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields(cls)}

    def decoded(data: Mapping[str, Any]) -> Any:
        return cls(
            **{name: decoders[name](value) for name, value in data.items() if name in decoders}
        )

    return decoded
