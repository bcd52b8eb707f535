"""The setting ``AMI_CALLS``: its options, read and checked. The only reader of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_ami.conf.reading import as_count, as_function, check_names, read_mapping, wrong
from django_ami.core.arguments import is_number

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
    check_names(f"{_SETTING}: unknown option", given, _READERS)
    return CallsOptions(
        **{
            name: _READERS[name](f"{_SETTING}: option {name!r}", value)
            for name, value in given.items()
        }
    )


def _seconds(what: str, value: object) -> float:
    if not is_number(value):
        raise wrong(what, "a number of seconds", value)
    if value < 0:
        raise wrong(what, "a number of seconds from 0 on", value)
    return float(value)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "mask": as_function,
    "buffer_calls": as_count,
    "batch_calls": as_count,
    "flush_seconds": _seconds,
    "close_seconds": _seconds,
    "reconcile_seconds": _seconds,
    "settle_seconds": _seconds,
}
