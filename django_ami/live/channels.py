"""Channels, from their first event to their Hangup.

Rule: an event about an unknown channel is believed, and the channel is there from then on, unless
it is an event that may come behind Hangup: the Hangup may be lost. A channel that has ended stays
ended: a late event about it is a contradiction, which is counted.
"""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Final

from django_ami.live import snapshots
from django_ami.live.names import device_of, is_hidden, known, name_of_caller, other_half

if TYPE_CHECKING:
    from collections.abc import Mapping, Sized

    from django_ami.core.messages import Event
    from django_ami.live.bridges import Bridge
    from django_ami.live.call import Call, Hangup
    from django_ami.live.calls import Calls
    from django_ami.live.parts import Handler, Shared
    from django_ami.live.unreached import Dial

__all__ = ["Channel", "Channels"]

#: Headers of a channel, and the attribute that keeps each.
_STATE: Final = (("ChannelStateDesc", "state"),)
_CALLER: Final = (("CallerIDNum", "number"), ("CallerIDName", "caller_name"))
_CONNECTED: Final = (
    ("ConnectedLineNum", "connected_number"),
    ("ConnectedLineName", "connected_name"),
)
_NAMES: Final = frozenset({"caller_name", "connected_name"})
_PLACE: Final = (("Context", "context"), ("Exten", "exten"))
_ALL: Final = (*_STATE, *_CALLER, *_CONNECTED, *_PLACE, ("AccountCode", "account"))
#: For how long the end of a channel is remembered: longer than any list is on its way.
_GONE_SECONDS: Final = 60.0
#: Events that may come behind the Hangup of a channel in them, since they are told by another
#: thread of Asterisk.
_LATE: Final = frozenset(
    {"DialEnd", "DialState", "BlindTransfer", "AttendedTransfer", "Pickup", "UnParkedCall",
     "ParkedCallGiveUp", "ParkedCallTimeOut", "ConfbridgeLeave", "AgentConnect", "QueueCallerLeave",
     "QueueCallerAbandon", "VarSet", "NewCallerid", "NewConnectedLine"}
)  # fmt: skip


class Past:
    """The past of a channel, as far as it tells what later events mean."""

    __slots__ = ("behind", "dial", "dialled", "hangup", "leaves", "rang_out", "unheld", "withdrawn")

    def __init__(self) -> None:
        #: Half of a Local channel: the person that was found last behind the other half.
        self.behind: Channel | None = None
        #: The Dial that it is in, until it goes on.
        self.dial: Dial | None = None
        #: DialEnd told how it went to ring it.
        self.dialled = False
        #: Its far end has hung up.
        self.hangup: Hangup | None = None
        #: It sent others on by a transfer, and hangs up for itself alone.
        self.leaves = False
        #: Somebody has told the server to hang it up.
        self.withdrawn = False
        #: Half of a Local channel whose other half was rung, and not answered in time.
        self.rang_out = False
        #: The key of the last hold that it ended, and when.
        self.unheld: tuple[tuple[str, float], float] | None = None


class Channel:
    """A live channel."""

    __slots__ = (
        "account", "application", "bridge", "call", "caller_name", "connected_name",
        "connected_number", "context", "dialer", "exten", "half", "hidden", "hold", "linkedid",
        "moved", "name", "number", "past", "since", "state", "uniqueid",
    )  # fmt: skip

    def __init__(self, name: str, uniqueid: str, linkedid: str, call: Call, since: float) -> None:
        self.name = name
        self.uniqueid = uniqueid
        self.linkedid = linkedid
        self.call = call
        self.since = since
        #: When it last went into a bridge, or out of one.
        self.moved = float("-inf")
        self.hidden = is_hidden(name)
        self.past = Past()
        self.state = self.number = self.caller_name = self.connected_number = (
            self.connected_name
        ) = ""
        self.context = self.exten = self.account = self.application = ""
        self.bridge: Bridge | None = None
        #: The other half of a Local channel, and the channel that dialled this one.
        self.half: Channel | None = None
        self.dialer: Channel | None = None
        #: The key of its hold among those of its call, while it holds the others.
        self.hold: tuple[str, float] | None = None

    @property
    def device(self) -> str:
        """The device that it belongs to."""
        return device_of(self.name)

    def take(self, event: Event, headers: tuple[tuple[str, str], ...] = _ALL) -> None:
        """Take over what an event says of it."""
        for header, attribute in headers:
            value = event.get(header)
            if value is not None:
                found = name_of_caller(value) if attribute in _NAMES else known(value)
                setattr(self, attribute, intern(found))

    def person(self) -> Channel | None:
        """The telephone at this end; for half of a Local channel, the one behind the other half."""
        channel: Channel | None = self
        for _ in range(_LONGEST_CHAIN):
            if channel is None or not channel.hidden:
                return channel
            half = channel.half
            if half is None:
                return None
            beside = (
                next((one for one in half.bridge.others(half)), None)
                if half.bridge is not None
                else None
            )
            channel = beside or half.dialer or half.answered_by()
        return None

    def answered_by(self) -> Channel | None:
        """The channel that it dialled and that is Up; its BridgeEnter may come later."""
        channels = self.call.resolved().channels.values()
        return next((one for one in channels if one.dialer is self and one.state == "Up"), None)

    def snapshot(self) -> snapshots.Channel:
        """The channel as it is now."""
        return snapshots.Channel(
            uniqueid=self.uniqueid,
            name=self.name,
            device=self.device,
            linkedid=self.linkedid,
            call=self.call.resolved().id,
            state=self.state,
            number=self.number,
            caller_name=self.caller_name,
            connected_number=self.connected_number,
            connected_name=self.connected_name,
            context=self.context,
            exten=self.exten,
            account=self.account,
            application=self.application,
            bridge="" if self.bridge is None else self.bridge.id,
            since=self.since,
            hidden=self.hidden,
            on_hold=self.hold is not None,
        )


#: How many Local channels one behind the other are followed.
_LONGEST_CHAIN: Final = 8


class Channels:
    """The live channels of a server, by Uniqueid, and the events that concern one of them."""

    def __init__(self, shared: Shared, calls: Calls) -> None:
        self._shared = shared
        self._calls = calls
        self.live: dict[str, Channel] = {}
        #: Local channels by name, to find the other half.
        self._halves: dict[str, Channel] = {}
        #: When each of those that ended lately did.
        self.gone: dict[str, float] = {}

    def handlers(self) -> Mapping[str, Handler]:
        handlers = {
            "Newchannel": self._newchannel,
            "Newstate": self._newstate,
            "NewCallerid": self._new_caller,
            "NewConnectedLine": self._new_connected,
            "NewAccountCode": self._new_account,
            "Rename": self._rename,
            "LocalBridge": self._local_bridge,
        }
        if self._shared.options.variables:
            handlers["VarSet"] = self._varset
        return handlers

    def tables(self) -> tuple[Sized, ...]:
        """Everything that it keeps."""
        return (
            self.live,
            self.gone,
            self._halves,
        )

    # --- finding them ---

    def call_id(self, uniqueid: str) -> str:
        """The id of the call of a channel; empty if it is not known."""
        channel = self.live.get(uniqueid)
        return "" if channel is None else channel.call.resolved().id

    def call_of(self, event: Event, prefix: str = "") -> Call | None:
        """The live call that an event is about, whose channel has ended."""
        return self._calls.of_linkedid(event.get(prefix + "Linkedid") or "")

    def of(self, event: Event, now: float, prefix: str = "") -> Channel | None:
        """The channel of an event, made if it is unknown; None if there is none or it ended."""
        return self.known(event, now, prefix) or self.make(event, now, prefix)

    def known(self, event: Event, now: float, prefix: str = "") -> Channel | None:
        """The live channel that an event is about; None if it is unknown.

        A Linkedid that is another one than before joins the two calls.
        """
        channel = self.live.get(event.get(prefix + "Uniqueid") or "")
        if channel is not None:
            linkedid = event.get(prefix + "Linkedid")
            if linkedid and linkedid != channel.linkedid:
                self.relink(channel, linkedid, now)
        return channel

    def relink(self, channel: Channel, linkedid: str, now: float) -> None:
        """A channel has another Linkedid than before: its call and that of the Linkedid are one."""
        channel.linkedid = linkedid
        call, other = channel.call.resolved(), self._calls.of_linkedid(linkedid)
        if other is None:
            self._calls.lead(linkedid, call)
        else:
            self._calls.join(call, other, now)

    def make(self, event: Event, now: float, prefix: str = "") -> Channel | None:
        """Make the unknown channel of an event; None if the event names none, or it has ended."""
        uniqueid, name = event.get(prefix + "Uniqueid"), event.get(prefix + "Channel")
        if not uniqueid or not name or uniqueid == "<unknown>":
            return None
        if uniqueid in self.gone:
            self._shared.contradictions += event.name not in _LATE
            return None
        if event.name in _LATE:
            return None
        linkedid = event.get(prefix + "Linkedid") or uniqueid
        channel = Channel(
            name, uniqueid, linkedid, self._calls.of_channel(uniqueid, linkedid, now), now
        )
        if prefix:
            channel.take(event, tuple((prefix + header, attribute) for header, attribute in _ALL))
        else:
            channel.take(event)
        self.add(channel, now)
        return channel

    def add(self, channel: Channel, now: float) -> None:
        """A channel is there."""
        self.live[channel.uniqueid] = channel
        if channel.name.startswith("Local/"):
            self._halves[channel.name] = channel
            self._pair(channel, self._halves.get(other_half(channel.name)), now)
        channel.call.resolved().add(channel, now)

    def _pair(self, one: Channel, other: Channel | None, now: float) -> None:
        if other is not None and one.half is not other and one is not other:
            one.half, other.half = other, one
            self._calls.join(one.call, other.call, now)

    def connect(self, one: Channel, other: Channel, now: float) -> None:
        """Two channels are of one call."""
        self._calls.join(one.call, other.call, now)

    def remove(self, channel: Channel, now: float) -> None:
        """A channel has ended."""
        self.live.pop(channel.uniqueid, None)
        self.gone[channel.uniqueid] = now
        if self._halves.get(channel.name) is channel:
            del self._halves[channel.name]
        if channel.half is not None:
            channel.half.half = None
            channel.half = None

    def is_gone(self, event: Event, now: float) -> None:
        """A channel that nobody knew has ended: a list that is on its way may have it still."""
        if uniqueid := event.get("Uniqueid"):
            self.gone[uniqueid] = now
            self.forget(now)

    def forget(self, now: float) -> None:
        """Forget the channels that ended long ago, or in the future (after a jump of the clock)."""
        while self.gone:
            uniqueid = next(iter(self.gone))
            if abs(now - self.gone[uniqueid]) < _GONE_SECONDS:
                return
            del self.gone[uniqueid]

    # --- events ---

    def _newchannel(self, event: Event, now: float) -> None:
        self.of(event, now)

    def _newstate(self, event: Event, now: float) -> None:
        channel = self.of(event, now)
        if channel is not None:
            before = channel.state
            channel.take(event, _STATE)
            if channel.state != before:
                channel.call.resolved().moved(channel, now)

    def _new_caller(self, event: Event, now: float) -> None:
        channel = self.of(event, now)
        if channel is not None:
            channel.take(event, _CALLER)
            channel.call.resolved().named(channel)

    def _new_connected(self, event: Event, now: float) -> None:
        channel = self.of(event, now)
        if channel is not None:
            channel.take(event, _CONNECTED)

    def _new_account(self, event: Event, now: float) -> None:
        channel = self.of(event, now)
        if channel is not None:
            channel.take(event, (("AccountCode", "account"),))

    def _rename(self, event: Event, now: float) -> None:
        """A masquerade swaps names (main/channel.c); the Uniqueid stays."""
        channel, name = self.known(event, now), event.get("Newname")
        if channel is None or not name:
            return
        if self._halves.get(channel.name) is channel:
            del self._halves[channel.name]
        channel.name, channel.hidden = name, is_hidden(name)
        if name.startswith("Local/"):
            self._halves[name] = channel
        channel.call.resolved().renamed(channel, now)

    def _local_bridge(self, event: Event, now: float) -> None:
        """Main/core_local.c: the two halves of a Local channel are there."""
        one, other = self.of(event, now, "LocalOne"), self.of(event, now, "LocalTwo")
        if one is not None:
            self._pair(one, other, now)

    def _varset(self, event: Event, now: float) -> None:
        name = event.get("Variable") or ""
        if name in self._shared.options.variables and (channel := self.of(event, now)) is not None:
            channel.call.resolved().variables[name] = event.get("Value") or ""
