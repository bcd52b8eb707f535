"""Runs the project's receivers for events that a listener has forwarded.

Rule: receivers run as in a listener: the same calls, guarded, tried again, timed and counted, with
care for the database; those that take many events at once get lists. The engine hears that it may
forget a batch when all of it is through, so each event is delivered at least once.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Final

from django_ami import database, signals
from django_ami.accessor import ami
from django_ami.core.client.handle import forwarded_under
from django_ami.core.counters import Counts
from django_ami.core.failures import reason
from django_ami.core.framing import value_of_first_line
from django_ami.core.lease import Lease
from django_ami.core.log import get_logger
from django_ami.core.messages import Event
from django_ami.event_loop import keeping
from django_ami.forwarding import notices
from django_ami.forwarding.attempts import TRIES, Attempts
from django_ami.parallel.collecting import Collector
from django_ami.signals.planning import SignalPlans
from django_ami.signals.sending import send_forwarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.envelope import Envelope

__all__ = ["Consumption", "Dead", "Delivered", "consuming"]

logger = get_logger(__name__)

#: A dead letter keeps so much of the text of an error.
_REASON_CHARACTERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Dead:
    """An event that a receiver could not take: ``reason`` says which receiver, and its error."""

    envelope: Envelope
    reason: str
    tries: int


@dataclass(slots=True)
class Delivered:
    """The fate of some events: all receivers took them, or one raised in the end.

    ``left`` were not begun, or nothing is known of them, since the end has come or the right to
    deliver is lost: have the engine give them again. ``dead`` are those that failed.
    """

    delivered: int = 0
    failed: int = 0
    left: int = 0
    dead: list[Dead] = field(default_factory=list)


@contextmanager
def consuming(tries: int = TRIES) -> Iterator[Receivers]:
    """Make this process one that consumes; give the statistics of its receivers.

    Meanwhile asynchronous receivers share one event loop, and a receiver is called ``tries`` times
    for an event before that fails. A further thread uses ``.beside()`` of what is given. Raises
    ConfigurationError if ``AMI_DISPATCH`` is wrong.
    """
    receivers = signals.classes.receivers
    before, receivers.failing = receivers.failing, Attempts(tries)
    try:
        with keeping():
            yield receivers
    finally:
        receivers.failing.report(everything=True)
        receivers.failing = before


class Consumption:
    """Runs receivers for envelopes, on one thread.

    ``receivers`` is what ``consuming()`` gives, or its ``beside()``. ``serves`` says whether this
    process may deliver now: it is asked before each event.
    """

    def __init__(self, receivers: Receivers, *, serves: Callable[[], bool] = lambda: True) -> None:
        self._receivers = receivers
        self._serves = serves
        self._result = Delivered()
        #: The envelopes of events, by the identity of these, while some of them wait in batches.
        self._envelopes: dict[int, Envelope] = {}
        #: And those of them that have failed, while other receivers have not had them.
        self._failed: dict[int, Dead] = {}
        #: How many events wait for batch receivers.
        self._in_batches = 0
        self._collector = Collector(
            receivers,
            batched=signals.batched,
            serves=lambda _: serves(),
            settle=self._settle,
            failed=self._note_failed,
            set_apart=self._set_apart_of_batch,
        )

    # --- delivering ---

    def deliver(self, batch: Sequence[Envelope]) -> Delivered:
        """Run the receivers of some events, in order; return when all are through.

        With ``left`` in the answer, the batch is to be given again, here or elsewhere: do not
        acknowledge it. Events are of any number of servers.
        """
        self.gather(batch)
        return self.finish()

    def gather(self, batch: Sequence[Envelope]) -> bool:
        """Run receivers, but let batch receivers wait for more events, as in a listener.

        ``finish`` says what became of all since the last one. False if some were left.
        """
        before = self._result.left
        with database.cared_for():
            for (server, token), some in groupby(batch, lambda one: (one.id.server, one.token)):
                self._of_lease(server, token, list(some))
            self._collector.give_due()
        return self._result.left == before

    def finish(self) -> Delivered:
        """Give what waits to batch receivers; say what became of the events since the last time."""
        if self._in_batches:
            with database.cared_for():
                self._collector.give_due(everything=True)
            self._result.left += self._in_batches
        self.discard()
        result, self._result = self._result, Delivered()
        return result

    def discard(self) -> None:
        """Events that wait for batch receivers reach none: others deliver them."""
        if self._in_batches:
            for server in {one.id.server for one in self._envelopes.values()}:
                self._collector.discard(server)
        self._in_batches = 0
        self._envelopes.clear()
        self._failed.clear()

    @property
    def waits(self) -> bool:
        """True if events wait for batch receivers."""
        return self._in_batches > 0

    @property
    def due_at(self) -> float:
        """When ``give_due`` has something to do, by ``time.monotonic``."""
        return self._collector.due_at

    @property
    def longest_seconds(self) -> float:
        """For how long the most patient batch receiver may wait for more; 0 if none waits."""
        return self._collector.longest_seconds

    def give_due(self) -> None:
        """Give the batches whose time has come."""
        if self._collector.due_at <= time.monotonic():
            with database.cared_for():
                self._collector.give_due()

    # --- inside ---

    def _of_lease(self, server: str, token: int | None, batch: list[Envelope]) -> None:
        under = forwarded_under.set(
            None if token is None else ForwardedLease(server, token, self._serves)
        )
        try:
            for kind, some in groupby(batch, lambda one: one.kind):
                if kind == "event":
                    self._run(server, [one for one in some if not one.copy])
                    continue
                self._collector.give_due(everything=True)
                for one in some:
                    self._tell(one)
        finally:
            forwarded_under.reset(under)

    def _run(self, server: str, batch: list[Envelope]) -> None:
        sender, plans, counts = ami.handle(server), SignalPlans(ami.handle(server)), Counts()
        events = self._events(batch, counts)
        gathered = 0
        if signals.batches_used:
            gathered = self._collector.deliver(events, plans, sender, counts)
            self._in_batches += gathered
        else:
            self._receivers.deliver(events, plans, sender, counts)
        self._result.delivered += counts.delivered
        self._result.failed += counts.failed
        self._result.left += len(batch) - counts.delivered - counts.failed - gathered

    def _events(self, batch: list[Envelope], counts: Counts) -> Iterator[Event]:
        """The events, each when it may be delivered; behind each it is known whether it failed."""
        for envelope in batch:
            if not self._serves():
                return
            event = Event(value_of_first_line(envelope.raw), envelope.raw, envelope.id)
            if signals.batches_used:
                self._envelopes[id(event)] = envelope
            failed = counts.failed
            yield event
            if counts.failed > failed:
                self._result.dead.append(self._dead(envelope))

    def _tell(self, envelope: Envelope) -> None:
        """Send the signal of a notice."""
        server = envelope.id.server
        if not self._serves():
            self._result.left += 1
            return
        try:
            name, named = notices.decode(envelope.raw, server)
        except ValueError as error:
            self._result.failed += 1
            self._result.dead.append(Dead(envelope, reason(error), 1))
            logger.error(  # noqa: TRY400  (one line)
                "%s: a notice cannot be read: %s", server, reason(error), extra={"server": server}
            )
            return
        send_forwarded(self._receivers, getattr(signals, name), ami.handle(server), name, **named)
        self._result.delivered += 1

    # --- the fate of events ---

    def _settle(self, _server: str, counts: Counts) -> None:
        """Of events that were in batches."""
        self._in_batches -= counts.delivered + counts.failed
        self._result.delivered += counts.delivered
        self._result.failed += counts.failed

    def _note_failed(self, event: Event) -> None:
        self._failed[id(event)] = self._dead(self._envelopes[id(event)])

    def _set_apart_of_batch(self, event: Event) -> None:
        self._result.dead.append(self._failed.pop(id(event)))

    def _dead(self, envelope: Envelope) -> Dead:
        """An event for which a receiver has just failed."""
        failing = self._receivers.failing
        last = failing.last if isinstance(failing, Attempts) else None
        if last is None:
            return Dead(envelope, "a receiver raised", 1)
        text = f"{last.receiver} raised {type(last.error).__name__}: {reason(last.error)}"
        return Dead(envelope, text, last.tries)


class ForwardedLease(Lease):
    """The lease of the listener that has forwarded an event.

    Its ``token`` is that listener's, and ``valid`` says whether this consumer may deliver.
    """

    __slots__ = ("_serves",)

    def __init__(self, server: str, token: int, serves: Callable[[], bool]) -> None:
        super().__init__(server, token, inf)
        self._serves = serves

    @property
    def valid(self) -> bool:
        return self._serves()
