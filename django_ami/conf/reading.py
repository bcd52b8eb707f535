"""How settings are read: a mapping, a name that has to be known, a dotted path, a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import reason

__all__ = [
    "MOST_NAMES",
    "as_count",
    "as_function",
    "as_mapping",
    "as_pattern",
    "check_known",
    "check_names",
    "imported",
    "read_mapping",
    "wrong",
]

#: More names than anybody gives: an iterable that goes on is not gone through to its end.
MOST_NAMES: Final = 10_000


def read_mapping(setting: str) -> Mapping[str, Any]:
    """A setting that is a mapping, empty if it is missing.

    Raises ConfigurationError for anything else.
    """
    value = getattr(settings, setting, None) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"the setting {setting} must be a mapping, not {type(value).__name__}."
        )
    return value


def check_known(what: str, name: object, known: Iterable[str]) -> None:
    """Raises ConfigurationError, with a near one, for a name that is none of those known."""
    if name not in list(known):
        raise ConfigurationError(
            f"unknown {what}: {shown(name)}; "
            f"{did_you_mean(name if isinstance(name, str) else '', known)}"
        )


def check_names(what: str, names: Iterable[object], known: Collection[str]) -> None:
    """Raises ConfigurationError, which begins with ``what``, for a name that is none of those."""
    for name in names:
        if name not in known:
            raise ConfigurationError(f"{what} {shown(name)}; {did_you_mean(str(name), known)}")


def imported(path: str, what: str, cure: str = ".") -> Any:
    """The object that a dotted path leads to; ``what`` of the settings names it.

    Raises ConfigurationError, with what its module raised in one line.
    """
    try:
        return import_string(path)
    except Exception as error:  # noqa: BLE001  (whatever somebody's module raises; it is told)
        raise ConfigurationError(
            f"{what} names {path!r}, which cannot be imported ({reason(error)}){cure}"
        ) from None


# --- values: ``what`` names the option, and its setting ---


def wrong(what: str, wanted: str, value: object) -> ConfigurationError:
    """The error for another value than the one that is ``wanted``."""
    return ConfigurationError(f"{what} must be {wanted}, not {shown(value)}.")


def as_count(what: str, value: object) -> int:
    """A whole number from 1 on. Raises ConfigurationError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(what, "a whole number from 1 on", value)
    return value


def as_mapping(what: str, value: object) -> Mapping[Any, Any]:
    """A mapping. Raises ConfigurationError."""
    if not isinstance(value, Mapping):
        raise wrong(what, "a mapping", value)
    return value


def as_function(what: str, value: object) -> Callable[..., Any] | None:
    """A function, or that of a dotted path, or None. Raises ConfigurationError."""
    if value is None:
        return None
    found = imported(value, what) if isinstance(value, str) else value
    if not callable(found):
        raise wrong(what, "a function, or the dotted path of one", value)
    return found  # type: ignore[no-any-return]


def as_pattern(what: str, value: object) -> re.Pattern[str]:
    """A regular expression for telephone numbers and the like. Raises ConfigurationError."""
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        return value
    if not isinstance(value, str):
        raise wrong(what, "a regular expression", value)
    try:
        # Telephones have no other digits than ASCII ones, also where a pattern says \d.
        return re.compile(value, re.ASCII)
    except (re.error, ValueError) as error:
        raise ConfigurationError(
            f"{what} is no regular expression: {shown(value)}: {error}."
        ) from None
