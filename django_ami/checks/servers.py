"""Do the servers fit together, and each with itself?

Those that cannot be read are left to E001 to E008.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.checks import CheckMessage, Warning  # noqa: A004  (its name in Django)

from django_ami import conf
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_ami.core.config import ServerConfig

__all__ = ["check_heartbeat", "check_twins", "entries", "identity", "readable_servers"]


def entries(*, asked: bool) -> Mapping[str, Any]:
    """The entries of AMI_SERVERS.

    None of a function's, which may ask a database, unless it is to be ``asked``.

    Raises ConfigurationError.
    """
    return conf.read_servers() if asked or conf.servers_function() is None else {}


def readable_servers(*, asked: bool) -> Iterator[ServerConfig]:
    """The servers of AMI_SERVERS to connect to that have no fault of their own."""
    with suppress(ConfigurationError):
        for name, entry in entries(asked=asked).items():
            with suppress(ConfigurationError):
                server = conf.read_server(name, entry)
                if conf.read_backend(name, entry) is None:
                    yield server


def check_heartbeat(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W001: a heartbeat that is too rare, so that a quiet server seems lost."""
    return [
        Warning(
            f"{server.name}: the option heartbeat_interval ({server.options.heartbeat_interval:g} "
            f"s) is not below read_timeout ({server.options.read_timeout:g} s); half of the "
            "latter is used.",
            hint="Make read_timeout at least twice the heartbeat_interval.",
            obj="AMI_SERVERS",
            id="django_ami.W001",
        )
        for server in readable_servers(asked=asked)
        if server.options.heartbeat_interval >= server.options.read_timeout
    ]


def identity(server: ServerConfig) -> tuple[str, int, str]:
    """Host, port and user: two servers that have the same ones are one and the same.

    No name is looked up.

    Asterisk compares names of users without case (get_manager_by_name_locked in main/manager.c).
    """
    host = server.host.lower()
    return "127.0.0.1" if host == "localhost" else host, server.port, server.username.lower()


def check_twins(*, asked: bool = False, **_: Any) -> list[CheckMessage]:
    """django_ami.W002: two servers that are one and the same, so that every event arrives twice."""
    first: dict[tuple[str, int, str], str] = {}
    found: list[CheckMessage] = []
    for server in readable_servers(asked=asked):
        twin = first.setdefault(identity(server), server.name)
        if twin != server.name:
            found.append(
                Warning(
                    (
                        f"{server.name}: it has the address and user of {twin}: "
                        f"{server.username!r} at {server.address}."
                    ),
                    hint="Remove one of them: with both, a worker gets every event twice.",
                    obj="AMI_SERVERS",
                    id="django_ami.W002",
                )
            )
    return found
