"""Receivers in this process.

A registry of one's own, and a listener whose dispatcher the test turns.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django_ami import signals
from django_ami.actions import Ping
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.receivers import Receivers
from django_ami.dispatch import Dispatcher
from django_ami.forwarding.forwarder import Forwarder
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.conf import Parallel
    from django_ami.conf.forward import Forward
    from django_ami.signals.classes import RobustSignal


@contextmanager
def fresh_registry() -> Iterator[None]:
    """Without any receivers (the demo has some, too); in the end all is as it was."""
    fixed = (
        signals.ami_event,
        signals.server_ready,
        signals.server_lost,
        signals.gap,
        *signals.LIVE.values(),
    )
    before = [signal.receivers for signal in fixed]
    events, known = signals.events._signals, signals.classes.receivers
    batches_used, signals.batches_used = signals.batches_used, False
    signals.events._signals, signals.classes.receivers = {}, Receivers()
    _put(fixed, [[] for _ in fixed])
    try:
        yield
    finally:
        signals.events._signals, signals.classes.receivers = events, known
        signals._picture_used, signals.batches_used = False, batches_used
        _put(fixed, before)


def _put(fixed: tuple[RobustSignal, ...], receivers: list[list[object]]) -> None:
    for signal, those in zip(fixed, receivers, strict=True):
        signal.receivers = those
        signal.sender_receivers_cache.clear()


@dataclass
class Listener:
    """A started client and the dispatcher that this thread turns."""

    client: Client
    dispatcher: Dispatcher
    notices: list[Any] = field(default_factory=list)

    def run_until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < end, self.client.status()
            self.dispatcher.run(0.05)

    def make_ready(self) -> None:
        self.run_until(
            lambda: all(one.ready for one in self.client.servers.values()) and self.notices
        )

    def settle(self) -> None:
        """All earlier calls to the loop are done after this."""
        self.client.server("node_1").send(Ping()).result(DEADLINE_SECONDS)

    def wait_for_queued(self, count: int) -> None:
        wait_until(
            lambda: self.status.queued >= count, what=f"{count} queued of {self.client.status()}"
        )

    @property
    def status(self) -> Any:
        return self.client.status()["node_1"]

    def assert_accounted(self) -> None:
        one = self.status
        assert one.received == one.ignored + one.delivered + one.failed + one.dropped + one.queued


@contextmanager
def listening(
    *urls: str,
    parallel: Parallel | None = None,
    receivers: Receivers | None = None,
    forward: Forward | None = None,
    **options: Any,
) -> Iterator[Listener]:
    made = Options(**{"reconnect_initial": 0.02, **options})
    servers = [
        ServerConfig.from_url(f"node_{number}", url, made) for number, url in enumerate(urls, 1)
    ]
    client = Client(servers, receivers=receivers)
    listener = Listener(client, Dispatcher(client))
    try:
        forwarder = None if forward is None else Forwarder(forward, client)
        listener.dispatcher = Dispatcher(
            client, listener.notices.append, parallel=parallel, forwarder=forwarder
        )
        with listener.dispatcher:
            client.start(dispatcher=False)
            yield listener
    finally:
        client.close()
