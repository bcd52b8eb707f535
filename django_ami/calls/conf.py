"""The setting ``AMI_CALLS``: its options, read and checked. The only reader of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from django_ami.conf import read_mapping
from django_ami.conf.reading import imported
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CallsOptions", "load", "options_of"]

_SETTING: Final = "the setting AMI_CALLS"


@dataclass(frozen=True, slots=True)
class CallsOptions:
    """Options of the history; durations are in seconds."""

    #: Turns a number into the text that is stored instead of it.
    mask: Callable[[str], str] | None = None
    #: How many calls may wait for the database; more are lost, and counted.
    buffer_calls: int = 30_000
    #: How many calls are written in one transaction at most.
    batch_calls: int = 500
    #: For how long calls are gathered before they are written.
    flush_seconds: float = 0.5
    #: How long the end of the listener waits for the database.
    close_seconds: float = 5.0
    #: How often a listener asks what became of stored calls whose end is not known.
    reconcile_seconds: float = 60.0
    #: How long a stored call may take to leave: it waits for its turn, or for its server.
    settle_seconds: float = 120.0


def load() -> CallsOptions:
    """Read ``AMI_CALLS``. Raises ConfigurationError: one line with the option and the cure."""
    return options_of(read_mapping("AMI_CALLS"))


def options_of(given: Mapping[str, Any]) -> CallsOptions:
    """Options of a mapping. Raises ConfigurationError."""
    known = {one.name for one in fields(CallsOptions)}
    for name in given:
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise ConfigurationError(f"{_SETTING}: unknown option {shown(name)}; {hint}")
    checked = {name: _READERS[name](name, value) for name, value in given.items()}
    return CallsOptions(**checked)


def _wrong(name: str, wanted: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{_SETTING}: option {name!r} must be {wanted}, not {shown(value)}.")


def _mask(name: str, value: object) -> Callable[[str], str] | None:
    if value is None:
        return None
    what = f"{_SETTING}: option {name!r}"
    found = imported(value, what) if isinstance(value, str) else value
    if not callable(found):
        raise _wrong(name, "a function, or the dotted path of one", value)
    function: Callable[[str], str] = found
    return function


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(name, "a whole number from 1 on", value)
    return value


def _seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number of seconds", value)
    if not (value >= 0 and math.isfinite(value)):
        raise _wrong(name, "a number of seconds from 0 on", value)
    return float(value)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "mask": _mask,
    "buffer_calls": _count,
    "batch_calls": _count,
    "flush_seconds": _seconds,
    "close_seconds": _seconds,
    "reconcile_seconds": _seconds,
    "settle_seconds": _seconds,
}
