"""``AMI_DISPATCH``: the threads of receivers, and their errors that are worth another attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django_ami.conf.reading import MOST_NAMES, imported, read_mapping
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import Retry

if TYPE_CHECKING:
    from django_ami.core.messages import Event

__all__ = [
    "BY_CALL",
    "Parallel",
    "option_names",
    "parallel_of",
    "read_parallel",
    "read_retry",
    "retry_of",
]

Found = TypeVar("Found")
#: The usual ``partition``.
BY_CALL: Final = "call"
#: More threads than that gain nothing in one process.
MOST_WORKERS: Final = 256
_OF_PARALLEL: Final = ("workers", "partition", "barriers")

#: The errors that Django raises for a database that goes away, or is busy.
_RETRY_ERRORS: Final = ("django.db.OperationalError", "django.db.InterfaceError")


@dataclass(frozen=True, slots=True)
class Parallel:
    """On how many threads receivers run, and which events stay in order.

    ``partition`` gives the key of an event, whose equals stay in order; None is by calls.
    With ``barriers`` the signals of a server's connection wait until the events before them are
    through, and those behind them wait for it.
    """

    workers: int = 1
    partition: Callable[[Event], object] | None = None
    barriers: bool = True


def read_retry() -> Retry:
    """``AMI_DISPATCH``: how to go on when a receiver raises. Raises ConfigurationError."""
    return _read(retry_of)


def read_parallel() -> Parallel:
    """``AMI_DISPATCH``: on how many threads receivers run. Raises ConfigurationError."""
    return _read(parallel_of)


def _read(of: Callable[[Mapping[str, Any]], Found]) -> Found:
    try:
        return of(read_mapping("AMI_DISPATCH"))
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_DISPATCH: {error.message}") from None


def folded(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options by their names in lower case: ``WORKERS`` is ``workers``.

    Raises ConfigurationError for one that is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in options.items():
        key = name.lower() if isinstance(name, str) else name
        if key in found:
            raise ConfigurationError(f"option {shown(key)} is given twice: remove one.")
        found[key] = value
    return found


def parallel_of(options: Mapping[str, Any]) -> Parallel:
    """The options of ``AMI_DISPATCH`` that say on how many threads receivers run.

    Raises ConfigurationError for one that cannot be followed.
    """
    options = folded(options)
    workers, barriers = options.get("workers", 1), options.get("barriers", True)
    if (
        isinstance(workers, bool)
        or not isinstance(workers, int)
        or not 1 <= workers <= MOST_WORKERS
    ):
        raise ConfigurationError(
            f"option 'workers' must be a whole number from 1 to {MOST_WORKERS}, not "
            f"{shown(workers)}."
        )
    if not isinstance(barriers, bool):
        raise ConfigurationError(f"option 'barriers' must be True or False, not {shown(barriers)}.")
    partition = options.get("partition", BY_CALL)
    if isinstance(partition, str) and "." in partition:
        partition = imported(partition, "option 'partition'")
    if partition != BY_CALL and not callable(partition):
        raise ConfigurationError(
            f"option 'partition' must be {BY_CALL!r}, or a function of an event (or its dotted "
            f"path) that gives the key of what stays in order, not {shown(partition)}."
        )
    if iscoroutinefunction(partition):
        raise ConfigurationError(
            "option 'partition' must be a function that gives the key itself: make it a def, not "
            "an async def."
        )
    return Parallel(workers, None if partition == BY_CALL else partition, barriers)


def retry_of(options: Mapping[str, Any]) -> Retry:
    """A policy from the options of ``AMI_DISPATCH``.

    Raises ConfigurationError for one that cannot be followed.
    """
    options = folded(options)
    for name in options:
        if name not in option_names():
            raise ConfigurationError(
                f"unknown option {shown(name)}: {did_you_mean(str(name), option_names())}"
            )
    options = {name: one for name, one in options.items() if name not in _OF_PARALLEL}
    named = options.get("retry_errors", _RETRY_ERRORS)
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise ConfigurationError(
            f"option 'retry_errors' must be a list of exceptions, not {shown(named)}."
        )
    return Retry.from_mapping(
        {**options, "retry_errors": tuple(map(_exception, islice(named, MOST_NAMES)))}
    )


def _exception(named: object) -> type[Exception]:
    """An exception class, given itself or as its dotted path."""
    found = imported(named, "option 'retry_errors'") if isinstance(named, str) else named
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise ConfigurationError(
            "option 'retry_errors' must name exceptions, such as 'django.db.OperationalError', "
            f"not {shown(named)}."
        )
    return found


def option_names() -> tuple[str, ...]:
    """The names of all options of ``AMI_DISPATCH``."""
    return (*_OF_PARALLEL, *Retry.names())
