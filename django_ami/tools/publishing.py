"""The ways out of a listener beside its receivers: its live pictures, and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami import feeds
from django_ami.conf.forward import read_forward

if TYPE_CHECKING:
    from django_ami.core.client import Client
    from django_ami.feeding import Feeding
    from django_ami.forwarding.forwarder import Forwarder

__all__ = ["feeding_of", "forwarder_of"]


def feeding_of(client: Client) -> Feeding | None:
    """The publisher of the live pictures; None if the project has no feed (AMI_FEED).

    Raises ConfigurationError.
    """
    backend = feeds.backend()
    if backend is None:
        return None
    from django_ami.feeding import Feeding  # most projects never need it

    def received(server: str) -> int:
        return counts.received if (counts := client.inbox.tally.get(server)) else 0

    return Feeding(backend, received)


def forwarder_of(client: Client) -> Forwarder | None:
    """Forwards events onto an engine; None without AMI_FORWARD.

    Raises ConfigurationError, also if another process has its spool.
    """
    forward = read_forward()
    if forward is None:
        return None
    from django_ami.forwarding.forwarder import Forwarder  # most projects never need it

    return Forwarder(forward, client)
