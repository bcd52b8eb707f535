"""How events are read: a trickle some at a time, a flood without a pause, and at once if somebody waits."""

from __future__ import annotations

import threading

import pytest

from django_ami.core import reactor
from django_ami.core.actions import Ping
from django_ami.core.client import Client
from django_ami.core.cluster.server import ENOUGH
from django_ami.testing import FakeAsterisk
from tests.core.io_support import Recorder, Turns, config, ready, started, wait_until
from tests.running import DEADLINE

pytestmark = pytest.mark.usefixtures("no_bugs")


#: No timer of these ends a rest.
CALM = {
    "heartbeat_interval": 10 * DEADLINE,
    "read_timeout": 20 * DEADLINE,
    "action_timeout": 10 * DEADLINE,
    "connect_timeout": 10 * DEADLINE,
}


@pytest.fixture(autouse=True)
def endless_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who rests now is not back before the test is over, unless somebody is in a hurry."""
    monkeypatch.setattr(reactor, "REST", 10 * DEADLINE)


def event(number: int) -> bytes:
    return f"Event: Trickle\r\nPrivilege: call,all\r\nNumber: {number}\r\n\r\n".encode()


def numbers(seen: Recorder) -> list[int]:
    return [int(event["Number"]) for event in seen.firsts]


def listening(client: Client) -> Recorder:
    """The events of a client that is ready, and has answered: from now on nobody waits for anything."""
    seen = Recorder()
    client.subscribe("Trickle", seen)
    ready(client)
    assert client.send(Ping()).result(DEADLINE).ok
    return seen


def test_a_trickle_gathers_until_somebody_waits_for_an_answer() -> None:
    with FakeAsterisk() as sim, FakeAsterisk() as other, started(config(sim, **CALM)) as client:
        seen = listening(client)
        sim.send_raw(event(0))
        wait_until(lambda: numbers(seen) == [0])  # what comes after a silence does not wait
        turns = Turns(client)
        for number in range(1, 4):
            sim.send_raw(event(number))
        with started(config(other)) as busy:  # meanwhile, others do a lot
            ready(busy)
        assert (turns.count, numbers(seen)) == (0, [0])
        assert client.send(Ping()).result(DEADLINE).ok
        wait_until(lambda: numbers(seen) == [0, 1, 2, 3])  # they came before the answer


def test_a_flood_is_read_without_a_rest() -> None:
    count = 3 * ENOUGH
    with FakeAsterisk() as sim, started(config(sim, **CALM)) as client:
        seen = listening(client)
        reading, written = threading.Event(), threading.Event()

        def stand_still() -> None:
            reading.set()
            written.wait(DEADLINE)

        client._reactor.call_soon(stand_still)
        assert reading.wait(DEADLINE)
        sim.send_raw(b"".join(map(event, range(count))))  # more than is read at a time
        written.set()
        wait_until(lambda: numbers(seen) == list(range(count)))
