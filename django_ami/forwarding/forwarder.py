"""Forwards what a listener delivers: the side of the thread that delivers.

Rule: it never waits: for no engine, no disk, and no other thread. An event that it has taken
counts as queued until it is safe.
"""

from __future__ import annotations

import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from django_ami import signals
from django_ami.conf.forward import EVERY_EVENT
from django_ami.core.counters import Counts
from django_ami.core.event_id import make_epoch
from django_ami.core.framing import value_of_first_line
from django_ami.core.log import get_logger
from django_ami.core.options import Options
from django_ami.forwarding.ledger import Ledger
from django_ami.forwarding.relay import Relay
from django_ami.forwarding.sorting import Sorter
from django_ami.forwarding.spool import Spool, SpoolFailed
from django_ami.forwarding.status import ForwardStatus
from django_ami.forwarding.waiting import Waiting
from django_ami.parallel.partitions import KEY_EVENTS
from django_ami.signals.planning import SignalPlans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.conf.forward import Forward
    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.messages import Event
    from django_ami.core.session import Gap, Notice
    from django_ami.forwarding.envelope import Envelope
    from django_ami.forwarding.outlet import Outlet

__all__ = ["Forwarder"]

logger = get_logger(__name__)

#: How often a thread that waits for the end looks.
_LOOK_SECONDS: Final = 0.02
_DEFAULTS: Final = Options()


class Forwarder:
    """The forwarding of the events of a client.

    Making it takes the directory of the spool, and opens nothing else. Raises ConfigurationError if
    that directory is another process's, or cannot be used.
    """

    def __init__(self, forward: Forward, client: Client) -> None:
        self.forward = forward
        self._client = client
        self._outlet: Outlet = forward.outlet_class(forward)
        self._spool = self._open_spool()
        self._sorter = Sorter(forward)
        self._waiting = Waiting(self._options)
        self._full: set[str] = set()
        #: The names of events that are of use to tell which channels are of one call.
        self._key_events = KEY_EVENTS if forward.partition is None else frozenset[str]()
        inbox = client.inbox
        self._ledger = Ledger(inbox.settle) if forward.local else None
        self._forwarded = 0
        self._relay = Relay(
            self._waiting,
            self._outlet,
            self._spool,
            partitions=forward.partitions,
            source=make_epoch(time.time()),
            settle=self._settle,
            tell=self._tell_gap,
        )

    def _open_spool(self) -> Spool | None:
        if self.forward.spool is None:
            return None
        spool = Spool(self.forward.spool, self.forward.spool_bytes, self._is_important)
        try:
            spool.open()
        except SpoolFailed as error:
            logger.error(  # noqa: TRY400  (its message says it)
                "%s It is tried again when it is needed: make room on that disk.", error
            )
        return spool

    def _options(self, server: str) -> Options:
        """Of a server that was removed, those by default."""
        if server in self._client.servers:
            return self._client.member(server).config.options
        return _DEFAULTS

    def _is_important(self, one: Envelope) -> bool:
        if one.kind == "notice":
            return True
        names = _folded(self._options(one.id.server).important_events)
        return value_of_first_line(one.raw).lower() in names

    # --- for the dispatcher ---

    @property
    def local(self) -> bool:
        """Whether the listener's own receivers run as well."""
        return self.forward.local

    def interest(self, local: frozenset[str] | None) -> frozenset[str] | None:
        """The names, in lower case, of the events that are wanted: None is every event.

        ``local`` are those with receivers.
        """
        events = self.forward.events or frozenset[str]()
        if local is None or EVERY_EVENT in events:
            return None
        wanted = local | events
        return wanted | self._key_events if wanted else wanted

    def start(self, serves: Callable[[str], bool]) -> None:
        """Begin to forward; ``serves`` says whether events of a server may be forwarded now."""
        self._relay.start(self.forward.outlet, serves)

    def take(self, sender: ServerHandle, events: Iterable[Event]) -> None:
        """Have events of a server forwarded; those that nobody wants are through."""
        server, token = sender.name, _token(sender)
        wanted = self._wants(sender)
        envelopes: list[tuple[int, Envelope]] = []
        unwanted = 0
        for event in events:
            if wanted(event.name):
                self._sorter.sort(server, event, token, envelopes)
            else:
                self._sorter.look(server, event)
                unwanted += 1
        self._waiting.put(server, envelopes)
        if unwanted:
            self._count(server, Counts(delivered=unwanted))
        if self._waiting.is_full(server):
            self._full.add(server)
            self._client.inbox.hold(server)

    def _wants(self, sender: ServerHandle) -> Callable[[str], bool]:
        """Says of a name of event whether such events are forwarded; for one batch."""
        events = self.forward.events
        if events is None:
            plans = SignalPlans(sender)
            return cache(lambda name: bool(plans[name]) or bool(signals.batched(sender, name)))
        if EVERY_EVENT in events:
            return lambda _: True
        return lambda name: name.lower() in events

    def tell(self, notice: Notice, sender: ServerHandle) -> None:
        """Have a notice forwarded, behind the events before it."""
        self._put_notice(notice, _token(sender))

    def _put_notice(self, notice: Notice, token: int | None) -> None:
        envelope = self._sorter.sort_notice(notice, token)
        if envelope is not None:
            self._waiting.put(notice.server, [envelope])

    def refill(self, may_release: Callable[[str], bool]) -> None:
        """Take events again of servers for which there is room now."""
        for server in [one for one in self._full if not self._waiting.is_full(one, 0.5)]:
            self._full.discard(server)
            if may_release(server):
                self._client.inbox.release(server)

    def is_full(self, server: str) -> bool:
        """True if nothing of a server is taken, since too much of it waits."""
        return server in self._full

    def discard(self, server: str) -> None:
        """Another process delivers: events that wait here are not forwarded, and are counted."""
        self._full.discard(server)
        self._sorter.forget(server)
        gone = self._waiting.discard(server)
        count = sum(one.kind == "event" and not one.copy for one in gone)
        if self._ledger is None:
            self._client.inbox.dropped(server, count)
        else:
            self._ledger.forwarded(server, Counts(dropped=count))

    def linger(self, seconds: float) -> int:
        """Wait for so long, at most, until all is safe; 1 if it is not."""
        self._relay.hurry = True
        self._waiting.wake()
        end = time.monotonic() + seconds
        while self._waiting.unsafe:
            left = end - time.monotonic()
            if left <= 0:
                return 1
            time.sleep(min(left, _LOOK_SECONDS))
        return 0

    def end(self, deadline: float) -> None:
        """Publish or spool what waits, until then by ``time.monotonic``, and let go of all."""
        self._relay.end(deadline)

    @property
    def lost(self) -> int:
        """How many events had to leave a full spool."""
        return 0 if self._spool is None else self._spool.dropped

    def settle_local(self, server: str, counts: Counts) -> None:
        """The listener's own receivers are through with some events."""
        if self._ledger is not None:
            self._ledger.local(server, counts)

    # --- the fate of events ---

    def _settle(self, server: str, counts: Counts) -> None:
        """From the thread that forwards."""
        self._forwarded += counts.delivered
        self._count(server, counts)
        if server in self._full:
            self._client.inbox.wake()

    def _count(self, server: str, counts: Counts) -> None:
        if self._ledger is None:
            self._client.inbox.settle(server, counts)
        else:
            self._ledger.forwarded(server, counts)

    def _tell_gap(self, gap: Gap) -> None:
        """From the thread that forwards."""
        self._put_notice(gap, None)

    def status(self, *, lag: bool = False) -> ForwardStatus:
        """How it is now. From any thread; with ``lag`` the engine is asked, which takes a while."""
        publisher, spool = self._relay.publisher, self._spool
        away = publisher.away
        contents = None if spool is None else spool.contents
        return ForwardStatus(
            outlet=self.forward.outlet,
            up=away is None,
            why=away,
            since=None if away is None else time.time() - (time.monotonic() - publisher.away_since),
            forwarded=self._forwarded,
            unsafe=self._waiting.unsafe,
            spool_batches=0 if contents is None else contents.batches,
            spool_events=0 if contents is None else contents.events,
            spool_bytes=0 if contents is None else contents.size,
            spool_most_bytes=0 if spool is None else self.forward.spool_bytes,
            spool_failure=self._relay.spool_failure,
            dropped=0 if spool is None else spool.dropped,
            dropped_important=0 if spool is None else spool.dropped_important,
            lost=0 if spool is None else spool.lost,
            lag=self._outlet.lag() if lag else None,
        )


@lru_cache
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(str.lower, names))


def _token(sender: ServerHandle) -> int | None:
    return None if sender.lease is None else sender.lease.token
