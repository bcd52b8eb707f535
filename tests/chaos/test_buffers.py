"""A server that stops reading: waiting bytes are bounded, and an action that was cut stays cut."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from django_ami.core import transport
from django_ami.core.actions import Action, Ping
from django_ami.core.errors import Backpressure, ConnectionLost
from tests.chaos.links_support import barrier, read_to_the_end, reset_when_closed, wait_until_still
from tests.core.io_support import (
    NEVER,
    Recorder,
    config,
    no_bugs,
    ready,
    runner_of,
    started,
    unacknowledged,
    wait_until,
)
from tests.core.servers import ScriptedServer, take_login

if TYPE_CHECKING:
    from django_ami.core.client import Client
    from django_ami.core.pending import PendingAction

__all__ = ["no_bugs"]

pytestmark = pytest.mark.usefixtures("no_bugs")

LIMIT_BYTES = 2**20
#: 20 MB, in actions of about 2 KB, so that the cut falls somewhere inside one.
MANY, VALUE = 10_000, "v" * 980


class Deaf:
    """Takes a login and reads no more.

    Ends the first connection when told, and writes down what each one brought.
    """

    def __init__(self, how: str) -> None:
        self.end = threading.Event()
        self.ended = threading.Event()
        self.brought: list[bytearray] = []
        self._how = how

    def __call__(self, sock: socket.socket) -> None:
        brought = bytearray()
        self.brought.append(brought)
        first = len(self.brought) == 1
        # Unbuffered, so that what follows the login stays in the kernel.
        take_login(_Recording(sock, brought))  # type: ignore[arg-type]
        if not first:
            read_and_answer(sock, brought)
            return
        assert self.end.wait(60)
        if self._how == "reset":
            reset_when_closed(sock)
        else:
            # The client sees the end, and gives up; of what its kernel had taken from it some has
            # arrived.
            sock.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                read_to_the_end(sock, brought)
        sock.close()
        self.ended.set()


class _Recording:
    """A socket whose stream notes every byte that is read from it, and takes no more than it is
    asked for.
    """

    def __init__(self, sock: socket.socket, brought: bytearray) -> None:
        self._sock = sock
        self._brought = brought
        self.sendall = sock.sendall

    def makefile(self, _mode: str) -> _Recording:
        return self

    def readline(self) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n") and (byte := self._sock.recv(1)):
            line += byte
        self._brought += line
        return bytes(line)


def read_and_answer(sock: socket.socket, brought: bytearray) -> None:
    rest = bytearray()
    while data := sock.recv(2**16):
        brought += data
        rest += data
        while b"\r\n\r\n" in rest:
            frame, _, rest = rest.partition(b"\r\n\r\n")
            action_id = frame.partition(b"ActionID: ")[2].partition(b"\r\n")[0]
            sock.sendall(b"Response: Success\r\nActionID: %s\r\n\r\n" % action_id)


def whole_actions(brought: bytearray) -> tuple[list[bytes], bytes]:
    """The actions of a connection, each begun as one begins, and the fragment that may follow the
    last.
    """
    *whole, rest = bytes(brought).split(b"\r\n\r\n")
    assert all(frame.startswith(b"Action: ") for frame in whole)
    assert b"Action: ".startswith(rest[:8]) or rest.startswith(b"Action: ")
    return whole, rest


def flood_with_actions(client: Client) -> list[PendingAction]:
    setvars = [
        client.send(Action("Setvar", Number=number, Value=[VALUE, VALUE]), timeout=3600)
        for number in range(MANY)
    ]
    barrier(client)
    return setvars


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_server_that_stops_reading_costs_no_more_than_the_limit(how: str) -> None:
    deaf = Deaf(how)
    with ScriptedServer(deaf) as server:
        settings = config(
            server.port,
            auth_type="plain",
            write_buffer_limit=LIMIT_BYTES,
            max_pending_actions=MANY,
            read_timeout=3600,
        )
        with started(settings, role="caller") as client:
            ready(client)
            setvars = flood_with_actions(client)

            # At once: when the reactor has had each in its hands, those without room are refused,
            # whoever is deaf.
            refused = [one for one in setvars if one.done()]
            held = [one for one in setvars if not one.done()]
            assert len(refused) > MANY / 3
            for one in refused:
                error = one.exception(0)
                assert isinstance(error, Backpressure)
                assert error.sent is False
                assert "node_1: the server does not read: " in str(error)
                assert "(option write_buffer_limit); Setvar was not sent." in str(error)
            wait_until_still(client, lambda: client.status()["node_1"].unwritten_bytes)
            status = client.status()["node_1"]
            # The kernel may have taken some more since the last action was refused.
            assert LIMIT_BYTES / 2 < status.unwritten_bytes <= LIMIT_BYTES
            assert status.pending_actions == len(held)
            assert status.state == "ready"

            deaf.end.set()
            assert deaf.ended.wait(60)
            lost = [one.exception(20) for one in held]
            assert all(isinstance(error, ConnectionLost) for error in lost)
            sent = [error.sent for error in lost]
            begun = sum(sent)
            assert sent == [True] * begun + [False] * (len(held) - begun)
            assert len(held) - begun > 400  # most of the buffer was never begun
            assert "look before you repeat it" in str(lost[0])
            assert "it was not sent" in str(lost[-1])
            if how == "end":
                # Actions that arrived are called sent. The kernel of the client may hold some of
                # the rest, which never leaves.
                whole, rest = whole_actions(deaf.brought[0])
                arrived = [frame for frame in whole if b"Action: Setvar" in frame]
                assert 0 < len(arrived) + bool(rest) <= begun

            # The next connection begins anew, with nothing of the old one.
            wait_until(lambda: server.connections == 2)
            assert client.send(Ping(), timeout=20).result().ok
        wait_until(lambda: b"Action: Logoff" in deaf.brought[1])
        whole, rest = whole_actions(deaf.brought[1])
        assert rest == b""
        assert [frame.split(b"\r\n")[0] for frame in whole] == [
            b"Action: " + name
            for name in (b"Login", b"CoreSettings", b"Events", b"Ping", b"Logoff")
        ]


def test_events_that_arrived_before_the_link_broke_are_delivered_although_a_write_fails_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asterisk cuts a slow reader.

    Megabytes are still to be read when the first write finds the link gone.

    Here it is what every kernel takes at once, 40 KB, and the reader takes 4 KB at a time.
    """
    monkeypatch.setattr(transport, "READ_BYTES", 4096)
    monkeypatch.setattr(transport, "READ_BUDGET_BYTES", 4096)
    events = 800

    def serve(sock: socket.socket) -> None:
        take_login(sock).close()
        assert held.wait(20)
        sock.sendall(b"".join(FRAME % number for number in range(events)))
        wait_until(
            lambda: unacknowledged(sock.fileno()) == 0, "all has arrived in the client's kernel"
        )
        reset_when_closed(sock)
        sock.close()
        gone.set()

    held, gone, go_on = (threading.Event() for _ in range(3))
    seen = Recorder()
    with ScriptedServer(serve) as server:
        settings = config(server.port, auth_type="plain", events="call", read_timeout=3600, **NEVER)
        with started(settings) as client:
            client.subscribe("Last", seen)
            ready(client)

            def hold() -> None:
                held.set()
                assert go_on.wait(20)

            # The reactor is busy while all of that happens, and then has a Ping to write.
            runner_of(client).call_soon(hold)
            assert gone.wait(20)
            ping = client.send(Ping())
            go_on.set()
            assert isinstance(ping.exception(20), ConnectionLost)
            wait_until(lambda: len(seen) == events, f"all {events} events")
        assert [int(event["Number"]) for event in seen.firsts] == list(range(events))


FRAME = b"Event: Last\r\nPrivilege: call,all\r\nNumber: %d\r\n\r\n"
