"""The settings: the only reader of ``django.conf.settings``.

``AMI_SERVERS``         the servers by name: HOST, PORT, USERNAME, SECRET, TLS, OPTIONS; or URL; or BACKEND;
                        or a function without arguments that gives them, or the dotted path of one
``AMI_OPTIONS``         options of all servers; a server's own ``OPTIONS`` are merged over them, key by key
``AMI_DEFAULT_SERVER``  where an action goes that names no server; optional when there is one server
``AMI_ROUTING``         ``"round_robin"``, ``"failover"``, or a pair of that and the names of the servers that take part
``AMI_CUSTOM_EVENTS``   names of events that Asterisk itself does not have, so that the checks know them
``AMI_DISPATCH``        which errors of a receiver are worth another attempt, and for how long
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from django_ami.core import permission
from django_ami.core.cluster import Strategy
from django_ami.core.config import Options, ServerConfig, did_you_mean, event_mask
from django_ami.core.errors import ConfigurationError, ConnectionForbidden
from django_ami.core.failures import Retry
from django_ami.core.receivers import dotted_name

__all__ = [
    "AmiSettings",
    "custom_events",
    "import_backend",
    "is_debug",
    "load",
    "read_backend",
    "read_default",
    "read_mapping",
    "read_retry",
    "read_routing",
    "read_server",
    "read_servers",
    "retry_of",
    "servers_function",
]

NAMES = ("AMI_SERVERS", "AMI_OPTIONS", "AMI_DEFAULT_SERVER", "AMI_ROUTING", "AMI_CUSTOM_EVENTS", "AMI_DISPATCH")

#: The client that connects to the servers.
_BACKEND: Final = "django_ami.core.client"

#: What a database that goes away, and one that is busy, makes Django raise.
_RETRY_ERRORS: Final = ("django.db.OperationalError", "django.db.InterfaceError")


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """The settings, read and checked."""

    servers: tuple[ServerConfig, ...]
    default: str | None
    routing: tuple[Strategy, tuple[str, ...]] | None
    backends: Mapping[str, str] = field(default_factory=dict)
    """The modules of the clients, by name of server, where one is named."""

    def backend(self, server: str) -> str:
        """The module whose client serves a server."""
        return self.backends.get(server, _BACKEND)

    def connectable(self) -> AmiSettings:
        """The same, for who connects by himself.

        Raises ConfigurationError if there is nothing to connect to, or if tests run here and may not connect.
        """
        for name, path in self.backends.items():
            raise ConfigurationError(f"its BACKEND {path!r} has no server to connect to: remove it.", server=name)
        for server in self.servers:
            try:
                permission.check(server.host, server.port)
            except ConnectionForbidden as error:
                raise ConfigurationError(error.message, server=server.name) from None
        return self

    def select(self, names: Iterable[str]) -> AmiSettings:
        """Only some of the servers, in the given order. Raises ConfigurationError for an unknown name."""
        names = list(names)
        known = {server.name: server for server in self.servers}
        for name in names:
            _check_known("server", name, known)
        chosen = tuple(known[name] for name in dict.fromkeys(names))
        default = self.default if self.default in {server.name for server in chosen} else None
        backends = {name: path for name, path in self.backends.items() if name in names}
        return replace(self, servers=chosen, default=default, routing=None, backends=backends)

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
    entries = read_servers()
    if not entries:
        raise ConfigurationError("the setting AMI_SERVERS is missing or empty: name one server at least in it.")
    servers = tuple(read_server(name, entry) for name, entry in entries.items())
    names = [server.name for server in servers]
    backends = {name: path for name, entry in entries.items() if (path := read_backend(name, entry)) is not None}
    read_retry()  # refused here as well, before anything is opened
    return AmiSettings(servers, read_default(names), read_routing(names), backends)


def read_mapping(setting: str) -> Mapping[str, Any]:
    """A setting that is a mapping, empty if it is missing. Raises ConfigurationError for anything else."""
    value = getattr(settings, setting, None) or {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"the setting {setting} must be a mapping, not {type(value).__name__}.")
    return value


def servers_function() -> Callable[[], Any] | None:
    """The function that ``AMI_SERVERS`` is, or names; None for a mapping.

    Raises ConfigurationError for a path that leads to none.
    """
    value = getattr(settings, "AMI_SERVERS", None)
    # Any other text may be a URL, and have a secret in it.
    if isinstance(value, str) and all(part.isidentifier() for part in value.split(".")):
        try:
            value = import_string(value)
        except Exception as error:  # noqa: BLE001  (whatever somebody's module raises; it is told)
            raise ConfigurationError(
                f"the setting AMI_SERVERS names {value!r}, which cannot be imported ({_first_line(error)}): set it to "
                "a mapping, to a function, or to the dotted path of a function."
            ) from None
        if not callable(value):
            raise ConfigurationError(
                f"the setting AMI_SERVERS names {settings.AMI_SERVERS!r}, which is no function but "
                f"{type(value).__name__}: name a function that returns the servers, or set it to a mapping."
            )
    return value if callable(value) and not isinstance(value, Mapping) else None


def read_servers() -> Mapping[str, Any]:
    """The entries of ``AMI_SERVERS``: those of the setting, or what its function returns now.

    Raises ConfigurationError, with what the function raised in one line.
    """
    function = servers_function()
    if function is None:
        return read_mapping("AMI_SERVERS")
    what = f"the function of the setting AMI_SERVERS, {dotted_name(function)},"
    try:
        found = _call(function)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever somebody's function raises; it is told)
        raise ConfigurationError(f"{what} raised {type(error).__name__}: {_first_line(error)}") from None
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"{what} must return a mapping, not {type(found).__name__}.")
    if not found:
        raise ConfigurationError(f"{what} returned no server: add one at least.")
    return found


def _call(function: Callable[[], Any]) -> Any:
    """What the function returns. Django allows no query in a thread whose event loop runs: there another one asks."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:  # noqa: SLF001  (the documented fast form)
        return function()

    def ask() -> Any:
        try:
            return function()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or "it gave no reason"


def read_server(name: object, entry: object) -> ServerConfig:
    """One entry of ``AMI_SERVERS``. Raises ConfigurationError."""
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"the setting AMI_SERVERS: a server's name must be a text that is not empty, not {name!r}."
        )
    own = entry.get("OPTIONS") or {} if isinstance(entry, Mapping) else {}
    if not isinstance(own, Mapping):
        raise ConfigurationError(f"'OPTIONS' must be a mapping, not {type(own).__name__}.", server=name)
    try:
        shared = Options.from_mapping(read_mapping("AMI_OPTIONS"))
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_OPTIONS: {error.message}") from None
    try:
        options = Options.from_mapping({key: getattr(shared, key) for key in Options.names()}, own) if own else shared
        return ServerConfig.from_setting(name, _complete(name, entry), options)  # type: ignore[arg-type]  # checked there
    except ConfigurationError as error:
        raise ConfigurationError(error.message, server=name) from None


def _complete(name: str, entry: object) -> object:
    """A server of the core has to have an address and an account: one that needs none has those of nobody."""
    if not isinstance(entry, Mapping) or "BACKEND" not in entry or "URL" in entry:
        return entry
    return {"HOST": f"{name}.invalid", "USERNAME": "nobody", "SECRET": "nothing", **entry}


def read_backend(name: str, entry: Mapping[str, Any]) -> str | None:
    """The ``BACKEND`` of an entry of ``AMI_SERVERS``; None for the one that connects. Raises ConfigurationError."""
    path = entry.get("BACKEND")
    if path is None:
        return None
    try:
        if not isinstance(path, str):
            raise ConfigurationError(f"'BACKEND' must be the name of a module, not {path!r}.")
        import_backend(path)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, server=name) from None
    return None if path == _BACKEND else path


def import_backend(path: str) -> Any:
    """The client of a backend: what is made, and behaves, as ``django_ami.core.client.Client``.

    Raises ConfigurationError if there is no such module, or no ``Client`` in it.
    """
    example = "it names a module with a Client, such as 'django_ami.testing.locmem'."
    try:
        module = import_module(path)
    except Exception as error:  # noqa: BLE001  (whatever somebody's module raises; it is told)
        raise ConfigurationError(f"'BACKEND' {path!r} cannot be imported ({error}): {example}") from None
    if not hasattr(module, "Client"):
        raise ConfigurationError(f"'BACKEND' {path!r} has no Client: {example}")
    return module.Client


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


def read_retry() -> Retry:
    """``AMI_DISPATCH``: what is done when a receiver raises. Raises ConfigurationError."""
    options = read_mapping("AMI_DISPATCH")
    try:
        return retry_of(options)
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_DISPATCH: {error.message}") from None


def retry_of(options: Mapping[str, Any]) -> Retry:
    """A policy from the options of ``AMI_DISPATCH``. Raises ConfigurationError for one that cannot be followed."""
    named = options.get("retry_errors", _RETRY_ERRORS)
    if isinstance(named, str) or not isinstance(named, Iterable):
        raise ConfigurationError(f"option 'retry_errors' must be a list of exceptions, not {named!r}.")
    return Retry.from_mapping({**options, "retry_errors": tuple(map(_exception, named))})


def _exception(named: object) -> type[Exception]:
    """An exception class, or what its dotted path names."""
    try:
        found = import_string(named) if isinstance(named, str) else named
    except ImportError as error:
        raise ConfigurationError(f"option 'retry_errors' names {named!r}, which cannot be imported: {error}.") from None
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise ConfigurationError(
            f"option 'retry_errors' must name exceptions, such as 'django.db.OperationalError', not {named!r}."
        )
    return found


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
