"""The end of channels and calls, and the party that hung up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django_ami.core.numerals import whole_number
from django_ami.live.call import Hangup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.bridges import Bridges
    from django_ami.live.calls import Calls
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler
    from django_ami.live.talks import Talks

__all__ = ["Hangups"]


class Hangups:
    """Ends channels, and with the last one its call."""

    def __init__(self, channels: Channels, calls: Calls, bridges: Bridges, talks: Talks) -> None:
        self._channels = channels
        self._calls = calls
        self._bridges = bridges
        self._talks = talks

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "HangupRequest": self._request,
            "SoftHangupRequest": self._withdraw,
            "Hangup": self._hangup,
        }

    def _withdraw(self, event: Event, now: float) -> None:
        """The server hangs a channel up, as somebody has told it to."""
        channel = self._channels.known(event, now)
        if channel is not None:
            channel.past.withdrawn = True

    def _request(self, event: Event, now: float) -> None:
        """The far end of a channel hangs up; the call goes on if others still talk."""
        channel = self._channels.known(event, now)
        if channel is None or channel.past.leaves:
            return
        cause, tech_cause = whole_number(event.get("Cause")) or 0, event.get("TechCause") or ""
        hangup = Hangup(channel.uniqueid, channel.device, cause, tech_cause, now)
        if channel.hidden:
            channel.past.rang_out = channel.past.rang_out or _rings_in_vain(channel)
            channel.past.hangup = channel.past.hangup or hangup
            return
        call = channel.call.resolved()
        mine = call.story.legs.get(channel.uniqueid)
        channel.past.hangup = channel.past.hangup or hangup
        if mine is not None and mine.connected is None and (mine.by or mine.answered is None):
            return  # the phone refuses, as far as is known
        if call.hangup.channel:
            return
        bridge = channel.bridge
        alone = bridge is not None and bridge.type == "basic" and len(bridge.channels) == 1
        talks = any(talk.end is None for talk in call.story.talks.values())
        if self._talks.beside(channel) or not (alone or talks):
            call.hangup = hangup

    def _hangup(self, event: Event, now: float) -> None:
        channel = self._channels.known(event, now)
        if channel is None:
            self._channels.is_gone(event, now)
            return
        cause, tech_cause = whole_number(event.get("Cause")) or 0, event.get("TechCause") or ""
        call = channel.call.resolved()
        leg = call.story.legs.get(channel.uniqueid)
        if leg is not None:
            call.story.legs[channel.uniqueid] = replace(
                leg,
                cause=cause,
                tech_cause=tech_cause,
                end=leg.end if leg.end is not None else max(now, leg.begin),
            )
            before = channel.past.hangup
            is_first = leg.answered is not None and leg.connected is None and not leg.by
            if before and is_first and not call.hangup.channel:
                call.hangup = before  # the far end hung up as it had picked up
        if call.hangup.channel in {"", channel.uniqueid}:
            call.hangup.cause, call.hangup.tech_cause = cause, tech_cause
        self.end(channel, now)

    def end(self, channel: Channel, now: float) -> None:
        """A channel has ended, and its call if it was the last one."""
        self._bridges.take_out(channel, now)
        self._talks.leave(channel, now)
        call = channel.call.resolved()
        call.remove(channel, now)
        self._channels.remove(channel, now)
        if not call.channels:
            self._calls.end(call, now)
        self._channels.forget(now)
        self._calls.forget(now)


def _rings_in_vain(channel: Channel) -> bool:
    """Whether the other half of a Local channel was rung, and is given up though nobody hung up.

    FollowMe and Originate do so at a timeout, and tell no DialEnd (apps/app_followme.c,
    main/dial.c).
    """
    near = channel.half
    if near is None or near.state == "Up" or near.past.dialled or near.past.withdrawn:
        return False
    if near.dialer is None:
        return near.uniqueid == near.linkedid
    return near.dialer.past.hangup is None and not near.dialer.past.withdrawn
