"""System checks: one small function per concern, each with an id of its own; never a socket."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)

from django_ami import conf
from django_ami.core.errors import ConfigurationError

__all__ = ["check_heartbeat", "check_settings"]


def check_settings(**_: Any) -> list[CheckMessage]:
    """django_ami.E001: the settings cannot be used."""
    try:
        conf.load()
    except ConfigurationError as error:
        return [Error(f"The AMI settings cannot be used: {error}", id="django_ami.E001")]
    return []


def check_heartbeat(**_: Any) -> list[CheckMessage]:
    """django_ami.W001: a heartbeat that comes too late to keep a quiet server from being taken for lost."""
    try:
        servers = conf.load().servers
    except ConfigurationError:
        return []  # E001 says it
    return [
        Warning(
            f"{server.name}: the option heartbeat_interval ({server.options.heartbeat_interval:g} s) is not below "
            f"read_timeout ({server.options.read_timeout:g} s); half of the latter is used.",
            hint="Make read_timeout at least twice the heartbeat_interval.",
            id="django_ami.W001",
        )
        for server in servers
        if server.options.heartbeat_interval >= server.options.read_timeout
    ]
