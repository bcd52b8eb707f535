"""The settings: the only reader of ``django.conf.settings``.

``AMI_SERVERS``         the servers by name: HOST, PORT, USERNAME, SECRET, TLS, OPTIONS; or URL
``AMI_OPTIONS``         options of all servers; a server's own ``OPTIONS`` are merged over them, key by key
``AMI_DEFAULT_SERVER``  where an action goes that names no server; optional when there is one server
``AMI_ROUTING``         ``"round_robin"``, ``"failover"``, or a pair of that and the names of the servers that take part
``AMI_CUSTOM_EVENTS``   names of events that Asterisk itself does not have, so that the checks know them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from django_ami.core.cluster import Strategy
from django_ami.core.config import Options, ServerConfig, did_you_mean, event_mask
from django_ami.core.errors import ConfigurationError

__all__ = [
    "AmiSettings",
    "custom_events",
    "is_debug",
    "load",
    "read_default",
    "read_mapping",
    "read_routing",
    "read_server",
]

NAMES = ("AMI_SERVERS", "AMI_OPTIONS", "AMI_DEFAULT_SERVER", "AMI_ROUTING", "AMI_CUSTOM_EVENTS")


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """The settings, read and checked."""

    servers: tuple[ServerConfig, ...]
    default: str | None
    routing: tuple[Strategy, tuple[str, ...]] | None

    def select(self, names: Iterable[str]) -> AmiSettings:
        """Only some of the servers, in the given order. Raises ConfigurationError for an unknown name."""
        known = {server.name: server for server in self.servers}
        for name in names:
            _check_known("server", name, known)
        chosen = tuple(known[name] for name in dict.fromkeys(names))
        default = self.default if self.default in {server.name for server in chosen} else None
        return AmiSettings(chosen, default, None)

    def with_events(self, mask: str) -> AmiSettings:
        """The same, with another mask of events for every server. Raises ConfigurationError."""
        return replace(
            self,
            servers=tuple(replace(server, options=replace(server.options, events=mask)) for server in self.servers),
        )


def load() -> AmiSettings:
    """Read the settings. Raises ConfigurationError: one line that names the setting or the server, and the cure."""
    found = _load()
    if isinstance(found, ConfigurationError):
        raise found  # here, where no local variable has a secret: a traceback may be shown with its locals
    return found


def _load() -> AmiSettings | ConfigurationError:
    try:
        return _read()
    except ConfigurationError as error:
        return ConfigurationError(error.message, server=error.server)


def _read() -> AmiSettings:
    entries = read_mapping("AMI_SERVERS")
    if not entries:
        raise ConfigurationError("the setting AMI_SERVERS is missing or empty: name one server at least in it.")
    servers = tuple(read_server(name, entry) for name, entry in entries.items())
    names = [server.name for server in servers]
    return AmiSettings(servers, read_default(names), read_routing(names))


def read_mapping(setting: str) -> Mapping[str, Any]:
    """A setting that is a mapping, empty if it is missing. Raises ConfigurationError for anything else."""
    value = getattr(settings, setting, None) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"the setting {setting} must be a mapping, not {type(value).__name__}.")
    return value


def read_server(name: object, entry: object) -> ServerConfig:
    """One entry of ``AMI_SERVERS``. Raises ConfigurationError."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"the setting AMI_SERVERS: a server's name must be a text, not {name!r}.")
    own = entry.get("OPTIONS") or {} if isinstance(entry, Mapping) else {}
    if not isinstance(own, Mapping):
        raise ConfigurationError(f"'OPTIONS' must be a mapping, not {type(own).__name__}.", server=name)
    try:
        shared = Options.from_mapping(read_mapping("AMI_OPTIONS"))
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_OPTIONS: {error.message}") from None
    try:
        options = Options.from_mapping({key: getattr(shared, key) for key in Options.names()}, own) if own else shared
        return ServerConfig.from_setting(name, entry, options)  # type: ignore[arg-type]  # it checks that itself
    except ConfigurationError as error:
        raise ConfigurationError(error.message, server=name) from None


def read_default(names: list[str]) -> str | None:
    """``AMI_DEFAULT_SERVER``, or the only one of these names. Raises ConfigurationError for another one."""
    default = getattr(settings, "AMI_DEFAULT_SERVER", None) or (names[0] if len(names) == 1 else None)
    if default is not None:
        _check_known("server in AMI_DEFAULT_SERVER", default, names)
    return default


def read_routing(names: list[str]) -> tuple[Strategy, tuple[str, ...]] | None:
    """``AMI_ROUTING`` among servers of these names. Raises ConfigurationError for what cannot be followed."""
    value = getattr(settings, "AMI_ROUTING", None)
    if not value:
        return None
    match value:
        case str():
            strategy, members = value, names
        case (str() as strategy, list() | tuple() as members):
            pass
        case _:
            raise ConfigurationError(
                "the setting AMI_ROUTING must be a strategy, or a pair of that and a list of names of servers, not "
                f"{value!r}."
            )
    strategies = [item.value for item in Strategy]
    _check_known("strategy in AMI_ROUTING", strategy, strategies)
    for name in members:
        _check_known("server in AMI_ROUTING", name, names)
    return Strategy(strategy), tuple(members)


def custom_events() -> dict[str, tuple[str, ...]]:
    """``AMI_CUSTOM_EVENTS``: names of events and the classes each has, as far as they are given.

    A mapping of names to classes (``{"DongleNewSMS": "call"}``), or a list of names. Raises ConfigurationError.
    """
    value = getattr(settings, "AMI_CUSTOM_EVENTS", None) or ()
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError(
            f"the setting AMI_CUSTOM_EVENTS must be a list of names of events, or a mapping of them to classes, not "
            f"{value!r}."
        )
    given = value if isinstance(value, Mapping) else dict.fromkeys(value, "off")
    try:
        masks = {name: event_mask(classes) for name, classes in given.items()}
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_CUSTOM_EVENTS: {error.message}") from None
    return {name: () if mask in ("on", "off") else tuple(mask.split(",")) for name, mask in masks.items()}


def is_debug() -> bool:
    """Django's ``DEBUG``: this is somebody's desk, and no site."""
    return bool(settings.DEBUG)


def _check_known(what: str, name: object, known: Iterable[str]) -> None:
    if name not in list(known):
        raise ConfigurationError(f"unknown {what}: {name!r}; {did_you_mean(str(name), known)}")
