"""The words of this listener about itself, for the heartbeat file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django_ami
from django_ami.operations.heartbeats import HOST, counters_of
from django_ami.tools.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.client import Client, ServerStatus
    from django_ami.core.config import ServerConfig
    from django_ami.operations.heartbeats import Heartbeats, Role

__all__ = ["Report"]


class Report:
    """Of the servers of a client. ``role`` says which part this process has for one of them."""

    def __init__(self, client: Client, role: Role, heartbeats: Heartbeats) -> None:
        self._client = client
        self._heartbeats = heartbeats
        self._role = role
        self._servers: tuple[str, ...] = ()
        self._progress = Progress(client)
        self._started = _now()
        #: By server: its state, and since when.
        self._states: dict[str, tuple[str, str]] = {}

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        """These are the servers from now on."""
        self._servers = tuple(server.name for server in servers)

    def said(self) -> dict[str, Any]:
        """All of it, for JSON. For one thread alone."""
        status = self._client.status()
        of_process = self._heartbeats.of_process(self._progress)
        return {
            "host": HOST,
            "version": django_ami.__version__,
            "started": self._started,
            "servers": [
                self._of(name, status[name], of_process) for name in self._servers if name in status
            ],
        }

    def _of(self, name: str, status: ServerStatus, of_process: dict[str, int]) -> dict[str, Any]:
        role, token = self._role(name)
        if self._states.get(name, ("", ""))[0] != status.state:
            self._states[name] = status.state, _now()
        return {
            "server": name,
            "role": role.value,
            "token": token,
            "state": status.state,
            "since": self._states[name][1],
            "last_error": status.last_error or "",
            "counters": {**counters_of(status), **of_process},
        }


def _now() -> str:
    return datetime.now(UTC).isoformat()
