"""The server misbehaves as told; and each fault can be taken back."""

from __future__ import annotations

import math
import time

import pytest

from django_ami.testing import Faults, Limits, Simulator
from tests.simulator.conftest import make
from tests.simulator.wire import Wire, logged_in


@pytest.mark.parametrize("how", [1, 7, "crlf", "utf-8"])
def test_split_writes_change_no_byte(how: int) -> None:
    with (
        make(faults=Faults(login_delay=0, split_writes=how)) as sim,
        logged_in(sim, events="user") as wire,
    ):
        sim.emit("UserEvent", UserEvent="Grüße 日本 😀")
        assert wire.frame().data == (
            "Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: Grüße 日本 😀\r\n\r\n".encode()
        )
        sim.wait_for(lambda: sim.events_sent == 1)


@pytest.mark.parametrize(("how", "cut_after"), [("crlf", b"\r"), ("utf-8", b"\xc3")])
def test_where_writes_are_cut(how: str, cut_after: bytes) -> None:
    faults = Faults(split_writes=how, write_pause=0.05)  # type: ignore[arg-type]
    with make() as sim, logged_in(sim, events="user") as wire:
        sim.faults.split_writes, sim.faults.write_pause = faults.split_writes, faults.write_pause
        sim.emit("UserEvent", A="ü")
        assert wire.read_bytes().endswith(cut_after)


def test_banners() -> None:
    for faults, expected in (
        (Faults(banner=None), b""),
        (Faults(banner="PBX Call Manager/1"), b"PBX Call Manager/1\r\n"),
        (Faults(banner_split=0.05), b"Asterisk Call Manager/11.0.0\r\n"),
    ):
        with make(faults=faults) as sim, Wire(sim) as wire:
            if faults.banner_split:
                assert wire.read_bytes() == expected[: len(expected) // 2]
                expected = expected[len(expected) // 2 :]
            wire.send("Logoff", ActionID="1")
            assert wire.rest().startswith(expected + b"Response: Goodbye")


def test_lf_lines(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        sim.faults.lf_lines = True
        wire.send("Ping", ActionID="1")
        assert b"\r" not in wire.take(b"\n\n")


def test_double_responses(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        sim.faults.double_responses = True
        frames = wire.ask_list("QueueSummary")
        assert [frame.kind[0] for frame in frames] == [
            "Response",
            "Response",
            "Event",
            "Event",
            "Event",
        ]


def test_silence(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        sim.faults.silent = True
        wire.send("Ping")
        sim.wait_for(lambda: sim.received[-1].name == "Ping")
        wire.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            wire.read_bytes()


def test_silence_after_login_lasts_for_that_session(sim: Simulator) -> None:
    sim.faults.silent_after_login = True
    with logged_in(sim, events="call") as wire:
        sim.faults.silent_after_login = False
        sim.emit("Hangup")
        wire.send("Ping")
        with logged_in(sim) as other:
            assert other.ask("Ping")["Ping"] == "Pong"
        wire.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            wire.read_bytes()


@pytest.mark.slow
def test_stop_reading_makes_the_kernel_full(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        sim.faults.stop_reading = True
        wire.socket.settimeout(1)
        with pytest.raises(TimeoutError):
            wire.write(b"Action: Ping\r\n\r\n" * 2_000_000)
        assert not [action for action in sim.received if action.name == "Ping"]
        sim.faults.stop_reading = False
        wire.socket.settimeout(10)
        assert wire.frame()["Ping"] == "Pong"


def test_booting() -> None:
    with make(faults=Faults(boot_delay=math.inf)) as sim, logged_in(sim, events="on") as wire:
        wire.send("Ping", ActionID="p")
        assert wire.frame().get("Ping") == "Pong"
        assert wire.ask("QueueSummary")["Message"].startswith(
            "Invalid/unknown command: QueueSummary. "
        )
        assert wire.ask("CoreStatus")["Response"] == "Success"
        assert (
            wire.ask("Originate", Channel="PJSIP/101", Application="Wait", Async="1")["Response"]
            == "Success"
        )
        assert wire.event("OriginateResponse")["Reason"] == "0"
        sim.finish_booting()
        booted = wire.event("FullyBooted")
        assert booted.keys == ["Event", "Privilege", "Status", "Uptime", "LastReload"]
        assert len(wire.ask_list("QueueSummary")) == 4


def test_booting_ends_by_itself() -> None:
    with make(faults=Faults(boot_delay=0.05)) as sim, logged_in(sim, events="on") as wire:
        assert wire.event("FullyBooted")["Status"] == "Fully Booted"


def test_shutting_down(sim: Simulator) -> None:
    sim.faults.shutting_down = True
    with Wire(sim) as wire:
        wire.banner()
        assert (
            wire.ask("Login", Username="admin", Secret="amp111")["Message"]
            == "Asterisk is shutting down"
        )


def test_refused_connections(sim: Simulator) -> None:
    sim.faults.refuse_connections = True
    with Wire(sim) as wire:
        assert wire.rest() == b""
    assert sim.connections == 1


def test_a_slow_reader_is_cut_in_the_middle_of_a_frame() -> None:
    with make(limits=Limits(writetimeout=0.1)) as sim, logged_in(sim, events="user") as wire:
        begun = time.monotonic()
        report = sim.flood("UserEvent", count=200_000, Text="x" * 200)
        assert report.total < 200_000
        sim.wait_for(lambda: not sim.sessions)
        assert time.monotonic() - begun < 10
        data = wire.rest()
        assert data.count(b"\r\n\r\n") == sim.events_sent
        assert not data.endswith(b"\r\n\r\n")
