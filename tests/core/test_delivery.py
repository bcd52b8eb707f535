"""Delivery: nothing is lost silently, notices least of all."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from random import Random

import pytest

from django_ami.core.delivery import MOST_NOTICES, Delivery
from django_ami.core.errors import ConnectionLost
from django_ami.core.messages import Event
from django_ami.core.session import Lost, Notice, Ready
from tests.core.io_support import wait_until


def event(number: int, server: str = "a") -> Event:
    return Event("Hangup", b"Event: Hangup\r\nNumber: %d" % number, server=server)


def events(*numbers: int, server: str = "a") -> list[Event]:
    return [event(number, server) for number in numbers]


def numbers(items: list[Event | Notice]) -> list[str]:
    """Events by their number, notices by their class."""
    return [item["Number"] if isinstance(item, Event) else type(item).__name__ for item in items]


def ready(server: str = "a") -> Ready:
    return Ready(server, "11.0.0", "22.10.1", again=False)


@pytest.fixture
def delivery() -> Delivery:
    made = Delivery()
    made.add_server("a", 5)
    made.add_server("b", 5)
    return made


def check(delivery: Delivery, **expected: int) -> None:
    counts = delivery.counts("a")
    found = {name: getattr(counts, name) for name in ("received", "ignored", "delivered", "dropped", "queued")}
    assert found == {"received": 0, "ignored": 0, "delivered": 0, "dropped": 0, "queued": 0, **expected}
    assert counts.received == counts.ignored + counts.delivered + counts.dropped + counts.queued


def test_the_account_is_right_at_every_step(delivery: Delivery) -> None:
    check(delivery)
    assert delivery.put_events("a", events(1, 2), ignored=3) == 0
    check(delivery, received=5, ignored=3, queued=2)
    _, items = delivery.take(1, 0)
    check(delivery, received=5, ignored=3, queued=2)  # taken, but its receivers are still running
    assert delivery.put_events("a", events(3, 4, 5, 6), ignored=0) == 1
    check(delivery, received=9, ignored=3, dropped=1, queued=5)
    delivery.delivered("a", len(items))
    check(delivery, received=9, ignored=3, dropped=1, delivered=1, queued=4)
    assert delivery.put_events("a", [], ignored=7) == 0
    check(delivery, received=16, ignored=10, dropped=1, delivered=1, queued=4)
    _, items = delivery.take(100, 0)
    delivery.delivered("a", len(items))
    check(delivery, received=16, ignored=10, dropped=1, delivered=5)


def test_the_account_is_right_at_any_moment_of_a_flood() -> None:
    delivery = Delivery()
    delivery.add_server("a", 50)
    flooding = threading.Event()
    flooding.set()

    def flood() -> None:
        for number in range(2000):
            delivery.put_events("a", events(*range(number % 7)), ignored=number % 3)
        flooding.clear()

    thread = threading.Thread(target=flood)
    thread.start()
    while flooding.is_set() or delivery.queued:
        counts = delivery.counts("a")
        assert 0 <= counts.queued <= 50
        _, items = delivery.take(10, 0.01)
        delivery.delivered("a", len(items))
    thread.join()
    counts = delivery.counts("a")
    assert counts.received == sum(number % 7 + number % 3 for number in range(2000))
    assert counts.received == counts.ignored + counts.delivered + counts.dropped


def test_the_oldest_are_dropped(delivery: Delivery) -> None:
    assert delivery.put_events("a", events(1, 2, 3, 4), ignored=0) == 0
    assert delivery.put_events("a", events(5, 6, 7), ignored=0) == 2
    assert numbers(delivery.take(100, 0)[1]) == ["3", "4", "5", "6", "7"]


def test_one_batch_larger_than_the_queue_keeps_its_end(delivery: Delivery) -> None:
    assert delivery.put_events("a", events(*range(20)), ignored=0) == 15
    assert numbers(delivery.take(100, 0)[1]) == ["15", "16", "17", "18", "19"]


def test_notices_are_never_dropped_and_keep_their_place(delivery: Delivery) -> None:
    delivery.put_notice(ready())
    delivery.put_events("a", events(1, 2, 3), ignored=0)
    delivery.put_notice(Lost("a", ConnectionLost("gone"), was_ready=True, retry_in=1.0))
    delivery.put_events("a", events(4), ignored=0)
    delivery.put_notice(ready())
    assert delivery.put_events("a", events(5, 6, 7), ignored=0) == 2
    assert numbers(delivery.take(100, 0)[1]) == ["Ready", "3", "Lost", "4", "Ready", "5", "6", "7"]


def test_notices_survive_a_flood_that_drops_everything_around_them(delivery: Delivery) -> None:
    for number in range(30):
        delivery.put_events("a", events(number), ignored=0)
        if number % 10 == 0:
            delivery.put_notice(ready())
    assert numbers(delivery.take(100, 0)[1]) == ["Ready"] * 3 + ["25", "26", "27", "28", "29"]


def test_notices_between_events_that_are_dropped_keep_their_order(delivery: Delivery) -> None:
    delivery.put_events("a", events(1), ignored=0)
    delivery.put_notice(Lost("a", ConnectionLost("gone"), was_ready=True, retry_in=1.0))
    delivery.put_events("a", events(2), ignored=0)
    delivery.put_notice(ready())
    assert delivery.put_events("a", events(*range(10, 16)), ignored=0) == 3
    assert numbers(delivery.take(100, 0)[1]) == ["Lost", "Ready", "11", "12", "13", "14", "15"]


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_notices_that_nobody_takes_are_the_latest_hundred(policy: str) -> None:
    """Wherever they are among the events; and those are as they would be without."""
    delivery = Delivery()
    delivery.add_server("a", 5, policy=policy)
    for number in range(1000):
        delivery.put_notice(Lost("a", ConnectionLost("gone"), was_ready=False, retry_in=float(number)))
        if number in (0, 500, 850, 950, 999):
            delivery.put_events("a", events(number, number + 1), ignored=0)
    kept = [500, 501, 850, 851, 950, 951, 999, 1000][-5:] if policy == "drop_oldest" else [0, 1, 500, 501, 850]
    assert delivery.counts("a").dropped == 5
    items = delivery.take(10_000, 0)[1]
    assert [int(item["Number"]) for item in items if isinstance(item, Event)] == kept
    assert [item.retry_in for item in items if isinstance(item, Lost)] == list(range(900, 1000))
    for _ in range(MOST_NOTICES):
        delivery.put_notice(ready())
    assert len(delivery.take(10_000, 0)[1]) == MOST_NOTICES, "what was taken is not counted any more"


def test_completions_come_first_and_all_at_once(delivery: Delivery) -> None:
    delivery.put_events("a", events(1, 2, 3), ignored=0)
    first, second = object, int
    delivery.put_call(first)
    delivery.put_call(second)
    calls, items = delivery.take(1, 0)
    assert calls == [first, second]
    assert numbers(items) == ["1"]
    assert delivery.take(1, 0)[0] == []


def test_servers_take_turns(delivery: Delivery) -> None:
    delivery.put_events("a", events(1, 2, 3, 4, 5), ignored=0)
    delivery.put_events("b", events(1, 2, server="b"), ignored=0)
    taken = [delivery.take(2, 0)[1] for _ in range(4)]
    assert [items[0].server for items in taken] == ["a", "b", "a", "a"]
    assert [number for items in taken for number in numbers(items)] == ["1", "2", "1", "2", "3", "4", "5"]


def test_one_flood_drops_nothing_of_another_server(delivery: Delivery) -> None:
    delivery.put_events("b", events(1, 2, server="b"), ignored=0)
    delivery.put_events("a", events(*range(1000)), ignored=0)
    assert delivery.counts("b").dropped == 0
    assert delivery.counts("b").queued == 2
    assert delivery.queued == 7


def test_take_waits_for_something_and_wake_ends_the_wait(delivery: Delivery) -> None:
    taken: list[tuple[int, list[str]]] = []

    def take() -> None:
        while not stopping.is_set():
            delivery.take(1, 0)

    with switching(1e-6), ThreadPoolExecutor(2) as threads:
        working = [threads.submit(work) for work in (ask, take)]
        for number in range(200):
            for name in names:
                delivery.put_events(name, events(number, server=name), 0)
        stopping.set()
        for one in working:
            one.result()  # raises what was raised
    assert asked[0] > 0
