"""Gathers events for receivers that take many at once.

Rule: an event counts as queued until every batch that has it is over. A batch that raises is given
again, or halved until the events that raise are alone; no event of it is left out for another one.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from itertools import groupby
from math import inf
from typing import TYPE_CHECKING, Final

from django_ami.core.counters import Counts
from django_ami.core.escaping import quoted
from django_ami.core.failures import Outcome, about, raised_by
from django_ami.core.naming import dotted_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from django_ami.core.client import ServerHandle
    from django_ami.core.messages import Event
    from django_ami.core.plans import Call
    from django_ami.core.receivers import Receivers
    from django_ami.signals.batching import BatchReceiver

__all__ = ["Collector"]

#: A batch whose server may not be delivered now waits so long until the next look.
_LEASE_SECONDS: Final = 0.05
_UNBOUNDED: Final = sys.maxsize
#: The most of the text of an event that is logged, if a batch receiver cannot take it.
_LOGGED_CHARACTERS: Final = 2_000


class _Held:
    """An event in batches: in how many still, and whether any receiver of it has failed."""

    __slots__ = ("event", "failed", "left")

    def __init__(self, event: Event, left: int, *, failed: bool) -> None:
        self.event = event
        self.left = left
        self.failed = failed


class _Batch:
    """The events that wait for one receiver, of one server."""

    __slots__ = ("due_at", "held", "receiver", "sender")

    def __init__(self, receiver: BatchReceiver, sender: ServerHandle) -> None:
        self.receiver = receiver
        self.sender = sender
        self.held: list[_Held] = []
        self.due_at = time.monotonic() + receiver.max_seconds


class Collector:
    """The batches of one thread.

    ``capacity`` gives the most events of a server that may be here: batches are given before they
    are too many. ``batched`` gives the batch receivers of a name of event, for a sender; ``serves``
    says whether a server's events may be delivered now; ``settle`` counts what became of events;
    ``failed`` is told each event of which a receiver has failed, at once, and ``set_apart`` each of
    these once it is through.
    """

    def __init__(
        self,
        receivers: Receivers,
        *,
        batched: Callable[[ServerHandle, str], list[BatchReceiver]],
        serves: Callable[[str], bool],
        settle: Callable[[str, Counts], None],
        capacity: Callable[[str], int] = lambda _: _UNBOUNDED,
        failed: Callable[[Event], object] = lambda _: None,
        set_apart: Callable[[Event], object] = lambda _: None,
    ) -> None:
        self._failed, self._set_apart = failed, set_apart
        self._receivers = receivers
        self._batched = batched
        self._serves = serves
        self._settle = settle
        self._capacity = capacity
        self._batches: dict[tuple[BatchReceiver, str], _Batch] = {}

    def __len__(self) -> int:
        """How many events wait in batches; one that is in two counts twice."""
        return sum(len(batch.held) for batch in self._batches.values())

    @property
    def longest_seconds(self) -> float:
        """For how long the most patient of the batches that wait may gather; 0 if none waits."""
        return max((batch.receiver.max_seconds for batch in self._batches.values()), default=0.0)

    @property
    def due_at(self) -> float:
        """When the next batch is due, by ``time.monotonic``."""
        return min((batch.due_at for batch in self._batches.values()), default=inf)

    def patience(self, timeout: float | None) -> float | None:
        """For how long the thread may wait for events: ``timeout``, or until a batch is due."""
        if not self._batches:
            return timeout
        left = max(0.0, self.due_at - time.monotonic())
        return left if timeout is None else min(timeout, left)

    # --- events ---

    def deliver(
        self,
        events: Iterable[Event],
        plans: Mapping[str, Collection[Call]],
        sender: ServerHandle,
        counts: Counts,
    ) -> int:
        """Run the receivers of single events, and gather events for the others.

        Says how many events are in batches now that were not before.
        """
        known: dict[str, list[BatchReceiver]] = {}
        most, gathered = self._most(sender.name), 0

        def batched(event: Event) -> bool:
            if event.name not in known:
                known[event.name] = self._batched(sender, event.name)
            return bool(known[event.name])

        for is_batched, some in groupby(events, batched):
            if not is_batched:
                self._receivers.deliver(some, plans, sender, counts)
                continue
            for event in some:
                failed = self._run_others(event, plans, sender)
                if failed is None:
                    return gathered
                if failed:
                    self._failed(event)
                gathered += 1
                takers = known[event.name]
                self._gather(sender, _Held(event, len(takers), failed=failed), takers, most)
        return gathered

    def _run_others(
        self, event: Event, plans: Mapping[str, Collection[Call]], sender: ServerHandle
    ) -> bool | None:
        """Run the receivers of single events; whether one failed, None if the end has come."""
        if not plans[event.name]:
            return None if self._receivers.over else False
        own = Counts()
        self._receivers.deliver((event,), plans, sender, own)
        return own.failed > 0 if own.delivered or own.failed else None

    def _most(self, server: str) -> int:
        """The most events of one batch, so that those of all have half of the room of a server."""
        batches = sum(key[1] == server for key in self._batches)
        return max(1, self._capacity(server) // (2 * max(1, batches)))

    def _gather(
        self, sender: ServerHandle, held: _Held, receivers: list[BatchReceiver], most: int
    ) -> None:
        for receiver in receivers:
            key = receiver, sender.name
            batch = self._batches.get(key)
            if batch is None:
                batch = self._batches[key] = _Batch(receiver, sender)
            batch.held.append(held)
            if len(batch.held) >= min(receiver.max_size, most):
                self._give(key)

    # --- batches ---

    def give_due(self, *, everything: bool = False) -> None:
        """Give the batches whose time has come, or all of them."""
        now = time.monotonic()
        for key, batch in list(self._batches.items()):
            if everything or batch.due_at <= now:
                self._give(key)

    def discard(self, server: str) -> int:
        """The events of a server reach no batch receiver any more. Says how many there were."""
        gone: set[int] = set()
        for key in [key for key in self._batches if key[1] == server]:
            gone.update(id(held) for held in self._batches.pop(key).held)
        return len(gone)

    def _give(self, key: tuple[BatchReceiver, str]) -> None:
        batch = self._batches[key]
        if self._receivers.over:
            batch.due_at = inf
        elif not self._serves(key[1]):
            batch.due_at = time.monotonic() + _LEASE_SECONDS
        else:
            del self._batches[key]
            left = self._give_some(batch, batch.held)
            if left:
                batch.held, batch.due_at = left, inf  # the end has come
                self._batches[key] = batch

    def _give_some(self, batch: _Batch, held: list[_Held]) -> list[_Held]:
        """Give some events to a receiver, and their halves if it cannot take them together.

        Gives those of which nothing is known, since the end has come.
        """
        receiver, sender = batch.receiver, batch.sender
        attempt = partial(self._attempt, batch, held)
        error = raised_by(attempt)
        if error is None:
            self._count(sender.name, held, failed=False)
            return []
        failing = self._receivers.failing
        may_split = receiver.on_error == "split" and len(held) > 1
        if may_split and not failing.is_worth_a_retry(error):
            failing.recover()
            return self._give_halves(batch, held)
        outcome = failing.settle(
            attempt, dotted_name(receiver), error, _about(held, sender.name),
            always=receiver.on_error == "retry", hand_back=may_split,
        )  # fmt: skip
        if outcome is Outcome.OTHER:
            return self._give_halves(batch, held)
        if outcome is Outcome.LEFT:
            return held
        self._count(sender.name, held, failed=outcome is Outcome.FAILED)
        return []

    def _attempt(self, batch: _Batch, held: list[_Held]) -> object:
        """Call the receiver with a list of its own: it may have emptied the one before."""
        receiver, sender, events = batch.receiver, batch.sender, [one.event for one in held]
        return self._receivers.call(receiver, sender, sender=sender, events=events)

    def _give_halves(self, batch: _Batch, held: list[_Held]) -> list[_Held]:
        middle = len(held) // 2
        left = self._give_some(batch, held[:middle])
        return left + held[middle:] if left else self._give_some(batch, held[middle:])

    def _count(self, server: str, held: list[_Held], *, failed: bool) -> None:
        counts = Counts()
        for one in held:
            one.left -= 1
            if failed and not one.failed:
                self._failed(one.event)
                one.failed = True
            if not one.left:
                if one.failed:
                    self._set_apart(one.event)
                counts.failed += one.failed
                counts.delivered += not one.failed
        self._settle(server, counts)


def _about(held: list[_Held], server: str) -> str:
    """The events of a call of a batch receiver, for the log; of a single one its text, too."""
    if len(held) == 1:
        text = held[0].event.raw.decode(errors="backslashreplace")
        return f"{about(held[0].event)}: {quoted(text, _LOGGED_CHARACTERS)}"
    return f"a batch of {len(held)} events of {server}"
