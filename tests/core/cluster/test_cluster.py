"""Many servers in one reactor: none delays another, none is hammered, and waiting costs nothing."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.core.cluster.admission import MAX_CONNECTING_SERVERS
from django_ami.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
)
from django_ami.testing import FakeAsterisk, Faults, Simulator
from tests.core.io_support import (
    NEVER,
    Recorder,
    Turns,
    config,
    ready,
    resolving,
    started,
    wait_until,
)
from tests.core.servers import Hoard, ScriptedServer, black_hole, refusing_port, take_login

pytestmark = pytest.mark.usefixtures("no_bugs")


def state(client: Client, name: str = "node_1") -> str:
    return client.status()[name].state


@pytest.fixture
def slow_name(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[threading.Event, list[tuple[str, int]], list[str]]]:
    """``slow.test`` resolves when the event is set, to the given addresses.

    The list says who asked.
    """
    answer, found, asked = threading.Event(), [], []

    def resolve() -> list[tuple[str, int]]:
        asked.append(threading.current_thread().name)
        assert answer.wait(60)
        return found

    resolving(monkeypatch, {"slow.test": resolve})
    yield answer, found, asked
    answer.set()
    wait_until(lambda: not [thread for thread in threading.enumerate() if "-dns-" in thread.name])


# --- one server and another ---


def test_a_dead_a_mute_and_a_flooding_server_delay_nobody() -> None:
    with contextlib.ExitStack() as stack:
        down = stack.enter_context(refusing_port())
        mute = stack.enter_context(Hoard())
        flooding, calm = stack.enter_context(FakeAsterisk()), stack.enter_context(FakeAsterisk())
        client = stack.enter_context(
            started(
                config(down, "down"),
                config(mute.port, "mute"),
                config(flooding, "flooding"),
                config(calm, "calm"),
            )
        )
        ready(client, "flooding", "calm")
        flood = flooding.start_flood(count=10**9)
        wait_until(lambda: client.status()["flooding"].received > 1000)
        for _ in range(20):
            assert client.server("calm").send(Ping()).result(20).ok
        assert client.server("flooding").send(Ping()).result(60).ok
        wait_until(
            lambda: client.status()["down"].failures > 3, "the dead server is tried again and again"
        )
        assert not flood.done()
        assert state(client, "mute") == "greeting"
        assert client.status()["calm"].reconnects == client.status()["flooding"].reconnects == 0
        flood.cancel()


def test_many_servers_are_all_served() -> None:
    with contextlib.ExitStack() as stack:
        sims = [stack.enter_context(FakeAsterisk()) for _ in range(10)]
        servers = [config(sim, f"node_{number}") for number, sim in enumerate(sims)]
        seen = Recorder()
        client = stack.enter_context(started(*servers))
        client.subscribe("Hangup", seen)
        ready(client)
        answers = [
            handle.send(Action("Setvar", Variable="WHO", Value=name))
            for name, handle in client.servers.items()
        ]
        for answer in answers:
            assert answer.result(20).ok
        for number, sim in enumerate(sims):
            assert [action.get("Value") for action in sim.received if action.name == "Setvar"] == [
                f"node_{number}"
            ]
            sim.emit("Hangup", Node=str(number))
        wait_until(lambda: len(seen) == 10)
        assert {event.server for event in seen.firsts} == set(client.servers)
        assert all(event.server == f"node_{event['Node']}" for event in seen.firsts)


GREETING = b"Asterisk Call Manager/11.0.0\r\n"


@pytest.mark.parametrize(
    "kind", ["a black hole", "mute", "mute at the login", "a name that DNS is asked for"]
)
def test_more_dead_servers_than_may_connect_at_a_time_keep_no_healthy_one_out(
    kind: str, sim: Simulator, slow_name: tuple[threading.Event, list[tuple[str, int]], list[str]]
) -> None:
    """The time of an attempt is far from over when the healthy one is ready."""
    with black_hole() as hole, Hoard() as mute, Hoard(GREETING) as mute_at_the_login:
        ports = {
            "a black hole": hole,
            "mute": mute.port,
            "mute at the login": mute_at_the_login.port,
        }
        host = "127.0.0.1" if kind in ports else "slow.test"
        dead = [
            config(ports.get(kind, 1), f"dead_{number}", host=host, connect_timeout=3600)
            for number in range(MAX_CONNECTING_SERVERS + 10)
        ]
        with started(*dead, config(sim, "alive")) as client:
            ready(client, "alive")
            assert not any(status.failures for status in client.status().values())


def test_attempts_under_way_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    many, most = MAX_CONNECTING_SERVERS + 25, MAX_CONNECTING_SERVERS + 5
    monkeypatch.setattr("django_ami.core.cluster.admission.MAX_ATTEMPTS", most)
    with Hoard() as mute:
        servers = [
            config(mute.port, f"node_{number}", connect_timeout=0.5) for number in range(many)
        ]
        with started(*servers) as client:
            wait_until(lambda: mute.accepted >= 2 * many, "everybody has a turn")
            assert mute.most_open <= most
            wait_until(
                lambda: all(status.failures for status in client.status().values()),
                "nobody is forgotten",
            )
        assert mute.most_open <= most
    assert mute.most_open > MAX_CONNECTING_SERVERS / 2  # else the test shows nothing


def test_the_bound_is_of_those_that_connect_and_not_of_those_that_are_connected(
    sim: Simulator,
) -> None:
    many = MAX_CONNECTING_SERVERS + 25
    with started(*(config(sim, f"node_{number}") for number in range(many))) as client:
        ready(client)
        assert len(sim.sessions) == many


def test_a_server_that_fails_at_once_gives_its_place_to_the_next() -> None:
    with refusing_port() as port, FakeAsterisk() as sim:
        dead = [config(port, f"dead_{n}", **NEVER) for n in range(2 * MAX_CONNECTING_SERVERS)]
        with started(*dead, config(sim, "alive")) as client:
            ready(client, "alive")


# --- again ---


def test_after_a_loss_it_connects_again(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    lost, again = Recorder(), Recorder()
    with started(config(sim)) as client:
        client.on_ready(again)
        client.on_lost(lost)
        ready(client)
        sim.drop()
        wait_until(lambda: sim.logins == 2)
        ready(client)
        assert client.status()["node_1"].reconnects == 1
        assert client.server("node_1").send(Ping()).result(20).ok
        wait_until(lambda: lost.calls and len(again) == 2)
        handle, error = lost.calls[0]
        assert handle is client.server("node_1")
        assert isinstance(error, ConnectionLost)
    assert "node_1: ready (Asterisk 22.10.1, AMI 11.0.0)." in caplog.text
    assert (
        "node_1: connection lost: the server closed the connection. Trying again in" in caplog.text
    )
    assert "node_1: ready again" in caplog.text


def test_an_attempt_that_fails_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    with (
        FakeAsterisk(faults=Faults(refuse_connections=True)) as sim,
        started(config(sim)) as client,
    ):
        wait_until(lambda: client.status()["node_1"].failures > 3)
        assert "closed the connection before the login" in str(client.status()["node_1"].last_error)
        sim.faults.refuse_connections = False
        ready(client)
        assert client.status()["node_1"].failures == 0
        assert client.status()["node_1"].reconnects == 0
    assert "not connected" in caplog.text


def test_a_server_that_restarts_is_found_again(sim: Simulator) -> None:
    shutdowns = Recorder()
    with started(config(sim)) as client:
        client.subscribe("Shutdown", shutdowns)
        ready(client)
        sim.shutdown(restart=True)
        wait_until(lambda: client.status()["node_1"].failures > 1)
        assert "connection refused" in str(client.status()["node_1"].last_error)
        sim.start()
        ready(client)
        assert shutdowns.firsts[0]["Restart"] == "True"


def test_a_refused_login_is_not_tried_again(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    lost = Recorder()
    with started(config(sim, secret="wrong")) as client:
        turns = Turns(client)
        client.on_lost(lost)
        wait_until(lambda: state(client) == "refused")
        assert turns.during(0.3) <= 4  # retries would come within 0.05 s
        assert sim.login_attempts == 1
        error = client.send(Ping()).exception(20)
        assert isinstance(error, AuthenticationFailed)
        assert error.sent is False
        assert "Authentication failed for user 'admin'" in str(error)
        wait_until(lambda: lost.calls)
        assert isinstance(lost.calls[0][1], AuthenticationFailed)
    assert sim.login_attempts == 1
    assert [
        record.levelno
        for record in caplog.records
        if "Authentication failed" in record.getMessage()
    ] == [logging.ERROR]


def test_any_other_refusal_is_tried_again() -> None:
    with FakeAsterisk(faults=Faults(shutting_down=True)) as sim, started(config(sim)) as client:
        wait_until(lambda: client.status()["node_1"].failures > 1)
        assert "Asterisk is shutting down" in str(client.status()["node_1"].last_error)
        sim.faults.shutting_down = False
        ready(client)


def test_after_many_failures_actions_fail_at_once_and_say_when_it_is_tried_again() -> None:
    slow = {**NEVER, "circuit_threshold": 1}
    with refusing_port() as port, started(config(port, **slow), role="caller") as client:
        wait_until(lambda: client.status()["node_1"].failures)
        error = client.send(Ping(), timeout=3600).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert error.sent is False
    assert "connection refused" in str(error)
    assert "Next attempt in" in str(error)


# --- attempts that end ---


def test_refused_is_noticed_at_once() -> None:
    with (
        refusing_port() as port,
        started(config(port, connect_timeout=3600), role="caller", connect=False) as client,
    ):
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert "connection refused" in str(error)
    assert error.sent is False


def test_a_black_hole_is_a_connect_timeout() -> None:
    with (
        black_hole() as port,
        started(config(port, connect_timeout=0.2), role="caller", connect=False) as client,
    ):
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert f"no connection to 127.0.0.1:{port} within 0.2 s (option connect_timeout)" in str(error)


def test_no_greeting_is_a_connect_timeout() -> None:
    with (
        Hoard() as mute,
        started(config(mute.port, connect_timeout=0.2), role="caller", connect=False) as client,
    ):
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert "no AMI greeting" in str(error)


def test_a_login_that_is_not_answered_is_a_connect_timeout() -> None:
    mute = Hoard(b"Asterisk Call Manager/11.0.0\r\n")
    with (
        mute,
        started(config(mute.port, connect_timeout=0.2), role="caller", connect=False) as client,
    ):
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert "0.2 s" in str(error)


@pytest.mark.parametrize(
    "words",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x03\0\2\2\n"],
)
def test_a_port_of_something_else_is_told_as_such(words: bytes) -> None:
    with Hoard(words) as other, started(config(other.port), role="caller", connect=False) as client:
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert "is this the port of AMI?" in str(error)


# --- names ---


def test_a_name_that_is_resolved_slowly_delays_nobody(
    sim: Simulator, slow_name: tuple[threading.Event, list[tuple[str, int]], list[str]]
) -> None:
    answer, found, asked = slow_name
    found.append(("127.0.0.1", sim.port))
    with started(config(1, "slow", host="slow.test"), config(sim, "quick")) as client:
        ready(client, "quick")
        wait_until(lambda: asked)
        assert client.server("quick").send(Ping()).result(20).ok
        assert state(client, "slow") == "connecting"
        answer.set()
        ready(client, "slow")
        assert client.status()["slow"].address == f"127.0.0.1:{sim.port}"
    assert asked == ["django_ami-dns-slow"]


def test_a_resolver_that_hangs_is_a_connect_timeout_and_is_asked_by_one_thread_only(
    sim: Simulator, slow_name: tuple[threading.Event, list[tuple[str, int]], list[str]]
) -> None:
    answer, found, asked = slow_name
    found.append(("127.0.0.1", sim.port))
    with started(config(1, host="slow.test", connect_timeout=0.1)) as client:
        wait_until(lambda: client.status()["node_1"].failures > 2)
        assert len(asked) == 1
        answer.set()
        ready(client)


def test_a_client_that_is_closed_does_not_wait_for_a_resolver(
    slow_name: tuple[threading.Event, list[tuple[str, int]], list[str]],
) -> None:
    _, _, asked = slow_name
    with started(config(1, host="slow.test")) as client:
        pending = client.send(Ping())
        wait_until(lambda: asked)
    assert isinstance(pending.exception(0), ConnectionFailed)


def test_a_name_that_cannot_be_resolved_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve() -> list[tuple[str, int]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    resolving(monkeypatch, {"nowhere.test": resolve})
    with started(config(1, host="nowhere.test"), role="caller", connect=False) as client:
        error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    assert str(error) == (
        "node_1: the name 'nowhere.test' cannot be resolved (Name or service not known): is HOST "
        "right, and does DNS work? Ping was not sent."
    )


# --- waiting costs nothing ---


def test_ready_and_idle_it_does_not_turn(sim: Simulator) -> None:
    with started(config(sim)) as client:
        turns = Turns(client)
        ready(client)
        assert turns.during(0.3) <= 4


def test_waiting_for_the_next_attempt_it_does_not_turn() -> None:
    with refusing_port() as port, started(config(port, **NEVER)) as client:
        turns = Turns(client)
        wait_until(lambda: state(client) == "waiting" and client.status()["node_1"].failures)
        assert turns.during(0.3) <= 4


def test_waiting_for_a_greeting_it_does_not_turn() -> None:
    with Hoard() as mute, started(config(mute.port)) as client:
        turns = Turns(client)
        wait_until(lambda: state(client) == "greeting")
        assert turns.during(0.3) <= 4


def test_waiting_for_a_black_hole_it_does_not_turn() -> None:
    with black_hole() as port, started(config(port)) as client:
        turns = Turns(client)
        wait_until(lambda: state(client) == "connecting")
        assert turns.during(0.3) <= 4


def test_waiting_for_its_place_in_the_queue_it_does_not_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("django_ami.core.cluster.admission.MAX_ATTEMPTS", MAX_CONNECTING_SERVERS)
    mute = Hoard()
    with (
        mute,
        started(
            *(config(mute.port, f"node_{number}") for number in range(MAX_CONNECTING_SERVERS + 5))
        ) as client,
    ):
        turns = Turns(client)
        wait_until(lambda: mute.accepted == MAX_CONNECTING_SERVERS)
        wait_until(
            lambda: (
                sum(status.state == "greeting" for status in client.status().values())
                == MAX_CONNECTING_SERVERS
            )
        )
        assert turns.during(0.3) <= 4
        assert mute.accepted == MAX_CONNECTING_SERVERS


def test_waiting_for_a_server_that_does_not_read_it_does_not_turn() -> None:
    def serve(sock: socket.socket) -> None:
        take_login(sock).close()
        hang_up.wait(60)

    hang_up = threading.Event()
    with ScriptedServer(serve) as server:
        settings = config(server.port, auth_type="plain", write_buffer_limit=2**26, **NEVER)
        with started(settings, role="caller") as client:
            turns = Turns(client)
            ready(client)
            for _ in range(160):  # 16 MB: more than the kernel takes
                client.send(Action("Setvar", Value=["y" * 1000] * 100))
            wait_until(lambda: turns.during(0.05) <= 4, "the kernel has taken what it takes")
            assert turns.during(0.3) <= 4
            assert client.status()["node_1"].unwritten_bytes > 2**20
            hang_up.set()


def test_a_server_that_sends_one_byte_at_a_time_is_read() -> None:
    with FakeAsterisk(faults=Faults(split_writes=1)) as sim, started(config(sim)) as client:
        ready(client)
        assert client.send(Ping()).result(20)["Ping"] == "Pong"


def test_two_servers_of_one_client_need_names_of_their_own(sim: Simulator) -> None:
    with pytest.raises(ConfigurationError, match="node_1"):
        Client([config(sim), config(sim)])
