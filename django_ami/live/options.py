"""The settings of a live picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from django_ami.core.arguments import did_you_mean, is_number, shown
from django_ami.core.errors import ConfigurationError

__all__ = ["Options", "options_of"]

_NAMES: Final = frozenset({"trunks", "trunk_contexts", "variables"})
_BY_QUEUE: Final = frozenset({"service_level_seconds", "wrapup_seconds"})
_FORMULAS: Final = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a tracker; durations are in seconds.

    ``trunks`` are devices that lead outside (``PJSIP/provider``), ``trunk_contexts`` contexts in
    which calls from outside arrive. ``variables`` are the channel variables to keep with a call.
    """

    trunks: frozenset[str] = frozenset()
    trunk_contexts: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    #: For how long a call stays in the picture after its end.
    kept_seconds: float = 60.0

    # --- queues ---

    #: A caller who gives up within so many seconds is counted apart, as a short abandon.
    short_abandon_seconds: float = 5.0
    #: T of the service level, for all queues or by name. A queue with ``servicelevel=`` in
    #: queues.conf has that, if it is not named here.
    service_level_seconds: float | Mapping[str, float] = 20.0
    #: Which formula of ``live.figures`` the service level has: 1 to 4.
    service_level_formula: int = 4
    #: ``wrapuptime`` of queues.conf, for all queues or by name: AMI tells only that of a member.
    wrapup_seconds: float | Mapping[str, float] = 0.0
    #: ``shared_lastcall`` of queues.conf: a wrap-up is one for all queues of an agent.
    shared_lastcall: bool = False
    #: How many seconds the server's local time is ahead of UTC, or a function of Unix time that
    #: tells: days begin at its midnight.
    utc_offset: float | Callable[[float], float] = 0.0


def options_of(given: Mapping[str, Any]) -> Options:
    """The options of a mapping, by their names.

    Raises ConfigurationError for an unknown name, and for a value that cannot be used.
    """
    known = [field.name for field in fields(Options)]
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(f"unknown option {shown(name)}: {did_you_mean(name, known)}")
        values[name] = _names(name, value) if name in _NAMES else _checked(name, value)
    return Options(**values)


def _names(option: str, value: object) -> frozenset[str]:
    names = list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [None]
    if not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(f"option {option!r} must be a list of names, not {shown(value)}.")
    return frozenset(map(str, names))


def _checked(option: str, value: Any) -> Any:
    if option == "shared_lastcall":
        good, wanted = isinstance(value, bool), "True or False"
    elif option == "service_level_formula":
        good, wanted = value in _FORMULAS, "1, 2, 3 or 4"
    elif option == "utc_offset":
        good, wanted = callable(value) or is_number(value), "a number of seconds, or a function"
    elif option in _BY_QUEUE and isinstance(value, Mapping):
        good, wanted = all(map(_is_time, value.values())), "seconds by the name of a queue"
    else:
        good, wanted = _is_time(value), "a number of seconds that is not negative"
    if not good:
        raise ConfigurationError(f"option {option!r} must be {wanted}, not {shown(value)}.")
    return value


def _is_time(value: Any) -> bool:
    return is_number(value) and value >= 0
