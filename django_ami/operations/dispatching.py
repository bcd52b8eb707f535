"""Delivers the events of a server only under its lease.

Rule: it looks at the lease before each event, and never waits for it. Events of a holder whose
lease is over wait in their bounded queue: if nobody else has had it, they are delivered; else they
are dropped, and counted. Events behind the notice ``TookOver`` alone are ours.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django_ami import database, signals
from django_ami.core.counters import Counts
from django_ami.core.lease import boottime
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Ready, TookOver
from django_ami.dispatch import Dispatcher
from django_ami.signals.sending import send

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.client import Client
    from django_ami.core.lease import Lease
    from django_ami.dispatch import Item
    from django_ami.operations.keeper import Keeper

__all__ = ["LeasedDispatcher"]

logger = get_logger(__name__)

#: A lease that is over is looked at again so often, in case that nobody says it is valid.
_LOOK_AGAIN_SECONDS: Final = 1.0
#: At the end, how long one look takes at those that wait for their lease.
_LINGER_SECONDS: Final = 0.05


class LeasedDispatcher(Dispatcher):
    """A dispatcher that delivers under the leases of a keeper. The other arguments are as there."""

    leased = True

    def __init__(self, keeper: Keeper, client: Client, *arguments: Any, **named: Any) -> None:
        super().__init__(client, *arguments, **named)
        client.receivers.clock = boottime
        self._keeper = keeper
        #: The leases under which this process delivers, or waits to deliver on.
        self._serving: dict[str, Lease] = {}
        #: Servers whose lease is over: since when, by ``boottime``, and the rest of a batch.
        self._waiting: dict[str, tuple[float, list[Item]]] = {}
        self._delivered_until: dict[str, float] = {}

    def serves(self, server: str) -> bool:
        lease = self._serving.get(server)
        return lease is not None and lease.valid

    def delivered_until(self, server: str) -> float | None:
        """Up to when all events of a server have been delivered here. From any thread."""
        if server in self._serving:
            until = self._client.heard_at(server)
            if until is not None and self._client.inbox.queued(server):
                # Threads beside this one, and batches, may hold older ones than the oldest here.
                alone = not self._beside and self._collector is None
                until = self._client.inbox.oldest(server) if alone else None
            if until is not None:
                self._delivered_until[server] = until
        return self._delivered_until.get(server)

    def look_soon(self) -> None:
        """A lease is over, valid again, or another process's: look at all. From any thread."""
        self._leases_changed = True
        self._client.inbox.wake()

    def _look(self) -> None:
        self._leases_changed = False
        for server, lease in tuple(self._serving.items()):
            if self._keeper.get(server) is not lease:
                self._step_down(server, lease)
            elif server not in self._waiting:
                if not lease.valid:
                    self._wait(server, [])
            elif lease.valid:
                self._go_on(server)

    def _watch(self, lease: Lease) -> None:
        """Notice that a lease is over, in the event loop: perhaps no event comes."""
        if self._serving.get(lease.server) is not lease:
            return
        left = lease.left
        if not left or lease.server in self._waiting:
            self.look_soon()
            left = _LOOK_AGAIN_SECONDS
        self._client.inbox.call_later(left, partial(self._watch, lease))

    # --- a lease that could not be renewed in time ---

    def _wait(self, server: str, rest: list[Item]) -> None:
        if server not in self._waiting and self._keeper.get(server) is self._serving[server]:
            logger.error(
                "%s: the lease could not be renewed in time: its events wait until it is, or "
                "until another process has it.",
                server,
                extra={
                    "server": server,
                    "lease": self._serving[server].token,
                    "queue_depth": self._client.inbox.queued(server),
                },
            )
        since = self._waiting.get(server, (boottime(), []))[0]
        self._waiting[server] = since, rest
        self._client.inbox.hold(server)
        self.look_soon()  # it may be valid again, or another process's, by now

    def _may_take(self, server: str) -> bool:
        return server not in self._waiting and super()._may_take(server)

    def _go_on(self, server: str) -> None:
        """Nobody else has had the lease meanwhile: no event is lost, none is delivered twice."""
        since, rest = self._waiting.pop(server)
        logger.warning(
            "%s: the lease is renewed after %.1f s, and nobody else had it: events are delivered "
            "again.",
            server,
            boottime() - since,
            extra={
                "server": server,
                "lease": self._serving[server].token,
                "queue_depth": self._client.inbox.queued(server),
            },
        )
        self._work(server, rest)
        if self._may_take(server):
            self._client.inbox.release(server)

    def _linger(self) -> int:
        """At the end, events that wait for a lease have as long as all others."""
        if super()._linger():
            return 1
        queued = self._client.inbox.queued
        if self.until is None or not any(
            rest or queued(server) for server, (_, rest) in self._waiting.items()
        ):
            return 0
        time.sleep(_LINGER_SECONDS)
        return 1

    def _work(self, server: str, items: list[Item]) -> None:
        self._busy = True
        try:
            with database.cared_for():
                self._deliver(server, items)
        finally:
            self._busy = False

    # --- another process delivers ---

    def _step_down(self, server: str, lease: Lease) -> None:
        """Another process has the lease, or had it."""
        del self._serving[server]
        self._delivered_until.pop(server, None)
        _, rest = self._waiting.pop(server, (0.0, []))
        self._drop(server, rest)
        self._beside.discard(server)
        if self._collector is not None:
            gone = self._collector.discard(server)
            if self._beside.forwarder is None:
                self._client.inbox.dropped(server, gone)
            else:
                self._beside.settle(server, Counts(dropped=gone))
        self._client.inbox.release(server)
        sender = self._sender(server)
        sender.lease = None
        if self._tracking is not None:
            self._tracking.leave(server)
        busy, self._busy = self._busy, True
        try:
            with database.cared_for():
                send(
                    self._client.receivers,
                    signals.lease_lost,
                    sender,
                    "lease_lost",
                    token=lease.token,
                )
        finally:
            self._busy = busy

    def _behind_takeover(self, server: str, items: Iterable[Item]) -> list[Item]:
        """Those behind the takeover under the lease that we have now."""
        some = list(items)
        for number, item in enumerate(some):
            lease = self._keeper.get(server)
            if isinstance(item, TookOver) and lease is not None and lease.token == item.token:
                self._drop(server, some[:number])
                self._serving[server] = self._sender(server).lease = lease
                self._watch(lease)
                return some[number + 1 :]
            if isinstance(item, Ready | Lost) and self._on_notice is not None:
                self._on_notice(item)
        self._drop(server, some)
        return []

    def _drop(self, server: str, items: list[Item]) -> None:
        count = sum(isinstance(item, Event) for item in items)
        if count:
            self._client.inbox.dropped(server, count)
