"""The companion of a run of ``ami_listen``: it decides of which servers events are delivered.

The base app has no tables, and its companion delivers all. An app with tables registers a better
one: ``django_ami.operations`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django_ami.core.errors import ConfigurationError
from django_ami.dispatch import Dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig

    #: Makes the companion of a run: of its client and servers; see ``companion_of``.
    Make = Callable[..., "Companion"]

__all__ = ["Alone", "Companion", "companion_of", "register"]


class Companion(Protocol):
    """Accompanies one run, from before it connects until its last event is delivered."""

    def dispatcher(self, *arguments: Any, **named: Any) -> Dispatcher:
        """The dispatcher of the run; the arguments are those of ``Dispatcher``."""

    def connect(self) -> None:
        """Connect the client to its servers, now or when their events are to be delivered."""

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        """These are the servers from now on."""

    def tell(self) -> None:
        """A server has become ready: other processes should know it now. Does not wait."""

    def end(self) -> None:
        """The last event is delivered, and the client is closed. Waits for a moment at most."""


class Alone:
    """The companion of a listener that delivers all that it receives."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def dispatcher(self, *arguments: Any, **named: Any) -> Dispatcher:
        return Dispatcher(*arguments, **named)

    def connect(self) -> None:
        self._client.connect()

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        """Nothing depends on them."""

    def tell(self) -> None:
        """Nobody has to know."""

    def end(self) -> None:
        """Nobody has to know."""


_registered: list[Make] = []


def register(make: Make) -> None:
    """Have ``make`` make the companions; of several, the last one counts."""
    _registered.append(make)


def companion_of(
    client: Client, servers: Iterable[ServerConfig], *, standby: bool, meant: bool = False
) -> Companion:
    """The companion of a run; ``meant`` if others that deliver the same are meant to be there.

    Raises ConfigurationError if a ``standby`` is wanted, and no app gives leases.
    """
    if _registered:
        return _registered[-1](client, servers, standby=standby, meant=meant)
    if standby:
        raise ConfigurationError(
            "--standby needs leases: add 'django_ami.operations' to INSTALLED_APPS and run migrate."
        )
    return Alone(client)
