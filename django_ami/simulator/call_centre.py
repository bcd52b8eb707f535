"""A call centre: its queues, its agents and their day, and the calls that come in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django_ami.simulator.channels import RING, Step
from django_ami.simulator.dialplan import Dialplan, Plan
from django_ami.simulator.parking import SPACES
from django_ami.simulator.pbx import Endpoint
from django_ami.simulator.people import People
from django_ami.simulator.queues import Member, Queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.simulator.options import CallCentre
    from django_ami.simulator.pbx import Pbx

__all__ = ["open_call_centre"]

_FIRST_AGENT = 101
#: The telephone of the supervisor, who is in no queue.
_SUPERVISOR = "100"
_FIRST_QUEUE = 7001
_CONFERENCE = "800"
_TRUNK = "provider"
_SERVICE_LEVEL_SECONDS = 20

_AGENTS = (
    *("Alice Archer", "Björn Berg", "Zoë Müller", "Dana Díaz", "Chidi Okafor", "Ayşe Demir"),
    *("Fatima Haddad", "Gao Lin", "Hannah O'Neill", "Ivan Petrov", "Jana Nováková", "Kofi Mensah"),
)
_CALLERS = ("Ann Archer", "Café Central", "J. Dupont", "Praxis Dr. Weiß", "Łukasz Nowak", "", "")
_REASONS = ("lunch", "coffee", "training", "back office")
_SHORTEST_BREAK_SECONDS, _LONGEST_BREAK_SECONDS = 20.0, 120.0
#: A look whether an agent who has something else in mind is free for it.
_LOOK_SECONDS = 3.0
#: Callers who wait for the doors to open, for each agent; they come in one after the other.
_EARLY_CALLERS = 0.8
_OPENING_SECONDS = 6.0


class _Extensions(Dialplan):
    """Agents, queues, conference, parking lot, and numbers of the world outside."""

    def __init__(self, queues: tuple[str, ...]) -> None:
        self._queues = {str(_FIRST_QUEUE + place): name for place, name in enumerate(queues)}

    def plan(self, exten: str, queues: Mapping[str, Queue]) -> Plan:
        """The applications of an extension."""
        queue = self._queues.get(exten, exten)
        if queue in queues:
            return [("Answer", ""), ("Playback", f"welcome-{queue}"), ("Queue", f"{queue},t,,,300")]
        if exten == _CONFERENCE:
            return [("Answer", ""), ("ConfBridge", exten)]
        if exten.isdecimal() and int(exten) in SPACES:
            return [("Answer", ""), ("ParkedCall", f"default,{exten}")]
        if re.fullmatch(r"\+?\d{5,}", exten):
            return [("Dial", f"PJSIP/{exten}@{_TRUNK},20")]
        return super().plan(exten, queues)


def open_call_centre(pbx: Pbx, centre: CallCentre) -> None:
    """Make a world a call centre, and let its day begin."""
    _staff(pbx, centre)
    pbx.dialplan = _Extensions(centre.queues)
    agents = [number for number in pbx.endpoints if number != _SUPERVISOR]
    people = pbx.behaviour = People(pbx, centre, agents)
    day = _Day(pbx, centre, people, agents)
    pbx.spawn(day.open_doors())
    pbx.spawn(day.receive_calls())
    for number in agents:
        pbx.spawn(day.work(number))


def _staff(pbx: Pbx, centre: CallCentre) -> None:
    """Telephones, and each agent in one queue; every other agent helps out in the next one."""
    now = int(pbx.clock.time())
    titles = {_SUPERVISOR: "Supervisor"}
    for place in range(centre.agents):
        spare = f"Agent {place + 1}"
        titles[str(_FIRST_AGENT + place)] = _AGENTS[place] if place < len(_AGENTS) else spare
    pbx.endpoints = {
        number: Endpoint(number, title, f"{number}/sip:{number}@127.0.0.1:5060")
        for number, title in titles.items()
    }
    pbx.hints = {number: f"PJSIP/{number}" for number in titles}
    pbx.queues = {
        name: Queue(
            name,
            strategy="leastrecent",
            service_level=_SERVICE_LEVEL_SECONDS,
            shared_lastcall=True,
        )
        for name in centre.queues
    }
    queues = list(pbx.queues.values())
    for place, (number, title) in enumerate(list(titles.items())[1:]):
        for penalty in range(1 + place % 2) if len(queues) > 1 else (0,):
            member = Member(f"PJSIP/{number}", title, penalty=penalty, login_time=now)
            member.ringinuse = False
            member.wrapup_seconds = round(centre.wrapup_seconds / centre.speed)
            queues[(place + penalty) % len(queues)].members.append(member)


class _Day:
    """A day in a call centre."""

    def __init__(self, pbx: Pbx, centre: CallCentre, people: People, agents: list[str]) -> None:
        self._pbx = pbx
        self._centre = centre
        self._people = people
        self._agents = agents
        self._random = pbx.random

    # --- calls from outside ---

    async def open_doors(self) -> None:
        """Some have waited for the opening."""
        callers = (
            round(_EARLY_CALLERS * self._centre.agents) if self._centre.calls_per_minute else 0
        )
        for _ in range(callers):
            self._receive()
            await self._sleep(_OPENING_SECONDS / callers)

    async def receive_calls(self) -> None:
        """Calls that know nothing of each other: a Poisson process."""
        per_second = self._centre.calls_per_minute / 60
        while per_second:
            await self._sleep(self._random.expovariate(per_second))
            self._receive()

    def _receive(self) -> None:
        """The first queue is called most."""
        pbx, queues = self._pbx, self._centre.queues
        weights = range(len(queues) + 1, 1, -1)
        (place,) = self._random.choices(range(len(queues)), weights)
        pbx.calls_processed += 1
        channel = pbx.add_channel(
            f"PJSIP/{_TRUNK}-{pbx.numbering.serial()}",
            state=RING,
            exten=str(_FIRST_QUEUE + place),
            caller_num=f"+4930{self._random.randrange(1_000_000, 9_999_999)}",
            caller_name=self._random.choice(_CALLERS),
        )
        pbx.spawn(pbx.calls.run(channel, Step(exten=channel.exten)))

    # --- agents ---

    async def work(self, number: str) -> None:
        """Between calls an agent has a break now and then, or calls somebody."""
        while True:
            await self._sleep(self._random.expovariate(1 / self._centre.work_seconds))
            while self._pbx.device_state(f"PJSIP/{number}") != "NOT_INUSE":
                await self._sleep(_LOOK_SECONDS)
            chance = self._random.random()
            if chance < 0.6:
                await self._have_a_break(number)
            elif chance < 0.8:
                self._people.take_up(number, f"0{self._random.randrange(30_000_000, 89_999_999)}")
            elif chance < 0.95:
                self._people.take_up(number, self._another(number))
            else:
                await self._confer(number)

    async def _have_a_break(self, number: str) -> None:
        """A pause that somebody else has ordered, or has ended, is left alone."""
        reason = self._random.choice(_REASONS)
        if any(member.paused for _, member in self._memberships(number)):
            return
        self._pause(number, reason)
        await self._sleep(self._random.uniform(_SHORTEST_BREAK_SECONDS, _LONGEST_BREAK_SECONDS))
        for queue, member in self._memberships(number):
            if member.paused and member.paused_reason == reason:
                self._pbx.pause(queue, member, paused=False)

    def _pause(self, number: str, reason: str) -> None:
        for queue, member in self._memberships(number):
            self._pbx.pause(queue, member, paused=True, reason=reason)

    async def _confer(self, number: str) -> None:
        """Two colleagues come, too, if they can."""
        for one in (number, self._another(number), self._another(number)):
            if self._pbx.device_state(f"PJSIP/{one}") == "NOT_INUSE":
                self._people.take_up(one, _CONFERENCE)
            await self._sleep(_LOOK_SECONDS)

    def _memberships(self, number: str) -> list[tuple[Queue, Member]]:
        interface = f"PJSIP/{number}"
        return [
            (queue, member)
            for queue in self._pbx.queues.values()
            if (member := queue.member(interface)) is not None
        ]

    def _another(self, number: str) -> str:
        others = [one for one in self._agents if one != number]
        return self._random.choice(others or [_SUPERVISOR])

    async def _sleep(self, seconds: float) -> None:
        await self._pbx.clock.sleep(seconds / self._centre.speed)
