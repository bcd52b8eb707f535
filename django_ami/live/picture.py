"""The live picture of one server, as others may look at it: they cannot feed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from django_ami.live import snapshots
    from django_ami.live.conferences import Conference
    from django_ami.live.devices import Device, Hint
    from django_ami.live.feed.records import Heading
    from django_ami.live.feed.remote import ObjectChange, RemotePicture
    from django_ami.live.parking import ParkedCaller
    from django_ami.live.queue_views import Agent, Caller, Curve, Member, Queue, Totals
    from django_ami.live.tracker import Tracker, TrackerStatus

__all__ = ["Picture"]


class Picture:
    """The live picture of one server: mappings of frozen snapshots, as it is now.

    Times are Unix time. Look at it in receivers: they run between two events. In another thread, a
    snapshot may be of the midst of an event.
    """

    def __init__(
        self,
        tracker: Callable[[], Tracker],
        clock: Callable[[], float],
        is_complete: Callable[[], bool],
        published: Callable[[], RemotePicture],
    ) -> None:
        # Asked at each look: a server that was removed, and comes back, has a new one.
        self._find = tracker
        self._clock = clock
        self._is_complete = is_complete
        self._published_elsewhere = published

    @property
    def _tracker(self) -> Tracker:
        return self._find()

    @property
    def complete(self) -> bool:
        """True once the server's lists were taken over. Until then, events alone are known."""
        return self._is_complete()

    @property
    def age(self) -> float | None:
        """How many seconds ago the picture was heard of; None if never. Here it is always now."""
        return 0.0

    @property
    def fresh(self) -> bool:
        """False while nobody carries the picture on: its listener has ended, or cannot publish."""
        return True

    @property
    def server(self) -> Heading:
        """The connection of the listener to the server, as it was published last.

        Raises ConfigurationError if nothing is published.
        """
        return self._published_elsewhere().server

    def changes(self) -> AsyncIterator[ObjectChange]:
        """Each object at first, then whatever changes, for ``async for``, as it is published.

        Of an object that changes faster than this is asked the last state is given. Objects that
        were gone in an interruption are given with None. Raises ConfigurationError if nothing is
        published.
        """
        return self._published_elsewhere().changes()

    @property
    def channels(self) -> Mapping[str, snapshots.Channel]:
        """The live channels, by Uniqueid."""
        return self._tracker.channels

    @property
    def bridges(self) -> Mapping[str, snapshots.Bridge]:
        """The live bridges, by id."""
        return self._tracker.bridges

    @property
    def calls(self) -> Mapping[str, snapshots.Call]:
        """The live calls, by id."""
        return self._tracker.calls

    @property
    def ended(self) -> Mapping[str, snapshots.Call]:
        """The calls that ended lately, by id."""
        return self._tracker.ended

    def call(self, call_id: str) -> snapshots.Call | None:
        """The call of an id, live or ended lately; None if there is none.

        The id of a call that became part of another one leads to that.
        """
        return self._tracker.call(call_id)

    @property
    def queues(self) -> Mapping[str, Queue]:
        """The queues, by name."""
        return self._tracker.queues

    @property
    def callers(self) -> Mapping[str, Caller]:
        """The callers who wait in queues, by Uniqueid; those of one queue in their order."""
        return self._tracker.callers

    @property
    def members(self) -> Mapping[tuple[str, str], Member]:
        """The members of queues, by the queue's name and the member's interface."""
        return self._tracker.members

    @property
    def agents(self) -> Mapping[str, Agent]:
        """The agents, by interface: a member of several queues is one of them."""
        return self._tracker.agents(self._clock())

    @property
    def curves(self) -> Mapping[str, Curve]:
        """The callers of each queue since midnight, by the quarter of an hour."""
        return self._tracker.curves

    @property
    def totals(self) -> Totals:
        """All queues together; an agent in several of them is counted once."""
        return self._tracker.totals(self._clock())

    @property
    def devices(self) -> Mapping[str, Device]:
        """The devices and their states, by name."""
        return self._tracker.devices

    @property
    def hints(self) -> Mapping[tuple[str, str], Hint]:
        """The hints of the dialplan, by context and extension."""
        return self._tracker.hints

    @property
    def parked(self) -> Mapping[str, ParkedCaller]:
        """The parked callers, by the Uniqueid of their channel."""
        return self._tracker.parked

    @property
    def conferences(self) -> Mapping[str, Conference]:
        """The open conferences, by name."""
        return self._tracker.conferences

    def status(self) -> TrackerStatus:
        """How the picture fares: how large it is, and which events did not fit."""
        return self._tracker.status()
