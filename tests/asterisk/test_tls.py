"""Actions over TLS against a real Asterisk: none waits for the next one, whatever its size.

None is lost or doubled.

Asterisk takes at most 1,024 bytes out of its TLS layer and then waits for the socket (get_input in
main/manager.c).
"""

from __future__ import annotations

import itertools
import random
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Originate, Ping, UserEvent
from django_ami.core.config import TLSConfig
from django_ami.testing import FakeAsterisk
from tests.asterisk.clients import PATIENCE_SECONDS, connected, status, until
from tests.simulator.pings import answered, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.messages import Event
    from tests.asterisk.conftest import Asterisk

#: Every action of a test is answered within this time. Those that hung waited for their whole
#: deadline.
AT_ONCE_SECONDS = 5.0


@pytest.fixture(params=["TLSv1.2", "TLSv1.3"], autouse=True)
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one version of TLS that the client of a test speaks."""
    make = ssl.create_default_context
    only = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[request.param]

    def make_for_one_version(*purpose: ssl.Purpose) -> ssl.SSLContext:
        context = make(*purpose)
        context.minimum_version = context.maximum_version = only
        return context

    monkeypatch.setattr(ssl, "create_default_context", make_for_one_version)
    return str(request.param)


@pytest.fixture
def tls(asterisk: Asterisk) -> TLSConfig:
    return TLSConfig(ca_file=str(asterisk.cert))


@pytest.fixture
def heard(asterisk: Asterisk, tls: TLSConfig) -> Iterator[list[Event]]:
    """The UserEvents that the server carries out meanwhile, told to another connection, by TLS,
    too.
    """
    events: list[Event] = []
    with connected(asterisk, role="listener", tls=tls) as client:
        client.subscribe("UserEvent", events.append)
        yield events


def headers(kilobytes: int) -> dict[str, str]:
    """Lines of a thousand bytes each: the server takes 128 of at most 1,022 bytes."""
    return {f"H{number:03}": f"{number:03}".ljust(993, "x") for number in range(kilobytes)}


def told(event: Event) -> dict[str, str]:
    return {key: value for key, value in event.headers if key.startswith("H") and key[1:].isdigit()}


def test_four_hundred_pings_at_once(asterisk: Asterisk, tls: TLSConfig) -> None:
    with connected(asterisk, tls=tls) as client:
        pendings = [client.send(Ping(), timeout=AT_ONCE_SECONDS) for _ in range(400)]
        assert [pending.result(PATIENCE_SECONDS)["Ping"] for pending in pendings] == ["Pong"] * 400


@pytest.mark.parametrize("kilobytes", [1, 3, 100])
def test_a_large_action_is_carried_out_at_once(
    asterisk: Asterisk, tls: TLSConfig, heard: list[Event], kilobytes: int
) -> None:
    with connected(asterisk, tls=tls) as client:
        action = UserEvent("Large", headers(kilobytes))
        assert client.send(action, timeout=AT_ONCE_SECONDS).result(PATIENCE_SECONDS).ok
        until(lambda: heard, "the event of the action")
        assert told(heard[0]) == headers(kilobytes)


@pytest.mark.parametrize(
    ("actions", "kilobytes"), [(1_000, 0), (100, 1), (33, 3)], ids=["small", "1 KB", "3 KB"]
)
def test_a_hundred_kilobytes_of_actions_in_one_go(
    asterisk: Asterisk, tls: TLSConfig, heard: list[Event], actions: int, kilobytes: int
) -> None:
    with connected(asterisk, tls=tls) as client:
        pendings = [
            client.send(
                UserEvent("Many", headers(kilobytes), Number=number), timeout=AT_ONCE_SECONDS
            )
            for number in range(actions)
        ]
        assert all(pending.result(PATIENCE_SECONDS).ok for pending in pendings)
        until(lambda: len(heard) >= actions, "the events of all actions")
        assert [int(event["Number"]) for event in heard] == list(range(actions))


def test_actions_of_every_size_in_one_go(
    asterisk: Asterisk, tls: TLSConfig, heard: list[Event]
) -> None:
    """Records end wherever a line does.

    In one action, between two of them, in the middle of the third.
    """
    chance = random.Random(1)
    sizes = [chance.choice((0, 1, 20, 300, 990, 1_003, 2_500, 20_000)) for _ in range(150)]
    lines = [
        [size] if size <= 1_003 else [chance.randint(1, 1_003) for _ in range(size // 500)]
        for size in sizes
    ]
    with connected(asterisk, tls=tls) as client:
        pendings = [
            client.send(
                UserEvent(
                    "Mixed",
                    {f"H{at:03}": "y" * size for at, size in enumerate(each)},
                    Number=number,
                ),
                timeout=AT_ONCE_SECONDS,
            )
            for number, each in enumerate(lines)
        ]
        assert all(pending.result(PATIENCE_SECONDS).ok for pending in pendings)
        until(lambda: len(heard) >= len(lines), "the events of all actions")
    assert [int(event["Number"]) for event in heard] == list(range(len(lines)))
    assert [[len(value) for value in told(event).values()] for event in heard] == lines


def test_the_longest_line_that_the_server_takes(
    asterisk: Asterisk, tls: TLSConfig, heard: list[Event]
) -> None:
    """1,022 bytes and CR LF fill its buffer, and a record, to the last byte."""
    longest = "z" * (1_022 - len("H000: "))
    with connected(asterisk, tls=tls) as client:
        action = UserEvent("Longest", {f"H{number:03}": longest for number in range(3)})
        assert client.send(action, timeout=AT_ONCE_SECONDS).result(PATIENCE_SECONDS).ok
        until(lambda: heard, "the event of the action")
    assert list(told(heard[0]).values()) == [longest] * 3


def test_a_large_originate_dials_at_once_and_once(asterisk: Asterisk, tls: TLSConfig) -> None:
    with connected(asterisk, tls=tls) as client:
        dial = Originate(
            channel="Local/500@default",
            application="Wait",
            data="0",
            variables={f"V{number}": "v" * 90 for number in range(40)},
            wait=True,
        )
        began = time.monotonic()
        outcome = client.send(dial, timeout=AT_ONCE_SECONDS).result(PATIENCE_SECONDS).outcome
        assert outcome is not None
        assert outcome.answered
        assert time.monotonic() - began < AT_ONCE_SECONDS
        client.send(Ping()).result(PATIENCE_SECONDS)
        assert status(client).unmatched_answers == 0


def test_the_simulator_reads_as_asterisk_does(asterisk: Asterisk, tls: TLSConfig) -> None:
    """The same records, of any length and cut anywhere.

    Both have answered the same Pings after each of them.
    """
    chance = random.Random(2)
    pings = [ping(number, chance.randint(60, 900)) for number in range(60)]
    stream = b"".join(pings)
    cuts = sorted({0, len(stream), *(chance.randrange(len(stream)) for _ in range(12))})
    records = [stream[start:end] for start, end in itertools.pairwise(cuts)]
    with FakeAsterisk(tls=True) as sim:
        real = answers_to_records(asterisk.tls_port, records, [0] * len(records))
        simulated = answers_to_records(sim.port, records, [len(answers) for answers in real])
    ends = list(itertools.accumulate(map(len, pings)))
    eager = [
        [number for number, end in enumerate(ends) if start < end <= stop]
        for start, stop in itertools.pairwise(cuts)
    ]
    assert simulated == real
    assert real != eager


def answers_to_records(port: int, records: list[bytes], expected: list[int]) -> list[list[int]]:
    """Which Pings are answered after each record, once there are at least ``expected`` ones."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain) as secure,
    ):
        secure.sendall(b"Action: Login\r\nUsername: admin\r\nSecret: amp111\r\nEvents: off\r\n\r\n")
        assert answered(secure, 0) == []
        answers = []
        for record, count in zip(records, expected, strict=True):
            secure.sendall(record)
            answers.append(answered(secure, count))
    return answers
