"""The setting ``AMI_WALLBOARD``: its keys, read and checked. The only reader of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import setting_changed

from django_ami.conf import read_mapping
from django_ami.conf.reading import imported
from django_ami.core.arguments import callable_of, did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.wallboard.masking import hide_last_digits

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_ami.wallboard.access import Access

__all__ = ["ClickToCall", "Thresholds", "WallboardOptions", "options", "options_of"]

_SETTING: Final = "the setting AMI_WALLBOARD"
#: The numbers that may be called if the settings do not say so: extensions, which cost nothing.
_NUMBER: Final = re.compile(r"[0-9]{2,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a queue needs attention: the longest wait in seconds, the service level as a share."""

    wait_warning_seconds: float = 30.0
    wait_critical_seconds: float = 60.0
    service_level_target: float = 0.8


@dataclass(frozen=True, slots=True)
class ClickToCall:
    """How a click calls: the telephone of the user is rung first.

    ``channel`` finds that telephone (``PJSIP/101``) for a request, None for a user without one. It
    is None if click to call is not set up.
    """

    channel: Callable[[HttpRequest], str | None] | None = None
    #: Where the number is dialled once the user has picked up.
    context: str = "default"
    #: A number must match it as a whole.
    number: re.Pattern[str] = _NUMBER
    #: For how long the telephone of the user rings.
    timeout_seconds: float = 30.0
    #: The server that calls; None: the default one.
    server: str | None = None
    #: How many calls a user may place in an hour.
    calls_per_hour: int = 60


@dataclass(frozen=True, slots=True)
class WallboardOptions:
    """The options of the wallboard."""

    #: Says what the visitor of a request may see; None: the permissions of the app do.
    access: Callable[[HttpRequest], Access | None] | None = None
    #: How many streams a process has at most, and of these one user.
    max_streams: int = 1000
    max_streams_per_user: int = 10
    #: How long a stream lasts, about, before the browser opens a new one.
    stream_minutes: float = 10.0
    #: Of all queues, and of those that have their own.
    thresholds: Thresholds = Thresholds()
    queues: Mapping[str, Thresholds] = field(default_factory=dict)
    #: Turns a number into the text that visitors see who may not know it.
    mask: Callable[[str], str] = hide_last_digits
    click_to_call: ClickToCall = ClickToCall()

    def thresholds_of(self, queue: str) -> Thresholds:
        """The thresholds of that queue."""
        return self.queues.get(queue, self.thresholds)


@cache
def options() -> WallboardOptions:
    """Read ``AMI_WALLBOARD``. Raises ConfigurationError: one line with the key and the cure."""
    return options_of(read_mapping("AMI_WALLBOARD"))


def options_of(given: Mapping[str, Any]) -> WallboardOptions:
    """The options of a mapping. Raises ConfigurationError."""
    _check_keys("", given, (*_READERS, *_THRESHOLDS, "QUEUES", "CLICK_TO_CALL"))
    values = _read("", given, _READERS)
    thresholds = _thresholds("", given, Thresholds())
    queues = {
        _name("QUEUES", name): _thresholds(f"QUEUES[{name!r}]", one, thresholds)
        for name, one in _mapping("QUEUES", given.get("QUEUES", {})).items()
    }
    click = _mapping("CLICK_TO_CALL", given.get("CLICK_TO_CALL", {}))
    _check_keys("CLICK_TO_CALL", click, _CLICK)
    return WallboardOptions(
        thresholds=thresholds,
        queues=queues,
        click_to_call=ClickToCall(**_read("CLICK_TO_CALL", click, _CLICK)),
        **values,
    )


def _read(where: str, given: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    return {
        key.lower(): read(f"{where} {key}".strip(), given[key])
        for key, read in readers.items()
        if key in given
    }


def _check_keys(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise ConfigurationError(f"{_SETTING}: unknown key {_in(where)}{shown(key)}; {hint}")


def _in(where: str) -> str:
    return f"in {where}: " if where else ""


def _wrong(key: str, wanted: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{_SETTING}: {key} must be {wanted}, not {shown(value)}.")


def _mapping(key: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(key, "a mapping", value)
    return value


def _thresholds(where: str, value: object, default: Thresholds) -> Thresholds:
    """The thresholds in a mapping; those that it does not have are of ``default``."""
    given = _mapping(where, value)
    if where:
        _check_keys(where, given, _THRESHOLDS)
    own = _read(where, given, _THRESHOLDS)
    made = Thresholds(**{name: own.get(name, getattr(default, name)) for name in _FIELDS})
    if made.wait_warning_seconds > made.wait_critical_seconds:
        raise _wrong(
            f"{where} WAIT_WARNING_SECONDS".strip(),
            f"at most WAIT_CRITICAL_SECONDS ({made.wait_critical_seconds:g})",
            made.wait_warning_seconds,
        )
    return made


# --- values ---


def _function(*arguments: str) -> Reader:
    """A reader of functions that are called with these arguments."""

    def read(key: str, value: object) -> Callable[..., Any] | None:
        if value is None:
            return None
        what = f"{_SETTING}: {key}"
        found = imported(value, what) if isinstance(value, str) else value
        try:
            return callable_of(found, what, *arguments)
        except TypeError as error:
            raise ConfigurationError(str(error)) from None

    return read


def _mask(key: str, value: object) -> Callable[[str], str]:
    return _function("number")(key, value) or hide_last_digits


def _count(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(key, "a whole number from 1 on", value)
    return value


def _number(key: str, wanted: str, value: object, most: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(key, wanted, value)
    if not 0 < value <= most or not math.isfinite(value):
        raise _wrong(key, wanted, value)
    return float(value)


def _seconds(key: str, value: object) -> float:
    return _number(key, "a number of seconds above 0", value)


def _minutes(key: str, value: object) -> float:
    return _number(key, "a number of minutes above 0, at most 1440", value, most=1440)


def _share(key: str, value: object) -> float:
    return _number(key, "a share above 0, at most 1", value, most=1)


def _name(key: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _wrong(key, "a name", value)
    return value


def _name_or_none(key: str, value: object) -> str | None:
    return None if value is None else _name(key, value)


def _pattern(key: str, value: object) -> re.Pattern[str]:
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        return value
    if not isinstance(value, str):
        raise _wrong(key, "a regular expression", value)
    try:
        # Telephones have no other digits than ASCII ones, also where a pattern says \d.
        return re.compile(value, re.ASCII)
    except (re.error, ValueError) as error:
        raise ConfigurationError(
            f"{_SETTING}: {key} is no regular expression: {shown(value)}: {error}."
        ) from None


Reader = Callable[[str, object], Any]

_READERS: Final[Mapping[str, Reader]] = {
    "ACCESS": _function("request"),
    "MAX_STREAMS": _count,
    "MAX_STREAMS_PER_USER": _count,
    "STREAM_MINUTES": _minutes,
    "MASK": _mask,
}
_THRESHOLDS: Final[Mapping[str, Reader]] = {
    "WAIT_WARNING_SECONDS": _seconds,
    "WAIT_CRITICAL_SECONDS": _seconds,
    "SERVICE_LEVEL_TARGET": _share,
}
_FIELDS: Final = tuple(key.lower() for key in _THRESHOLDS)
_CLICK: Final[Mapping[str, Reader]] = {
    "CHANNEL": _function("request"),
    "CONTEXT": _name,
    "NUMBER": _pattern,
    "TIMEOUT_SECONDS": _seconds,
    "SERVER": _name_or_none,
    "CALLS_PER_HOUR": _count,
}


def _on_setting_changed(*, setting: str, **_: object) -> None:
    """A test has other settings."""
    if setting == "AMI_WALLBOARD":
        options.cache_clear()


setting_changed.connect(_on_setting_changed)
