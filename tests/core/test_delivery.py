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
    assert counts.received == counts.ignored + counts.delivered + counts.failed + counts.dropped + counts.queued


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
    assert counts.received == counts.ignored + counts.delivered + counts.failed + counts.dropped


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
        for _ in range(3):
            calls, items = delivery.take(10, None)
            taken.append((len(calls), numbers(items)))

    thread = threading.Thread(target=take)
    thread.start()
    delivery.put_events("a", events(1), ignored=0)
    wait_until(lambda: len(taken) == 1)
    delivery.put_call(object)
    wait_until(lambda: len(taken) == 2)
    delivery.wake()
    thread.join(20)
    assert taken == [(0, ["1"]), (1, []), (0, [])]


def test_a_wake_up_before_the_wait_counts(delivery: Delivery) -> None:
    delivery.wake()
    assert delivery.take(10, None) == ([], [])


def test_ignored_events_wake_nobody(delivery: Delivery) -> None:
    delivery.put_events("a", [], ignored=100)
    assert delivery.take(10, 0) == ([], [])


# --- what goes when there are too many ---


class Model:
    """The same, as simple as can be said: one list, searched from one end."""

    def __init__(self, capacity: int, policy: str) -> None:
        self.capacity, self.policy = capacity, policy
        self.items: list[tuple[str, str]] = []  # kind and number
        self.running = 0

    def put(self, batch: list[tuple[str, str]]) -> int:
        queued = sum(kind != "notice" for kind, _ in self.items) + self.running
        excess = max(0, queued + len(batch) - self.capacity)
        old, new = self.items, list(batch)
        for _ in range(excess):
            if self.policy == "drop_oldest":
                order = [(old, False, "plain"), (new, False, "plain"), (old, False, "vital"), (new, False, "vital")]
            else:
                order = [(new, True, "plain"), (old, True, "plain"), (new, True, "vital")]
            self._remove_one(order)
        self.items = old + new
        return excess

    @staticmethod
    def _remove_one(order: list[tuple[list[tuple[str, str]], bool, str]]) -> None:
        for items, newest, kind in order:
            found = [item for item in (reversed(items) if newest else items) if item[0] == kind]
            if found:
                items.remove(found[0])
                return
        raise AssertionError("nothing is left to drop")


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_it_is_as_the_model_says(policy: str, seed: int) -> None:
    random = Random(seed)
    capacity = random.choice([1, 2, 5, 20])
    delivery, model = Delivery(), Model(capacity, policy)
    delivery.add_server("a", capacity, policy=policy, important=["CDR"])
    delivery.add_server("b", 1000)
    serial = count()
    for _ in range(400):
        what = random.random()
        if what < 0.5:
            kinds = random.choices(["plain", "vital"], [random.random(), random.random()], k=random.randrange(9))
            batch = [(kind, str(next(serial))) for kind in kinds]
            names = {"plain": "Hangup", "vital": "Cdr"}
            made = [Event(names[kind], b"Event: x\r\nNumber: " + number.encode(), server="a") for kind, number in batch]
            assert delivery.put_events("a", made, ignored=0) == model.put(batch)
        elif what < 0.6:
            delivery.put_notice(ready())
            model.items.append(("notice", "Ready"))
        elif what < 0.8:
            most = random.randrange(1, 6)
            _, items = delivery.take(most, 0)
            expected, model.items = model.items[:most], model.items[most:]
            assert numbers(items) == [number for _, number in expected]
            model.running += sum(isinstance(item, Event) for item in items)
        else:
            delivery.delivered("a", model.running)
            model.running = 0
        counts = delivery.counts("a")
        assert counts.queued == sum(kind != "notice" for kind, _ in model.items) + model.running <= capacity
        assert counts.received == counts.ignored + counts.delivered + counts.failed + counts.dropped + counts.queued
        assert all(delivery._queues["a"].batches), "what is empty would stay as long as nobody takes anything"
    assert counts.dropped >= counts.dropped_important


def test_what_was_dropped_altogether_is_nothing_to_take(delivery: Delivery) -> None:
    """An empty answer of ``take`` says that there is nothing more, of any server."""
    made = Delivery()
    made.add_server("a", 1, important=["Hangup"])
    made.add_server("b", 5)
    made.put_events("a", events(1), ignored=0)
    made.put_events("a", events(2), ignored=0)
    _, items = made.take(1, 0)
    made.put_events("a", events(3, 4), ignored=0)
    made.put_events("b", events(5, server="b"), ignored=0)
    taken = numbers(items)
    while items := made.take(1, 0)[1]:
        taken += numbers(items)
    assert taken == ["2", "5"]
    assert made.counts("a").dropped_important == 3


@contextmanager
def switching(seconds: float) -> Iterator[None]:
    """Threads take turns so often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_whether_anything_waits_can_be_asked_while_it_changes() -> None:
    """The reactor asks whether receivers are behind while these take, and they ask what is due while it puts."""
    delivery, names, asked = Delivery(), [f"node_{number}" for number in range(50)], [0]
    for name in names:
        delivery.add_server(name, 1000)
    stopping = threading.Event()

    def ask() -> None:
        while not stopping.is_set():
            asked[0] += delivery.waiting + delivery.due

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
