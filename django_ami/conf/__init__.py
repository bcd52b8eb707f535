"""The settings: the only reader of ``django.conf.settings``.

* ``AMI_SERVERS``: the servers by name: HOST, PORT, USERNAME, SECRET, TLS, OPTIONS; or URL; or
  BACKEND; or a function without arguments that gives them, or the dotted path of one.
* ``AMI_OPTIONS``: options of all servers; a server's own ``OPTIONS`` are merged over them, key by
  key.
* ``AMI_DEFAULT_SERVER``: where an action goes that names no server; optional when there is one
  server.
* ``AMI_ROUTING``: ``"round_robin"``, ``"failover"``, or a pair of that and the names of the servers
  that take part.
* ``AMI_CUSTOM_EVENTS``: names of events that Asterisk itself does not have, so that the checks know
  them.
* ``AMI_DISPATCH``: on how many threads receivers run; which of their errors are worth another
  attempt, and for how long.
* ``AMI_LIVE``: the options of the live picture: trunks, channel variables, figures of queues.
* ``AMI_FEED``: where live pictures are published for the other processes of the project.
* ``AMI_FORWARD``: the engine onto which a listener forwards events.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from django.conf import settings

from django_ami.conf.dispatch import (
    Parallel,
    folded,
    parallel_of,
    read_parallel,
    read_retry,
    retry_of,
)
from django_ami.conf.dispatch import option_names as dispatch_options
from django_ami.conf.reading import MOST_NAMES, check_known, read_mapping
from django_ami.conf.servers import (
    BACKEND,
    import_backend,
    read_backend,
    read_server,
    read_servers,
    servers_function,
)
from django_ami.core import permission
from django_ami.core.arguments import shown
from django_ami.core.cluster import Strategy
from django_ami.core.errors import ConfigurationError, ConnectionForbidden
from django_ami.core.options import event_mask
from django_ami.live import options as live

if TYPE_CHECKING:
    from django_ami.core.config import ServerConfig

__all__ = [
    "AmiSettings",
    "Parallel",
    "custom_events",
    "dispatch_options",
    "folded",
    "import_backend",
    "is_debug",
    "load",
    "parallel_of",
    "read_backend",
    "read_default",
    "read_live",
    "read_mapping",
    "read_parallel",
    "read_retry",
    "read_routing",
    "read_server",
    "read_servers",
    "retry_of",
    "servers_function",
]

NAMES = (
    "AMI_SERVERS",
    "AMI_OPTIONS",
    "AMI_DEFAULT_SERVER",
    "AMI_ROUTING",
    "AMI_CUSTOM_EVENTS",
    "AMI_DISPATCH",
    "AMI_LIVE",
    "AMI_FEED",
    "AMI_FORWARD",
)


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
        return self.backends.get(server, BACKEND)

    def connectable(self) -> AmiSettings:
        """These settings, for a command that opens its own connections.

        Raises ConfigurationError if there is nothing to connect to, or if tests run here and may
        not connect.
        """
        for name, path in self.backends.items():
            raise ConfigurationError(
                f"its BACKEND {path!r} has no server to connect to: remove it.", server=name
            )
        for server in self.servers:
            try:
                permission.check(server.host, server.port)
            except ConnectionForbidden as error:
                raise ConfigurationError(error.message, server=server.name) from None
        return self

    def select(self, names: Iterable[str]) -> AmiSettings:
        """Only some of the servers, in the given order.

        Raises ConfigurationError for an unknown name.
        """
        names = list(names)
        known = {server.name: server for server in self.servers}
        for name in names:
            check_known("server", name, known)
        chosen = tuple(known[name] for name in dict.fromkeys(names))
        default = self.default if self.default in {server.name for server in chosen} else None
        backends = {name: path for name, path in self.backends.items() if name in names}
        return replace(self, servers=chosen, default=default, routing=None, backends=backends)

    def with_events(self, mask: str) -> AmiSettings:
        """These settings, with another mask of events for every server.

        Raises ConfigurationError.
        """
        return replace(
            self,
            servers=tuple(
                replace(server, options=replace(server.options, events=mask))
                for server in self.servers
            ),
        )


def load() -> AmiSettings:
    """Read the settings.

    Raises ConfigurationError: one line that names the setting or the server, and the cure.
    """
    found = _load()
    if isinstance(found, ConfigurationError):
        # Here, where no local variable has a secret: a traceback may be shown with its locals
        raise found
    return found


def _load() -> AmiSettings | ConfigurationError:
    try:
        return _read()
    except ConfigurationError as error:
        return error.at(error.server)


def _read() -> AmiSettings:
    entries = read_servers()
    if not entries:
        raise ConfigurationError(
            "the setting AMI_SERVERS is missing or empty: name one server at least in it."
        )
    servers = tuple(read_server(name, entry) for name, entry in entries.items())
    names = [server.name for server in servers]
    backends = {
        name: path
        for name, entry in entries.items()
        if (path := read_backend(name, entry)) is not None
    }
    read_live()
    read_retry()  # refused here as well, before anything is opened
    return AmiSettings(servers, read_default(names), read_routing(names), backends)


def read_default(names: list[str]) -> str | None:
    """``AMI_DEFAULT_SERVER``, or the only one of these names.

    Raises ConfigurationError for another one.
    """
    default = getattr(settings, "AMI_DEFAULT_SERVER", None) or (
        names[0] if len(names) == 1 else None
    )
    if default is not None:
        check_known("server in AMI_DEFAULT_SERVER", default, names)
    return default


def read_routing(names: list[str]) -> tuple[Strategy, tuple[str, ...]] | None:
    """``AMI_ROUTING`` among servers of these names.

    Raises ConfigurationError for what cannot be followed.
    """
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
                "the setting AMI_ROUTING must be a strategy, or a pair of that and a list of "
                f"names of servers, not {shown(value)}."
            )
    strategies = [item.value for item in Strategy]
    check_known("strategy in AMI_ROUTING", strategy, strategies)
    for name in members:
        check_known("server in AMI_ROUTING", name, names)
    return Strategy(strategy), tuple(members)


def read_live() -> live.Options:
    """``AMI_LIVE``: the options of the live picture. Raises ConfigurationError."""
    try:
        return live.options_of({"utc_offset": _utc_offset, **read_mapping("AMI_LIVE")})
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_LIVE: {error.message}") from None


def _utc_offset(when: float) -> float:
    """Of the local time of this machine, which is taken for that of the servers."""
    return time.localtime(when).tm_gmtoff


def custom_events() -> dict[str, tuple[str, ...]]:
    """``AMI_CUSTOM_EVENTS``: names of events and the classes each has, as far as they are given.

    A mapping of names to classes (``{"DongleNewSMS": "call"}``), or a list of names. Raises
    ConfigurationError.
    """
    value = getattr(settings, "AMI_CUSTOM_EVENTS", None) or ()
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        value = list(islice(value, MOST_NAMES))
    if (
        isinstance(value, str)
        or not isinstance(value, Iterable)
        or not all(isinstance(name, str) for name in value)
    ):
        raise ConfigurationError(
            "the setting AMI_CUSTOM_EVENTS must be a list of names of events, or a mapping of "
            f"them to classes, not {shown(value)}."
        )
    given = value if isinstance(value, Mapping) else dict.fromkeys(value, "off")
    try:
        masks = {name: event_mask(classes) for name, classes in given.items()}
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_CUSTOM_EVENTS: {error.message}") from None
    return {
        name: () if mask in ("on", "off") else tuple(mask.split(","))
        for name, mask in masks.items()
    }


def is_debug() -> bool:
    """Django's ``DEBUG``: this is somebody's desk, and no site."""
    return bool(settings.DEBUG)
