"""How long two parties of a call could hear each other, from the bridges that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from django_ami.core.messages import Event, Message

__all__ = ["Talk"]

#: A Local channel is the way to a party. The others are Asterisk's own, such as a conference's
#: announcer.
_NOBODY: Final = ("Local/", "CBAnn/", "CBRec/", "Announcer/", "Recorder/", "Surrogate/", "Message/")
_HOLDING: Final = "holding_bridge"
_BASIC: Final = "basic"


class Talk:
    """Channels in bridges. ``seconds`` is the time of talk, ``since`` when the present one began.

    The two halves of a Local channel, each in a bridge, make one of these two. ``first`` is
    the id of the channel that is called first: behind it, if it is a Local one, may be an
    application, which is in no bridge.
    """

    def __init__(self, first: str = "") -> None:
        self.first = first
        self.seconds = 0.0
        self.since: float | None = None
        #: By Uniqueid: the name of a channel and the bridge that it is in.
        self._places: dict[str, tuple[str, str]] = {}
        #: How many channels a basic bridge has, strangers included.
        self._sizes: dict[str, int] = {}

    def enter(self, event: Event, now: float) -> None:
        """BridgeEnter: a channel is in a bridge now."""
        self._put(event.get("Uniqueid", ""), event.get("Channel", ""), event, now)

    def leave(self, uniqueid: str, now: float) -> None:
        """A channel is in no bridge any more."""
        place = self._places.pop(uniqueid, None)
        if place is not None:
            if place[1] in self._sizes:
                self._sizes[place[1]] -= 1
            self._reckon(now)

    def keep(self, listed: Container[str], now: float) -> None:
        """Only these channels are there."""
        for uniqueid in [each for each in self._places if each not in listed]:
            self.leave(uniqueid, now)

    def found(self, bridge: Message, channels: Iterable[Message], now: float) -> None:
        """A list says who is in a bridge."""
        for channel in channels:
            self._put(channel.get("Uniqueid", ""), channel.get("Channel", ""), bridge, now)

    def end(self, now: float) -> None:
        """The call is over."""
        self._places.clear()
        self._sizes.clear()
        self._reckon(now)

    def _put(self, uniqueid: str, name: str, bridge: Message, now: float) -> None:
        self._places.pop(uniqueid, None)
        if bridge.get("BridgeTechnology") != _HOLDING:
            where = bridge.get("BridgeUniqueid", "")
            self._places[uniqueid] = name, where
            if bridge.get("BridgeType") == _BASIC:
                self._sizes[where] = whole_number(bridge.get("BridgeNumChannels", "")) or 0
        self._reckon(now)

    def _reckon(self, now: float) -> None:
        talking = self._is_talk()
        if talking and self.since is None:
            self.since = now
        elif not talking and self.since is not None:
            self.seconds += max(0.0, now - self.since)
            self.since = None

    def _is_talk(self) -> bool:
        """Whether one bridge, or some that Local channels join, have two parties."""
        rooms = {bridge: bridge for _, bridge in self._places.values()}
        halves: dict[str, str] = {}
        lone: dict[str, bool] = {}
        for name, bridge in self._places.values():
            lone[name[:-2]] = name[:-2] not in lone
            other = halves.setdefault(name[:-2], bridge) if name.startswith("Local/") else bridge
            mine, joined = rooms[bridge], rooms[other]
            rooms = {each: joined if room == mine else room for each, room in rooms.items()}
        parties: dict[str, int] = {}
        known: dict[str, int] = {}
        for uniqueid, (name, bridge) in self._places.items():
            known[bridge] = known.get(bridge, 0) + 1
            is_party = not name.startswith(_NOBODY) or (uniqueid == self.first and lone[name[:-2]])
            parties[rooms[bridge]] = parties.get(rooms[bridge], 0) + is_party
        for bridge, room in rooms.items():
            parties[room] += max(0, self._sizes.get(bridge, 0) - known[bridge])
        return any(number > 1 for number in parties.values())
