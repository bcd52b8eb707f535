"""How events are read.

A trickle some at a time, a flood without a pause, and at once if somebody waits.
"""

from __future__ import annotations

import threading

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.core.pending import PendingAction
from django_ami.core.reactor import pause
from django_ami.core.reactor.leader import Phase
from django_ami.core.transport import READ_BUDGET_BYTES
from django_ami.testing import FakeAsterisk
from tests.core.io_support import (
    Recorder,
    Turns,
    config,
    leader_of,
    ready,
    runner_of,
    started,
    unread,
    wait_until,
    with_leaders,
)
from tests.running import DEADLINE_SECONDS

pytestmark = [pytest.mark.usefixtures("no_bugs"), with_leaders]


#: No timer of these ends a rest.
CALM = {
    "heartbeat_interval": 10 * DEADLINE_SECONDS,
    "read_timeout": 20 * DEADLINE_SECONDS,
    "action_timeout": 10 * DEADLINE_SECONDS,
    "connect_timeout": 10 * DEADLINE_SECONDS,
}


@pytest.fixture(autouse=True)
def endless_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause now outlasts the test, unless a caller ends it."""
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 10 * DEADLINE_SECONDS)


def event(number: int) -> bytes:
    return f"Event: Trickle\r\nPrivilege: call,all\r\nNumber: {number}\r\n\r\n".encode()


def numbers(seen: Recorder) -> list[int]:
    return [int(event["Number"]) for event in seen.firsts]


def listening(client: Client) -> Recorder:
    """The events of a client that is ready, and has answered.

    From now on nobody waits for anything.
    """
    seen = Recorder()
    client.subscribe("Trickle", seen)
    ready(client)
    assert client.send(Ping()).result(DEADLINE_SECONDS).ok
    return seen


def test_a_trickle_gathers_until_somebody_waits_for_an_answer() -> None:
    with FakeAsterisk() as sim, FakeAsterisk() as other, started(config(sim, **CALM)) as client:
        seen = listening(client)
        sim.send_raw(event(0))
        wait_until(lambda: numbers(seen) == [0])  # an event after a silence does not wait
        turns = Turns(client)
        for number in range(1, 4):
            sim.send_raw(event(number))
        with started(config(other)) as busy:  # meanwhile, others do a lot
            ready(busy)
        assert (turns.count, numbers(seen)) == (0, [0])
        assert client.send(Ping()).result(DEADLINE_SECONDS).ok
        wait_until(lambda: numbers(seen) == [0, 1, 2, 3])  # they came before the answer


def test_a_flood_is_read_without_a_rest() -> None:
    flood = [event(number) for number in range(2 * READ_BUDGET_BYTES // len(event(1000)))]
    with FakeAsterisk() as sim, started(config(sim, **CALM)) as client:
        seen = listening(client)
        standing, there = threading.Event(), threading.Event()

        def stand_still() -> None:
            standing.set()
            there.wait(DEADLINE_SECONDS)

        runner_of(client).call_soon(stand_still)
        assert standing.wait(DEADLINE_SECONDS)
        sim.send_raw(b"".join(flood))
        wait_until(
            lambda: unread(client) > READ_BUDGET_BYTES + 4_000, "more than is read at a time"
        )
        before = unread(client) // len(flood[-1])
        there.set()
        wait_until(lambda: len(seen) >= before)
        # Events meanwhile do not end a pause.
        assert client.send(Ping()).result(DEADLINE_SECONDS).ok
        wait_until(lambda: numbers(seen) == list(range(len(flood))))


@pytest.mark.parametrize("longest", [10 * DEADLINE_SECONDS, 0.05])
def test_events_gather_while_a_thread_waits_for_an_answer(
    monkeypatch: pytest.MonkeyPatch, longest: float
) -> None:
    """It would share the interpreter with those who receive them; but they do not wait for long."""
    monkeypatch.setattr("django_ami.core.cluster.backlog.LONGEST_HOLD_SECONDS", longest)
    with FakeAsterisk() as sim, started(config(sim, **CALM)) as client:
        seen = listening(client)
        sim.on("Slow").hang()
        pendings: list[PendingAction] = []

        def ask() -> None:
            pendings.append(client.send(Action("Slow")))
            pendings[0].result(DEADLINE_SECONDS)

        asker = threading.Thread(target=ask)
        sim.send_raw(event(0))
        wait_until(lambda: numbers(seen) == [0] and leader_of(client).phase is Phase.PAUSING)
        asker.start()
        wait_until(lambda: leader_of(client).polling)
        server = client._cluster.servers["node_1"]
        if longest > DEADLINE_SECONDS:
            for number in range(1, 4):
                sim.send_raw(event(number))
                wait_until(lambda number=number: len(server._backlog._events) == number)
            assert numbers(seen) == [0]
        else:
            sim.send_raw(b"".join(map(event, range(1, 4))))
            wait_until(lambda: numbers(seen) == [0, 1, 2, 3])
        assert leader_of(client).led
        answer = f"Response: Success\r\nActionID: {pendings[0].action_id}\r\n\r\n"
        sim.send_raw(answer.encode() + event(4))
        asker.join(DEADLINE_SECONDS)
        assert pendings[0].done()
        assert client.send(Ping()).result(DEADLINE_SECONDS).ok  # not from a thread that would lead
        wait_until(lambda: numbers(seen) == [0, 1, 2, 3, 4])


def test_events_are_delivered_when_a_full_read_is_followed_by_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read that is full to the last byte, and silence behind it."""
    with FakeAsterisk() as sim, started(config(sim, **CALM)) as client:
        seen = listening(client)
        for name in ("READ_BYTES", "READ_BUDGET_BYTES"):
            monkeypatch.setattr(f"django_ami.core.transport.{name}", len(event(0)))
        sim.send_raw(event(0))
        wait_until(lambda: numbers(seen) == [0])
        monkeypatch.setattr(pause, "COALESCE_SECONDS", 0.01)  # for the end


def test_one_turn_may_send_more_than_the_write_buffer_limit() -> None:
    """A server that reads is told apart from one that does not, however much is sent before
    anything is written.
    """
    with FakeAsterisk() as sim, started(config(sim, write_buffer_limit=4096, **CALM)) as client:
        ready(client)
        standing, sent = threading.Event(), threading.Event()

        def stand_still() -> None:
            standing.set()
            sent.wait(DEADLINE_SECONDS)

        runner_of(client).call_soon(stand_still)
        assert standing.wait(DEADLINE_SECONDS)
        pending = [client.send(Action("Setvar", Variable="V", Value="x" * 400)) for _ in range(100)]
        sent.set()
        assert all(one.result(DEADLINE_SECONDS).ok for one in pending)
