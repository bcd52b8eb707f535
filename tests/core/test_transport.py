"""One socket: how an attempt to connect ends, and that every error says what to do."""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import socket
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from django_ami.core.config import TLSConfig
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.core.tls import tls_context
from django_ami.core.transport import (
    FLOOD_FACTOR,
    READ_BUDGET_BYTES,
    Transport,
)
from tests.core.io_support import (
    PATIENCE_SECONDS,
    Authority,
    addresses,
    config,
    unacknowledged,
    wait_until,
)
from tests.core.servers import ScriptedServer, black_hole, refusing_port

LOOPBACK = "127.0.0.1"


def connect(transport: Transport) -> Transport:
    """Advance until it is up; ConnectionFailed as it comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not transport.up:
            assert time.monotonic() < deadline, "neither up nor failed"
            wait(transport)
            transport.advance()
    except BaseException:
        transport.close()
        raise
    return transport


def wait(transport: Transport, *, wants_write: bool = False) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(transport.fileno(), transport.events(wants_write=wants_write))
        selector.select(PATIENCE_SECONDS)


def to(port: int, **settings: object) -> Transport:
    return Transport(config(5038, **settings), *addresses((LOOPBACK, port)), None)


def read_all(transport: Transport) -> bytes:
    received = bytearray()
    while True:
        wait(transport)
        try:
            received += transport.read()[0]
        except ConnectionLost:
            return bytes(received)


def test_refused_is_told_at_once_with_its_cure() -> None:
    with refusing_port() as port, pytest.raises(ConnectionFailed) as caught:
        connect(to(port))
    assert f"{LOOPBACK}:{port}: connection refused: does Asterisk run" in str(caught.value)
    assert caught.value.server == "node_1"


def test_refusal_by_connect_itself_is_reported_at_once() -> None:
    (broadcast,) = addresses(("255.255.255.255", 1))
    with pytest.raises(ConnectionFailed, match=r"255\.255\.255\.255:1: "):
        Transport(config(5038), broadcast, None)


def test_a_black_hole_says_nothing_and_its_obstacle_does() -> None:
    with black_hole() as hole:
        transport = to(hole)
        transport.advance()
        assert not transport.up
        assert transport.obstacle(0.4) == (
            f"no connection to {LOOPBACK}:{hole} within 0.4 s (option connect_timeout): does a "
            "firewall drop it?"
        )
        transport.close()


def test_the_obstacle_of_a_mute_one_is_its_greeting() -> None:
    with ScriptedServer(lambda sock: sock.recv(1)) as server:
        transport = connect(to(server.port))
        assert transport.obstacle(2).startswith(
            f"no AMI greeting from {LOOPBACK}:{server.port} within 2 s: "
        )
        transport.close()


def test_transport_reads_all_bytes_and_then_the_end() -> None:
    sent = bytes(range(256)) * 16384  # 4 MB

    with ScriptedServer(lambda sock: sock.sendall(sent)) as server:
        transport = connect(to(server.port))
        assert read_all(transport) == sent
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            transport.read()
        transport.close()


@pytest.mark.parametrize("hurry", [True, False])
def test_transport_reads_no_more_than_its_share(hurry: bool) -> None:
    """In a flood that is more, unless somebody is in a hurry."""

    def send(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock.sendall(b"x" * (16 * READ_BUDGET_BYTES))

    with ScriptedServer(send) as server:
        transport = connect(to(server.port))
        reads: list[int] = []
        more = False
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(reads) < 200 or (max(reads) <= READ_BUDGET_BYTES and not hurry):
            assert time.monotonic() < deadline, f"never more than {max(reads)} bytes"
            wait(transport)
            budget = READ_BUDGET_BYTES * (FLOOD_FACTOR if more and not hurry else 1)
            data, more = transport.read(hurry=hurry)
            assert len(data) <= budget
            assert more == (len(data) == budget)
            reads.append(len(data))
        transport.close()


def test_a_reset_is_a_loss() -> None:
    def reset(sock: socket.socket) -> None:
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with ScriptedServer(reset) as server:
        transport = connect(to(server.port))
        transport.write(bytearray(b"x"))
        wait(transport)
        with pytest.raises(
            ConnectionLost, match=r"the connection broke \(Connection reset by peer\)"
        ):
            transport.read()
        assert transport.broken is None
        assert transport.write(bytearray(b"x")) == 0
        assert isinstance(transport.broken, ConnectionLost)
        transport.close()


def test_transport_writes_the_bytes_that_fit_and_deletes_them() -> None:
    received = bytearray()
    full = threading.Event()

    def collect(sock: socket.socket) -> None:
        full.wait(PATIENCE_SECONDS)
        while data := sock.recv(65536):
            received.extend(data)

    sent = bytes(range(256)) * 65536  # 16 MB: more than the kernel takes
    with ScriptedServer(collect) as server:
        transport = connect(to(server.port))
        left = bytearray(sent)
        writes = []
        while left:
            wait(transport, wants_write=True)
            writes.append(transport.write(left))
            full.set()
        wait_until(lambda: len(received) == len(sent))
        transport.close()
    assert bytes(received) == sent
    assert len(writes) > 1


@contextlib.contextmanager
def reading_later(
    reads: threading.Event, received: bytearray, ended: list[str]
) -> Iterator[Transport]:
    """A connection to a server that reads when it is told, and says how it ended."""

    def collect(sock: socket.socket) -> None:
        reads.wait(PATIENCE_SECONDS)
        try:
            while data := sock.recv(65536):
                received.extend(data)
            ended.append("end")
        except ConnectionResetError:
            ended.append("reset")

    with ScriptedServer(collect) as server:
        yield connect(to(server.port))
        reads.set()
        wait_until(lambda: ended)


def fill(transport: Transport) -> int:
    """Write until the kernel takes no more; says how much it took."""
    return transport.write(bytearray(2**26))


def test_a_connection_that_is_given_up_keeps_back_what_has_not_arrived() -> None:
    reads, received, ended = threading.Event(), bytearray(), list[str]()
    with reading_later(reads, received, ended) as transport:
        taken = fill(transport)
        transport.close()
        transport.close()  # as often as one likes
    assert ended == ["reset"]
    assert len(received) < taken


def test_a_connection_of_which_everything_has_arrived_ends_as_ever() -> None:
    reads, received, ended = threading.Event(), bytearray(), list[str]()
    with reading_later(reads, received, ended) as transport:
        assert transport.write(bytearray(b"Action: Logoff\r\n\r\n")) == 18
        wait_until(lambda: unacknowledged(transport.fileno()) == 0)
        transport.close()
    assert (ended, bytes(received)) == (["end"], b"Action: Logoff\r\n\r\n")


def test_a_connection_of_another_process_is_not_reset() -> None:
    """A forked child closes its descriptor; the parent has one of its own, and goes on."""
    reads, received, ended = threading.Event(), bytearray(), list[str]()
    with reading_later(reads, received, ended) as transport:
        taken = fill(transport)
        with socket.socket(fileno=os.dup(transport.fileno())) as parents:
            transport.abandon()
            assert parents.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)
    assert (ended, len(received)) == (["end"], taken)


def test_an_ipv6_peer_is_shown_in_brackets() -> None:
    address = (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", 1, 0, 0))
    with pytest.raises(ConnectionFailed, match=r"\[::1\]:1: "):
        connect(Transport(config(5038), address, None))


# --- TLS ---


def test_records_are_whole_lines_that_asterisk_takes_at_once(authority: Authority) -> None:
    """And what the kernel did not take comes once, when it does.

    The count of written bytes is exact all the time.
    """
    context, records, read_on = authority.loopback.tls.context(), [], threading.Event()

    def collect(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure:
            read_on.wait(PATIENCE_SECONDS)
            while record := secure.recv(65536):  # one at a time, whatever there is room for
                records.append(record)

    tls = TLSConfig(ca_file=authority.ca_file)
    sizes = [1_024, 1, 1_023, 2, 512, 512, 3, 700, 700] + [300] * 7
    lines = b"".join(
        bytes(str(at), "ascii").rjust(size - 1) + b"\n" for at, size in enumerate(sizes)
    )
    with ScriptedServer(collect) as server:
        settings = config(server.port, tls=tls)
        transport = connect(
            Transport(settings, *addresses((LOOPBACK, server.port)), tls_context(tls))
        )
        sent, written = bytearray(), 0

        def write() -> int:
            nonlocal written
            count = transport.write(sent[written:])
            written += count
            return count

        blocked = False
        while not blocked:
            # Bytes that the kernel has not taken stand before more of them, in another place of
            # memory
            sent += lines
            blocked = write() == 0
        read_on.set()
        wait_until(lambda: sum(map(len, records)) == written, "what has left arrives")
        sent += lines
        while written < len(sent):
            wait(transport, wants_write=True)
            write()
        wait_until(lambda: sum(map(len, records)) == len(sent), "all arrives")
        transport.close()
    assert b"".join(records) == sent
    assert max(map(len, records)) == 1_024
    assert {record[-1:] for record in records} == {b"\n"}


def cut_off(stream: bytes) -> int:
    """How many bytes of a record stand at the end of a stream that does not hold all of that
    record.
    """
    at = 0
    while len(stream) - at >= 5 and len(stream) - at >= 5 + int.from_bytes(stream[at + 3 : at + 5]):
        at += 5 + int.from_bytes(stream[at + 3 : at + 5])
    return len(stream) - at


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not say what it has not sent")
@pytest.mark.parametrize("start", range(5))
def test_server_that_does_not_read_never_has_a_part_of_a_record(
    authority: Authority, start: int
) -> None:
    """Asterisk closes a connection when it comes to one (ast_iostream_read in main/iostream.c)."""
    context, read_on, seen = authority.loopback.tls.context(), threading.Event(), bytearray()

    def keep(sock: socket.socket) -> None:
        secure = context.wrap_socket(sock, server_side=True)
        with secure, socket.socket(fileno=os.dup(secure.fileno())) as raw:
            read_on.wait(PATIENCE_SECONDS)
            seen.extend(raw.recv(1 << 22, socket.MSG_PEEK))

    with ScriptedServer(keep) as server:
        settings = config(server.port, tls=TLSConfig(ca_file=authority.ca_file))
        transport = connect(
            Transport(settings, *addresses((LOOPBACK, server.port)), tls_context(settings.tls))
        )
        sizes = random.Random(start)
        actions = bytearray().join(b"x" * sizes.randint(1, 1_000) + b"\n" for _ in range(10_000))
        while transport.write(actions):
            pass
        assert actions, "the server has room for all of it"
        read_on.set()
        wait_until(lambda: seen, "the server looks")
        transport.close()
    assert cut_off(seen) == 0
