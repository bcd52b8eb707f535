"""Legs: the channels that somebody dialled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.live.changes import Kind
from django_ami.live.outcomes import PICKED_UP
from django_ami.live.snapshots import Forward, Leg
from django_ami.live.story import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.call import Call
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["Dials"]

#: How old a Local channel may be that takes the place of a phone.
_SENT_ON_SECONDS: Final = 0.5


class Dials:
    """The legs of calls."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "DialBegin": self._begin,
            "DialState": self._progress,
            "DialEnd": self._end,
            "BridgeEnter": self._met,
        }

    def _begin(self, event: Event, now: float) -> None:
        source, target = self._channels.of(event, now), self._channels.of(event, now, "Dest")
        if target is None:
            return
        if source is not None:
            self._channels.connect(source, target, now)
            target.dialer = source
            person = source.person()
            source.call.resolved().set_caller(person)
            if target.half is not None:
                target.half.past.behind = person or target.half.past.behind
        self.leg(target, now)

    def leg(self, target: Channel, now: float) -> Leg | None:
        """The leg of a channel that was dialled; half of a Local channel has none."""
        call = target.call.resolved()
        leg = call.story.legs.get(target.uniqueid)
        if leg is not None or target.hidden:
            return leg
        by = target.dialer.person() if target.dialer is not None else None
        rings = target.state == "Ringing"
        leg = Leg(
            target.uniqueid,
            target.name,
            target.device,
            target.number if by is not None else "",
            "" if by is None else by.device,
            "" if by is None else by.uniqueid,
            now,
            ringing=now if rings else None,
            answered=now if target.state == "Up" else None,
            queue=_queue_of(call, by),
        )
        write(call.story.legs, target.uniqueid, leg)
        if rings:
            call.note(Kind.RINGING, now)
        return leg

    @staticmethod
    def are_for(queue: str, caller: Channel) -> None:
        """The phones that ring for a caller do so for a queue."""
        legs, person = caller.call.resolved().story.legs, caller.person() or caller
        for uniqueid, leg in legs.items():
            if leg.by_channel == person.uniqueid and leg.connected is None and leg.end is None:
                legs[uniqueid] = replace(leg, queue=queue)

    def _progress(self, event: Event, now: float) -> None:
        if event.get("DialStatus") != "PROGRESS":
            return
        target = self._channels.known(event, now, "Dest")
        leg = None if target is None else self.leg(target, now)
        if target is not None and leg is not None and leg.progress is None:
            target.call.resolved().story.legs[target.uniqueid] = replace(leg, progress=now)

    def _end(self, event: Event, now: float) -> None:
        """A dial is over. The Hangup may have come before; its call still has the leg."""
        source, target = self._channels.of(event, now), self._channels.known(event, now, "Dest")
        if source is not None and target is not None:
            # A pickup: this channel was never dialled (main/pickup.c); or the dial goes on for
            # another channel.
            self._channels.connect(source, target, now)
            target.dialer = target.dialer or source
        status, forward = event.get("DialStatus") or "", event.get("Forward") or ""
        if status == "CANCEL" and source is not None and source.past.rang_out:
            # The channel that rang the Local channel gave up waiting: nobody hung up.
            status = status if _is_answered(source) else "NOANSWER"
        if target is not None and target.half is not None:
            target.past.dialled = True
            target.half.past.rang_out = target.half.past.rang_out or status == "NOANSWER"
        uniqueid, there = event.get("DestUniqueid") or "", target or source
        # Both channels may have ended before, in a call that goes on.
        call = there.call.resolved() if there is not None else self._channels.call_of(event, "Dest")
        legs = {} if call is None else call.story.legs
        leg = legs.get(uniqueid)
        if leg is None and target is not None and not target.hidden:
            self._taken(target, event)
        if call is None or leg is None:
            return
        if leg.by_channel == "" and source is not None and (by := source.person()) is not None:
            # Only now is it known which phone is behind the Local channel that dialled.
            leg = _dialled_by(by, leg, target)
        ends = status != "ANSWER" and leg.connected is None
        legs[uniqueid] = replace(
            leg,
            status=leg.status or status,
            answered=now if status == "ANSWER" and leg.answered is None else leg.answered,
            end=now if ends and leg.end is None else leg.end,
            forwarded_to=leg.forwarded_to or forward,
        )
        if forward and not leg.forwarded_to:
            write(call.story.forwards, (uniqueid, now), Forward(now, leg.device, forward))
            call.note(Kind.FORWARDED, now)
            if target is not None and target.dialer is None:
                self._sent_on(target, forward, now)

    def _sent_on(self, target: Channel, forward: str, now: float) -> None:
        """A phone that the server called sends it on (main/dial.c, handle_call_fwd).

        Its name alone ties the Local channel to it that takes its place, and is there by then. If
        two phones forward to one number at once, nobody knows which is whose.
        """
        name = f"Local/{forward.partition('@')[0]}@"
        found: dict[Call, Channel] = {}
        for other in reversed(self._channels.live.values()):
            if now - other.since > _SENT_ON_SECONDS:
                break
            if other.name.startswith(name) and other.dialer is None and _is_nobodys(other):
                found[other.call.resolved()] = other
        if len(found) == 1:
            self._channels.connect(target, found.popitem()[1], now)

    def _met(self, event: Event, now: float) -> None:
        """A person meets half of a Local channel: the other half may have dialled before.

        A phone that was picked up by then was rung for itself (Originate of a Local channel).
        """
        channel = self._channels.known(event, now)
        if channel is None or channel.bridge is None:
            return
        near = channel if channel.hidden else next(channel.bridge.others(channel), channel)
        far, by = near.half, None if near.half is None else near.half.person()
        if far is None or by is None:
            return
        far.past.behind = by
        call = far.call.resolved()
        for uniqueid, target in call.channels.items():
            leg = call.story.legs.get(uniqueid) if target.dialer is far else None
            if leg is not None and leg.by_channel == "" and leg.answered is None:
                call.story.legs[uniqueid] = _dialled_by(by, leg, target)

    @staticmethod
    def _taken(target: Channel, event: Event) -> None:
        """A phone that was not dialled took the call, by INVITE with Replaces (RFC 3891).

        Of those that rang, no DialEnd is told.
        """
        legs = target.call.resolved().story.legs
        if event.get("DialStatus") != "ANSWER":
            return
        for uniqueid, leg in legs.items():
            if leg.by_channel == event.get("Uniqueid") and leg.connected is None and not leg.status:
                legs[uniqueid] = replace(leg, status=PICKED_UP)


def _dialled_by(by: Channel, leg: Leg, target: Channel | None) -> Leg:
    """A leg whose caller is known only now, and with it that the leg has a number."""
    number = leg.number if target is None else target.number
    return replace(leg, by=by.device, by_channel=by.uniqueid, number=number)


def _is_nobodys(local: Channel) -> bool:
    """Whether no telephone was there before a Local channel, in its call."""
    channels = local.call.resolved().channels.values()
    return all(one.hidden or one.since >= local.since for one in channels)


def _is_answered(source: Channel) -> bool:
    """Whether a phone was picked up that rang for the same caller as the phones of a channel."""
    person = source.person() or source.past.behind
    legs = source.call.resolved().story.legs.values()
    return person is not None and any(
        leg.by_channel == person.uniqueid and leg.answered is not None and leg.end is None
        for leg in legs
    )


def _queue_of(call: Call, by: Channel | None) -> str:
    """The queue that a caller waits in, for which a phone rings."""
    if by is not None:
        for visit in reversed(call.story.queues.values()):
            if visit.connected is not None or visit.left is not None:
                continue
            waiting = call.channels.get(visit.channel)
            if visit.channel == by.uniqueid or (waiting is not None and waiting.person() is by):
                return visit.queue
    return ""
