"""One call while it lives: its channels, its story, and the little that is known beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django_ami.live import outcomes, snapshots
from django_ami.live.changes import Kind
from django_ami.live.names import NOT_PICKED_UP, is_internal
from django_ami.live.snapshots import Direction
from django_ami.live.story import Story, close_all, write

if TYPE_CHECKING:
    from django_ami.live.channels import Channel
    from django_ami.live.parts import Shared

__all__ = ["Call", "Hangup"]


class Hangup:
    """The first request to hang up since the last talk began, and the causes of the end."""

    __slots__ = ("at", "cause", "channel", "device", "tech_cause")

    def __init__(
        self,
        channel: str = "",
        device: str = "",
        cause: int = 0,
        tech_cause: str = "",
        at: float = float("inf"),
    ) -> None:
        self.channel = channel
        self.device = device
        self.cause = cause
        self.tech_cause = tech_cause
        self.at = at


def _is_originated(channel: Channel) -> bool:
    """Whether the server made a channel for itself: nobody asked for it or calls with it."""
    own = channel.uniqueid == channel.linkedid and not is_internal(channel.name)
    return own and channel.state == "Down"


class Call:
    """A connected component of channels."""

    __slots__ = (
        "account", "answered", "application", "channels", "ended", "final", "hangup", "id",
        "inferred", "linkedids", "merged_into", "origin", "requested", "shared", "shown", "source",
        "started", "story", "up", "variables", "voicemail",
    )  # fmt: skip

    def __init__(self, shared: Shared, call_id: str, started: float) -> None:
        self.shared = shared
        self.id = call_id
        self.started = started
        self.answered: float | None = None
        self.ended: float | None = None
        self.merged_into: Call | None = None
        self.channels: dict[str, Channel] = {}
        #: Every Linkedid that leads here.
        self.linkedids = [call_id]
        self.story = Story()
        self.hangup = Hangup()
        self.requested = self.account = self.source = ""
        #: The application of the dialplan, and its arguments.
        self.application = ("", "")
        self.variables: dict[str, str] = {}
        #: Where it came from.
        self.origin = Direction.INTERNAL
        #: It reached a mailbox; one of its channels was Up.
        self.voicemail = self.up = False
        self.inferred = False
        #: It is a call to people: an announcer of a conference alone is none.
        self.shown = False
        #: The snapshot that remains of it.
        self.final: snapshots.Call | None = None

    def resolved(self) -> Call:
        """The call that this one is part of by now."""
        call = self
        while call.merged_into is not None:
            call = call.merged_into
        if call is not self:
            self.merged_into = call
        return call

    def note(self, kind: Kind, now: float) -> None:
        """Something happened to it, of which the world hears if it is a call to people."""
        if self.shown:
            self.shared.changes.note(kind, self, now)

    def show(self, now: float) -> None:
        """It is a call to people."""
        if not self.shown:
            self.shown = True
            self.shared.calls[self.id] = self
            self.note(Kind.STARTED, now)

    def originated(self, now: float) -> None:
        """The server began it of its own accord."""
        self.origin = Direction.ORIGINATED
        self.show(now)

    # --- its channels and parties ---

    def party_key(self, channel: Channel) -> str:
        """Channels of one device are one party; behind a trunk, each has another."""
        return channel.uniqueid if channel.device in self.shared.options.trunks else channel.device

    def add(self, channel: Channel, now: float) -> None:
        """A channel is part of it."""
        self.channels[channel.uniqueid] = channel
        if _is_originated(channel) and len(self.channels) == 1:
            self.originated(now)
        if channel.account and not self.account:
            self.account = channel.account
        if channel.state == "Up":
            self.up = True
        if not channel.hidden:
            self._join(channel, now)
            self.show(now)

    def _join(self, channel: Channel, now: float) -> None:
        parties, key = self.story.parties, self.party_key(channel)
        party = parties.get(key)
        if party is not None:
            channels = tuple(dict.fromkeys((*party.channels, channel.uniqueid)))
            parties[key] = replace(party, channels=channels, left=None)
            return
        # A phone that calls has a channel of its own Linkedid, in state Ring; one that is called
        # begins Down.
        calls = channel.uniqueid == channel.linkedid and channel.state not in NOT_PICKED_UP
        number, name = channel.number, channel.caller_name
        party = snapshots.Party(channel.device, number, name, "callee", (channel.uniqueid,), now)
        write(parties, key, party)
        if calls:
            self.set_caller(channel)
            options = self.shared.options
            if channel.device in options.trunks or channel.context in options.trunk_contexts:
                self.origin = Direction.INBOUND

    def set_caller(self, channel: Channel | None) -> None:
        """The channel calls somebody: its party is the caller, unless there is one."""
        if channel is None or any(party.role == "caller" for party in self.story.parties.values()):
            return
        key = self.party_key(channel)
        if (party := self.story.parties.get(key)) is not None:
            self.story.parties[key] = replace(party, role="caller")
            self.source = party.device

    def named(self, channel: Channel) -> None:
        """A channel has another caller ID."""
        party = self.story.parties.get(self.party_key(channel))
        if party is not None and (not party.number or party.channels[0] == channel.uniqueid):
            number, name = channel.number or party.number, channel.caller_name or party.name
            self.story.parties[self.party_key(channel)] = replace(party, number=number, name=name)

    def renamed(self, channel: Channel, now: float) -> None:
        """A channel has another name, which may be that of a party."""
        if not channel.hidden and channel.uniqueid in self.channels:
            self._join(channel, now)

    def moved(self, channel: Channel, now: float) -> None:
        """A channel has another state."""
        if channel.state == "Up":
            self.up = True
        leg = self.story.legs.get(channel.uniqueid)
        if leg is None or leg.end is not None:
            return
        if channel.state == "Ringing" and leg.ringing is None:
            self.story.legs[channel.uniqueid] = replace(leg, ringing=now)
            if not channel.hidden:
                self.note(Kind.RINGING, now)
        elif channel.state == "Up" and leg.answered is None:
            self.story.legs[channel.uniqueid] = replace(leg, answered=now)

    def remove(self, channel: Channel, now: float) -> None:
        """A channel has ended."""
        self.channels.pop(channel.uniqueid, None)
        key = self.party_key(channel)
        party = self.story.parties.get(key)
        if party is not None and not any(uniqueid in self.channels for uniqueid in party.channels):
            self.story.parties[key] = replace(party, left=now)

    # --- as it is now ---

    def snapshot(self) -> snapshots.Call:
        """The call as it is now, or as it was at its end."""
        if self.final is not None:
            return self.final
        story = self.story
        end = self.ended
        legs = tuple(
            leg
            if (told := outcomes.leg_outcome(self, leg)) is leg.outcome
            else replace(leg, outcome=told)
            for leg in list(story.legs.values())
        )
        cause, tech_cause = outcomes.causes(self)
        answered_by = min(
            (
                party
                for party in story.parties.values()
                if party.role != "caller" and party.answered is not None
            ),
            key=lambda party: party.answered or 0.0,
            default=None,
        )
        rang = {leg.number for leg in legs}
        requested = self.requested
        if not requested and self.origin is Direction.ORIGINATED and legs:
            requested = legs[0].device
        result = None if end is None or self.merged_into is not None else outcomes.outcome(self)
        return snapshots.Call(
            id=self.id,
            server=self.shared.server,
            direction=outcomes.direction(self),
            state=outcomes.state(self),
            started=self.started,
            answered=self.answered,
            ended=end,
            outcome=result,
            cause=cause,
            tech_cause=tech_cause,
            hung_up_by=self.hangup.device if result in outcomes.HUNG_UP else "",
            merged_into="" if self.merged_into is None else self.merged_into.id,
            requested=requested,
            destination=answered_by.number
            if answered_by is not None
            else ("".join(rang) if len(rang) == 1 else "") or requested,
            source=self.source,
            account=self.account,
            application=self.application[0],
            application_data=self.application[1],
            parties=tuple(story.parties.values())
            if end is None
            else close_all(story.parties, end, field="left"),
            legs=legs,
            talks=tuple(story.talks.values()) if end is None else close_all(story.talks, end),
            early_media=outcomes.early_media(legs),
            holds=tuple(story.holds.values()) if end is None else close_all(story.holds, end),
            transfers=outcomes.transfers(self),
            pickups=tuple(story.pickups.values()),
            forwards=tuple(story.forwards.values()),
            parks=tuple(story.parks.values()) if end is None else close_all(story.parks, end),
            queues=tuple(story.queues.values())
            if end is None
            else close_all(story.queues, end, field="left"),
            conferences=(
                tuple(story.conferences.values())
                if end is None
                else close_all(story.conferences, end, field="left")
            ),
            variables=dict(self.variables),
            inferred=self.inferred,
        )
