"""The people of a call centre: agents who answer or miss a ring, callers who lose patience."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from django_ami.simulator.attended import consult
from django_ami.simulator.behaviour import Behaviour
from django_ami.simulator.bridging import blind_transfer, partner
from django_ami.simulator.channels import RING, Step
from django_ami.simulator.dialling import ANSWER, NO_ANSWER, Outcome, outcome_of
from django_ami.simulator.dialplan import PARK_EXTEN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from django_ami.simulator.channels import Channel
    from django_ami.simulator.options import CallCentre
    from django_ami.simulator.pbx import Pbx

__all__ = ["People"]

#: By how much talks differ: the standard deviation of their logarithm.
_TALK_SPREAD = 0.7
_SHORTEST_PATIENCE_SECONDS = 5.0
_QUEUE_SECONDS = 300.0
_DIAL_SECONDS = 20.0
_MEMBER_SECONDS = 15.0
_RETRY_SECONDS = 1.0
_CONSULT_SECONDS = 12.0
_PARKED_SECONDS = 15.0

# Shares of all rings, all calls to the outside, and all talks with callers.
_MISSED = 0.05
_OUTSIDE_BUSY, _OUTSIDE_AWAY = 0.1, 0.15
_BLIND, _ATTENDED, _PARKED, _HELD = 0.05, 0.06, 0.03, 0.08


class People(Behaviour):
    """They behave by chance: the same seed, and the same order of things, is the same day."""

    def __init__(self, pbx: Pbx, centre: CallCentre, agents: list[str]) -> None:
        super().__init__(pbx.times)
        self._pbx = pbx
        self._centre = centre
        self._agents = agents
        self._random = pbx.random
        self.retry_seconds = _RETRY_SECONDS / centre.speed

    # --- telephones ---

    def outcome(self, dialed: str) -> Outcome:
        """A telephone in use is busy; a word of the dial string counts, as everywhere."""
        told = outcome_of(dialed)
        if told is not ANSWER or not dialed.startswith("PJSIP/"):
            return told
        number, _, trunk = dialed.removeprefix("PJSIP/").partition("@")
        if not trunk:
            if self._pbx.device_state(f"PJSIP/{number}") == "INUSE":
                return outcome_of("busy")
            return NO_ANSWER if self._pbx.random.random() < _MISSED else ANSWER
        chance = self._random.random()
        if chance < _OUTSIDE_BUSY:
            return outcome_of("busy")
        return NO_ANSWER if chance < _OUTSIDE_BUSY + _OUTSIDE_AWAY else ANSWER

    def answer_seconds(self) -> float:
        """People let it ring for a moment."""
        mean = self._centre.ring_seconds
        return self._scaled(self._random.uniform(mean / 2, mean * 3 / 2))

    @property
    def dial_seconds(self) -> float:
        """As the dialplan says."""
        return self._scaled(_DIAL_SECONDS)

    @property
    def member_seconds(self) -> float:
        """The option ``timeout`` of queues.conf."""
        return self._scaled(_MEMBER_SECONDS)

    def talk_seconds(self) -> float:
        """Most talks are short, and some are very long."""
        median = self._centre.talk_seconds
        return self._scaled(self._random.lognormvariate(math.log(median), _TALK_SPREAD))

    @property
    def queue_seconds(self) -> float:
        """The timeout of the application Queue."""
        return self._scaled(_QUEUE_SECONDS)

    def application_seconds(self, application: str) -> float:
        """An announcement has its length; other applications last as a talk does."""
        if application.lower() == "playback":
            return self._scaled(self._centre.announcement_seconds)
        return self.talk_seconds()

    # --- callers of queues ---

    def joins(self, caller: Channel) -> None:
        """A caller waits, and not for ever."""
        mean = self._centre.patience_seconds
        patience = _SHORTEST_PATIENCE_SECONDS + self._random.expovariate(1 / mean)
        self._pbx.spawn(self._lose_patience(caller, self._scaled(patience)))

    async def _lose_patience(self, caller: Channel, seconds: float) -> None:
        pbx, joined = self._pbx, self._pbx.clock.time()
        await pbx.clock.sleep(seconds)
        waits = any(
            one.channel is caller and one.since <= joined and not one.is_ringing
            for queue in pbx.queues.values()
            for one in queue.callers
        )
        if waits and not caller.signal.is_set():
            pbx.request_hangup(caller, pbx.far_end_cause)
            caller.signal_hangup(16)

    def connects(self, caller: Channel, member: Channel) -> None:
        """Now and then an agent cannot help, and sends the caller on."""
        acts: tuple[tuple[float, Callable[[Channel, Channel], Coroutine[Any, Any, None]]], ...] = (
            (_BLIND, self._send_on),
            (_ATTENDED, self._ask_first),
            (_PARKED, self._park),
            (_HELD, self._hold),
        )
        chance = self._random.random()
        for share, act in acts:
            if chance < share:
                self._pbx.spawn(self._after_a_while(caller, member, act))
                return
            chance -= share

    async def _after_a_while(
        self,
        caller: Channel,
        member: Channel,
        act: Callable[[Channel, Channel], Coroutine[Any, Any, None]],
    ) -> None:
        seconds = self._centre.talk_seconds * self._random.uniform(0.1, 0.5)
        await self._pbx.clock.first_signal([caller, member], self._scaled(seconds))
        if partner(member) is caller and not caller.signal.is_set() and not member.signal.is_set():
            await act(caller, member)

    # --- an agent and a caller ---

    async def _send_on(self, caller: Channel, member: Channel) -> None:
        target = self._colleague(member)
        blind_transfer(self._pbx, member, caller, "default", target)

    async def _ask_first(self, caller: Channel, member: Channel) -> None:
        del caller
        asking = self.take_up(member.device.removeprefix("PJSIP/"), self._colleague(member))
        seconds = self._scaled(self._random.uniform(0.5, 1.5) * _CONSULT_SECONDS)
        await consult(self._pbx, member, asking, seconds)

    async def _park(self, caller: Channel, member: Channel) -> None:
        blind_transfer(self._pbx, member, caller, "default", PARK_EXTEN)
        await self._pbx.clock.sleep(self._scaled(self._random.uniform(0.5, 1.5) * _PARKED_SECONDS))
        space = next(
            (space for space, one in self._pbx.parked.items() if one.channel is caller), None
        )
        if space is not None:
            self.take_up(self._colleague(member), str(space))

    async def _hold(self, caller: Channel, member: Channel) -> None:
        pbx = self._pbx
        pbx.emit("Hold", [*member.snapshot(), ("MusicClass", "default")])
        pbx.emit("MusicOnHoldStart", [*caller.snapshot(), ("Class", "default")])
        await pbx.clock.first_signal([caller, member], self._scaled(_CONSULT_SECONDS))
        if partner(member) is caller:
            pbx.emit("Unhold", member.snapshot())
            pbx.emit("MusicOnHoldStop", caller.snapshot())

    def _colleague(self, member: Channel) -> str:
        """The number of another agent, one who is free if there is any."""
        others = [one for one in self._agents if f"PJSIP/{one}" != member.device]
        free = [one for one in others if self._pbx.device_state(f"PJSIP/{one}") == "NOT_INUSE"]
        return self._random.choice(free or others or self._agents)

    def take_up(self, number: str, exten: str) -> Channel:
        """An agent takes up the telephone and dials."""
        pbx = self._pbx
        channel = pbx.add_channel(
            f"PJSIP/{number}-{pbx.numbering.serial()}",
            state=RING,
            exten=exten,
            caller_num=number,
            caller_name=pbx.endpoints[number].title,
        )
        pbx.device_changed(channel.device)
        pbx.calls_processed += 1
        pbx.spawn(pbx.calls.run(channel, Step(exten=exten)))
        return channel

    def _scaled(self, seconds: float) -> float:
        return seconds / self._centre.speed
