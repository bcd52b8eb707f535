"""Seeding: a picture taken over from lists, with events flowing before, beside and behind them.

Rule: a list is right about its moment, and events are right about what came later. So a channel
that has moved since the lists were asked for is where its event says; one that is younger may be
missing in them; one that has ended since is not there again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.numerals import whole_number
from django_ami.live.names import NOT_PICKED_UP, is_dialled, is_internal, known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.core.messages import Event
    from django_ami.live.bridges import Bridges
    from django_ami.live.channels import Channels
    from django_ami.live.dialplan import Dialplan
    from django_ami.live.dials import Dials
    from django_ami.live.hangups import Hangups
    from django_ami.live.lists import Lists
    from django_ami.live.stays import Conferences, Parks, QueueVisits

__all__ = ["ChannelSeed", "StaySeed"]


def seconds_of(duration: str | None) -> float:
    """``01:02:03`` in seconds (main/manager.c, CoreShowChannels)."""
    total = 0.0
    for part in (duration or "").split(":"):
        total = total * 60 + (whole_number(part) or 0)
    return total


class ChannelSeed:
    """Takes over channels, and with them calls, from CoreShowChannels."""

    def __init__(
        self, channels: Channels, dials: Dials, dialplan: Dialplan, hangups: Hangups
    ) -> None:
        self._channels = channels
        self._dials = dials
        self._dialplan = dialplan
        self._hangups = hangups

    def seed(self, lists: Lists, now: float) -> None:
        """Take over the channels; one that the list does not know has ended, and nobody saw how."""
        if lists.channels is None:
            return
        items = [item for item in lists.channels if item.get("Uniqueid")]
        listed = {item.get("Uniqueid") for item in items}
        # The oldest first: a caller is there before the phones that ring.
        for item in sorted(items, key=lambda item: -seconds_of(item.get("Duration"))):
            self._take(item, now)
        for channel in self._channels.live.values():
            if not channel.call.resolved().shown and not is_internal(channel.name):
                # Halves of Local channels alone: nobody asked for them but the server itself.
                channel.call.resolved().originated(now)
        # Then only: a call may go on with other channels than before.
        for uniqueid, channel in list(self._channels.live.items()):
            if uniqueid not in listed and channel.since <= lists.asked:
                channel.call.resolved().inferred = True
                self._hangups.end(channel, now)

    def _take(self, item: Event, now: float) -> None:
        channel = self._channels.known(item, now)
        if channel is not None:
            before = channel.state
            channel.take(item)
            channel.application = item.get("Application") or channel.application
            if channel.state != before:
                channel.call.resolved().moved(channel, now)
            return
        if item.get("Uniqueid") in self._channels.gone:
            return
        channel = self._channels.make(item, now - seconds_of(item.get("Duration")))
        if channel is None:
            return
        call = channel.call.resolved()
        call.inferred = True
        channel.application = item.get("Application") or ""
        if is_dialled(channel.application) or channel.state in NOT_PICKED_UP:
            others = (
                one for one in call.channels.values() if one is not channel and not one.hidden
            )
            channel.dialer = next(others, None)
            self._dials.leg(channel, now)
        else:
            self._dialplan.at(channel, item.get("ApplicationData") or "")


class StaySeed:
    """Takes over where channels are: in bridges, queues, parking spaces and conferences."""

    def __init__(
        self,
        channels: Channels,
        bridges: Bridges,
        dials: Dials,
        visits: QueueVisits,
        parks: Parks,
        conferences: Conferences,
    ) -> None:
        self._channels = channels
        self._bridges = bridges
        self._dials = dials
        self._visits = visits
        self._parks = parks
        self._conferences = conferences

    def seed(self, lists: Lists, now: float) -> None:
        """Take over the lists; each that is None says nothing."""
        if lists.channels is not None:
            self._place(lists.channels, lists.bridges or (), lists.asked, now)
        if lists.queues is not None:
            self._queues(
                [item for item in lists.queues if item.name == "QueueEntry"], lists.asked, now
            )
        if lists.parked is not None:
            self._park(lists.parked, lists.asked, now)
        if lists.conference_members is not None:
            self._confer(lists.conference_members, lists.asked, now)

    def _place(
        self, channels: Sequence[Event], bridges: Sequence[Event], asked: float, now: float
    ) -> None:
        for item in bridges:
            self._bridges.of(item, now)
        for item in channels:
            channel = self._channels.live.get(item.get("Uniqueid") or "")
            if channel is None or channel.moved > asked:
                continue
            if bridge_id := known(item.get("BridgeId")):
                self._bridges.put_in(channel, self._bridges.named(bridge_id, now), now)
            else:
                self._bridges.take_out(channel, now)
        self._bridges.drop_empty()

    def _queues(self, entries: Sequence[Event], asked: float, now: float) -> None:
        listed = {entry.get("Uniqueid") for entry in entries}
        for uniqueid in self._visits.waiting:
            channel = self._channels.live.get(uniqueid)
            if uniqueid not in listed and (
                channel is None or self._visits.since(uniqueid) <= asked
            ):
                bridge = None if channel is None else channel.bridge
                talks = bridge is not None and not bridge.holding
                application = "" if channel is None else channel.application
                self._visits.missed(uniqueid, now, talks=talks, application=application)
        for entry in entries:
            channel = self._channels.known(entry, now)
            if channel is not None and not self._visits.is_open(channel.uniqueid):
                position = whole_number(entry.get("Position")) or 0
                joined = now - (whole_number(entry.get("Wait")) or 0)
                queue = entry.get("Queue") or ""
                self._visits.begin(channel, queue, position, joined, now)
                self._dials.are_for(queue, channel)

    def _park(self, items: Sequence[Event], asked: float, now: float) -> None:
        listed = {item.get("ParkeeUniqueid") for item in items}
        for uniqueid, channel in self._channels.live.items():
            key = self._parks.key_of(channel)
            if uniqueid not in listed and key is not None and key[1] <= asked:
                self._parks.end(channel, "retrieved" if channel.bridge is not None else "", now)
        for item in items:
            if (parkee := self._channels.known(item, now, "Parkee")) is not None:
                begin = now - (whole_number(item.get("ParkingDuration")) or 0)
                self._parks.begin(parkee, item, begin, now)

    def _confer(self, items: Sequence[Event], asked: float, now: float) -> None:
        listed = {item.get("Uniqueid") for item in items}
        for uniqueid, channel in self._channels.live.items():
            key = self._conferences.key_of(channel)
            if uniqueid not in listed and key is not None and key[1] <= asked:
                self._conferences.end(channel, now)
        for item in items:
            if (member := self._channels.known(item, now)) is not None:
                self._conferences.begin(member, item.get("Conference") or "", now)
