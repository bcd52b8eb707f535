"""Whole calls, from their first event to the last: what a real one would send, in the time that it would take.

They are the scripts of the simulated Asterisk, told instead of played: in a time of their own, which takes none. Play
one over a server (``server.play``), to receivers (``play``), or save it as a recording. The attended transfer is put
together after main/bridge.c (two_bridge_attended_transfer) and main/stasis_bridges.c.

``caller``, ``callee`` and so on are numbers; their channels are ``PJSIP/<number>-…``. Times are in seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.testing.simulator.calls import NO_ANSWER, outcome_of
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


def answered_call(caller: str = "101", callee: str = "102", *, ring: float = 3.0, talk: float = 60.0) -> Recording:
    """Somebody calls somebody, who answers after ``ring`` seconds and hangs up after ``talk`` seconds more."""
    stage = Stage(ring=ring, talk=talk)
    stage.call(caller, callee)
    return stage.tell()


def busy_call(caller: str = "101", callee: str = "102") -> Recording:
    """Somebody calls somebody who is talking already."""
    stage = Stage()
    stage.outcomes[callee] = outcome_of("busy")
    stage.call(caller, callee)
    return stage.tell()


def no_answer_call(caller: str = "101", callee: str = "102", *, ring: float = 20.0) -> Recording:
    """Somebody calls somebody who does not answer within ``ring`` seconds."""
    stage = Stage(ring=ring / 4)  # the scripts let it ring four times as long as those take who answer
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
) -> Recording:
    """A caller waits in a queue until an agent is free, who answers and hangs up in the end."""
    stage = Stage(ring=ring, talk=talk)
    member = stage.staff(queue, agent)
    member.paused = True
    stage.at(wait, lambda: setattr(member, "paused", False))
    stage.call(caller, queue)
    return stage.tell()


def abandoned_call(queue: str = "support", caller: str = "+49301234567", *, wait: float = 12.0) -> Recording:
    """A caller waits in a queue where nobody is free, and hangs up."""
    stage = Stage()
    stage.staff(queue, "102").paused = True
    channel = stage.call(caller, queue)
    stage.at(wait, lambda: stage.hang_up(channel))
    return stage.tell()


def blind_transfer(
    caller: str = "101",
    callee: str = "102",
    target: str = "103",
    *,
    ring: float = 3.0,
    talk: float = 10.0,
    talk_to_target: float = 60.0,
) -> Recording:
    """The callee, after ``talk`` seconds, sends the caller on to the target without a word, and the target answers."""
    stage = Stage(ring=ring, talk=talk_to_target)
    channel = stage.call(caller, callee)

    def transfer() -> None:
        bridge = channel.bridge
        leg = next(one for one in bridge.members if one is not channel) if bridge else None
        if leg is not None:
            stage.pbx.calls.blind_transfer(leg, channel, "default", target)

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
) -> Recording:
    """The callee, after ``talk`` seconds, calls the target, talks to it, and then connects the caller with it."""
    stage = Stage(ring=ring)
    stage.pbx.spawn(_attended(stage, (caller, callee, target), talk, consult, talk_to_target))
    return stage.tell()


async def _attended(
    stage: Stage, who: tuple[str, str, str], talk: float, consult: float, talk_to_target: float
) -> None:
    caller, callee, target = who
    pbx = stage.pbx
    alice = stage.enter(caller, callee)
    bob, first = await stage.connect(alice, callee)
    await stage.wait(talk)
    asking = stage.enter(callee, target)
    carol, second = await stage.connect(asking, target)
    await stage.wait(consult)
    pbx.emit("BridgeMerge", [*second.snapshot("To"), *first.snapshot("From")])
    pbx.leave_bridge(asking)
    pbx.leave_bridge(bob)
    pbx.leave_bridge(alice)
    pbx.enter_bridge(second, alice)
    pbx.emit(
        "AttendedTransfer",
        [
            ("Result", "Success"),
            *bob.snapshot("OrigTransferer"),
            *first.snapshot("Orig"),
            *asking.snapshot("SecondTransferer"),
            *second.snapshot("Second"),
            *alice.snapshot("Transferee"),
            *carol.snapshot("TransferTarget"),
            ("IsExternal", "Yes"),
            ("DestType", "Bridge"),
            ("DestBridgeUniqueid", second.uniqueid),
        ],
    )
    pbx.destroy_bridge(first)
    pbx.hangup(bob)
    pbx.hangup(asking)
    await stage.wait(talk_to_target)
    pbx.emit("HangupRequest", [*carol.snapshot(), ("Cause", "16")])
    pbx.hangup(carol)
    pbx.hangup(alice)
    pbx.destroy_bridge(second)
