"""A caller in a queue: from QueueCallerJoin to AgentComplete, or to QueueCallerAbandon."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django_ami.simulator.bridging import let_go, talk
from django_ami.simulator.queues import Member, Queue, Waiting

if TYPE_CHECKING:
    from django_ami.simulator.channels import Channel, Pairs
    from django_ami.simulator.pbx import Pbx

__all__ = ["QueueCall"]


class QueueCall:
    """One caller's stay in one queue."""

    def __init__(self, pbx: Pbx, queue: Queue, caller: Channel) -> None:
        self._pbx = pbx
        self._queue = queue
        self._caller = caller
        self._waiting = Waiting(caller, pbx.clock.time())

    async def run(self) -> None:
        """Wait for a member, talk, leave."""
        self._join()
        answered = await self._find_member()
        if answered is None:
            self._abandon()
        else:
            await self._talk(*answered)

    def _emit(self, event: str, *headers: tuple[str, str]) -> None:
        self._pbx.emit(event, [*self._caller.snapshot(), *headers])

    @property
    def _waited(self) -> int:
        return int(self._pbx.clock.time() - self._waiting.since)

    def _join(self) -> None:
        self._queue.callers.append(self._waiting)
        self._waiting.original_position = len(self._queue.callers)
        count = str(self._waiting.original_position)
        self._emit(
            "QueueCallerJoin", ("Queue", self._queue.name), ("Position", count), ("Count", count)
        )
        self._emit("MusicOnHoldStart", ("Class", "default"))
        self._pbx.behaviour.joins(self._caller)

    def _leave(self) -> None:
        position = self._queue.position(self._caller)
        self._queue.callers.remove(self._waiting)
        place = [("Position", str(position)), ("Count", str(len(self._queue.callers)))]
        self._emit("QueueCallerLeave", ("Queue", self._queue.name), *place)

    def _abandon(self) -> None:
        self._queue.abandoned += 1
        self._emit("MusicOnHoldStop")
        position = str(self._queue.position(self._caller))
        original = str(self._waiting.original_position)
        hold = ("HoldTime", str(self._waited))
        places = [("Position", position), ("OriginalPosition", original)]
        self._emit("QueueCallerAbandon", ("Queue", self._queue.name), *places, hold)
        self._leave()
        if not self._caller.signal.is_set():  # nobody hung up: its time is over
            self._pbx.set_variable(self._caller, "QUEUESTATUS", "TIMEOUT")

    async def _find_member(self) -> tuple[Member, Channel, float] | None:
        """Ring one free member after the other until one answers.

        None if the caller or the patience ends first.
        """
        clock, behaviour = self._pbx.clock, self._pbx.behaviour
        deadline = clock.monotonic() + behaviour.queue_seconds
        tried: set[str] = set()
        while clock.monotonic() < deadline:
            turn = self._queue.turn(self._waiting, clock.time())
            free = [one for one in turn if one.interface not in tried]
            if free:
                tried.add(free[0].interface)
                rang = clock.monotonic()
                leg = await self._ring(free[0])
                if leg is not None:
                    return free[0], leg, clock.monotonic() - rang
            else:
                tried.clear()
            if self._caller.signal.is_set() or await clock.first_signal(
                [self._caller], behaviour.retry_seconds
            ):
                return None
        return None

    def _agent(self, event: str, member: Member, leg: Channel, *headers: tuple[str, str]) -> None:
        """An Agent* event: plain keys are the caller, Dest* the member."""
        names: Pairs = [
            ("Queue", self._queue.name),
            ("Interface", member.interface),
            ("MemberName", member.name),
        ]
        self._pbx.emit(event, [*self._caller.snapshot(), *leg.snapshot("Dest"), *names, *headers])

    async def _ring(self, member: Member) -> Channel | None:
        """Call one member: its channel if it answered."""
        pbx, calls = self._pbx, self._pbx.calls
        limit = pbx.behaviour.member_seconds
        member.is_called = self._waiting.is_ringing = True
        leg = calls.new_leg(member.interface, self._caller)
        # DialBegin follows AgentCalled, and still shows the leg in this state.
        made = leg.snapshot("Dest")
        leg.connected_num, leg.connected_name = self._caller.caller_num, self._caller.caller_name
        leg.exten = self._caller.exten
        self._agent("AgentCalled", member, leg)
        try:
            outcome = await calls.dial(leg, self._caller, limit, "AppQueue", made)
        finally:
            member.is_called = self._waiting.is_ringing = False
        if outcome.status == "ANSWER":
            calls.connect_line(self._caller, leg)
            return leg
        if not self._caller.signal.is_set():
            self._agent("AgentRingNoAnswer", member, leg, ("RingTime", str(int(limit * 1000))))
        if outcome.status in {"NOANSWER", "CANCEL"}:
            # The queue tells this of every leg that it hangs up.
            calls.end_dial(self._caller, leg, "CANCEL")
            outcome = replace(outcome, cause=0)
        calls.give_up(leg, outcome)
        return None

    def _note_last_call(self, member: Member) -> None:
        now = int(self._pbx.clock.time())
        member.last_call = now
        for queue in self._pbx.queues.values() if self._queue.shared_lastcall else ():
            if (same := queue.member(member.interface)) is not None:
                same.last_call = now

    async def _talk(self, member: Member, leg: Channel, rang: float) -> None:
        pbx, queue, caller = self._pbx, self._queue, self._caller
        member.in_call = True
        self._emit("MusicOnHoldStop")
        hold = self._waited
        self._leave()
        times: Pairs = [("HoldTime", str(hold)), ("RingTime", str(int(rang)))]
        self._agent("AgentConnect", member, leg, *times)
        bridge = pbx.create_bridge()
        pbx.enter_bridge(bridge, leg)
        pbx.enter_bridge(bridge, caller)
        begun = pbx.clock.time()
        pbx.behaviour.connects(caller, leg)
        try:
            await talk(pbx, caller, leg, bridge, pbx.far_end_cause)
        finally:
            member.in_call = False
        talked = int(pbx.clock.time() - begun)
        member.calls_taken += 1
        self._note_last_call(member)
        queue.completed += 1
        queue.hold_time, queue.talk_time = hold, talked
        moved = caller.goto is not None or caller.bridge is not None
        who = "transfer" if moved else "caller" if caller.hangup_cause is not None else "agent"
        ends: Pairs = [("HoldTime", str(hold)), ("TalkTime", str(talked)), ("Reason", who)]
        self._agent("AgentComplete", member, leg, *ends)
        pbx.emit("QueueMemberStatus", member.as_event(queue.name))
        let_go(pbx, leg)
