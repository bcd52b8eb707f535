"""A name with several addresses.

For every fault of the first ones, the one that works is found at once.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Ping
from django_ami.core.cluster.connecting import MOST_ADDRESSES, STAGGER_SECONDS
from django_ami.core.config import TLSConfig
from django_ami.core.errors import ConnectionFailed
from django_ami.testing import FakeAsterisk, Faults
from tests.core.io_support import (
    NEVER,
    Turns,
    addresses,
    config,
    ready,
    resolving,
    started,
    wait_until,
)
from tests.core.servers import LOOPBACK, Hoard, ScriptedServer, black_hole, refusing_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from django_ami.core.client import Client
    from django_ami.testing import Simulator
    from tests.core.io_support import Authority

pytestmark = pytest.mark.usefixtures("no_bugs")

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
#: Only another address can help within the time of a test: that of an attempt is too long.
PATIENT = {"connect_timeout": 3600, **NEVER}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The addresses of ``pbx.test``, to be filled."""
    found: list[tuple[str, int]] = []
    resolving(monkeypatch, {"pbx.test": lambda: found})
    return found


def pbx(**more: object) -> object:
    return config(1, host="pbx.test", **more)


def last_error(client: Client) -> str:
    return str(client.status()["node_1"].last_error)


# --- one attempt ---


@contextlib.contextmanager
def _port_of(server: Hoard | ScriptedServer) -> Iterator[int]:
    with server:
        yield server.port


BROKEN = {
    "refuses": refusing_port,
    "is a black hole": black_hole,
    "is mute": lambda: _port_of(Hoard()),
    "closes at once": lambda: _port_of(ScriptedServer(lambda sock: None)),
    "closes within its greeting": lambda: _port_of(
        ScriptedServer(lambda sock: sock.sendall(GREETING[:9]))
    ),
    "speaks HTTP": lambda: _port_of(Hoard(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "never ends its greeting": lambda: _port_of(Hoard(b"x" * 4096)),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_first_address_that(kind: str, sim: Simulator, names: list[tuple[str, int]]) -> None:
    broken: AbstractContextManager[int] = BROKEN[kind]()
    with broken as port:
        names += [(LOOPBACK, port), (LOOPBACK, sim.port)]
        with started(pbx(**PATIENT)) as client:
            ready(client)
            assert client.status()["node_1"].address == f"{LOOPBACK}:{sim.port}"
            assert client.status()["node_1"].failures == 0
            assert client.send(Ping()).result(20).ok
    assert sim.connections == 1


def test_addresses_are_tried_in_their_order_and_one_that_answers_is_the_only_one(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    with refusing_port() as first, refusing_port() as second, Hoard() as third:
        names += [
            (LOOPBACK, first),
            (LOOPBACK, second),
            (LOOPBACK, sim.port),
            (LOOPBACK, third.port),
        ]
        with started(pbx()) as client:
            ready(client)
            assert client.status()["node_1"].address == f"{LOOPBACK}:{sim.port}"
    assert third.accepted == 0


def test_an_address_that_cannot_even_be_tried_is_passed_over(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    names += [("255.255.255.255", 1), (LOOPBACK, sim.port)]  # refused by connect() itself
    with started(pbx(**PATIENT)) as client:
        ready(client)


def test_an_address_of_the_other_family_is_tried(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sixth = (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", 1, 0, 0))
    monkeypatch.setattr(
        "django_ami.core.cluster.lookup.resolve",
        lambda *_: [sixth, *addresses((LOOPBACK, sim.port))],
    )
    with started(pbx(**PATIENT)) as client:
        ready(client)


def test_an_address_that_is_slow_keeps_its_chance(names: list[tuple[str, int]]) -> None:
    """Though others are tried meanwhile: a slow way is slow to all addresses."""
    greet = threading.Event()

    def slow(sock: socket.socket) -> None:
        greet.wait(20)
        sock.sendall(GREETING)
        while sock.recv(1):
            pass

    with ScriptedServer(slow) as first, Hoard() as second, Hoard() as third:
        names += [(LOOPBACK, first.port), (LOOPBACK, second.port), (LOOPBACK, third.port)]
        with started(pbx(**PATIENT)) as client:
            wait_until(lambda: second.accepted == third.accepted == 1)
            greet.set()
            wait_until(lambda: client.status()["node_1"].state == "login")
            assert client.status()["node_1"].address == f"{LOOPBACK}:{first.port}"
            wait_until(lambda: not second.open and not third.open, "the others are closed")
            assert first.connections == 1


def test_more_dead_addresses_than_are_tried_at_a_time(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    with Hoard() as mute:
        names += [(f"127.0.0.{number}", mute.port) for number in range(1, MOST_ADDRESSES + 3)]
        names.append((LOOPBACK, sim.port))
        mutes = contextlib.ExitStack()
        with mutes:
            for host, _ in names[1:-1]:
                listener = mutes.enter_context(socket.socket())
                listener.bind((host, mute.port))
                listener.listen()
            with started(pbx(**PATIENT)) as client:
                ready(client)
                assert client.status()["node_1"].failures == 0


def test_an_attempt_that_has_little_time_shares_it(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    """An address that there was no time for is the first one of the next attempt."""
    with black_hole() as hole, Hoard() as mute:
        names += [(LOOPBACK, hole), (LOOPBACK, mute.port), (LOOPBACK, sim.port)]
        assert STAGGER_SECONDS > 0.2
        with started(pbx(connect_timeout=0.2)) as client:
            ready(client)


def test_no_address_answers_and_each_is_named(names: list[tuple[str, int]]) -> None:
    with refusing_port() as first, Hoard() as mute, black_hole() as hole:
        names += [(LOOPBACK, port) for port in (first, mute.port, hole)]
        with started(pbx(connect_timeout=0.6, **NEVER), role="caller", connect=False) as client:
            error = client.send(Ping()).exception(20)
    assert isinstance(error, ConnectionFailed)
    _, second, third = (port for _, port in names)
    assert str(error) == (
        f"node_1: {LOOPBACK}:{first}: connection refused: does Asterisk run, with enabled = yes "
        f"and this port in manager.conf?; no AMI greeting from {LOOPBACK}:{second} within 0.6 s: "
        "is this the AMI port, or its TLS port without the setting TLS?; no connection to "
        f"{LOOPBACK}:{third} within 0.6 s (option connect_timeout): does a firewall drop it? Ping "
        "was not sent."
    )


def test_all_addresses_have_failed_before_the_time_is_over(names: list[tuple[str, int]]) -> None:
    with refusing_port() as first, ScriptedServer(lambda sock: None) as second:
        names += [(LOOPBACK, first), (LOOPBACK, second.port)]
        with started(pbx(**PATIENT), role="caller", connect=False) as client:
            error = client.send(Ping()).exception(20)
    assert f"{LOOPBACK}:{first}: connection refused" in str(error)
    assert f"{LOOPBACK}:{names[1][1]}: the server closed the connection before the login" in str(
        error
    )


@pytest.mark.parametrize("end", ["close", "give up"])
def test_a_client_that_is_closed_meanwhile_leaves_no_socket_open(
    end: str, names: list[tuple[str, int]]
) -> None:
    with Hoard() as first, Hoard() as second:
        names += [(LOOPBACK, first.port), (LOOPBACK, second.port)]
        with started(pbx(**PATIENT), role="caller", connect=False) as client:
            pending = client.send(Ping(), timeout=3600)
            wait_until(lambda: first.open and second.open)
            client.close(timeout=20 if end == "close" else 0)
            error = pending.exception(20)
        wait_until(lambda: not first.open and not second.open)
    assert "closed" in str(error)
    assert "greeting" not in str(error)


# --- the next attempt ---


def test_the_address_that_worked_last_goes_first(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    with Hoard() as mute:
        names += [(LOOPBACK, mute.port), (LOOPBACK, sim.port)]
        with started(pbx()) as client:
            ready(client)
            assert mute.accepted == 1
            for logins in (2, 3):
                sim.drop()
                wait_until(lambda logins=logins: sim.logins == logins)
                ready(client)
        assert mute.accepted == 1


def test_an_address_that_is_mute_at_the_login_goes_last(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    with Hoard(GREETING) as mute:
        names += [(LOOPBACK, mute.port), (LOOPBACK, sim.port)]
        with started(pbx(connect_timeout=0.5)) as client:
            ready(client)
            assert client.status()["node_1"].address == f"{LOOPBACK}:{sim.port}"
        assert mute.accepted == 1


def test_an_address_that_refuses_the_login_for_now_goes_last(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    with FakeAsterisk(faults=Faults(shutting_down=True)) as other:
        names += [(LOOPBACK, other.port), (LOOPBACK, sim.port)]
        with started(pbx()) as client:
            ready(client)
            assert client.status()["node_1"].address == f"{LOOPBACK}:{sim.port}"
        assert other.connections == 1


def test_an_address_that_breaks_off_behind_its_greeting_goes_last(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    def greet(sock: socket.socket) -> None:
        sock.sendall(GREETING)
        sock.recv(1)

    with ScriptedServer(greet) as other:
        names += [(LOOPBACK, other.port), (LOOPBACK, sim.port)]
        with started(pbx()) as client:
            ready(client)
            assert client.status()["node_1"].address == f"{LOOPBACK}:{sim.port}"
        assert other.connections == 1


def test_a_refused_login_is_no_failure_of_its_address(
    sim: Simulator, names: list[tuple[str, int]]
) -> None:
    names += [(LOOPBACK, sim.port), (LOOPBACK, sim.port)]
    with FakeAsterisk() as other:
        names[1] = (LOOPBACK, other.port)
        with started(pbx(secret="wrong")) as client:
            wait_until(lambda: client.status()["node_1"].state == "refused")
            assert "Authentication failed for user 'admin' at pbx.test:1" in last_error(client)
        assert (sim.login_attempts, other.connections) == (1, 0)


# --- TLS ---

CERTIFICATES = {
    "expired": ("expired", {}, "certificate has expired; renew it on the server."),
    "of another host": (
        "elsewhere",
        {},
        "'127.0.0.1'; set the TLS key SERVER_HOSTNAME to the name in it.",
    ),
    "not the pinned one": ("elsewhere", {"fingerprint": "loopback"}, "is not the pinned one"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_a_certificate_that_is_refused_is_told_and_the_next_address_tried(
    name: str,
    names: list[tuple[str, int]],
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad, keys, said = CERTIFICATES[name]
    keys = {key: getattr(authority, value).fingerprint for key, value in keys.items()}
    tls = TLSConfig(ca_file=authority.ca_file, server_hostname=LOOPBACK, **keys)
    with (
        FakeAsterisk(tls=getattr(authority, bad).tls) as wrong,
        FakeAsterisk(tls=authority.loopback.tls) as right,
    ):
        names += [(LOOPBACK, wrong.port), (LOOPBACK, right.port)]
        with started(pbx(tls=tls, **PATIENT)) as client:
            ready(client)
        assert wrong.login_attempts == 0
    (told,) = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    assert told.startswith(
        f"node_1: {LOOPBACK}:{right.port} answers, other addresses have failed: "
        f"the certificate of {LOOPBACK}:{wrong.port} is "
    )
    assert said in told


@pytest.mark.parametrize("kind", ["mute", "black hole", "plain"])
def test_an_address_without_tls_is_passed_over(
    kind: str, names: list[tuple[str, int]], authority: Authority
) -> None:
    with (
        FakeAsterisk() as plain,
        Hoard() as mute,
        black_hole() as hole,
        FakeAsterisk(tls=authority.loopback.tls) as sim,
    ):
        names += [
            (LOOPBACK, {"mute": mute.port, "black hole": hole, "plain": plain.port}[kind]),
            (LOOPBACK, sim.port),
        ]
        tls = TLSConfig(ca_file=authority.ca_file, server_hostname=LOOPBACK)
        with started(pbx(tls=tls, **PATIENT)) as client:
            ready(client)
            assert client.status()["node_1"].failures == 0


# --- and nothing else ---


def test_an_address_that_comes_twice_is_tried_once(names: list[tuple[str, int]]) -> None:
    with Hoard() as mute:
        names += [(LOOPBACK, mute.port)] * 2
        with started(pbx(**PATIENT)) as client:
            wait_until(lambda: client.status()["node_1"].state == "greeting")
            assert Turns(client).during(2 * STAGGER_SECONDS) <= 4
            assert mute.accepted == 1
