"""``AMI_FORWARD``: the engine onto which a listener forwards events."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from django_ami.conf.dispatch import BY_CALL, parallel_of
from django_ami.conf.once import once_of
from django_ami.conf.reading import MOST_NAMES, check_known, imported
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from django_ami.core.messages import Event

__all__ = ["EVERY_EVENT", "FORWARD_KEYS", "OUTLETS", "Forward", "needed_forward", "read_forward"]

_SETTING: Final = "AMI_FORWARD"
#: A name that suggests itself, and that nothing reads.
_NO_SETTING: Final = "AMI_TASKS"
#: The outlets by their short names.
OUTLETS: Final = {
    "redis": "django_ami.forwarding.redis.RedisOutlet",
    "celery": "django_ami.forwarding.celery.CeleryOutlet",
    "tasks": "django_ami.forwarding.tasks.TasksOutlet",
}
FORWARD_KEYS: Final = (
    "OUTLET", "URL", "PARTITIONS", "PARTITION", "EVENTS", "LOCAL", "SPOOL", "SPOOL_BYTES",
    "MAX_AGE", "OPTIONS", "ONCE",
)  # fmt: skip
#: ``EVENTS`` for whatever comes.
EVERY_EVENT: Final = "*"
#: More are of no use: each is a stream or a queue of the engine.
MOST_PARTITIONS: Final = 1_024
_LEAST_SPOOL_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Forward:
    """The engine, the events that it gets, and the spool for the time while it is away.

    * ``outlet``: a short name of ``OUTLETS``, or the dotted path of a class
    * ``url``: the engine's address; it may have a password, and is not shown
    * ``partitions``: over how many streams or queues calls are spread
    * ``partition``: gives the key of an event, whose equals stay in order; None is by calls
    * ``events``: names in lower case; ``{"*"}`` is every event; None are those with receivers in
      this project
    * ``local``: whether the listener's own receivers run as well
    * ``spool``: the directory of what is kept; None keeps it in memory alone
    * ``spool_bytes``: the most that is kept
    * ``max_age``: for how many seconds the engine keeps events
    * ``options``: those of the outlet
    """

    outlet: str
    url: str = field(default="", repr=False)
    partitions: int = 16
    partition: Callable[[Event], object] | None = None
    events: frozenset[str] | None = None
    local: bool = False
    spool: Path | None = None
    spool_bytes: int = 4 * 2**30
    max_age: float = 86_400.0
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """Where events go, without anything that might be secret."""
        engine = f"{self.outlet} at {_host_of(self.url)}" if self.url else self.outlet
        receivers = "beside" if self.local else "instead of"
        return (
            f"to {engine}, in {self.partitions} partitions, {receivers} receivers here; "
            f"spool {self.spool or 'in memory'}"
        )

    @property
    def outlet_class(self) -> Any:
        """The class of the outlet, made with this object.

        Raises ConfigurationError if it cannot be imported, which names what to install.
        """
        path = OUTLETS.get(self.outlet, self.outlet)
        cure = f": pip install 'django-ami[{self.outlet}]'" if self.outlet in OUTLETS else ""
        found = imported(path, f"the setting {_SETTING}: 'OUTLET'", f"{cure}.")
        if not all(callable(getattr(found, name, None)) for name in ("open", "publish", "close")):
            raise ConfigurationError(
                f"the setting {_SETTING}: 'OUTLET' must be one of {', '.join(OUTLETS)}, or the "
                f"dotted path of a class with the methods of an outlet, not {shown(self.outlet)}."
            )
        return found


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.path if parts.scheme == "unix" else parts.hostname
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host = None
    return f"{host}{port}" if host else "an unreadable address"


def read_forward() -> Forward | None:
    """``AMI_FORWARD``; None if nothing is forwarded, as if it has ``ONCE`` alone.

    Raises ConfigurationError.
    """
    value = getattr(settings, _SETTING, None)
    if hasattr(settings, _NO_SETTING):
        raise ConfigurationError(
            f"there is no setting {_NO_SETTING}: remove it, and set {_SETTING} = "
            "{'OUTLET': 'tasks', 'SPOOL': …, 'OPTIONS': {'BACKEND': …}}, which hands events to "
            "Django's tasks."
        )
    if value is None:
        return None
    try:
        return _forward_of(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting {_SETTING}: {error.message}") from None


def needed_forward() -> Forward:
    """``AMI_FORWARD`` for a worker. Raises ConfigurationError, also if nothing is forwarded."""
    forward = read_forward()
    if forward is None:
        raise ConfigurationError(
            "the setting AMI_FORWARD is missing: a worker needs the one of the listeners."
        )
    return forward


def _forward_of(value: object) -> Forward | None:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"it must be a mapping, not {type(value).__name__}.")
    for key in islice(value, MOST_NAMES):
        check_known("key", key, FORWARD_KEYS)
    once_of(value.get("ONCE"))
    if [*value] == ["ONCE"]:
        return None
    return Forward(
        outlet=_outlet(value),
        url=_text(value, "URL"),
        partitions=_whole(value, "PARTITIONS", 16, 1, MOST_PARTITIONS),
        partition=_partition(value),
        events=_events(value.get("EVENTS")),
        local=_truth(value, "LOCAL"),
        spool=_directory(value),
        spool_bytes=_whole(value, "SPOOL_BYTES", 4 * 2**30, _LEAST_SPOOL_BYTES, 2**50),
        max_age=_whole(value, "MAX_AGE", 86_400, 1, 10**9),
        options=_options(value),
    )


def _outlet(value: Mapping[str, Any]) -> str:
    outlet = value.get("OUTLET")
    if not isinstance(outlet, str) or not outlet:
        raise ConfigurationError(
            f"'OUTLET' must be one of {', '.join(OUTLETS)}, or the dotted path of a class, not "
            f"{shown(outlet)}."
        )
    if "." not in outlet:
        check_known("outlet", outlet, OUTLETS)
    return outlet


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key, "")
    if not isinstance(found, str):
        raise ConfigurationError(f"{key!r} must be a text, not a {type(found).__name__}.")
    return found


def _whole(value: Mapping[str, Any], key: str, default: int, least: int, most: int) -> int:
    found = value.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise ConfigurationError(
            f"{key!r} must be a whole number from {least} to {most}, not {shown(found)}."
        )
    return found


def _truth(value: Mapping[str, Any], key: str) -> bool:
    found = value.get(key, False)
    if not isinstance(found, bool):
        raise ConfigurationError(f"{key!r} must be True or False, not {shown(found)}.")
    return found


def _partition(value: Mapping[str, Any]) -> Callable[[Event], object] | None:
    return parallel_of({"partition": value.get("PARTITION", BY_CALL)}).partition


def _events(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    names = list(islice(value, MOST_NAMES)) if isinstance(value, Iterable) else [value]
    if value == EVERY_EVENT:
        return frozenset({EVERY_EVENT})
    if isinstance(value, str) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(
            f"'EVENTS' must be None (the events that have receivers), {EVERY_EVENT!r} (every "
            f"event) or a list of names of events, not {shown(value)}."
        )
    return frozenset(str(name).lower() for name in names)


def _directory(value: Mapping[str, Any]) -> Path | None:
    if "SPOOL" not in value:
        raise ConfigurationError(
            "'SPOOL' is missing: name a directory on a disk of this host, in which events are kept "
            "while the engine is away; or None, to keep them in memory, where they are lost with "
            "the process."
        )
    found = value["SPOOL"]
    if found is None:
        return None
    if (
        not isinstance(found, str | os.PathLike)
        or not (path := Path(found)).is_absolute()
        or not _is_for_a_system(path)
    ):
        raise ConfigurationError(
            f"'SPOOL' must be the absolute path of a directory, or None, not {shown(found)}."
        )
    return path


def _is_for_a_system(path: Path) -> bool:
    """False for a path with characters that no system takes."""
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _options(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = value.get("OPTIONS", {})
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"'OPTIONS' must be a mapping, not {type(found).__name__}.")
    return dict(found)
