"""Scripted answers."""

from __future__ import annotations

import pytest

from django_ami.testing import Simulator
from tests.simulator.wire import Wire, logged_in


def test_fail_once_then_the_built_in_answer(sim: Simulator) -> None:
    rule = sim.on("Ping").fail("Permission denied").once()
    with logged_in(sim) as wire:
        assert wire.ask("Ping", ActionID="1").data == (
            b"Response: Error\r\nActionID: 1\r\nMessage: Permission denied\r\n\r\n"
        )
        assert wire.ask("ping")["Ping"] == "Pong"
    assert rule.calls == 1


def test_reply_with_repeated_headers(sim: Simulator) -> None:
    sim.on("Command").reply(Message="Command output follows", Output=["one", "two"])
    with logged_in(sim) as wire:
        assert wire.ask("Command").all("Output") == ["one", "two"]


def test_the_newest_rule_that_holds_answers(sim: Simulator) -> None:
    sim.on("*").reply(From="all")
    only = sim.on("Getvar").reply(From="one").when(lambda action: action.get("Variable") == "X")
    with Wire(sim) as wire:
        wire.banner()
        assert wire.ask("Getvar", Variable="X")["From"] == "one"
        assert wire.ask("Getvar", Variable="Y")["From"] == "all"
        only.remove()
        assert wire.ask("Getvar", Variable="X")["From"] == "all"
        sim.clear_script()
        assert wire.ask("Getvar", Variable="X")["Message"] == "Permission denied"


def test_late_answers_overtake_each_other(sim: Simulator) -> None:
    sim.on("Ping").after(lambda action: 0.2 if action.action_id == "slow" else 0.0)
    with logged_in(sim) as wire:
        wire.send("Ping", ActionID="slow")
        wire.send("Ping", ActionID="fast")
        assert [wire.frame()["ActionID"] for _ in range(2)] == ["fast", "slow"]


def test_a_blocking_rule_holds_the_session(sim: Simulator) -> None:
    sim.on("Ping").after(0.1).block().once()
    with logged_in(sim, events="call") as wire:
        wire.send("Ping", ActionID="slow")
        wire.send("Ping", ActionID="next")
        sim.wait_for(lambda: sim.received[-1].action_id == "slow")
        sim.emit("Hangup")
        assert [wire.frame().kind[1] for _ in range(3)] == ["Success", "Hangup", "Success"]


def test_hang_never_answers(sim: Simulator) -> None:
    sim.on("Ping").hang().times(2)
    with logged_in(sim) as wire:
        wire.send("Ping", ActionID="1")
        wire.send("Ping", ActionID="2")
        wire.send("Ping", ActionID="3")
        assert wire.frame()["ActionID"] == "3"


@pytest.mark.parametrize(
    ("after", "expected"), [(0, b""), (20, b"Response: Success\r\nA"), (None, None)]
)
def test_cut(sim: Simulator, after: int | None, expected: bytes | None) -> None:
    sim.on("QueueStatus").cut(after)
    with logged_in(sim) as wire:
        wire.send("QueueStatus", ActionID="1")
        data = wire.rest()
        assert data == expected if expected is not None else data.endswith(b"ListItems: 6\r\n\r\n")
    sim.wait_for(lambda: not sim.sessions)


def test_raw(sim: Simulator) -> None:
    sim.on("Ping").raw(
        lambda action: f"Response: Odd\r\nActionID: {action.action_id}\r\n\r\n".encode()
    )
    with logged_in(sim) as wire:
        assert wire.ask("Ping")["Response"] == "Odd"


def test_a_rule_of_yours_that_raises_is_logged_and_ends_the_session(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    sim.on("Ping").raw(lambda action: str(1 / 0).encode())
    with logged_in(sim) as wire:
        wire.send("Ping")
        assert wire.rest() == b""
    # A record is among the records before it is in the text.
    sim.wait_for(lambda: "ZeroDivisionError" in caplog.text)


def test_wait_for_names_what_it_waited_for(sim: Simulator) -> None:
    with pytest.raises(
        TimeoutError, match=r"not within 0.01 s: a miracle \(connections=0 logins=0"
    ):
        sim.wait_for(lambda: False, timeout=0.01, what="a miracle")
    with pytest.raises(TimeoutError, match=r"sim\.logins == 7"):
        sim.wait_for(lambda: sim.logins == 7, timeout=0.01)
