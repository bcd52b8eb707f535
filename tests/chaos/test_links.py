"""The link breaks, in every way there is.

One clear line each, nothing stays under way, and the right retry.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Action, Ping, QueueStatus
from django_ami.core.config import TLSConfig
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.testing import FakeAsterisk, Faults, Simulator
from tests.chaos.links_support import (
    GREETING,
    Gate,
    Link,
    TurnLog,
    complaints,
    healing_black_hole,
    read_to_the_end,
    reset_when_closed,
)
from tests.core.io_support import (
    Authority,
    Recorder,
    Turns,
    authority,
    config,
    no_bugs,
    ready,
    resolving,
    sim,
    started,
    wait_until,
)
from tests.core.servers import black_hole, read_action, refusing_port, take_login
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.core.client import Client

__all__ = ["authority", "no_bugs", "sim"]

pytestmark = pytest.mark.usefixtures("no_bugs")

AGAIN = r" Trying again in \d+\.\d s\.$"


def one_line(caplog: pytest.LogCaptureFixture, what: str, *parts: str) -> None:
    """One line was logged, about node_1, that says what happened, why, and what to do.

    And that it is tried again.
    """
    wait_until(lambda: complaints(caplog), "it is logged")  # a moment after it is counted
    (line,) = complaints(caplog)
    assert line.startswith(f"node_1: {what}: "), line
    assert re.search(AGAIN, line), line
    for part in parts:
        assert part in line, line


# --- an attempt that fails ---


def hang_up(sock: socket.socket) -> None:
    """Say nothing and close."""


def reset(sock: socket.socket) -> None:
    reset_when_closed(sock)


def mute(sock: socket.socket) -> None:
    read_to_the_end(sock)


def says(
    words: bytes, then: Callable[[socket.socket], object] = mute
) -> Callable[[socket.socket], None]:
    def act(sock: socket.socket) -> None:
        sock.sendall(words)
        then(sock)

    return act


def greets_and_hangs_up(sock: socket.socket) -> None:
    sock.sendall(GREETING)
    sock.recv(4096)


def refuses_md5(sock: socket.socket) -> None:
    sock.sendall(GREETING)
    action = read_action(sock.makefile("rb"))
    answer = (
        f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Must specify "
        "AuthType\r\n\r\n"
    )
    sock.sendall(answer.encode())
    mute(sock)


def stops(sock: socket.socket) -> None:
    sock.sendall(GREETING)
    action = read_action(sock.makefile("rb"))
    answer = (
        f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Asterisk is shutting "
        "down\r\n\r\n"
    )
    sock.sendall(answer.encode())
    mute(sock)


def speaks_smtp(sock: socket.socket) -> None:
    sock.sendall(b"220 mail.example.org ESMTP\r\n")
    while sock.recv(4096):
        sock.sendall(b"500 5.5.1 unknown command\r\n")


NO_GREETING = (
    "no AMI greeting from 127.0.0.1:",
    "within 0.4 s",
    "is this the AMI port, or its TLS port without the setting TLS?",
)

ATTEMPTS = {
    "hangs up": (
        hang_up,
        "the server closed the connection before the login",
        "is its authlimit reached?",
    ),
    # Which may be before we know that it was accepted, or behind that.
    "resets": (reset, "Connection reset by peer", ": is it stopping, or is its authlimit reached?"),
    "no greeting": (mute, *NO_GREETING),
    "half a greeting": (says(GREETING[:17]), *NO_GREETING),
    "HTTP that waits": ("http", *NO_GREETING),
    "HTTP that speaks": (
        says(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n"),
        "no AMI greeting, but 'HTTP/1.1 400 Bad Request': is this the port of AMI?",
    ),
    "endless greeting": (
        says(b"x" * 4096),
        "no AMI greeting, but b'xxx",
        "is this the port of AMI?",
    ),
    "SMTP": (
        speaks_smtp,
        "no answer to the login at 127.0.0.1:",
        "within 0.4 s (option connect_timeout)",
        "greeted with '220 mail.example.org ESMTP': is this the port of AMI?",
    ),
    "no answer to the login": (
        says(GREETING),
        "no answer to the login at 127.0.0.1:",
        "within 0.4 s (option connect_timeout)",
        "greeted with 'Asterisk Call Manager/11.0.0': is it overloaded?",
    ),
    "hangs up on the login": (
        greets_and_hangs_up,
        "the server closed the connection before the login was answered: is it stopping?",
    ),
    "no MD5": (
        refuses_md5,
        (
            "the MD5 challenge was refused: Must specify AuthType. Set the option auth_type to "
            "'plain'."
        ),
    ),
    "is stopping": (stops, "the MD5 challenge was refused: Asterisk is shutting down."),
}


@pytest.fixture
def web() -> Iterator[int]:
    """A real web server's port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_that_fails_is_one_clear_line_and_the_next_one_succeeds(
    name: str, sim: Simulator, web: int, caplog: pytest.LogCaptureFixture
) -> None:
    act, *parts = ATTEMPTS[name]
    with Gate(web if act == "http" else act, sim.port) as gate:  # type: ignore[arg-type]
        fails_once(config(gate.port, connect_timeout=0.4), parts, caplog)
        assert gate.connections == 2


def fails_once(
    settings: Any, parts: list[str] | tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """The first attempt fails and says why, an action that waited for it fails with it, the second
    one succeeds.
    """
    with started(settings, connect=False) as client:
        turns = TurnLog(client)
        ended = Losses(client)
        pending = client.send(Ping(), timeout=3600)
        turns.watch(pending)
        error = pending.exception(20)
        assert isinstance(error, ConnectionFailed)
        assert error.sent is False
        assert str(error).startswith("node_1: ")
        assert str(error).endswith("Ping was not sent.")
        ready(client)
        one_line(caplog, "not connected", *parts)
        for part in parts:
            assert part in str(error)
        assert turns.settled == {
            pending.action_id: ended[0]
        }  # in the very turn that ended the attempt
        assert client.send(Ping()).result(20).ok
        status = client.status()["node_1"]
        assert (status.failures, status.reconnects, status.pending_actions) == (0, 0, 0)


class Losses(list[float]):
    """The reactor's times at which connections and attempts ended.

    ``heard``: when each had heard something last.
    """

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.heard: list[float] = []
        session = client._cluster.servers["node_1"].session
        disconnected = session.disconnected

        def noted(error: Any, now: float) -> None:
            self.heard.append(session.exchange.liveness.heartbeat.last_received)
            self.append(now)
            disconnected(error, now)

        session.disconnected = noted  # type: ignore[method-assign]


def test_refused_until_it_listens(caplog: pytest.LogCaptureFixture) -> None:
    with FakeAsterisk() as sim:
        sim.stop()
        with started(
            config(sim, reconnect_initial=0.2, reconnect_max=0.2), connect=False
        ) as client:
            error = client.send(Ping(), timeout=3600).exception(20)
            assert isinstance(error, ConnectionFailed)
            sim.start()
            ready(client)
    for line in complaints(caplog):
        assert line.startswith(
            f"node_1: not connected: 127.0.0.1:{sim.port}: connection refused: does Asterisk run"
        )
        assert "with enabled = yes and this port in manager.conf? Trying again in" in line
    assert sim.logins == 1


def test_a_black_hole_until_the_firewall_lets_it_by(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    slow = {"connect_timeout": 0.4, "reconnect_initial": 0.2, "reconnect_max": 0.2}
    with healing_black_hole(sim.port) as (port, heal), started(config(port, **slow)) as client:
        wait_until(lambda: client.status()["node_1"].failures == 1)
        one_line(
            caplog,
            "not connected",
            f"no connection to 127.0.0.1:{port} within 0.4 s (option connect_timeout)",
            "does a firewall drop it?",
        )
        heal()
        ready(client)
        assert client.send(Ping()).result(20).ok


def test_a_name_that_is_not_resolved_until_dns_is_back(
    sim: Simulator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolve() -> list[tuple[str, int]]:
        asked.append("pbx.test")
        if len(asked) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [("127.0.0.1", sim.port)]

    resolving(monkeypatch, {"pbx.test": resolve})
    parts = (
        "the name 'pbx.test' cannot be resolved (Temporary failure in name resolution)",
        "does DNS work?",
    )
    fails_once(config(1, host="pbx.test"), parts, caplog)
    assert len(asked) == 2
    wait_until(lambda: not [thread for thread in threading.enumerate() if "-dns-" in thread.name])


# --- TLS ---

CERTIFICATES = {
    "expired": ("expired", {}, "certificate has expired", "renew it on the server."),
    "of another host": (
        "elsewhere",
        {},
        "IP address mismatch",
        "set the TLS key SERVER_HOSTNAME to the name in it.",
    ),
    "self-signed": (
        "self_signed",
        {},
        "self-signed certificate",
        "CA_FILE",
        "FINGERPRINT to its SHA-256",
    ),
    "not the pinned one": (
        "elsewhere",
        {"fingerprint": "loopback"},
        "is not the pinned one",
        "FINGERPRINT",
    ),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_is_refused_until_it_is_replaced(
    name: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    bad, keys, *parts = CERTIFICATES[name]
    keys = {key: getattr(authority, value).fingerprint for key, value in keys.items()}
    tls = TLSConfig(ca_file=authority.ca_file, **keys)
    with (
        FakeAsterisk(tls=getattr(authority, bad).tls) as wrong,
        FakeAsterisk(tls=authority.loopback.tls) as right,
    ):
        with Gate(wrong.port, right.port) as gate:
            fails_once(
                config(gate.port, tls=tls),
                [f"the certificate of 127.0.0.1:{gate.port}", *parts],
                caplog,
            )
        assert wrong.login_attempts == 0


WRONG_PORTS = {
    "TLS to the plain port": (
        True,
        "does not speak TLS: is it the plain port? Use the TLS port (5039)",
    ),
    "plain to the TLS port": (
        False,
        "no AMI greeting from",
        "is this the AMI port, or its TLS port without the setting TLS?",
    ),
    "a handshake that is hung up on": (hang_up, "hung up in the TLS handshake: is it a TLS port?"),
    "a handshake that is not answered": (
        mute,
        "no TLS with 127.0.0.1:",
        "within 0.4 s: is this the TLS port of AMI, or the plain one?",
    ),
}


@pytest.mark.parametrize("name", WRONG_PORTS)
def test_the_wrong_port_until_it_is_the_right_one(
    name: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    what, *parts = WRONG_PORTS[name]
    with FakeAsterisk() as plain, FakeAsterisk(tls=authority.loopback.tls) as secured:
        ports = (plain.port, secured.port) if what else (secured.port, plain.port)
        tls = TLSConfig(ca_file=authority.ca_file) if what else None
        acts = (what, secured.port) if callable(what) else ports
        with Gate(*acts) as gate:
            fails_once(config(gate.port, tls=tls, connect_timeout=0.4), parts, caplog)


@pytest.mark.parametrize("how", ["with close_notify", "without close_notify", "reset"])
def test_tls_that_ends_in_the_middle(
    how: str, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    context, ended = authority.loopback.tls.context(), []

    def serve(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure, take_login(secure) as stream:
            if ended:
                while action := read_action(stream):
                    secure.sendall(
                        f"Response: Success\r\nActionID: {action['ActionID']}\r\n\r\n".encode()
                    )
                    if action["Action"] == "Logoff":
                        return
                return
            assert read_action(stream)["Action"] == "Setvar"
            ended.append(how)
            secure.sendall(b"Event: Hangup\r\nPrivilege: call,all\r\nRest: cut o")
            if how == "with close_notify":
                with contextlib.suppress(OSError):  # the client says nothing in return
                    secure.unwrap()
            elif how == "reset":
                reset_when_closed(secure)
            else:
                secure.shutdown(socket.SHUT_WR)
                read_to_the_end(secure)

    with Gate(serve) as gate:
        tls = TLSConfig(ca_file=authority.ca_file)
        with started(config(gate.port, tls=tls, auth_type="plain"), role="caller") as client:
            ready(client)
            turns, losses = TurnLog(client), Losses(client)
            pending = client.send(Action("Setvar"), timeout=3600)
            turns.watch(pending)
            assert_lost(pending, turns, losses)
            ready(client)
            # How OpenSSL tells of a reset depends on whether it was reading.
            (line,) = complaints(caplog)
            causes = [
                "the server closed the connection.",
                "the connection broke (Connection reset by peer).",
            ]
            assert any(cause in line for cause in causes[: 1 + (how == "reset")]), line
            one_line(caplog, "connection lost")
            assert client.send(Ping()).result(20).ok
            assert client.status()["node_1"].reconnects == 1


# --- a connection that breaks ---


def assert_lost(pending: Any, turns: TurnLog, losses: Losses) -> None:
    """It fails with the connection, in the same turn, and its outcome is unknown."""
    error = pending.exception(20)
    assert isinstance(error, ConnectionLost)
    assert error.sent is True
    assert str(error).startswith("node_1: ")
    assert "Setvar was under way; it may have been carried out: look before you repeat it." in str(
        error
    )
    assert turns.settled == {pending.action_id: losses[0]}


BREAKS: dict[str, tuple[Callable[[Link], object], str]] = {
    "FIN": (Link.fin, "the server closed the connection."),
    "RST": (Link.reset, "the connection broke (Connection reset by peer)."),
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize(
    "fragment",
    [b"", b"Event: Hangup\r\nPrivilege: call,all\r\nRest: cut o", b"Response: Succ", b"E"],
    ids=repr,
)
def test_a_link_that_is_cut_in_the_middle_of_a_message(
    how: str, fragment: bytes, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    break_it, cause = BREAKS[how]
    sim.on("Setvar").hang()
    seen = Recorder()
    with Gate(sim.port) as gate, started(config(gate.port)) as client:
        client.subscribe(None, seen)
        ready(client)
        turns, losses = TurnLog(client), Losses(client)
        pending = client.send(Action("Setvar"), timeout=3600)
        turns.watch(pending)
        sim.wait_for(lambda: "Setvar" in [action.name for action in sim.received])
        gate.links[0].inject(fragment)
        break_it(gate.links[0])
        assert_lost(pending, turns, losses)
        wait_until(lambda: len(gate.links) == 2)
        ready(client)
        one_line(caplog, "connection lost", cause)
        sim.emit("Hangup", Number=2)
        wait_until(lambda: "Hangup" in [event.name for event in seen.firsts])
        assert [event.raw for event in seen.firsts if event.name == "Hangup"] == [
            b"Event: Hangup\r\nPrivilege: call,all\r\nNumber: 2"
        ]
        status = client.status()["node_1"]
        assert (status.pending_actions, status.garbage_bytes, status.reconnects) == (0, 0, 1)


@pytest.mark.parametrize("heartbeat_interval", [0.05, 3600])
@pytest.mark.parametrize(
    "fragment", [b"", b"Event: Hangup\r\nPrivilege: call"], ids=["between frames", "in a frame"]
)
def test_a_peer_that_is_gone_without_a_word(
    heartbeat_interval: float, fragment: bytes, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Half-open, or silent: TCP takes what is written, and nothing comes any more."""
    settings = {"heartbeat_interval": heartbeat_interval, "read_timeout": 0.4}
    with Gate(sim.port) as gate, started(config(gate.port, **settings)) as client:
        ready(client)
        losses = Losses(client)
        turns = TurnLog(client)
        gate.links[0].inject(fragment)
        gate.links[0].freeze()
        wait_until(lambda: losses)
        # Lost in the very first turn when the silence had lasted so long: no sooner, no later.
        assert losses[0] == turns.first_turn_from(losses.heard[0] + 0.4)
        wait_until(lambda: len(gate.links) == 2)
        ready(client)
        one_line(
            caplog,
            "connection lost",
            "nothing received for 0.",
            "(option read_timeout): the server or the way to it",
        )


def test_a_peer_that_answers_pings_and_says_nothing_else_is_alive(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    with started(config(sim, heartbeat_interval=0.04, read_timeout=0.5)) as client:
        ready(client)
        begun, before = time.monotonic(), client.status()["node_1"]
        wait_until(
            lambda: [action.name for action in sim.received].count("Ping") >= 25
        )  # a second, at least
        after = client.status()["node_1"]
        assert after.state == "ready"
        assert after.received == before.received == 1  # FullyBooted, and nothing since
        assert after.last_event_age is not None
        assert after.last_event_age >= time.monotonic() - begun - 0.5
        assert after.last_event_age > 0.5
        assert (after.reconnects, sim.connections) == (0, 1)
    assert complaints(caplog) == []


# --- oddities that are no fault ---


@pytest.mark.parametrize(
    ("faults", "unmatched"),
    [
        ({"banner_split": 0.05}, 0),
        ({"banner": "PBX Call Manager/2.3"}, 0),
        (
            {
                "banner": (
                    "Asterisk Call Manager/11.0.0\r\nResponse: Error\r\nMessage: Missing action "
                    "in request\r\n"
                )
            },
            1,
        ),
    ],
    ids=["in two pieces", "another vendor", "an error before the login"],
)
def test_a_strange_greeting_is_no_fault(
    faults: dict[str, Any], unmatched: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FakeAsterisk(faults=Faults(login_delay=0.0, **faults)) as sim,
        started(config(sim)) as client,
    ):
        ready(client)
        assert client.send(Ping()).result(20).ok
        status = client.status()["node_1"]
        assert (status.unmatched_answers, status.garbage_bytes) == (unmatched, 0)
        assert (sim.connections, sim.login_attempts) == (1, 1)
    assert complaints(caplog) == []


def test_answers_of_others_doubled_ones_and_a_closer_before_its_response(sim: Simulator) -> None:
    def answer(action: Any) -> bytes:
        def item(name: str, whose: str, *more: str) -> str:
            return "\r\n".join([f"Event: {name}", f"ActionID: {whose}", *more, "", ""])

        own, other = action.action_id, "somebody-else-1"
        closer = "EventList: Complete", "ListItems: 2"
        response = f"Response: Success\r\nActionID: {own}\r\nEventList: start\r\n\r\n"
        parts = [
            item("QueueStatusComplete", own, *closer),  # before its response
            item("QueueParams", other, "Queue: theirs"),
            response,
            response,
            f"Response: Success\r\nActionID: {other}\r\nEventList: start\r\n\r\n",
            item("QueueParams", own, "Queue: sales"),
            item("QueueParams", other, "Queue: theirs"),
            item("QueueStatusComplete", other, *closer),
            item("QueueParams", own, "Queue: support"),
            item("QueueStatusComplete", own, *closer),
            item("QueueStatusComplete", own, *closer),
        ]
        return "".join(parts).encode()

    sim.on("QueueStatus").raw(answer)
    with started(config(sim)) as client:
        ready(client)
        before = client.status()["node_1"]
        response = client.send(QueueStatus()).result(20)
        assert [event["Queue"] for event in response.events] == ["sales", "support"]
        assert response.final_event is not None
        assert client.send(Ping()).result(20)["Ping"] == "Pong"
        after = client.status()["node_1"]
        assert (
            after.late_answers - before.late_answers == 3
        )  # the early closer, the second response, the second closer
        assert after.unmatched_answers - before.unmatched_answers == 1
        assert after.received - before.received == 3  # events that others asked for
        assert (after.pending_actions, after.reconnects) == (0, 0)


# --- the price of waiting ---


class _Mean:
    """Draws the mean, so that the attempts of this test come at the times that they have on the
    average.
    """

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


@pytest.mark.long
def test_waiting_costs_almost_no_processor_time_while_servers_are_silent(sim: Simulator) -> None:
    """One is idle, one refuses, one is a black hole, one cannot be reached.

    All times as in real life.
    """
    window, servers = 3.0, 4
    real: dict[str, Any] = {"reconnect_initial": 1.0, "reconnect_max": 30.0, "boot_grace": 1.0}
    with refusing_port() as refusing, black_hole() as hole:
        names = {"idle": sim.port, "refused": refusing, "hole": hole}
        settings = [config(port, name, **real) for name, port in names.items()]
        settings.append(config(1, "unreachable", host="255.255.255.255", **real))
        with started(*settings, connect=False) as client:
            for server in client._cluster.servers.values():
                server.session.retry.backoff.random = _Mean()  # type: ignore[assignment]
            turns = Turns(client)
            client.connect()
            ready(client, "idle")
            failing = ("refused", "unreachable")
            wait_until(
                lambda: all(client.status()[name].failures >= 3 for name in failing),
                "the first attempts",
            )
            assert client.status()["hole"].state == "connecting"
            unreachable = str(client.status()["unreachable"].last_error)
            assert unreachable.startswith("255.255.255.255:1: ")
            assert unreachable.endswith(": is the address right, and the network up?")
            # No time is asserted here but that of the processor, which no other process can use up
            # for us; it is the share that is promised, 1 %, with a margin of three for what the
            # simulator and the test use of it.
            spent = time.process_time()
            assert turns.during(window) < 3 * servers * window
            assert time.process_time() - spent < 3 * 0.01 * window


# --- ami_listen ---

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.management.listening.settings")


@contextlib.contextmanager
def listening(url: str, file: Path) -> Iterator[Program]:
    """A real ``ami_listen`` whose receivers tell in the file what they are told."""
    settings = {"AMI_OPTIONS": {"reconnect_initial": 0.1, "reconnect_max": 0.2}}
    more = {"AMI_TEST_FILE": file, "AMI_TEST_SETTINGS": json.dumps(settings), "AMI_NODE1_URL": url}
    with Program(COMMAND, **more) as program:
        yield program


def told(file: Path) -> list[str]:
    """Which signals were sent, in order."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [what for line in lines if (what := json.loads(line)["what"]) in ("ready", "lost")]


def test_a_login_that_is_refused_after_a_second_ends_ami_listen_and_is_not_repeated(
    tmp_path: Path,
) -> None:
    with FakeAsterisk(faults=Faults(login_delay=1.0)) as sim:
        url = sim.url.replace("amp111", "no-such-secret")
        with listening(url, tmp_path / "notes") as program:
            assert program.wait() == 3, str(program)
            (line,) = program.err
        assert line.startswith("node_1: Authentication failed for user 'admin' at 127.0.0.1:")
        assert (
            "check USERNAME and SECRET, and secret and permit of that user in manager.conf" in line
        )
        assert line.endswith(
            "A process that stays up tries again after 300 s (option auth_retry_interval)."
        )
        assert (sim.connections, sim.login_attempts) == (1, 1)


def test_a_restart_is_one_loss_and_one_recovery(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    with FakeAsterisk() as sim, listening(sim.url, file) as program:
        program.wait_for_out("node_1: ready")
        sim.shutdown(restart=True)
        refused = "node_1: not connected: 127.0.0.1:"
        wait_until(
            lambda: sum(refused in line for line in program.err) >= 4,
            f"refused for a while: {program}",
        )
        sim.faults.boot_delay = math.inf
        sim.start()
        sim.wait_for(lambda: sim.logins == 2)
        wait_until(lambda: [action.name for action in sim.received][-1] == "CoreSettings")
        assert told(file) == ["ready", "lost"], str(program)  # logged in, and not booted
        sim.finish_booting()
        program.wait_for_out("node_1: ready again")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0, str(program)
        assert told(file) == ["ready", "lost", "ready"]
        assert sim.logins == 2
        lost, *attempts = program.err
        assert lost.startswith(
            "node_1: connection lost: the server closed the connection. Trying again in "
        )
        assert all(
            "connection refused: does Asterisk run" in line or " more changes in " in line
            for line in attempts
        )
