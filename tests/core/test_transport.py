"""One socket: how an attempt to connect ends, and that every error says what to do."""

import contextlib
import selectors
import socket
import threading
import time

import pytest

from django_ami.core.config import TLSConfig
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.core.tls import tls_context
from django_ami.core.transport import FLOOD_FACTOR, READ_BUDGET, Addresses, Transport, is_numeric, resolve
from tests.core.io_support import PATIENCE, Authority, addresses, config, wait_until
from tests.core.servers import ScriptedServer, black_hole, refusing_port

LOOPBACK = "127.0.0.1"


def connect(transport: Transport) -> Transport:
    """Advance until it is up; ConnectionFailed as it comes."""
    deadline = time.monotonic() + PATIENCE
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
        selector.select(PATIENCE)


def to(found: Addresses, **settings: object) -> Transport:
    return Transport(config(5038, **settings), found, None)


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
        connect(to(addresses((LOOPBACK, port))))
    assert f"{LOOPBACK}:{port}: connection refused: does Asterisk run" in str(caught.value)
    assert caught.value.server == "node_1"


def test_addresses_are_tried_in_order_and_the_number_of_a_socket_may_come_again() -> None:
    with refusing_port() as first, refusing_port() as second, ScriptedServer(lambda sock: sock.recv(1)) as server:
        transport = to(addresses((LOOPBACK, first), (LOOPBACK, second), (LOOPBACK, server.port)))
        filenos = {transport.fileno()}
        while not transport.up:
            wait(transport)
            transport.advance()
            filenos.add(transport.fileno())
        transport.close()
        assert transport.tried == 3
        assert transport.peer == f"{LOOPBACK}:{server.port}"
    assert len(filenos) == 1  # else this test does not show what it is for


def test_all_addresses_refused_names_each() -> None:
    with refusing_port() as first, refusing_port() as second, pytest.raises(ConnectionFailed) as caught:
        connect(to(addresses((LOOPBACK, first), (LOOPBACK, second))))
    assert f"{LOOPBACK}:{first}: connection refused" in caught.value.message
    assert f"{LOOPBACK}:{second}: connection refused" in caught.value.message


def test_an_address_that_cannot_even_be_tried_is_passed_over() -> None:
    broadcast = addresses(("255.255.255.255", 1))  # refused by connect() itself
    with ScriptedServer(lambda sock: sock.recv(1)) as server:
        transport = connect(to([*broadcast, *addresses((LOOPBACK, server.port))]))
        transport.close()
        assert transport.tried == 2


def test_a_black_hole_is_given_up_for_the_next_address() -> None:
    with black_hole() as hole, ScriptedServer(lambda sock: sock.recv(1)) as server:
        transport = to(addresses((LOOPBACK, hole), (LOOPBACK, server.port)))
        transport.advance()
        assert not transport.up
        assert transport.more_addresses == 1
        transport.next_address()
        connect(transport)
        transport.close()
        assert transport.peer == f"{LOOPBACK}:{server.port}"


def test_no_next_address_is_the_end() -> None:
    with black_hole() as hole:
        transport = to(addresses((LOOPBACK, hole)))
        with pytest.raises(ConnectionFailed, match="no answer: is the address right, and does a firewall drop it"):
            transport.next_address()


def test_it_reads_what_there_is_and_then_the_end() -> None:
    sent = bytes(range(256)) * 16384  # 4 MB

    with ScriptedServer(lambda sock: sock.sendall(sent)) as server:
        transport = connect(to(addresses((LOOPBACK, server.port))))
        assert read_all(transport) == sent
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            transport.read()
        transport.close()


@pytest.mark.parametrize("hurry", [True, False])
def test_it_reads_no_more_than_its_share(hurry: bool) -> None:
    """In a flood that is more, unless somebody is in a hurry."""

    def send(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock.sendall(b"x" * (16 * READ_BUDGET))

    with ScriptedServer(send) as server:
        transport = connect(to(addresses((LOOPBACK, server.port))))
        reads: list[int] = []
        more = False
        deadline = time.monotonic() + PATIENCE
        while len(reads) < 200 or (max(reads) <= READ_BUDGET and not hurry):
            assert time.monotonic() < deadline, f"never more than {max(reads)} bytes"
            wait(transport)
            budget = READ_BUDGET * (FLOOD_FACTOR if more and not hurry else 1)
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
        transport = connect(to(addresses((LOOPBACK, server.port))))
        transport.write(bytearray(b"x"))
        wait(transport)
        with pytest.raises(ConnectionLost, match=r"the connection broke \(Connection reset by peer\)"):
            transport.read()
        assert transport.broken is None
        assert transport.write(bytearray(b"x")) == 0
        assert isinstance(transport.broken, ConnectionLost)
        transport.close()


def test_it_writes_what_fits_and_says_how_much() -> None:
    received = bytearray()
    full = threading.Event()

    def collect(sock: socket.socket) -> None:
        full.wait(PATIENCE)
        while data := sock.recv(65536):
            received.extend(data)

    sent = bytes(range(256)) * 65536  # 16 MB: more than the kernel takes
    with ScriptedServer(collect) as server:
        transport = connect(to(addresses((LOOPBACK, server.port))))
        left = bytearray(sent)
        writes = []
        while left:
            wait(transport, wants_write=True)
            writes.append(transport.write(left))
            full.set()
            del left[: writes[-1]]
        wait_until(lambda: len(received) == len(sent))
        transport.close()
    assert bytes(received) == sent
    assert len(writes) > 1


def test_a_name_that_does_not_exist_is_one_clear_error() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        resolve("no-such-host.invalid", 5038)
    assert "the name 'no-such-host.invalid' cannot be resolved" in str(caught.value)
    assert "is HOST right" in str(caught.value)


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".example", "\udcff"])
def test_a_name_that_cannot_be_one_is_the_same_error(host: str) -> None:
    with pytest.raises(ConnectionFailed, match="cannot be resolved"):
        resolve(host, 5038)


@pytest.mark.parametrize(
    ("host", "numeric"),
    [("127.0.0.1", True), ("::1", True), ("fe80::1", True), ("localhost", False), ("pbx.example.org", False)],
)
def test_an_address_is_no_name(host: str, numeric: bool) -> None:
    assert is_numeric(host) is numeric


def test_an_ipv6_peer_is_shown_in_brackets() -> None:
    found = [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", 1, 0, 0))]
    with pytest.raises(ConnectionFailed, match=r"\[::1\]:1: "):
        connect(to(found))


# --- TLS ---


def test_records_are_whole_lines_that_asterisk_takes_at_once(authority: Authority) -> None:
    """And what the kernel did not take comes once, when it does: the count of written bytes is exact all the time."""
    context, records, read_on = authority.loopback.tls.context(), [], threading.Event()

    def collect(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure:
            read_on.wait(PATIENCE)
            while record := secure.recv(65536):  # one at a time, whatever there is room for
                records.append(record)

    tls = TLSConfig(ca_file=authority.ca_file)
    sizes = [1_024, 1, 1_023, 2, 512, 512, 3, 700, 700] + [300] * 7
    lines = b"".join(bytes(str(at), "ascii").rjust(size - 1) + b"\n" for at, size in enumerate(sizes))
    with ScriptedServer(collect) as server:
        settings = config(server.port, tls=tls)
        transport = connect(Transport(settings, addresses((LOOPBACK, server.port)), tls_context(tls)))
        sent, written = bytearray(), 0

        def write() -> int:
            nonlocal written
            count = transport.write(sent[written:])
            written += count
            return count

        blocked = False
        while not blocked:
            sent += lines  # what the kernel has not taken stands before more of the kind, in another place of memory
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
