"""Talks: which two people hear each other, from when to when."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from django_ami.live.call import Hangup
from django_ami.live.changes import Kind
from django_ami.live.snapshots import Hold, TalkSegment
from django_ami.live.story import write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from django_ami.core.messages import Event
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["Talks"]

#: A talk that goes on so soon has not ended: channels change bridges when Local channels are
#: optimised away.
LONGEST_GAP_SECONDS: Final = 0.2
#: A shorter one is none: a phone ends its hold a few milliseconds before it transfers.
SHORTEST_SECONDS: Final = 0.1
#: The channel by which an attended transfer links two bridges (main/bridge.c), half a second later.
_LINK: Final = b"\r\nChannel: Local/_attended@transfer"
#: How many people at most are followed pair by pair: in a larger room each would have too many
#: pairs.
MOST_TALKERS: Final = 6
#: How many of the latest talks may be the one that goes on.
_LATEST_TALKS: Final = 4

Key = tuple[str, str, float]


class Talks:
    """The talks that are going on, and holds, which interrupt them."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        #: For each channel: those that it hears, and the key of the talk.
        self._open: dict[str, dict[str, Key]] = {}
        #: Beside whom each channel is, talking or on hold.
        self._rooms: dict[str, list[Channel]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "Hold": self._hold,
            "Unhold": self._unhold,
            "Newchannel": self._link,
        }

    def tables(self) -> tuple[Sized, ...]:
        """Everything that it keeps."""
        return (
            self._open,
            self._rooms,
        )

    def beside(self, channel: Channel) -> list[Channel]:
        """The people who are in one room with a channel, itself among them."""
        return self._rooms.get(channel.uniqueid, [])

    # --- rooms ---

    def follow(self, people: list[Channel], now: float) -> None:
        """These are in one room now, and nobody else is with them."""
        alone = not 1 < len(people) <= MOST_TALKERS
        together = frozenset() if alone else {channel.uniqueid for channel in people}
        for channel in people:
            for other in self._rooms.get(channel.uniqueid, ()):
                if other.uniqueid not in together:
                    self._part(channel.uniqueid, other.uniqueid, now)
            if alone:
                self._rooms.pop(channel.uniqueid, None)
            else:
                self._rooms[channel.uniqueid] = people
        if len(people) > 1:
            self.connect(people, now)
        if not alone:
            self._listen(people, now)

    def leave(self, channel: Channel, now: float) -> None:
        """A channel has left its room."""
        self._end_hold(channel, now)
        for other in self._rooms.pop(channel.uniqueid, ()):
            self._part(channel.uniqueid, other.uniqueid, now)

    def connect(self, people: list[Channel], now: float) -> None:
        """Two people in one room: their calls are answered. One may have hung up just before."""
        hangups = [one.past.hangup for one in people if one.past.hangup and not one.past.leaves]
        gone = min(hangups, key=attrgetter("at"), default=None)
        for channel in people:
            call = channel.call.resolved()
            if call.answered is None:
                call.answered = now
            call.hangup = gone or Hangup()
            leg, key = call.story.legs.get(channel.uniqueid), call.party_key(channel)
            party, new = call.story.parties.get(key), False
            if leg is not None and leg.connected is None:
                call.story.legs[channel.uniqueid] = replace(leg, connected=now)
                new = True
            if party is not None and party.answered is None:
                call.story.parties[key] = replace(party, answered=now)
                new = True
            if new:
                call.note(Kind.ANSWERED, now)

    def _listen(self, people: list[Channel], now: float) -> None:
        """Begin the talks of those who hear each other and do not talk yet."""
        speaking = [channel for channel in people if channel.hold is None]
        for place, channel in enumerate(speaking):
            for other in speaking[place + 1 :]:
                if other.uniqueid not in self._open.get(channel.uniqueid, {}):
                    self._begin(channel, other, now)

    def _begin(self, one: Channel, other: Channel, now: float) -> None:
        calls = {one.call.resolved(), other.call.resolved()}
        resumed = [_resumed(call.story.talks, one.uniqueid, other.uniqueid, now) for call in calls]
        key = next((key for key in resumed if key is not None), (one.uniqueid, other.uniqueid, now))
        for call in calls:
            talk = call.story.talks.get(key)
            if talk is None:
                talk = TalkSegment(one.device, other.device, one.uniqueid, other.uniqueid, now)
            write(call.story.talks, key, replace(talk, end=None))
        self._open.setdefault(one.uniqueid, {})[other.uniqueid] = key
        self._open.setdefault(other.uniqueid, {})[one.uniqueid] = key

    def _part(self, one: str, other: str, now: float) -> None:
        """Two do not hear each other any more."""
        key = self._open.get(one, {}).pop(other, None)
        self._open.get(other, {}).pop(one, None)
        for uniqueid in (one, other):
            if not self._open.get(uniqueid, True):
                del self._open[uniqueid]
        if key is None:
            return
        for channel in (self._channels.live.get(one), self._channels.live.get(other)):
            talks = {} if channel is None else channel.call.resolved().story.talks
            talk = talks.get(key)
            if talk is not None and talk.end is None:
                if now - talk.begin < SHORTEST_SECONDS:
                    del talks[key]
                else:
                    talks[key] = replace(talk, end=max(now, talk.begin))

    # --- holds ---

    def _hold(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        if channel is None or channel.hidden or channel.hold is not None:
            return
        call = channel.call.resolved()
        channel.hold = (channel.uniqueid, now)
        write(call.story.holds, channel.hold, Hold(channel.device, channel.uniqueid, now))
        for other in self.beside(channel):
            self._part(channel.uniqueid, other.uniqueid, now)
        call.note(Kind.HELD, now)

    def _unhold(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        key = None if channel is None else channel.hold
        if channel is not None and key is not None and self._end_hold(channel, now):
            channel.past.unheld = key, now
            self._listen(self.beside(channel), now)
            channel.call.resolved().note(Kind.RESUMED, now)

    def _link(self, event: Event, now: float) -> None:
        """Asterisk ended a hold for a transfer, of which its phone knows nothing: it goes on."""
        link = self._channels.known(event, now) if _LINK in event.raw else None
        if link is None:
            return
        for channel in link.call.resolved().channels.values():
            key, at = channel.past.unheld or (None, 0.0)
            holds = channel.call.resolved().story.holds
            if key in holds and 0 <= now - at < SHORTEST_SECONDS:
                channel.hold, holds[key] = key, replace(holds[key], end=None)
                for other in self.beside(channel):
                    self._part(channel.uniqueid, other.uniqueid, now)

    @staticmethod
    def _end_hold(channel: Channel, now: float) -> bool:
        key, channel.hold = channel.hold, None
        if key is None:
            return False
        holds = channel.call.resolved().story.holds
        if (hold := holds.get(key)) is not None:
            holds[key] = replace(hold, end=max(now, hold.begin))
        return True


def _resumed(talks: dict[Key, TalkSegment], one: str, other: str, now: float) -> Key | None:
    """The key of the talk of these two that ended a moment ago and goes on."""
    for key in islice(reversed(talks), _LATEST_TALKS):
        talk = talks[key]
        if {talk.a_channel, talk.b_channel} == {one, other} and talk.end is not None:
            return key if now - talk.end < LONGEST_GAP_SECONDS else None
    return None
