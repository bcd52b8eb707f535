"""How settings are read: a mapping, a name that has to be known, a dotted path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ConfigurationError
from django_ami.core.failures import reason

__all__ = ["MOST_NAMES", "check_known", "imported", "read_mapping"]

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
