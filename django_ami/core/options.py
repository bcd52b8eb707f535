"""The options of a server: how the client treats it. Each is checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import Any, Final, NamedTuple

from django_ami.core.arguments import did_you_mean, plain_text, shown
from django_ami.core.errors import ConfigurationError

__all__ = ["EVENT_CLASSES", "Options", "event_mask"]

#: More names than anybody gives: an iterable that goes on is not gone through to its end.
_MOST_NAMES: Final = 10_000

#: The classes of events that a mask may name (perms in main/manager.c). An unknown one is no error
#: to the server: it means that nothing comes, so it has to be refused here.
EVENT_CLASSES = (
    "system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting",
    "cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message",
)  # fmt: skip


def event_mask(classes: str | Iterable[str]) -> str:
    """Normalise a mask of events: ``"on"`` (all), ``"off"``, or class names joined by commas.

    Raises ConfigurationError for a name that is no class. The server's grammar (ast_instring in
    main/manager.c) neither trims blanks nor refuses unknown names; both would silently switch
    events off.
    """
    given: Any = classes.split(",") if isinstance(classes, str) else classes
    names = list(islice(given, _MOST_NAMES)) if isinstance(given, Iterable) else [given]
    if not all(isinstance(name, str) for name in names):
        raise ConfigurationError(
            f"the mask of events must be 'on', 'off' or names of classes, not {shown(classes)}."
        )
    names = [plain_text(name).strip().lower() for name in names]
    if names in (["on"], ["all"]):
        return "on"
    if names in (["off"], ["none"], []):
        return "off"
    for name in names:
        if name not in EVENT_CLASSES:
            raise ConfigurationError(
                f"{name!r} is not a class of events: {did_you_mean(name, EVENT_CLASSES)}"
            )
    return ",".join(dict.fromkeys(names))


class _Range(NamedTuple):
    """The values that an option may have."""

    least: float
    most: float
    unit: str
    whole: bool


def _seconds(default: float, least: float = 0.01) -> Any:
    return field(default=default, metadata={"range": _Range(least, 86_400, "seconds", whole=False)})


def _count(default: int, least: int = 1, unit: str = "") -> Any:
    return field(default=default, metadata={"range": _Range(least, 2**40, unit, whole=True)})


def _rate(default: float) -> Any:
    return field(default=default, metadata={"range": _Range(0, 100_000, "", whole=False)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the client treats a server. Times are in seconds, sizes in bytes.

    * ``auth_type``: ``md5`` (the secret is not on the wire) or ``plain``
    * ``events``: which events a listener asks for: ``on``, or class names with commas
    * ``server_filters``: ``auto`` has the server send a listener only events that have receivers
    * ``connect_timeout``: from the start of an attempt to the accepted login
    * ``boot_timeout``: how long a server that is still starting may take to say FullyBooted
    * ``boot_grace``: how long to wait for FullyBooted from an account that may not see it (no
      ``system``)
    * ``heartbeat_interval``: Ping when nothing was answered for so long
    * ``read_timeout``: a server that is silent, or answers no Ping, for so long is lost
    * ``frame_timeout``: a message that grows for so long and has no end is a fault; an answer has
      until the deadline of its action, and ``read_timeout`` more
    * ``action_timeout``: within which an action must be answered, if it has no time of its own
    * ``reconnect_initial``: the first retry comes within this; each further one within this, or a
      quarter of the time for which the server has been gone, whichever is longer
    * ``reconnect_max``: and never later than this
    * ``stable_after``: a connection that was ready for so long starts the retries anew; a shorter
      one makes good for as much of the outage as it was ready
    * ``auth_retry_interval``: a server that said Authentication failed is asked again after so
      long, and up to half as long again; 0 never, but by a reload
    * ``circuit_threshold``: after so many failures in a row, actions fail at once instead of
      waiting for a retry
    * ``idle_timeout``: a caller without actions for so long logs off; 0 never
    * ``max_pending_actions``: unanswered actions at a time: a bound against a server that answers
      nothing
    * ``write_buffer_limit``: bytes waiting to be written: a bound against a server that reads
      nothing
    * ``event_queue_capacity``: events waiting for receivers, per server
    * ``event_queue_bytes``: and the bytes of their messages
    * ``overload_policy``: which events go when they are too many: ``drop_oldest`` or
      ``drop_newest``
    * ``important_events``: names of events that go last
    * ``slow_receiver_threshold``: a receiver that takes so long is named in the log
    * ``max_frame_size``: the largest message; a CLI command's whole output is one
    * ``max_list_items``: the longest list of one action
    * ``max_originates_per_second``: how many calls ``originate`` makes in a second; 0 no limit
    * ``max_concurrent_originates``: how many of its calls go on at a time; 0 no limit
    """

    auth_type: str = "md5"
    events: str = "on"
    server_filters: str = "off"
    connect_timeout: float = _seconds(10.0)
    boot_timeout: float = _seconds(60.0)
    boot_grace: float = _seconds(1.0, least=0)
    heartbeat_interval: float = _seconds(15.0)
    read_timeout: float = _seconds(30.0)
    frame_timeout: float = _seconds(5.0)
    action_timeout: float = _seconds(30.0)
    reconnect_initial: float = _seconds(1.0)
    reconnect_max: float = _seconds(30.0)
    stable_after: float = _seconds(10.0, least=0)
    auth_retry_interval: float = _seconds(300.0, least=0)
    circuit_threshold: int = _count(5)
    idle_timeout: float = _seconds(300.0, least=0)
    max_pending_actions: int = _count(5_000)
    write_buffer_limit: int = _count(5 * 2**20, least=4096, unit="bytes")
    event_queue_capacity: int = _count(10_000, unit="events")
    event_queue_bytes: int = _count(64 * 2**20, least=4096, unit="bytes")
    overload_policy: str = "drop_oldest"
    important_events: tuple[str, ...] = (
        "Hangup",
        "Cdr",
        "AgentComplete",
        "OriginateResponse",
        "QueueCallerAbandon",
    )
    slow_receiver_threshold: float = _seconds(1.0)
    max_frame_size: int = _count(4 * 2**20, least=4096, unit="bytes")
    max_list_items: int = _count(200_000)
    max_originates_per_second: float = _rate(0)
    max_concurrent_originates: int = _count(0, least=0)

    def __post_init__(self) -> None:
        for item in fields(self):
            if bounds := item.metadata.get("range"):
                object.__setattr__(
                    self, item.name, _number(item.name, getattr(self, item.name), bounds)
                )
        for name, choices in _CHOICES.items():
            given = getattr(self, name)
            if not isinstance(given, str) or plain_text(given) not in choices:
                first, second = choices
                raise ConfigurationError(
                    f"option {name!r} must be {first!r} or {second!r}, not {shown(given)}."
                )
            object.__setattr__(self, name, plain_text(given))
        object.__setattr__(self, "important_events", _names(self.important_events))
        object.__setattr__(self, "events", event_mask(self.events))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of all options."""
        return tuple(item.name for item in fields(cls))

    @classmethod
    def from_mapping(cls, *mappings: Mapping[str, Any]) -> Options:
        """Options from mappings, a later one over an earlier one, key by key.

        Raises ConfigurationError.
        """
        merged: dict[str, Any] = {}
        for mapping in mappings:
            if not isinstance(mapping, Mapping):
                raise ConfigurationError(f"options must be a mapping, not {shown(mapping)}.")
            for name, value in mapping.items():
                if name not in cls.names():
                    raise ConfigurationError(
                        f"unknown option {shown(name)}: {did_you_mean(str(name), cls.names())}"
                    )
                merged[name] = value
        return cls(**merged)


_CHOICES: Final = {
    "auth_type": ("md5", "plain"),
    "overload_policy": ("drop_oldest", "drop_newest"),
    "server_filters": ("off", "auto"),
}


def _names(value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, Iterable) and not isinstance(value, str)
    names: list[Any] = list(islice(value, _MOST_NAMES)) if is_list else [None]
    if not all(isinstance(name, str) and name for name in names):
        raise ConfigurationError(
            f"option 'important_events' must be a list of names of events, not {shown(value)}."
        )
    return tuple(map(plain_text, names))


def _number(name: str, value: Any, bounds: _Range) -> float:
    """The number that an option is, and no subclass of it.

    Raises ConfigurationError for what it may not be.
    """
    kind = "a whole number" if bounds.whole else "a number"
    unit = f" of {bounds.unit}" if bounds.unit else ""
    allowed = int if bounds.whole else int | float
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise ConfigurationError(f"option {name!r} must be {kind}{unit}, not {shown(value)}.")
    value = int.__index__(value) if isinstance(value, int) else float.__float__(value)
    if not bounds.least <= value <= bounds.most:
        span = f"from {bounds.least:.15g} to {bounds.most:.15g} {bounds.unit}".rstrip()
        raise ConfigurationError(f"option {name!r} must be {span}, not {shown(value)}.")
    return value  # type: ignore[no-any-return]  # one of the two
