"""The function that a registration returns undoes it, and nothing else.

A caller's own interest stays beside it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Ping
from django_ami.core.client import Client
from django_ami.core.messages import Event
from tests.core.io_support import Recorder, config, ready, started, wait_until
from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import FakeAsterisk

pytestmark = pytest.mark.usefixtures("no_bugs")


@pytest.fixture
def listener(sim: FakeAsterisk) -> Iterator[Client]:
    with started(config(sim)) as client:
        ready(client)
        yield client


def settle(client: Client) -> None:
    """All earlier calls to the loop are done after this."""
    assert client.send(Ping()).result(DEADLINE_SECONDS).ok


def emit(sim: FakeAsterisk, client: Client, *names: str) -> None:
    """The server sends events of these names, and they were received when this returns."""
    settle(client)
    before = client.status()["node_1"].received
    for name in names:
        sim.emit(name)
    wait_until(lambda: client.status()["node_1"].received == before + len(names))
    wait_until(lambda: client.status()["node_1"].queued == 0)
    wait_until(lambda: accounted(client))


def accounted(client: Client) -> bool:
    one = client.status()["node_1"]
    return one.received == one.ignored + one.delivered + one.failed + one.dropped


def test_a_subscription_ends_and_another_one_of_the_same_function_does_not(
    sim: FakeAsterisk, listener: Client
) -> None:
    seen = Recorder()
    first, second = listener.subscribe("Hangup", seen), listener.subscribe("HANGUP", seen)
    emit(sim, listener, "Hangup")
    assert len(seen) == 2
    first()
    first()
    emit(sim, listener, "Hangup")
    assert len(seen) == 3
    second()
    ignored = listener.status()["node_1"].ignored
    emit(sim, listener, "Hangup")
    assert len(seen) == 3
    assert listener.status()["node_1"].ignored == ignored + 1, "it is not even kept"


def test_a_subscription_to_every_event_ends_and_leaves_those_by_name(
    sim: FakeAsterisk, listener: Client
) -> None:
    everything, hangups = Recorder(), Recorder()
    end = listener.subscribe(None, everything)
    listener.subscribe("Hangup", hangups)
    emit(sim, listener, "Newchannel", "Hangup")
    end()
    ignored = listener.status()["node_1"].ignored
    emit(sim, listener, "Newchannel", "Hangup")
    assert [event.name for event in everything.firsts] == ["Newchannel", "Hangup"]
    assert len(hangups) == 2
    assert listener.status()["node_1"].ignored == ignored + 1


def test_a_receiver_that_ends_its_own_subscription_gets_no_further_event(
    sim: FakeAsterisk, listener: Client
) -> None:
    """Not even those of the batch that is being handed on."""
    seen: list[Event] = []
    hold = threading.Event()

    def once(event: Event) -> None:
        assert hold.wait(DEADLINE_SECONDS)
        seen.append(event)
        end()

    last = Recorder()
    end = listener.subscribe("Hangup", once)
    listener.subscribe("Newchannel", last)
    settle(listener)
    for _ in range(20):
        sim.emit("Hangup")
    wait_until(lambda: listener.status()["node_1"].received >= 20)
    hold.set()
    emit(sim, listener, "Newchannel")
    assert len(last) == 1
    assert len(seen) == 1


def test_notices_of_the_connection_end(sim: FakeAsterisk) -> None:
    with started(config(sim), connect=False) as client:
        first, ended, lost, ended_lost = Recorder(), Recorder(), Recorder(), Recorder()
        client.on_ready(first)
        end = client.on_ready(ended)
        client.on_lost(lost)
        end_lost = client.on_lost(ended_lost)
        client.connect()
        wait_until(lambda: len(first) == len(ended) == 1)
        end()
        end_lost()
        sim.drop()
        wait_until(lambda: len(first) == 2)
        wait_until(lambda: len(lost) == 1)
    assert (len(ended), len(ended_lost)) == (1, 0)


@pytest.mark.parametrize("order", ["interest first", "subscription first"])
def test_own_interest_of_the_caller_stays_when_others_subscribe(
    sim: FakeAsterisk, order: str
) -> None:
    with started(config(sim), dispatcher=False) as client:
        ready(client)
        if order == "interest first":
            client.set_interest(frozenset({"newchannel"}))
        end = client.subscribe("Hangup", print)
        if order == "subscription first":
            client.set_interest(frozenset({"newchannel"}))

        def names() -> list[str]:
            settle(client)
            before = client.status()["node_1"].received
            for name in ("Newchannel", "Hangup", "Cdr"):
                sim.emit(name)
            wait_until(lambda: client.status()["node_1"].received == before + 3)
            found: list[str] = []
            while client.status()["node_1"].queued:
                _, items = client.inbox.take(DEADLINE_SECONDS)
                some = [item.name for item in items if isinstance(item, Event)]
                client.inbox.delivered("node_1", len(some))
                found += some
            return found

        assert names() == ["Newchannel", "Hangup"]
        end()
        assert names() == ["Newchannel"]
        client.set_interest(None)
        assert names() == ["Newchannel", "Hangup", "Cdr"]
        client.set_interest(frozenset())
        assert names() == []


def test_subscriptions_of_many_threads_all_count(sim: FakeAsterisk, listener: Client) -> None:
    kept, ended = Recorder(), Recorder()

    def come_and_go(number: int) -> None:
        for turn in range(20):
            end = listener.subscribe(f"Name{number}", ended)
            if turn == 10:
                listener.subscribe(f"Kept{number}", kept)
            end()

    threads = [threading.Thread(target=come_and_go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    emit(sim, listener, *(f"{kind}{number}" for kind in ("Name", "Kept") for number in range(8)))
    assert sorted(event.name for event in kept.firsts) == [f"Kept{number}" for number in range(8)]
    assert len(ended) == 0
