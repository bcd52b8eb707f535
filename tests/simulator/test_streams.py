"""TLS as Asterisk reads it.

No more than its line buffer takes, and not again before the socket has something.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from django_ami.testing import FakeAsterisk, Limits, Simulator
from tests.simulator.pings import answered, ping
from tests.simulator.wire import Wire


@pytest.fixture
def secured() -> Iterator[Simulator]:
    with FakeAsterisk(tls=True) as simulator:
        yield simulator


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def wire(secured: Simulator, request: pytest.FixtureRequest) -> Iterator[Wire]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = request.param
    with Wire(secured, context) as connected:
        connected.log_in()
        yield connected


def test_bytes_beyond_the_buffer_wait_for_the_next_record(wire: Wire) -> None:
    wire.write(b"".join(ping(number, 100) for number in range(30)))  # one record
    assert answered(wire.socket, 10) == [*range(10)]  # the eleventh is there in part
    wire.write(ping(30, 100))
    assert answered(wire.socket, 21) == [*range(10, 31)]


def test_records_of_whole_lines_that_fit_are_read_at_once(wire: Wire) -> None:
    for _ in range(3):
        wire.write(b"".join(ping(number, 128) for number in range(8)))  # 1,024 bytes
    assert answered(wire.socket, 24) == [*range(8)] * 3


def test_waiting_action_is_carried_out_when_the_client_hangs_up(
    secured: Simulator, wire: Wire
) -> None:
    wire.write(b"".join(ping(number, 100) for number in range(30)))
    assert answered(wire.socket, 10) == [*range(10)]
    wire.socket.close()
    secured.wait_for(lambda: [action.name for action in secured.received].count("Ping") == 30)


@pytest.mark.parametrize("said", [b"Action: Ping\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\x16", b""])
def test_a_client_that_speaks_no_tls_is_hung_up_on(secured: Simulator, said: bytes) -> None:
    with Wire(secured) as plain:
        plain.write(said)
        plain.socket.shutdown(socket.SHUT_WR)
        assert b"Asterisk" not in plain.rest()
    assert secured.connections == 0


def test_a_handshake_that_takes_too_long_is_ended() -> None:
    with (
        FakeAsterisk(tls=True, limits=Limits(authtimeout=0.1)) as simulator,
        Wire(simulator) as mute,
    ):
        assert mute.rest() == b""


def test_simulator_stops_in_the_midst_of_a_handshake() -> None:
    with FakeAsterisk(tls=True) as simulator, Wire(simulator) as mute:
        mute.write(b"\x16\x03\x01\x02\x00\x01")
        simulator.stop()
        assert mute.rest() == b""
