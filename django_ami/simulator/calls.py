"""Scripted calls: how channels are dialled, answered, bridged and hung up.

The events come in Asterisk's order. Each channel is driven by one task, as by its PBX thread in
Asterisk: :meth:`Calls.run` takes it from step to step.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django_ami.simulator import cdr
from django_ami.simulator.applications import run_application
from django_ami.simulator.bridging import join, let_go, meet, talk, talk_on
from django_ami.simulator.channels import BUSY, RING, RINGING, UP, Channel, Pairs, Step
from django_ami.simulator.dialling import (
    ANSWER,
    CANCELLED,
    NO_ANSWER,
    UNREACHABLE,
    UNREACHED,
    Order,
    Outcome,
    local_bridge,
    pair,
)

if TYPE_CHECKING:
    from django_ami.simulator.pbx import Pbx

__all__ = ["Calls"]

_TECHNOLOGIES = {"PJSIP", "SIP", "IAX2", "DAHDI", "Local"}


class Calls:
    """The scripts. They change the world only through :class:`~django_ami.simulator.pbx.Pbx`."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx

    # --- legs ---

    def outcome(self, dialed: str) -> Outcome:
        """The outcome of dialling, endpoints that are not registered included."""
        pbx, (tech, _, rest) = self._pbx, dialed.partition("/")
        endpoint = pbx.endpoints.get(rest.partition("@")[2] or rest)
        if tech not in _TECHNOLOGIES or (
            tech == "PJSIP" and endpoint is not None and not endpoint.registered
        ):
            return UNREACHABLE
        return pbx.behaviour.outcome(dialed)

    def new_leg(self, dialed: str, caller: Channel | None, order: Order | None = None) -> Channel:
        """A channel that is about to ring; with Local both halves of it."""
        pbx, serial = self._pbx, self._pbx.numbering.serial()
        linkedid = caller.linkedid if caller else ""
        tech, _, rest = dialed.partition("/")
        uniqueid = order.channel_id if order else ""
        if tech != "Local":
            device = rest.partition("@")[2] or rest
            endpoint = pbx.endpoints.get(device)
            own = {"caller_num": endpoint.name, "caller_name": endpoint.title} if endpoint else {}
            name = f"{tech}/{device}-{serial}"
            return pbx.add_channel(name, uniqueid=uniqueid, linkedid=linkedid, dialed=dialed, **own)
        where = rest.split("/")[0]
        exten, _, context = where.partition("@")
        fields = {"dialed": dialed, "exten": exten, "context": context or "default"}
        base = f"Local/{exten}@{context or 'default'}-{serial}"
        one = pbx.add_channel(f"{base};1", uniqueid=uniqueid, linkedid=linkedid, **fields)
        other_id = (order.other_channel_id if order else "") or (
            f"{uniqueid};2" if uniqueid else ""
        )
        two = pbx.add_channel(
            f"{base};2", uniqueid=other_id, linkedid=one.linkedid, state=RING, **fields
        )
        one.other_half, two.other_half = two, one
        return one

    async def dial(
        self,
        leg: Channel,
        caller: Channel | None,
        seconds: float,
        application: str = "AppDial",
        made: Pairs | None = None,
    ) -> Outcome:
        """DialBegin to DialEnd. The caller's own hangup, or the leg's, ends it too.

        ``made`` is what DialBegin says of the leg, if that is not what it is by now.
        """
        pbx = self._pbx
        outcome = self.outcome(leg.dialed)
        if leg.other_half is not None:
            pbx.emit("LocalBridge", local_bridge(leg, leg.other_half))
        record = cdr.begin(caller, leg, pbx.clock.time()) if caller else None
        whole = application == "AppQueue" or (caller is not None and leg.tech == "Local")
        shown = leg.dialed if whole else leg.dialed.partition("/")[2]
        parties = [*(caller.snapshot() if caller else ()), *(made or leg.snapshot("Dest"))]
        pbx.emit("DialBegin", [*parties, ("DialString", shown)])
        if caller is not None and application == "AppDial":
            self.connect_line(caller, leg)
        if outcome in {ANSWER, NO_ANSWER} or (outcome.status == "BUSY" and leg.other_half is None):
            outcome = await self._ring(leg, caller, outcome, seconds, application)
        if outcome is ANSWER:
            self._answer(leg)
            if caller is not None and application == "AppDial":
                leg.exten = ""  # it is nowhere in the dialplan
        elif outcome.status in {"BUSY", "CONGESTION"}:
            self._refuse(leg, outcome)
        if record is not None and outcome is not ANSWER:
            record.end(pbx.clock.time(), outcome.status)
        if (
            caller is not None or outcome is not NO_ANSWER
        ):  # an originate that rang out has no DialEnd
            # Nobody is there who cancels an originate: it was hung up.
            self.end_dial(
                caller,
                leg,
                "NOANSWER" if caller is None and outcome is CANCELLED else outcome.status,
            )
        return outcome

    def end_dial(self, caller: Channel | None, leg: Channel, status: str) -> None:
        """DialEnd."""
        self._pbx.emit("DialEnd", [*pair(caller, leg), ("DialStatus", status)])

    def connect_line(self, channel: Channel, other: Channel) -> None:
        """A channel learns whom it has to do with."""
        channel.connected_num, channel.connected_name = other.caller_num, other.caller_name
        self._pbx.emit("NewConnectedLine", channel.snapshot())

    def _refuse(self, leg: Channel, outcome: Outcome) -> None:
        """The telephone says no; or the other half of a Local channel does."""
        if leg.other_half is not None:
            self._pbx.set_state(leg.other_half, BUSY)
        elif leg.tech == "PJSIP":
            self._pbx.request_hangup(leg, outcome.cause)

    async def _ring(
        self,
        leg: Channel,
        caller: Channel | None,
        outcome: Outcome,
        seconds: float,
        application: str,
    ) -> Outcome:
        pbx = self._pbx
        pbx.set_state(leg, RINGING)
        if application == "AppQueue":
            self.announce_leg(leg, application)
        if pbx.profile.has_dial_state:
            pbx.emit("DialState", [*pair(caller, leg), ("DialStatus", "RINGING")])
        if outcome.status == "BUSY":
            return outcome
        parties = [leg] if caller is None else [leg, caller]
        until = seconds if outcome is NO_ANSWER else min(seconds, pbx.behaviour.answer_seconds())
        if await pbx.clock.first_signal(parties, until):
            return CANCELLED
        return outcome if until < seconds else NO_ANSWER

    def announce_leg(self, leg: Channel, application: str) -> None:
        """Send the events of the dialling application about the leg."""
        self.new_exten(leg, application, "(Outgoing Line)")
        self._pbx.emit("NewConnectedLine", leg.snapshot())

    def _answer(self, leg: Channel) -> None:
        other = leg.other_half
        if other is not None:
            self.new_exten(other, "Answer", "")
            self._pbx.set_state(other, UP)
            (first, _), *_ = self._pbx.dialplan.plan(other.exten, self._pbx.queues)
            dials = first == "Dial"
            there = Step(application="Wait") if dials else Step(other.context, other.exten)
            self._pbx.spawn(self.run(other, there))
        self._pbx.set_state(leg, UP)

    def give_up(self, leg: Channel, outcome: Outcome) -> None:
        """The end of a leg that was not answered."""
        pbx, other = self._pbx, leg.other_half
        if other is not None and not other.gone:
            pbx.request_hangup(other, 0)
            pbx.request_hangup(other, soft=True)
            leg.other_half = None
            pbx.hangup(other, outcome.cause)
            if outcome.status in {"BUSY", "CONGESTION"}:
                leg.hangup_cause = 0  # this half is told so by a control frame
        pbx.hangup(leg, outcome.cause)

    # --- Originate ---

    async def originate(self, order: Order) -> tuple[Outcome, Channel | None]:
        """Dial the order's channel; once answered it runs on by itself.

        Returns the outcome, for the answer.
        """
        pbx = self._pbx
        outcome = self.outcome(order.channel)
        unreachable = outcome.status == UNREACHABLE.status
        if unreachable and not order.channel.startswith("Local/"):
            return outcome, None
        leg = self.new_leg(order.channel, None, order)
        if unreachable:
            self.give_up_quietly(leg)
            return outcome, None
        self._dress(leg, order)
        outcome = await self.dial(leg, None, order.timeout)
        if outcome is not ANSWER:
            self.give_up(leg, outcome)
            return outcome, None
        pbx.calls_processed += 1
        pbx.spawn(self.run(leg, order.step))
        return outcome, leg

    def give_up_quietly(self, leg: Channel) -> None:
        """A Local channel into nowhere: both halves hang up with cause 0."""
        other = leg.other_half
        leg.other_half = None
        if other is not None:
            self._pbx.hangup(other, 0)
        self._pbx.hangup(leg, 0)

    def _dress(self, leg: Channel, order: Order) -> None:
        """Variables, account and caller id of an Originate, each with its event.

        Variables in reverse order.
        """
        pbx = self._pbx
        self.new_exten(leg, "AppDial2", "(Outgoing Line)")
        for name, value in reversed(order.variables):
            pbx.set_variable(leg, name, value)
        if order.account:
            leg.account = order.account
            pbx.emit("NewAccountCode", [*leg.snapshot(), ("OldAccountCode", "")])
        if order.caller_num or order.caller_name:
            leg.caller_num, leg.caller_name = order.caller_num, order.caller_name
            pres = ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")
            pbx.emit("NewCallerid", [*leg.snapshot(), pres])
            leg.connected_num, leg.connected_name = order.caller_num, order.caller_name
            pbx.emit("NewConnectedLine", leg.snapshot())

    # --- steps of a channel ---

    async def run(self, channel: Channel, step: Step | None) -> None:
        """Take a channel from step to step until it ends."""
        while step is not None and channel.hangup_cause is None:
            if step.handover:
                channel.handed_over.set()
                return
            await self._execute(channel, step)
            await talk_on(self._pbx, channel)
            step = channel.take_goto()
        if not channel.gone:
            self._pbx.request_hangup(channel, soft=True)
        self._pbx.hangup(channel)

    async def _execute(self, channel: Channel, step: Step) -> None:
        if step.partner is not None:
            await step.partner.handed_over.wait()
            step.partner.handed_over.clear()
            await meet(self._pbx, channel, step.partner)
        elif step.application:
            await run_application(self._pbx, channel, step.application, step.data)
        else:
            await self._run_extension(channel, step)

    async def _run_extension(self, channel: Channel, step: Step) -> None:
        pbx, channel.context, channel.exten = self._pbx, step.context, step.exten
        plan = pbx.dialplan.plan(step.exten, pbx.queues)
        for priority, (application, data) in enumerate(plan, step.priority):
            channel.priority = priority
            if application not in {"Dial", "Answer"} and channel.state != UP:
                self.new_exten(channel, "Answer", "")
                pbx.set_state(channel, UP)
            await run_application(pbx, channel, application, data)
            if channel.signal.is_set():
                return

    def new_exten(self, channel: Channel, application: str, data: str) -> None:
        """Newexten, unless place and application are those of the last one (channel_newexten)."""
        channel.application, channel.data = application, data
        place = channel.context, channel.exten, channel.priority, application
        if place != channel.told_place:
            channel.told_place = place
            extra: Pairs = [
                ("Extension", channel.exten),
                ("Application", application),
                ("AppData", data),
            ]
            self._pbx.emit("Newexten", [*channel.snapshot(), *extra])

    async def dial_and_talk(self, channel: Channel, dialed: str) -> None:
        """The application Dial: call somebody, and talk."""
        leg, outcome = await self.call(channel, dialed)
        if leg is None:
            self._hear_refusal(channel, UNREACHED)
        elif outcome is ANSWER:
            await talk(self._pbx, channel, leg, join(self._pbx, channel, leg))
            let_go(self._pbx, leg)
        else:
            if outcome.status == "BUSY" and channel.state != UP:
                self._pbx.set_state(channel, BUSY)
            self.give_up(leg, replace(outcome, cause=0) if outcome is NO_ANSWER else outcome)
            if outcome.status in {"BUSY", "CONGESTION"}:
                self._hear_refusal(channel, outcome)

    def _hear_refusal(self, channel: Channel, outcome: Outcome) -> None:
        """A caller is told what became of the Dial, and is gone.

        One that was answered before hears it.
        """
        if channel.hangup_cause is None and channel.tech == "PJSIP" and channel.state != UP:
            self._pbx.request_hangup(channel, outcome.cause)
        channel.signal_hangup(outcome.cause)

    async def call(self, channel: Channel, dialed: str) -> tuple[Channel | None, Outcome]:
        """Dial for a channel, which is answered when the leg is. No leg: nobody can be dialled."""
        pbx = self._pbx
        outcome = self.outcome(dialed)
        leg = None
        if outcome.status != UNREACHABLE.status:
            leg = self.new_leg(dialed, channel)
            leg.connected_num, leg.connected_name = channel.caller_num, channel.caller_name
            leg.exten = channel.exten
            self.announce_leg(leg, "AppDial")
            outcome = await self.dial(leg, channel, pbx.behaviour.dial_seconds)
        pbx.set_variable(channel, "DIALSTATUS", outcome.status)
        if outcome is ANSWER and channel.state != UP:
            pbx.set_state(channel, UP)
        return leg, outcome
