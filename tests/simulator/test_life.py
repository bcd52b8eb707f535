"""Start, stop, shutdown, dropped links, floods, TLS."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme

from django_ami.testing import ServerTLS, Simulator, User
from tests.simulator.conftest import make
from tests.simulator.wire import Wire, logged_in


def test_url_quotes_names_and_secrets() -> None:
    with Simulator(users={"a@b": User(secret="p:/w")}) as sim:
        assert sim.url == f"ami://a%40b:p%3A%2Fw@127.0.0.1:{sim.port}"
        assert "listening" not in repr(sim)
        assert repr(sim) == f"<Simulator 127.0.0.1:{sim.port} Asterisk 22, running>"


def test_stop_and_start_on_the_same_port() -> None:
    sim = make()
    with sim:
        port = sim.port
        with logged_in(sim) as wire:
            sim.stop()
            assert wire.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((sim.host, port))
        sim.stop()
        with pytest.raises(RuntimeError, match="not running"):
            sim.emit("Hangup")
        sim.start()
        assert sim.port == port
        with pytest.raises(RuntimeError, match="already running"):
            sim.start()
        with logged_in(sim):
            assert (sim.logins, sim.connections) == (2, 2)
    assert not sim.running


def test_a_port_in_use_is_an_oserror(sim: Simulator) -> None:
    other = make(port=sim.port)
    with pytest.raises(OSError, match="in use"):
        other.start()
    assert not other.running


def test_drop_writes_queued_bytes(sim: Simulator) -> None:
    with logged_in(sim, events="call") as one, logged_in(sim) as two, Wire(sim) as three:
        three.banner()
        sim.emit("Hangup", Cause=16)
        sim.send_raw(b"Event: Half\r\n")
        sim.drop()
        assert (
            one.rest()
            == b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n\r\nEvent: Half\r\n"
        )
        assert two.rest() == b"Event: Half\r\n"
        assert three.rest() == b""
        assert sim.sessions == ()
    with logged_in(sim):
        assert sim.logins == 3


def test_drop_of_a_session_that_is_busy_or_does_not_read(sim: Simulator) -> None:
    with logged_in(sim) as busy, logged_in(sim, events="user") as deaf:
        busy.send("Originate", Channel="PJSIP/noanswer", Application="Wait", Timeout="60000")
        flood = sim.start_flood("UserEvent", count=10**9, Text="x" * 500)
        sim.wait_for(lambda: sim.pbx.channels and sim.events_sent > 1000)
        sim.drop()
        assert flood.result(5).total < 10**9
        assert busy.rest() == b""
        assert deaf.rest()


def test_drop_with_reset(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        sim.drop(reset=True)
        assert wire.rest() == b""


@pytest.mark.parametrize("restart", [False, True])
def test_shutdown_is_an_event_then_eof_then_nobody(sim: Simulator, restart: bool) -> None:
    with logged_in(sim, events="system") as wire, logged_in(sim, events="call") as masked:
        wire.event("FullyBooted")
        sim.shutdown(restart)
        assert wire.rest() == (
            (
                "Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly\r\nRestart: "
                f"{restart}\r\n\r\n"
            ).encode()
        )
        assert masked.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((sim.host, sim.port))
    sim.start()
    with logged_in(sim):
        assert sim.logins == 3


def test_a_restart_begins_unique_ids_anew(sim: Simulator) -> None:
    names = []
    for _ in range(2):
        with logged_in(sim, events="call") as wire:
            wire.ask("Originate", Channel="PJSIP/101", Application="Wait", Data="60", Async="1")
            names.append(wire.event("Newchannel")["Channel"])
        sim.stop()
        assert sim.start().running
    assert names == ["PJSIP/101-00000000"] * 2
    with logged_in(sim) as wire:
        assert len(wire.ask_list("CoreShowChannels")) == 2


def test_a_flood_is_counted_one_by_one(sim: Simulator) -> None:
    with logged_in(sim, events="user") as wire, logged_in(sim) as masked:
        report = sim.flood("UserEvent", count=20_000, UserEvent="Flood")
        assert report.total == 20_000
        assert list(report.queued) == [sim.sessions[0].number]
        numbers = [wire.frame()["Number"] for _ in range(20_000)]
        assert numbers == [str(number) for number in range(20_000)]
        sim.wait_for(lambda: sim.events_sent == 20_000)
        assert [session.events_sent for session in sim.sessions] == [20_000, 0]
        assert masked.ask("Ping")["Ping"] == "Pong"


def test_a_flood_of_bytes_at_a_rate(sim: Simulator) -> None:
    data = b"Event: X\r\nPrivilege: call,all\r\n\r\n"
    with logged_in(sim, events="call") as wire:
        report = sim.flood(data, count=100, rate=1000)
        assert report.seconds >= 0.09
        assert all(wire.frame().data == data for _ in range(100))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_tls(authority: trustme.CA, tmp_path: Path) -> None:
    issued = authority.issue_cert("localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with make(tls=ServerTLS(str(certificate), str(key))) as sim:
        assert sim.url.startswith("amis://")
        with Wire(sim, client) as wire:
            wire.log_in(events="user")
            sim.flood("UserEvent", count=5000)
            assert [wire.frame()["Number"] for _ in range(5000)][-1] == "4999"
            sim.wait_for(lambda: sim.events_sent == 5000)
            wire.send("Logoff")
            assert b"Goodbye" in wire.rest()
        with Wire(sim) as plain:
            plain.send("Ping")
            assert b"Response" not in plain.rest()
        with logged_in_tls(sim, client) as wire:
            sim.drop()
            assert wire.rest() == b""


def logged_in_tls(sim: Simulator, client: ssl.SSLContext) -> Wire:
    wire = Wire(sim, client)
    wire.log_in()
    return wire
