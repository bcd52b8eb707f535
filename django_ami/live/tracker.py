"""The tracker: one server's live picture, carried on by its events.

Pure: events and lists in, changes out; ``now`` is an argument. A table by the event's name says
which parts hear of it; an event that nobody hears of costs one look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django_ami.live.bridges import Bridges
from django_ami.live.calls import Calls
from django_ami.live.changes import ChangeLog
from django_ami.live.channels import Channels
from django_ami.live.conferences import Conferences as Rooms
from django_ami.live.devices import Devices
from django_ami.live.dialplan import Dialplan
from django_ami.live.dials import Dials
from django_ami.live.hangups import Hangups
from django_ami.live.moments import Moments
from django_ami.live.options import Options
from django_ami.live.parking import Parking
from django_ami.live.parts import Shared
from django_ami.live.queues import QUEUE_STATUS, Queues
from django_ami.live.seeding import ChannelSeed, StaySeed
from django_ami.live.stays import Conferences, Parks, QueueVisits
from django_ami.live.talks import Talks
from django_ami.live.transfers import Transfers
from django_ami.live.unreached import Unreached
from django_ami.live.views import View

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from django_ami.core.messages import Event
    from django_ami.live import snapshots
    from django_ami.live.changes import Change, Kind
    from django_ami.live.conferences import Conference
    from django_ami.live.devices import Device, Hint
    from django_ami.live.lists import Lists
    from django_ami.live.parking import ParkedCaller
    from django_ami.live.parts import Handler, Part, Seeded
    from django_ami.live.queue_views import Agent, Caller, Curve, Member, Queue, Totals
    from django_ami.live.traffic import Traffic

__all__ = ["Tracker", "TrackerStatus"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrackerStatus:
    """The counts of a tracker; ``faults`` are events on which one of its parts raised."""

    channels: int
    calls: int
    contradictions: int
    faults: int
    #: How many entries all its tables have: none when nothing lives and nothing that ended is kept.
    entries: int


class Tracker:
    """The live picture of one server."""

    def __init__(self, server: str, options: Options | None = None) -> None:
        shared = self._shared = Shared(server, options or Options(), ChangeLog())
        calls = self._calls = Calls(shared)
        channels = self._channels = Channels(shared, calls)
        talks = Talks(channels)
        bridges = self._bridges = Bridges(channels, calls, talks)
        dials, dialplan = Dials(channels), Dialplan(channels)
        visits = QueueVisits(channels)
        parks, conferences = Parks(channels), Conferences(channels)
        hangups = Hangups(channels, calls, bridges, talks)
        self._queues = Queues(shared, visits.end, channels.call_id)
        self._overview = self._queues.overview
        # The order counts: a channel ends behind everything that it is in.
        parts: tuple[Part, ...] = (
            channels,
            bridges,
            talks,
            dials,
            Transfers(channels),
            dialplan,
            Unreached(channels),
            visits,
            parks,
            conferences,
            self._queues,
            hangups,
        )
        self._devices = Devices(shared)
        self._parking = Parking(shared)
        self._rooms = Rooms(shared)
        places = (self._devices, self._parking, self._rooms)
        self._handlers = _table((*parts, *places))
        #: The text that an event must contain to be of use, if not all events of that name are.
        self._needles = {} if shared.options.variables else {"VarSet": QUEUE_STATUS}
        self._seeded: tuple[Seeded, ...] = (
            ChannelSeed(channels, dials, dialplan, hangups),
            StaySeed(channels, bridges, dials, visits, parks, conferences),
            self._queues,
            *places,
        )
        #: The parts whose tables are to be empty in the end.
        self._kept = (channels, calls, bridges, talks, visits)
        self._moments = Moments()
        self._faults = 0

    def feed(self, event: Event, now: float) -> tuple[Change, ...]:
        """Something happened, and was received at ``now``.

        Raises nothing, whatever the event says.
        """
        self.note(event, now)
        return self._shared.changes.take()

    def note(self, event: Event, now: float) -> None:
        """As ``feed``, for many events in a row: the changes stay until ``take``."""
        handlers = self._handlers.get(event.name)
        if handlers is None:
            return
        needle = self._needles.get(event.name)
        if needle is not None and needle not in event.raw:
            return
        at = self._moments.of(event, now)
        for handle in handlers:
            self._guard(handle, event, at)

    def take(self, kinds: Container[Kind] | None = None) -> tuple[Change, ...]:
        """The changes of all events since the last time, of these ``kinds`` (None: of any).

        The same kind of the same object is there once, with the object as it is now.
        """
        return self._shared.changes.take(kinds)

    def _guard(self, step: Callable[[T, float], None], told: T, at: float) -> None:
        """Let a part hear of something; input that nobody expected must not end the picture."""
        try:
            step(told, at)
        except Exception:  # noqa: BLE001 - see above: it is counted, and the other parts hear of it
            self._faults += 1

    def seed(self, lists: Lists, now: float) -> tuple[Change, ...]:
        """Take over what the server's lists say, after login and after a gap.

        The changes say what must have happened meanwhile, and are marked ``inferred``.
        """
        changes, at = self._shared.changes, self._moments.received(now)
        changes.inferring = True
        try:
            for part in self._seeded:
                self._guard(part.seed, lists, at)
            return changes.take()
        finally:
            changes.inferring = False

    def tick(self, now: float) -> tuple[Change, ...]:
        """Time went on without an event.

        Call it before the figures of queues are shown, in the thread that feeds.
        """
        at = self._moments.received(now)
        self._queues.settle(at)
        self._calls.forget(at)
        self._channels.forget(at)
        return self._shared.changes.take()

    @property
    def names(self) -> frozenset[str]:
        """The names of the events that it hears of; any other one changes nothing."""
        return frozenset(self._handlers)

    # --- views ---

    @property
    def channels(self) -> View[snapshots.Channel]:
        """The live channels, by Uniqueid."""
        return View(self._channels.live)

    @property
    def bridges(self) -> View[snapshots.Bridge]:
        """The live bridges, by id."""
        return View(self._bridges.live)

    @property
    def calls(self) -> View[snapshots.Call]:
        """The live calls, by id."""
        return View(self._shared.calls)

    @property
    def ended(self) -> View[snapshots.Call]:
        """The calls that ended lately, by id, those that became part of another one included."""
        return View(self._calls.ended)

    def call(self, call_id: str) -> snapshots.Call | None:
        """The call of an id, live or just ended; the id of a merged call leads to the other one."""
        call = self._shared.calls.get(call_id) or self._calls.ended.get(call_id)
        return None if call is None else call.resolved().snapshot()

    @property
    def outcomes(self) -> Mapping[snapshots.Outcome, int]:
        """How many calls have ended since the picture began, by their outcome."""
        return self._calls.outcomes

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """The traffic of each queue since the picture began, by name."""
        return self._overview.traffic

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The queues, by name."""
        return self._overview.queues

    @property
    def callers(self) -> Mapping[str, Caller]:
        """The callers who wait in queues, by Uniqueid; those of one queue in their order."""
        return self._overview.callers

    @property
    def members(self) -> Mapping[tuple[str, str], Member]:
        """The members of queues, by the queue's name and the member's interface."""
        return self._overview.members

    def agents(self, now: float) -> Mapping[str, Agent]:
        """The agents, by interface: a member of several queues is one of them."""
        return self._overview.agents(now)

    def agent(self, interface: str, now: float) -> Agent | None:
        """One agent by its interface; None if there is none."""
        return self._overview.agent(interface, now)

    @property
    def curves(self) -> Mapping[str, Curve]:
        """The callers of each queue since midnight, by the quarter of an hour."""
        return self._overview.curves

    @property
    def queue_names(self) -> frozenset[str]:
        """The names of the queues."""
        return self._overview.queue_names

    @property
    def agent_names(self) -> frozenset[str]:
        """The interfaces of the agents."""
        return self._overview.agent_names

    def midnight(self, now: float) -> float:
        """When the server's day began, in Unix time."""
        return self._overview.midnight(now)

    def totals(self, now: float) -> Totals:
        """All queues together; an agent in several of them is counted once."""
        return self._overview.totals(now)

    @property
    def devices(self) -> Mapping[str, Device]:
        """The devices and their states, by name."""
        return self._devices.devices

    @property
    def hints(self) -> Mapping[tuple[str, str], Hint]:
        """The hints of the dialplan, by context and extension."""
        return self._devices.hints

    @property
    def parked(self) -> Mapping[str, ParkedCaller]:
        """The parked callers, by the Uniqueid of their channel."""
        return self._parking.parked

    @property
    def conferences(self) -> Mapping[str, Conference]:
        """The open conferences, by name."""
        return self._rooms.conferences

    def status(self) -> TrackerStatus:
        """How the tracker fares."""
        return TrackerStatus(
            channels=len(self._channels.live),
            calls=len(self._shared.calls),
            contradictions=self._shared.contradictions,
            faults=self._faults,
            entries=sum(len(table) for part in self._kept for table in part.tables()),
        )


def _table(parts: Iterable[Part]) -> dict[str, tuple[Handler, ...]]:
    table: dict[str, tuple[Handler, ...]] = {}
    for part in parts:
        for name, handler in part.handlers().items():
            table[name] = (*table.get(name, ()), handler)
    return table
