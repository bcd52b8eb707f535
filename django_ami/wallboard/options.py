"""The setting ``AMI_WALLBOARD``: its keys, read and checked. The only reader of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.core.signals import setting_changed

from django_ami.conf.reading import (
    as_count,
    as_mapping,
    as_pattern,
    check_names,
    imported,
    read_mapping,
    wrong,
)
from django_ami.core.arguments import callable_of, is_number
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
        _name(f"{_SETTING}: QUEUES", name): _thresholds(f"QUEUES[{name!r}]", one, thresholds)
        for name, one in as_mapping(f"{_SETTING}: QUEUES", given.get("QUEUES", {})).items()
    }
    click = as_mapping(f"{_SETTING}: CLICK_TO_CALL", given.get("CLICK_TO_CALL", {}))
    _check_keys("CLICK_TO_CALL", click, _CLICK)
    return WallboardOptions(
        thresholds=thresholds,
        queues=queues,
        click_to_call=ClickToCall(**_read("CLICK_TO_CALL", click, _CLICK)),
        **values,
    )


def _read(where: str, given: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    return {
        key.lower(): read(f"{_SETTING}: {f'{where} {key}'.strip()}", given[key])
        for key, read in readers.items()
        if key in given
    }


def _check_keys(where: str, given: Mapping[str, Any], known: Collection[str]) -> None:
    check_names(f"{_SETTING}: unknown key{f' in {where}:' if where else ''}", given, known)


def _thresholds(where: str, value: object, default: Thresholds) -> Thresholds:
    """The thresholds in a mapping; those that it does not have are of ``default``."""
    given = as_mapping(f"{_SETTING}: {where}", value)
    if where:
        _check_keys(where, given, _THRESHOLDS)
    own = _read(where, given, _THRESHOLDS)
    made = Thresholds(**{name: own.get(name, getattr(default, name)) for name in _FIELDS})
    if made.wait_warning_seconds > made.wait_critical_seconds:
        raise wrong(
            f"{_SETTING}: {f'{where} WAIT_WARNING_SECONDS'.strip()}",
            f"at most WAIT_CRITICAL_SECONDS ({made.wait_critical_seconds:g})",
            made.wait_warning_seconds,
        )
    return made


# --- values ---


def _function(*arguments: str) -> Reader:
    """A reader of functions that are called with these arguments."""

    def read(what: str, value: object) -> Callable[..., Any] | None:
        if value is None:
            return None
        found = imported(value, what) if isinstance(value, str) else value
        try:
            return callable_of(found, what, *arguments)
        except TypeError as error:
            raise ConfigurationError(str(error)) from None

    return read


def _mask(what: str, value: object) -> Callable[[str], str]:
    return _function("number")(what, value) or hide_last_digits


def _number(what: str, wanted: str, value: object, most: float = math.inf) -> float:
    if not is_number(value) or not 0 < value <= most:
        raise wrong(what, wanted, value)
    return float(value)


def _seconds(what: str, value: object) -> float:
    return _number(what, "a number of seconds above 0", value)


def _minutes(what: str, value: object) -> float:
    return _number(what, "a number of minutes above 0, at most 1440", value, most=1440)


def _share(what: str, value: object) -> float:
    return _number(what, "a share above 0, at most 1", value, most=1)


def _name(what: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise wrong(what, "a name", value)
    return value


def _name_or_none(what: str, value: object) -> str | None:
    return None if value is None else _name(what, value)


Reader = Callable[[str, object], Any]

_READERS: Final[Mapping[str, Reader]] = {
    "ACCESS": _function("request"),
    "MAX_STREAMS": as_count,
    "MAX_STREAMS_PER_USER": as_count,
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
    "NUMBER": as_pattern,
    "TIMEOUT_SECONDS": _seconds,
    "SERVER": _name_or_none,
    "CALLS_PER_HOUR": as_count,
}


def _on_setting_changed(*, setting: str, **_: object) -> None:
    """A test has other settings."""
    if setting == "AMI_WALLBOARD":
        options.cache_clear()


setting_changed.connect(_on_setting_changed)
