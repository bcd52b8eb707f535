"""From the thread that reads to the lanes: which event goes where, and which of them wait.

Rule: all of it runs on the thread that dispatches, but for what lanes call. Live pictures are kept
there, so each of them is one thread's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django_ami import signals
from django_ami.core.counters import Counts
from django_ami.core.event_queue import size_of
from django_ami.core.log import get_logger
from django_ami.core.options import Options
from django_ami.core.overflow import DropReason
from django_ami.core.session import Gap, Lost, Ready
from django_ami.parallel.drops import LaneDrops
from django_ami.parallel.keys import KeyFunction
from django_ami.parallel.lanes import Lanes
from django_ami.parallel.partitions import KEY_EVENTS, CallPartitions, Partition
from django_ami.signals.planning import SignalPlans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django_ami.conf import Parallel
    from django_ami.core.client import Client, ServerHandle
    from django_ami.core.messages import Event
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Notice
    from django_ami.parallel.lane import Lane

__all__ = ["Spreading"]

logger = get_logger(__name__)

#: A signal of a connection waits so long, at most, for the events before it.
BARRIER_SECONDS: Final = 10.0
#: Events of a lease that is over are dropped by lanes that run no receiver: at once.
_DISCARD_SECONDS: Final = 10.0


class Spreading:
    """The events of a client, in order where it matters, to several threads.

    ``sender`` gives the sender of a server's signals; ``serves`` says whether its events may be
    delivered now; ``send_gap`` tells that a lane has dropped events.
    """

    def __init__(
        self,
        client: Client,
        parallel: Parallel,
        *,
        sender: Callable[[str], ServerHandle],
        serves: Callable[[str], bool],
        send_gap: Callable[[Gap, Receivers], None],
        settle: Callable[[str, Counts], None] | None = None,
    ) -> None:
        self._client = client
        self._parallel = parallel
        self._sender = sender
        self._serves = serves
        self._settled = settle or client.inbox.settle
        self._partitions: dict[str, CallPartitions] = {}
        #: Servers of which nothing is taken, since no lane has room for their events.
        self._full: set[str] = set()
        self._drops = LaneDrops(client, parallel.workers)
        self._key_of = None if parallel.partition is None else KeyFunction(parallel.partition)
        self._lanes = Lanes(
            parallel.workers,
            client.receivers,
            deliver=self._deliver,
            settle=self._settle,
            serves=serves,
            tell_gap=send_gap,
            wake=client.inbox.wake,
        )

    @property
    def wanted(self) -> frozenset[str]:
        """The names, in lower case, of events that tell which channels are of one call."""
        return frozenset() if self._parallel.partition is not None else KEY_EVENTS

    # --- events ---

    def spread(self, sender: ServerHandle, events: list[Event]) -> None:
        """Hand events of one server to the lanes; those without a receiver are delivered here."""
        server, lanes = sender.name, self._lanes
        self._admit(server)
        plans = SignalPlans(sender)
        parts: list[list[Event]] = [[] for _ in range(len(lanes))]
        here, loads = Counts(), lanes.loads(server)
        for event in events:
            number, others = self._lane_of(server, event, loads)
            loads[number] += 1
            if others:  # without a receiver, too: later events go to another lane from now on
                for lane in {number, *others}:
                    self._put(server, lane, parts[lane], here)
                lanes.meet(server, number, others, event)
            elif not plans[event.name] and not self._is_batched(sender, event.name):
                here.delivered += 1
            else:
                parts[number].append(event)
        for number, part in enumerate(parts):
            self._put(server, number, part, here)
        self._settled(server, here)
        if not lanes.has_room(server):
            self._full.add(server)
            self._client.inbox.hold(server)

    @staticmethod
    def _is_batched(sender: ServerHandle, name: str) -> bool:
        return signals.batches_used and bool(signals.batched(sender, name))

    def _admit(self, server: str) -> None:
        if server in self._client.servers:
            self._lanes.admit(server, self._client.member(server).config.options)
        elif not self._lanes.knows(server):  # it was removed before its first event got here
            self._lanes.admit(server, Options())

    def _put(self, server: str, number: int, part: list[Event], counts: Counts) -> None:
        if part:
            lost = self._lanes[number].put(server, part[:], size_of(part))
            counts.dropped += lost.dropped
            counts.dropped_important += lost.dropped_important
            if lost.dropped:
                heavy = self._lanes[number].delivery.is_heavy(server)
                self._drops.note(server, lost.dropped, heavy=heavy)
            part.clear()

    def _lane_of(self, server: str, event: Event, loads: list[int]) -> tuple[int, set[int]]:
        """The lane of an event, and other lanes that have to come to it first."""
        if self._key_of is not None:
            return self._lanes.of_key(self._key_of(event)), set()
        call, gone = self._of_server(server).place(event)
        number = self._lane_of_call(call, loads)
        others = {one.lane for one in gone if one.lane is not None}
        return number, others - {number}

    def _lane_of_call(self, call: Partition, loads: list[int]) -> int:
        """A new call goes where the fewest events wait; of several such lanes, it is their turn."""
        if call.lane is None and not call.born:
            call.lane = self._lanes.of_key(call.key)
        elif call.lane is None:
            count = len(loads)
            in_turn = range(call.born, call.born + count)
            call.lane = min(in_turn, key=lambda number: loads[number % count]) % count
        return call.lane

    def _of_server(self, server: str) -> CallPartitions:
        return self._partitions.setdefault(server, CallPartitions())

    # --- changes of live pictures ---

    def tell(
        self, server: str, named: Mapping[str, Any], tell: Callable[[Receivers], object]
    ) -> None:
        """Have a lane tell a change, in the order of the events of that call, queue or device."""
        self._admit(server)
        call = named.get("call")
        found = None if call is None else self._of_server(server).find(call.id)
        number = (
            self._lanes.of_key(_key_of_change(named))
            if found is None
            else self._lane_of_call(found, self._lanes.loads(server))
        )
        self._lanes.put_change(server, number, lambda lane: tell(lane.receivers))

    # --- on the thread of a lane ---

    def _deliver(self, server: str, events: Iterator[Event], lane: Lane, counts: Counts) -> int:
        sender = self._sender(server)
        plans = SignalPlans(sender)
        if signals.batches_used:
            return lane.collector.deliver(events, plans, sender, counts)
        lane.receivers.deliver(events, plans, sender, counts)
        return 0

    def _settle(self, server: str, counts: Counts) -> None:
        if counts.dropped:  # only what waits for a lease that is gone
            self._client.inbox.note_reason(server, counts.dropped, DropReason.LEASE)
        self._settled(server, counts)
        if server in self._full:
            self._client.inbox.wake()

    # --- waiting ---

    @property
    def busy(self) -> bool:
        """True while receivers run."""
        return self._lanes.busy

    def refill(self, may_release: Callable[[str], bool]) -> None:
        """Take events again of servers for which there is room now."""
        self._lanes.check()
        self._drops.report()
        for server in [one for one in self._full if self._lanes.has_room(one)]:
            self._full.discard(server)
            if may_release(server):
                self._client.inbox.release(server)

    def is_full(self, server: str) -> bool:
        """True if nothing of a server is taken, since no lane has room."""
        return server in self._full

    def barrier(self, notice: Notice) -> bool:
        """Wait until the events before a notice are through; they are of one connection.

        False if the lease is over before that: the notice is not to be told now.
        """
        server, lanes = notice.server, self._lanes
        if self._parallel.barriers and _has_signal(notice) and not lanes.is_idle(server):
            reached = lanes.wait(
                lambda: lanes.is_idle(server) or not self._serves(server), BARRIER_SECONDS
            )
            if not self._serves(server):
                return False
            if not (reached or lanes.over):
                self._tell_late(notice)
        if isinstance(notice, Ready):
            self._of_server(server).forget()
        return True

    def _tell_late(self, notice: Notice) -> None:
        logger.warning(
            "%s: the signal of a %s is sent although receivers of events before it have not "
            "returned for %g s (%s).",
            notice.server,
            type(notice).__name__.lower(),
            BARRIER_SECONDS,
            self._client.receivers.slowest() or "none is known to run",
            extra={"server": notice.server, "seconds": BARRIER_SECONDS},
        )

    def discard(self, server: str) -> None:
        """Another process delivers: events that wait here reach no receiver, and are counted."""
        self._full.discard(server)
        self._of_server(server).forget()
        if self._lanes.knows(server):
            self._lanes.discard(server, _DISCARD_SECONDS)

    def linger(self, seconds: float) -> int:
        """Wait for the lanes at the end; 0 if they have nothing more."""
        return 0 if self._lanes.wait(self._lanes.is_idle, seconds) else 1

    def end(self, deadline: float) -> None:
        """Let the lanes finish until then, and end them."""
        self._lanes.wait(self._lanes.is_idle, deadline - time.monotonic())
        self._lanes.end(deadline)
        self._drops.report(everything=True)


def _has_signal(notice: Notice) -> bool:
    """Whether receivers hear of it; of one more attempt in vain they do not."""
    return isinstance(notice, Ready | Gap) or (isinstance(notice, Lost) and notice.was_ready)


def _key_of_change(named: Mapping[str, Any]) -> str:
    """The key of the events that are about the same; see ``partitions.key_by_name``."""
    match named:
        case {"queue": queue}:
            return f"Queue:{queue.name}"
        case {"member": member}:
            return f"Queue:{member.queue}"
        case {"device": device}:
            return f"Device:{device.name}"
    return str(named["call"].id)
