"""The setting ``AMI_OPERATIONS``: its options, read and checked. The only reader of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from django_ami.conf.reading import as_count, as_function, check_names, read_mapping, wrong
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["OperationsOptions", "load", "options_of"]

_SETTING: Final = "the setting AMI_OPERATIONS"
#: A shorter lease would change hands whenever the machine is busy.
_SHORTEST_LEASE_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class OperationsOptions:
    """Options of the app; durations are in seconds."""

    #: The alias of the database with the leases.
    database: str = "default"
    #: After so long without a renewal another listener may take over.
    lease_timeout: float = 10.0
    #: The holder stops delivering so much earlier: clocks may differ in pace by that.
    lease_margin: float = 10.0 / 3
    #: How often the lease is renewed.
    renew_interval: float = 10.0 / 3
    #: How often a standby looks whether the lease is free.
    standby_interval: float = 0.5
    #: Whether a standby is logged in, with its events off.
    standby_login: bool = True
    #: How often a listener writes its row.
    heartbeat_interval: float = 5.0
    #: Which actions the action log has: those of ``users``, and of commands, or ``all``.
    audit: str = "users"
    #: Turns a telephone number into the text that the action log has instead of it.
    audit_mask: Callable[[str], str] | None = None
    #: How many entries of the action log may wait for the database.
    audit_buffer: int = 30_000
    #: How long the end of a process waits for them to be written.
    audit_close_seconds: float = 5.0
    #: The file in which a listener says how it is, for probes on its machine; empty for none.
    heartbeat_file: str = ""


def load() -> OperationsOptions:
    """Read ``AMI_OPERATIONS``. Raises ConfigurationError: one line with the option and the cure."""
    return options_of(read_mapping("AMI_OPERATIONS"))


def options_of(given: Mapping[str, Any]) -> OperationsOptions:
    """Options of a mapping. Raises ConfigurationError."""
    check_names(f"{_SETTING}: unknown option", given, _READERS)
    checked = {
        name: _READERS[name](f"{_SETTING}: option {name!r}", value) for name, value in given.items()
    }
    timeout = checked.get("lease_timeout", OperationsOptions().lease_timeout)
    for name in ("lease_margin", "renew_interval"):
        checked.setdefault(name, timeout / 3)
    options = OperationsOptions(**checked)
    if options.renew_interval + options.lease_margin >= options.lease_timeout:
        raise ConfigurationError(
            f"{_SETTING}: renew_interval and lease_margin together must be less than lease_timeout "
            f"({options.renew_interval:g} + {options.lease_margin:g} s are not less than "
            f"{options.lease_timeout:g} s)."
        )
    return options


def _seconds(what: str, value: object, least: float = 0.05) -> float:
    wanted = f"a number of seconds from {least:g} to {_LONGEST_SECONDS:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(what, wanted, value)
    if not least <= value <= _LONGEST_SECONDS:
        raise wrong(what, wanted, value)
    return float(value)


def _flag(what: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong(what, "True or False", value)
    return value


def _file(what: str, value: object) -> str:
    if not isinstance(value, str | PathLike) or (str(value) and not Path(value).is_absolute()):
        raise wrong(what, "an absolute path, or empty for no file", value)
    return str(value)


def _database(what: str, value: object) -> str:
    if not isinstance(value, str) or value not in settings.DATABASES:
        raise wrong(what, "a name of DATABASES", value)
    return value


def _audit(what: str, value: object) -> str:
    if value not in ("users", "all"):
        raise wrong(what, "'users' or 'all'", value)
    return str(value)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "database": _database,
    "lease_timeout": partial(_seconds, least=_SHORTEST_LEASE_SECONDS),
    "lease_margin": _seconds,
    "renew_interval": _seconds,
    "standby_interval": _seconds,
    "standby_login": _flag,
    "heartbeat_interval": _seconds,
    "audit": _audit,
    "audit_mask": as_function,
    "audit_buffer": as_count,
    "audit_close_seconds": _seconds,
    "heartbeat_file": _file,
}
