"""Whole calls, from their first event to the last, as a real server sends them.

They are the scripts of the simulated Asterisk, told instead of played: in a time of their own,
which takes none. Play one over a server (``server.play``), to receivers (``play``), or save it as a
recording. Tests compare each with a recording of real SIP telephones.

``caller``, ``callee`` and so on are numbers; their channels are ``PJSIP/<number>-…``. Times are in
seconds. ``asterisk`` is a profile of the simulated Asterisk, "13" to "23": some causes differ from
version to version.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from django_ami.simulator.attended import connect
from django_ami.simulator.bridging import blind_transfer as send_on
from django_ami.simulator.dialling import NO_ANSWER, outcome_of
from django_ami.testing.stage import Stage

if TYPE_CHECKING:
    from django_ami.testing.recording import Recording

__all__ = [
    "abandoned_call",
    "answered_call",
    "attended_transfer",
    "blind_transfer",
    "busy_call",
    "no_answer_call",
    "queue_call",
]


def answered_call(
    caller: str = "101",
    callee: str = "102",
    *,
    ring: float = 3.0,
    talk: float = 60.0,
    hangs_up: Literal["caller", "callee"] = "caller",
    asterisk: str = "22",
) -> Recording:
    """Somebody calls somebody, who answers after ``ring`` seconds.

    After ``talk`` seconds more one of them hangs up.
    """
    stage = Stage(ring=ring, talk=talk if hangs_up == "callee" else math.inf, asterisk=asterisk)
    channel = stage.call(caller, callee)
    if hangs_up == "caller":
        stage.at(ring + talk, lambda: stage.hang_up(channel))
    return stage.tell()


def busy_call(caller: str = "101", callee: str = "102", *, asterisk: str = "22") -> Recording:
    """Somebody calls somebody whose telephone says that it is busy."""
    stage = Stage(asterisk=asterisk)
    stage.outcomes[callee] = outcome_of("busy")
    stage.call(caller, callee)
    return stage.tell()


def no_answer_call(
    caller: str = "101", callee: str = "102", *, ring: float = 20.0, asterisk: str = "22"
) -> Recording:
    """Somebody calls somebody who does not answer within ``ring`` seconds."""
    # The scripts let an unanswered phone ring four times as long as an answered one.
    stage = Stage(ring=ring / 4, asterisk=asterisk)
    stage.outcomes[callee] = NO_ANSWER
    stage.call(caller, callee)
    return stage.tell()


def queue_call(
    queue: str = "support",
    caller: str = "+49301234567",
    agent: str = "102",
    *,
    wait: float = 4.0,
    ring: float = 3.0,
    talk: float = 60.0,
    asterisk: str = "22",
) -> Recording:
    """A caller waits in a queue until an agent is free, who answers and hangs up in the end."""
    stage = Stage(ring=ring, talk=talk, asterisk=asterisk)
    member = stage.staff(queue, agent)
    member.paused = True
    stage.at(wait, lambda: setattr(member, "paused", False))
    stage.call(caller, queue)
    return stage.tell()


def abandoned_call(
    queue: str = "support",
    caller: str = "+49301234567",
    agent: str = "102",
    *,
    wait: float = 12.0,
    asterisk: str = "22",
) -> Recording:
    """A caller waits in a queue while the agent's telephone rings, and hangs up.

    ``wait`` is after how many seconds.
    """
    stage = Stage(ring=wait, asterisk=asterisk)
    stage.staff(queue, agent)
    stage.outcomes[agent] = NO_ANSWER
    channel = stage.call(caller, queue)
    stage.at(wait, lambda: stage.hang_up(channel, stage.pbx.far_end_cause))
    return stage.tell()


def blind_transfer(
    caller: str = "101",
    callee: str = "102",
    target: str = "103",
    *,
    ring: float = 3.0,
    talk: float = 10.0,
    talk_to_target: float = 60.0,
    asterisk: str = "22",
) -> Recording:
    """The callee sends the caller on to the target without a word, and the target answers.

    ``talk`` is after how many seconds.
    """
    stage = Stage(ring=ring, talk=talk_to_target, asterisk=asterisk)
    channel = stage.call(caller, callee)

    def transfer() -> None:
        bridge = channel.bridge
        leg = next(one for one in bridge.members if one is not channel) if bridge else None
        if leg is not None:
            stage.pbx.emit("Unhold", leg.snapshot())
            send_on(stage.pbx, leg, channel, "default", target)

    stage.at(ring + talk, transfer)
    return stage.tell()


def attended_transfer(
    caller: str = "101",
    callee: str = "102",
    target: str = "103",
    *,
    ring: float = 3.0,
    talk: float = 10.0,
    consult: float = 5.0,
    talk_to_target: float = 60.0,
    asterisk: str = "22",
) -> Recording:
    """The callee calls the target, talks to it, and then connects the caller with it.

    ``talk`` is after how many seconds.
    """
    stage = Stage(ring=ring, asterisk=asterisk)
    stage.pbx.spawn(_attended(stage, (caller, callee, target), talk, consult, talk_to_target))
    return stage.tell()


async def _attended(
    stage: Stage, who: tuple[str, str, str], talk: float, consult: float, talk_to_target: float
) -> None:
    caller, callee, target = who
    pbx = stage.pbx
    alice = stage.enter(caller, callee)
    bob, _ = await stage.connect(alice, callee)
    await stage.wait(talk)
    pbx.emit("Hold", [*bob.snapshot(), ("MusicClass", "default")])
    pbx.emit("MusicOnHoldStart", [*alice.snapshot(), ("Class", "default")])
    asking = stage.enter(callee, target)
    carol, second = await stage.connect(asking, target)
    await stage.wait(consult)
    connect(pbx, bob, asking)
    pbx.request_hangup(asking, soft=True)
    pbx.hangup(bob)
    pbx.hangup(asking)
    await stage.wait(talk_to_target)
    pbx.request_hangup(carol)
    pbx.leave_bridge(carol)
    pbx.leave_bridge(alice)
    pbx.request_hangup(alice, soft=True)
    pbx.destroy_bridge(second)
    pbx.hangup(carol)
    pbx.hangup(alice)
