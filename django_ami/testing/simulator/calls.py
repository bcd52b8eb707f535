"""Scripted calls: how channels are dialled, answered, bridged and hung up, with the events in Asterisk's order.

Each channel is driven by one task, like by its PBX thread in Asterisk: :meth:`Calls.run` takes it from step to step.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django_ami.testing.simulator.channels import BUSY, RING, RINGING, UP, Channel, Pairs, Step
from django_ami.testing.simulator.parking import park
from django_ami.testing.simulator.queue_calls import QueueCall

if TYPE_CHECKING:
    from django_ami.testing.simulator.pbx import Pbx

_TECHNOLOGIES = {"PJSIP", "SIP", "IAX2", "DAHDI", "Local"}
PARK_EXTEN = "700"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a dialled channel ends: DialStatus, the Reason of OriginateResponse (control frames), the Q.850 cause."""

    status: str
    reason: int
    cause: int


ANSWER = Outcome("ANSWER", 4, 16)
NO_ANSWER = Outcome("NOANSWER", 3, 19)
_OUTCOMES = {
    "busy": Outcome("BUSY", 5, 17),
    "noanswer": NO_ANSWER,
    "ring": NO_ANSWER,
    "congestion": Outcome("CONGESTION", 8, 34),
    "hangup": Outcome("CANCEL", 1, 16),
    "fail": Outcome("CHANUNAVAIL", 0, 20),
    "nosuch": Outcome("CHANUNAVAIL", 0, 1),
}
CANCELLED = Outcome("CANCEL", 1, 16)
UNREACHABLE = _OUTCOMES["fail"]


def outcome_of(dialed: str) -> Outcome:
    """The outcome that a word of the dial string asks for."""
    words = re.split(r"[^A-Za-z0-9]+", dialed.lower())
    return next((_OUTCOMES[word] for word in words if word in _OUTCOMES), ANSWER)


@dataclass(frozen=True, slots=True)
class Order:
    """What an Originate asks for."""

    channel: str
    step: Step
    timeout: float = 30.0
    caller_num: str = ""
    caller_name: str = ""
    account: str = ""
    variables: Sequence[tuple[str, str]] = ()
    channel_id: str = ""
    other_channel_id: str = ""


class Calls:
    """The scripts. They change the world only through :class:`~django_ami.testing.simulator.pbx.Pbx`."""

    def __init__(self, pbx: "Pbx") -> None:
        self._pbx = pbx

    # -- legs --------------------------------------------------------------------------------------------------------

    def outcome(self, dialed: str) -> Outcome:
        """The outcome of dialling, endpoints that are not registered included."""
        pbx, (tech, _, rest) = self._pbx, dialed.partition("/")
        endpoint = pbx.endpoints.get(rest.partition("@")[2] or rest)
        if tech not in _TECHNOLOGIES or (tech == "PJSIP" and endpoint is not None and not endpoint.registered):
            return UNREACHABLE
        return outcome_of(dialed)

    def new_leg(self, dialed: str, caller: Channel | None, order: Order | None = None) -> Channel:
        """A channel that is about to ring; with Local both halves of it."""
        pbx, serial = self._pbx, self._pbx.next_serial()
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
        other_id = (order.other_channel_id if order else "") or (f"{uniqueid};2" if uniqueid else "")
        two = pbx.add_channel(f"{base};2", uniqueid=other_id, linkedid=one.linkedid, state=RING, **fields)
        one.other_half, two.other_half = two, one
        return one

    async def dial(self, leg: Channel, caller: Channel | None, seconds: float) -> Outcome:
        """DialBegin to DialEnd. The caller's own hangup, or the leg's, ends it too."""
        pbx = self._pbx
        outcome = self.outcome(leg.dialed)
        if leg.other_half is not None:
            pbx.emit("LocalBridge", _local_bridge(leg, leg.other_half))
        shown = _dialed(leg.dialed, local_part=caller is None)
        pbx.emit("DialBegin", [*_pair(caller, leg), ("DialString", shown)])
        if outcome in {ANSWER, NO_ANSWER}:
            outcome = await self._ring(leg, caller, outcome, seconds)
        if outcome is ANSWER:
            self._answer(leg)
        elif outcome.status in {"BUSY", "CONGESTION"} and leg.other_half is not None:
            pbx.set_state(leg.other_half, BUSY)
        if caller is not None or outcome is not NO_ANSWER:  # an originate that rang out has no DialEnd
            pbx.emit("DialEnd", [*_pair(caller, leg), ("DialStatus", outcome.status)])
        return outcome

    async def _ring(self, leg: Channel, caller: Channel | None, outcome: Outcome, seconds: float) -> Outcome:
        pbx = self._pbx
        pbx.set_state(leg, RINGING)
        if pbx.profile.has_dial_state:
            pbx.emit("DialState", [*_pair(caller, leg), ("DialStatus", "RINGING")])
        parties = [leg] if caller is None else [leg, caller]
        until = seconds if outcome is NO_ANSWER else min(seconds, pbx.times.ring)
        if await pbx.clock.first_signal(parties, until):
            return CANCELLED
        return outcome if until < seconds else NO_ANSWER

    def _answer(self, leg: Channel) -> None:
        other = leg.other_half
        if other is not None:
            self.new_exten(other, "Answer", "")
            self._pbx.set_state(other, UP)
            busy = other.exten in self._pbx.queues or other.exten == PARK_EXTEN
            there = Step(other.context, other.exten) if busy else Step(application="Wait")
            self._pbx.spawn(self.run(other, there))
        self._pbx.set_state(leg, UP)

    def give_up(self, leg: Channel, outcome: Outcome) -> None:
        """The end of a leg that was not answered."""
        pbx, other = self._pbx, leg.other_half
        if other is not None and not other.gone:
            pbx.emit("HangupRequest", [*other.snapshot(), ("Cause", "0")])
            pbx.emit("SoftHangupRequest", [*other.snapshot(), ("Cause", "16")])
            leg.other_half = None
            pbx.hangup(other, outcome.cause)
        pbx.hangup(leg, outcome.cause)

    # -- Originate ---------------------------------------------------------------------------------------------------

    async def originate(self, order: Order) -> tuple[Outcome, Channel | None]:
        """Dial the order's channel; once answered it runs on by itself. What came of it, for the answer."""
        pbx = self._pbx
        outcome = self.outcome(order.channel)
        if outcome.reason == 0 and not order.channel.startswith("Local/"):
            return outcome, None
        leg = self.new_leg(order.channel, None, order)
        if outcome.reason == 0:
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
        """Variables, account and caller id of an Originate, each with its event; variables in reverse order."""
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

    # -- steps of a channel ------------------------------------------------------------------------------------------

    async def run(self, channel: Channel, step: Step | None) -> None:
        """Take a channel from step to step until it ends."""
        while step is not None and channel.hangup_cause is None:
            if step.handover:
                channel.handed_over.set()
                return
            await self._execute(channel, step)
            step = channel.take_goto()
        if not channel.gone:
            self._request_hangup(channel)
        self._pbx.hangup(channel)

    def _request_hangup(self, channel: Channel) -> None:
        if channel.hangup_cause is None:
            self._pbx.emit("SoftHangupRequest", [*channel.snapshot(), ("Cause", "16")])

    async def _execute(self, channel: Channel, step: Step) -> None:
        if step.partner is not None:
            await step.partner.handed_over.wait()
            step.partner.handed_over.clear()
            await self.talk(channel, step.partner, self._pbx.times.duration)
        elif step.application:
            await self._run_application(channel, step.application, step.data)
        else:
            await self._run_extension(channel, step)

    async def _run_extension(self, channel: Channel, step: Step) -> None:
        channel.context, channel.exten, channel.priority = step.context, step.exten, step.priority
        if channel.state != UP:
            self.new_exten(channel, "Answer", "")
            self._pbx.set_state(channel, UP)
        if step.exten in self._pbx.queues:
            await self._run_application(channel, "Queue", step.exten)
        elif step.exten == PARK_EXTEN:
            await self._run_application(channel, "Park", "default")
        else:
            await self._run_application(channel, "Dial", f"PJSIP/{step.exten},20")

    async def _run_application(self, channel: Channel, application: str, data: str) -> None:
        self.new_exten(channel, application, data)
        name = application.lower()
        if name == "dial":
            await self._dial_and_talk(channel, data.split(",")[0])
        elif name == "queue" and data.split(",")[0] in self._pbx.queues:
            await QueueCall(self._pbx, self._pbx.queues[data.split(",")[0]], channel).run()
        elif name == "park":
            own_time = data.partition(",")[2]
            await park(self._pbx, channel, float(own_time) if own_time else self._pbx.times.park)
        elif name != "hangup":
            seconds = float(data) if name == "wait" and re.fullmatch(r"\d+(\.\d+)?", data) else None
            await self._pbx.clock.first_signal([channel], self._pbx.times.duration if seconds is None else seconds)

    def new_exten(self, channel: Channel, application: str, data: str) -> None:
        """Newexten."""
        channel.application, channel.data = application, data
        extra: Pairs = [("Extension", channel.exten), ("Application", application), ("AppData", data)]
        self._pbx.emit("Newexten", [*channel.snapshot(), *extra])

    async def _dial_and_talk(self, channel: Channel, dialed: str) -> None:
        pbx = self._pbx
        outcome = self.outcome(dialed)
        if outcome.reason == 0:
            pbx.set_variable(channel, "DIALSTATUS", outcome.status)
            return
        leg = self.new_leg(dialed, channel)
        leg.connected_num, leg.connected_name = channel.caller_num, channel.caller_name
        leg.exten = channel.exten
        self.new_exten(leg, "AppDial", "(Outgoing Line)")
        channel.connected_num, channel.connected_name = leg.caller_num, leg.caller_name
        pbx.emit("NewConnectedLine", channel.snapshot())
        outcome = await self.dial(leg, channel, pbx.times.ring * 4)
        pbx.set_variable(channel, "DIALSTATUS", outcome.status)
        if outcome is ANSWER:
            await self.talk(channel, leg, pbx.times.duration)
        else:
            self.give_up(leg, outcome)

    async def talk(self, channel: Channel, leg: Channel, seconds: float) -> None:
        """Bridge two channels until one is asked for something or the time is over; then the leg ends or goes on."""
        pbx = self._pbx
        bridge = pbx.create_bridge()
        pbx.enter_bridge(bridge, leg)
        pbx.enter_bridge(bridge, channel)
        if not await pbx.clock.first_signal([channel, leg], seconds):
            pbx.emit("HangupRequest", [*leg.snapshot(), ("Cause", "16")])
        self.part(leg, channel)
        pbx.destroy_bridge(bridge)

    def blind_transfer(self, channel: Channel, peer: Channel, context: str, exten: str) -> None:
        """Send the peer of a channel somewhere else; the channel hangs up."""
        place = [("IsExternal", "Yes"), ("Context", context), ("Extension", exten)]
        bridge = channel.bridge.snapshot() if channel.bridge else []
        parties = [*channel.snapshot("Transferer"), *peer.snapshot("Transferee")]
        self._pbx.emit("BlindTransfer", [("Result", "Success"), *parties, *bridge, *place])
        peer.signal_goto(Step(context, exten))
        channel.signal_hangup(16)

    def part(self, leg: Channel, channel: Channel) -> None:
        """Take both out of their bridge; the leg ends, or runs on by itself where it was sent."""
        pbx = self._pbx
        pbx.leave_bridge(leg)
        step = leg.take_goto()
        if step is not None:
            pbx.leave_bridge(channel)
            pbx.spawn(self.run(leg, step))
            return
        pbx.hangup(leg)
        pbx.leave_bridge(channel)


def _pair(caller: Channel | None, leg: Channel) -> Pairs:
    """The two sides of a Dial event; an originate has no caller side."""
    return [*(caller.snapshot() if caller else ()), *leg.snapshot("Dest")]


def _dialed(dialed: str, *, local_part: bool) -> str:
    return dialed.partition("/")[2] if local_part or not dialed.startswith("Local/") else dialed


def _local_bridge(one: Channel, two: Channel) -> Pairs:
    where: Pairs = [("Context", one.context), ("Exten", one.exten), ("LocalOptimization", "Yes")]
    return [*one.snapshot("LocalOne"), *two.snapshot("LocalTwo"), *where]
