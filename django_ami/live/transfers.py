"""Transfers and pickups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.live import outcomes
from django_ami.live.call import Hangup
from django_ami.live.changes import Kind
from django_ami.live.dialplan import EXPLAINED_SECONDS, REDIRECT
from django_ami.live.names import device_of, is_hidden
from django_ami.live.snapshots import Pickup, Transfer
from django_ami.live.story import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.call import Call
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["Transfers"]

#: How the headers of the party begin that sent others on.
_TRANSFERERS: Final = ("Transferer", "OrigTransferer", "SecondTransferer")
#: The DestType of an attended transfer by which the transferer joins the two others.
_STAYS: Final = "Threeway"


class Transfers:
    """Follows transfers and pickups."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "BlindTransfer": self._blind,
            "AttendedTransfer": self._attended,
            "Pickup": self._pickup,
        }

    def _blind(self, event: Event, now: float) -> None:
        by = self._channels.of(event, now, "Transferer")
        who = self._channels.of(event, now, "Transferee")
        kind = "park" if who is not None and _is_parked(who) else "blind"
        self._transferred(kind, event, by, who, event.get("Extension") or "", now)

    def _attended(self, event: Event, now: float) -> None:
        by = self._channels.of(event, now, "OrigTransferer")
        second = self._channels.of(event, now, "SecondTransferer")
        who = self._channels.of(event, now, "Transferee")
        target = self._channels.of(event, now, "TransferTarget") or _beside(who, by, second)
        person = None if target is None else target.person()
        to = _dialled_by(event, second or by or who, who)
        to = to if person is None else person.device
        # Behind a Local channel may be nobody: an application, such as a conference.
        to = to or ("" if target is None else target.exten)
        self._transferred("attended", event, by, who, to, now, second, target)

    def _transferred(
        self,
        kind: str,
        event: Event,
        by: Channel | None,
        who: Channel | None,
        to: str,
        now: float,
        *others: Channel | None,
    ) -> None:
        there = [channel for channel in (by, who, *others) if channel is not None]
        if not there:
            return
        result = event.get("Result") or ""
        if result == "Success":
            for other in there:
                self._channels.connect(there[0], other, now)
        call = there[0].call.resolved()
        if result == "Success" and event.get("DestType") != _STAYS:
            _leaves(call, event, by, *others[:1])
        by_prefix = "Transferer" if kind != "attended" else "OrigTransferer"
        by_device, who_device = _device(event, by_prefix, by), _device(event, "Transferee", who)
        transfer = Transfer(kind, now, by_device, who_device, to, result)
        _forget_redirect(call, who, now)
        write(call.story.transfers, ("" if who is None else who.uniqueid, now), transfer)
        if result == "Success" and by_device and by_device == call.source and who_device:
            call.source = who_device
        call.note(Kind.TRANSFERRED, now)

    def _pickup(self, event: Event, now: float) -> None:
        """Main/pickup.c: the channel took the call that rang at the target."""
        by, rang = self._channels.of(event, now), self._channels.of(event, now, "Target")
        if by is None or rang is None:
            return
        self._channels.connect(rang, by, now)
        call = rang.call.resolved()
        if (leg := call.story.legs.get(rang.uniqueid)) is not None:
            call.story.legs[rang.uniqueid] = replace(leg, status=outcomes.PICKED_UP)
        write(call.story.pickups, (by.uniqueid, now), Pickup(now, by.device, rang.device))
        call.note(Kind.PICKED_UP, now)


def _beside(who: Channel | None, *transferers: Channel | None) -> Channel | None:
    """The one with whom a party was left alone: not every version names the target."""
    others = () if who is None or who.bridge is None else who.bridge.others(who)
    return next((one for one in others if one not in transferers), None)


def _leaves(call: Call, event: Event, *transferers: Channel | None) -> None:
    """A party that sent others on hangs up, before this event or behind it: the call goes on."""
    left = {event.get(f"{prefix}Uniqueid") for prefix in _TRANSFERERS}
    for channel in transferers:
        person = None if channel is None else channel.person() or channel.past.behind
        if person is not None:
            person.past.leaves = True
            left.add(person.uniqueid)
    if call.hangup.channel in left:
        call.hangup = Hangup()


def _device(event: Event, prefix: str, channel: Channel | None) -> str:
    """The phone that an event is about, whose channel may have ended already."""
    if channel is None:
        name = event.get(prefix + "Channel") or ""
        return "" if is_hidden(name) else device_of(name)
    # A transferer behind a Local channel may have hung up, and is behind it no more.
    person = channel.person() or channel.past.behind
    return "" if person is None else person.device


def _forget_redirect(call: Call, who: Channel | None, now: float) -> None:
    """A step in the dialplan that came before this event looked like a redirect."""
    transfers = call.story.transfers
    for key, transfer in list(transfers.items())[-1:]:
        mine = who is not None and key[0] == who.uniqueid
        if mine and transfer.kind == REDIRECT and abs(now - transfer.at) < EXPLAINED_SECONDS:
            del transfers[key]


def _is_parked(who: Channel) -> bool:
    """Whether the transfer was one to a parking lot, and ParkedCall came first."""
    parks = reversed(who.call.resolved().story.parks.values())
    return any(park.channel == who.uniqueid and park.end is None for park in parks)


def _dialled_by(event: Event, channel: Channel | None, who: Channel | None) -> str:
    """The device that a channel dialled last, except the transferred party; or the extension."""
    second = event.get("SecondTransfererUniqueid")
    legs = {} if channel is None else channel.call.resolved().story.legs
    for leg in reversed(legs.values()):
        if leg.by_channel == second and (who is None or leg.uniqueid != who.uniqueid):
            return leg.device
    return event.get("SecondTransfererExten") or ""
