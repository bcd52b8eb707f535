"""Delivery: nothing is lost silently, notices least of all."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from random import Random

import pytest

from django_ami.core.counters import Counts
from django_ami.core.delivery import Delivery
from django_ami.core.errand import Errand
from django_ami.core.errors import ConnectionLost
from django_ami.core.event_queue import MOST_NOTICES, EventQueue
from django_ami.core.messages import Event
from django_ami.core.session import Gap, GapReason, Lost, Notice, Ready, TookOver
from tests.core.io_support import wait_until


def event(number: int, server: str = "a") -> Event:
    return Event("Hangup", b"Event: Hangup\r\nNumber: %d" % number, server=server)


def events(*numbers: int, server: str = "a") -> list[Event]:
    return [event(number, server) for number in numbers]


def numbers(items: list[Event | Notice]) -> list[str]:
    """Events by their number, notices by their class."""
    return [item["Number"] if isinstance(item, Event) else type(item).__name__ for item in items]


def without_gaps(items: list[Event | Notice]) -> list[Event | Notice]:
    return [item for item in items if not isinstance(item, Gap)]


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
    found = {
        name: getattr(counts, name)
        for name in ("received", "ignored", "delivered", "dropped", "queued")
    }
    assert found == {
        "received": 0,
        "ignored": 0,
        "delivered": 0,
        "dropped": 0,
        "queued": 0,
        **expected,
    }
    assert (
        counts.received
        == counts.ignored + counts.delivered + counts.failed + counts.dropped + counts.queued
    )


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
    while flooding.is_set() or delivery.totals().queued:
        counts = delivery.counts("a")
        assert 0 <= counts.queued <= 50
        _, items = delivery.take(10, 0.01)
        delivery.delivered("a", len(without_gaps(items)))
    thread.join()
    counts = delivery.counts("a")
    assert counts.received == sum(number % 7 + number % 3 for number in range(2000))
    assert counts.received == counts.ignored + counts.delivered + counts.failed + counts.dropped


def test_the_oldest_are_dropped(delivery: Delivery) -> None:
    assert delivery.put_events("a", events(1, 2, 3, 4), ignored=0) == 0
    assert delivery.put_events("a", events(5, 6, 7), ignored=0) == 2
    assert numbers(delivery.take(100, 0)[1]) == ["3", "4", "5", "6", "7"]
    assert numbers(delivery.take(100, 0)[1]) == ["Gap"]


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_an_overload_without_an_end_is_told_every_ten_seconds(policy: str) -> None:
    delivery = Delivery()
    delivery.add_server("a", 5, policy=policy)
    gaps = []
    for second in range(26):
        delivery.put_events("a", events(*range(10)), ignored=0, at=float(second))
        items = delivery.take(1, 0)[1]
        gaps += [item for item in items if isinstance(item, Gap)]
        delivery.delivered("a", len(items) - any(isinstance(item, Gap) for item in items))
    gaps += [item for item in delivery.take(100, 0)[1] if isinstance(item, Gap)]
    gaps += [item for item in delivery.take(100, 0)[1] if isinstance(item, Gap)]
    assert [one.end for one in gaps] == [10.0, 21.0, 25.0]
    assert gaps[0].begin == 0.0
    assert sum(one.lost or 0 for one in gaps) == delivery.counts("a").dropped
    assert delivery.counts("a").gaps == 3


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
    taken = numbers(delivery.take(100, 0)[1])
    # Each notice comes behind a gap, if anything was dropped since the one before.
    assert taken == ["Ready", "Gap", "Ready", "Gap", "Ready", "25", "26", "27", "28", "29"]
    assert numbers(delivery.take(100, 0)[1]) == ["Gap"]


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
        delivery.put_notice(
            Lost("a", ConnectionLost("gone"), was_ready=False, retry_in=float(number))
        )
        if number in (0, 500, 850, 950, 999):
            delivery.put_events("a", events(number, number + 1), ignored=0)
    kept = (
        [500, 501, 850, 851, 950, 951, 999, 1000][-5:]
        if policy == "drop_oldest"
        else [0, 1, 500, 501, 850]
    )
    assert delivery.counts("a").dropped == 5
    items = delivery.take(10_000, 0)[1]
    assert [int(item["Number"]) for item in items if isinstance(item, Event)] == kept
    losses = [item.retry_in for item in items if isinstance(item, Lost)]
    assert losses == list(range(1000 - len(losses), 1000))
    assert MOST_NOTICES - 3 <= len(losses) <= len(items) - len(kept) == MOST_NOTICES
    delivery.take(1, 0)  # of the drops behind the last notice
    for _ in range(MOST_NOTICES):
        delivery.put_notice(ready())
    assert len(delivery.take(10_000, 0)[1]) == MOST_NOTICES, (
        "what was taken is not counted any more"
    )


@pytest.mark.parametrize("takeovers", [1, 3, 200])
def test_notice_of_a_takeover_stays_while_many_others_come(
    delivery: Delivery, takeovers: int
) -> None:
    for token in range(takeovers):
        delivery.put_notice(TookOver("a", token))
    for _ in range(2 * MOST_NOTICES):
        delivery.put_notice(ready())
    items = delivery.take(10_000, 0)[1]
    assert len(items) == MOST_NOTICES
    tokens = [item.token for item in items if isinstance(item, TookOver)]
    assert tokens == list(range(takeovers))[-MOST_NOTICES:]


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
    assert [number for items in taken for number in numbers(items)] == [
        "1",
        "2",
        "1",
        "2",
        "3",
        "4",
        "5",
    ]


def test_one_flood_drops_nothing_of_another_server(delivery: Delivery) -> None:
    delivery.put_events("b", events(1, 2, server="b"), ignored=0)
    delivery.put_events("a", events(*range(1000)), ignored=0)
    assert delivery.counts("b").dropped == 0
    assert delivery.counts("b").queued == 2
    assert delivery.totals().queued == 7


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


# --- dropped events ---


class Model:
    """A simple model of the queue: one list, searched from one end."""

    def __init__(self, capacity: int, most_bytes: int, policy: str) -> None:
        self.capacity, self.most_bytes, self.policy = capacity, most_bytes, policy
        self.items: list[tuple[str, str]] = []  # kind and number
        self.running = 0
        self.sizes: dict[str, int] = {"Ready": 0}

    def put(self, batch: list[tuple[str, str]]) -> int:
        old, new = self.items, list(batch)
        dropped = 0
        while self._is_too_much(old + new):
            dropped += 1
            if self.policy == "drop_oldest":
                order = [
                    (old, False, "plain"),
                    (new, False, "plain"),
                    (old, False, "vital"),
                    (new, False, "vital"),
                ]
            else:
                order = [(new, True, "plain"), (old, True, "plain"), (new, True, "vital")]
            self._remove_one(order)
        self.items = old + new
        return dropped

    def _is_too_much(self, items: list[tuple[str, str]]) -> bool:
        queued = sum(kind != "notice" for kind, _ in items) + self.running
        return queued > self.capacity or self.size_of(items) > self.most_bytes

    def size_of(self, items: list[tuple[str, str]]) -> int:
        return sum(self.sizes[number] for _, number in items)

    @staticmethod
    def _remove_one(order: list[tuple[list[tuple[str, str]], bool, str]]) -> None:
        for items, newest, kind in order:
            found = [item for item in (reversed(items) if newest else items) if item[0] == kind]
            if found:
                items.remove(found[0])
                return
        raise AssertionError("nothing is left to drop")


class Losses:
    """Gaps tell of every dropped event once: how many, when they came; and stand in their place."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        #: When each event came; and those that were dropped, in that order.
        self.at: dict[str, float] = {}
        self.numbers: list[str] = []
        self._complete_from = 0.0

    def check(self, taken: list[Event | Notice]) -> None:
        for item in taken:
            if isinstance(item, Gap):
                assert item.reason is GapReason.OVERLOAD
                assert item.lost is not None
                assert item.begin <= item.end
                within = [
                    number for number in self.numbers if item.begin <= self.at[number] <= item.end
                ]
                assert len(within) >= item.lost > 0
                self._complete_from = item.end
            elif isinstance(item, Event) and item.name == "Hangup":
                assert self.at[item["Number"]] >= self._complete_from, (
                    "what came before those that are missing stands before the gap"
                )


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
@pytest.mark.parametrize("seed", range(40))
def test_delivery_agrees_with_its_model_on_random_steps(policy: str, seed: int) -> None:
    """By count, by bytes, and by both.

    The bound of a batch's bytes may be much more than it has.
    """
    random = Random(seed)
    capacity, most_bytes = random.choice([1, 2, 5, 20]), random.choice([100, 300, 1000, 10**6])
    delivery, model = Delivery(), Model(capacity, most_bytes, policy)
    delivery.add_server("a", capacity, most_bytes, policy=policy, important=["CDR"])
    delivery.add_server("b", 1000)
    serial = count()
    lost = Losses(policy)
    for turn in range(400):
        what = random.random()
        if what < 0.5:
            kinds = random.choices(
                ["plain", "vital"], [random.random(), random.random()], k=random.randrange(9)
            )
            batch = [(kind, str(next(serial))) for kind in kinds]
            names = {"plain": "Hangup", "vital": "Cdr"}
            texts = [
                b"Event: x\r\nNumber: %b\r\nX: %b" % (number.encode(), b"x" * random.randrange(99))
                for _, number in batch
            ]
            made = [
                Event(names[kind], text, server="a")
                for (kind, _), text in zip(batch, texts, strict=True)
            ]
            model.sizes.update(
                (number, len(text)) for (_, number), text in zip(batch, texts, strict=True)
            )
            most = sum(map(len, texts)) * random.choice([1, 1, 10])
            before = [number for kind, number in model.items if kind != "notice"]
            came = [number for _, number in batch]
            lost.at.update(dict.fromkeys(came, float(turn)))
            dropped = delivery.put_events("a", made, ignored=0, size=most, at=float(turn))
            assert dropped == model.put(batch)
            lost.numbers += sorted({*before, *came} - {number for _, number in model.items})
        elif what < 0.6:
            delivery.put_notice(ready())
            model.items.append(("notice", "Ready"))
        elif what < 0.8:
            most = random.randrange(1, 6)
            _, taken = delivery.take(most, 0)
            assert len(taken) <= most
            lost.check(taken)
            items = without_gaps(taken)
            expected, model.items = model.items[: len(items)], model.items[len(items) :]
            assert numbers(items) == [number for _, number in expected]
            assert taken or not expected + model.items
            assert len(items) <= 1 or model.size_of(expected) <= most_bytes // 10
            model.running += sum(isinstance(item, Event) for item in items)
        else:
            delivery.delivered("a", model.running)
            model.running = 0
        counts = delivery.counts("a")
        assert (
            counts.queued
            == sum(kind != "notice" for kind, _ in model.items) + model.running
            <= capacity
        )
        assert (
            counts.received
            == counts.ignored + counts.delivered + counts.failed + counts.dropped + counts.queued
        )
        assert all(delivery._queues["a"].batches), (
            "what is empty would stay as long as nobody takes anything"
        )
        assert model.size_of(model.items) <= min(most_bytes, delivery._queues["a"].size)
    assert counts.dropped >= counts.dropped_important
    gaps: list[Event | Notice] = []
    while items := delivery.take(5, 0)[1]:
        gaps += items
    lost.check(gaps)
    assert delivery._queues["a"].size == 0, "no byte is forgotten, and none is counted twice"


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_few_large_events_are_too_many(policy: str) -> None:
    """The queue has room for a thousand events, and for three of these."""
    delivery = Delivery()
    delivery.add_server("a", 1000, 3500, policy=policy)
    for number in range(10):
        large = Event(
            "UserEvent",
            b"Event: UserEvent\r\nNumber: %d\r\nX: %b" % (number, b"x" * 1000),
            server="a",
        )
        delivery.put_events("a", [large], ignored=0, size=1100)
    assert delivery.counts("a").dropped == 7
    taken = [delivery.take(100, 0)[1] for _ in range(3)]
    assert [numbers(items) for items in taken] == (
        [["7"], ["8"], ["9"]] if policy == "drop_oldest" else [["0"], ["1"], ["2"]]
    )


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_without_memory_waiting_events_are_dropped_and_counted(
    policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all servers: but for important events, and for notices."""
    delivery = Delivery()
    for server in ("a", "b"):
        delivery.add_server(server, 100, policy=policy, important=["Cdr"])
    delivery.put_events("a", events(1, 2), ignored=0, size=100)
    delivery.put_notice(ready())
    delivery.put_events(
        "a", [Event("Cdr", b"Event: Cdr\r\nNumber: 3", server="a"), event(4)], ignored=0, size=100
    )
    delivery.put_events("b", events(5, 6, 7, server="b"), ignored=0, size=100)
    assert delivery.take(1, 0)[1] == events(1)
    delivery.relieve()
    check(delivery, received=4, dropped=2, queued=2)
    assert delivery.counts("b").dropped == 3
    assert "no memory left: 5 events that waited were dropped" in caplog.text
    assert numbers(delivery.take(10, 0)[1]) == ["Gap"], "of the other server"
    assert numbers(delivery.take(10, 0)[1]) == ["Ready", "3", "Gap"]
    delivery.relieve()
    assert len(caplog.records) == 1, "nothing was left to be dropped"
    delivery.put_events("a", events(8), ignored=0, size=50)
    assert numbers(delivery.take(10, 0)[1]) == ["8"]


def test_queue_gives_back_events_that_do_not_fit() -> None:
    queue = EventQueue(5, 10**6, newest=False, important=frozenset())
    left, dropped = queue.offer(events(1, 2, 3), 2, 100)
    assert (left, dropped) == ([], 0)
    left, dropped = queue.offer(events(4, 5, 6, 7), 0, 100)
    assert (numbers(left), dropped) == (["6", "7"], 0)
    left, dropped = queue.offer(left, 1, 100)
    assert (numbers(left), dropped) == (["6", "7"], 0)
    assert numbers(queue.take(10)) == ["1", "2", "3", "4", "5"]
    assert queue.counts.received == 8
    queue.counts.delivered += 5
    assert queue.offer(left, 0, 100) == ([], 0)


def test_the_queue_gives_back_what_is_too_many_bytes() -> None:
    """But not what could not even stand there alone: that is dropped, and counted."""
    one = len(event(1).raw)
    queue = EventQueue(100, 3 * one, newest=False, important=frozenset())
    left, dropped = queue.offer(events(1, 2, 3, 4, 5), 0, 10**6)
    assert (numbers(left), dropped) == (["4", "5"], 0)
    left, dropped = queue.offer(left, 0, 10**6)
    assert (numbers(left), dropped) == (["4", "5"], 0)
    assert numbers(queue.take(1)) == ["1"]
    left, dropped = queue.offer(left, 0, 10**6)
    assert (numbers(left), dropped) == (["5"], 0)
    while queue.batches:
        queue.take(1)
    large = Event("Large", b"x" * 4 * one, server="a")
    assert queue.offer([large, *left], 0, 10**6) == (left, 1)
    assert queue.offer(left, 0, 10**6) == ([], 0)
    assert queue.counts.received == 6


def test_large_events_are_handed_over_one_by_one(delivery: Delivery) -> None:
    """A batch can no longer be dropped: two hundred messages of 4 MB would be 800 MB."""
    made = Delivery()
    made.add_server("a", 1000, 10_000)
    sizes = [100, 800, 200, 5000, 10, 20, 30]
    made.put_events(
        "a", [Event("X", bytes(size), server="a") for size in sizes], ignored=0, size=sum(sizes)
    )
    taken = []
    while items := made.take(200, 0)[1]:
        taken.append([len(item.raw) for item in items if isinstance(item, Event)])
    assert taken == [[100, 800], [200], [5000], [10, 20, 30]]


def test_take_skips_a_server_whose_events_were_all_dropped(delivery: Delivery) -> None:
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
    assert taken == ["2", "Gap", "5", "Gap"]
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
    """The reactor asks whether receivers are behind while these take, and they ask what is due
    while it puts.
    """
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


def test_held_server_waits_in_its_bounded_queue(delivery: Delivery) -> None:
    delivery.hold("a")
    delivery.put_events("a", events(*range(8)), 0)
    delivery.put_events("b", events(1, server="b"), 0)
    assert [item.server for item in delivery.take(10, 0)[1]] == ["b"]
    assert delivery.take(10, 0)[1] == []
    assert (delivery.counts("a").queued, delivery.counts("a").dropped) == (5, 3)
    delivery.release("a")
    assert numbers(without_gaps(delivery.take(10, 0)[1])) == ["3", "4", "5", "6", "7"]


def test_release_wakes_the_thread_that_waits(delivery: Delivery) -> None:
    delivery.hold("a")
    delivery.put_notice(ready())
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(delivery.take, 10, 20)
        delivery.release("a")
        assert numbers(taking.result(20)[1]) == ["Ready"]


def test_events_that_were_taken_and_not_delivered_are_counted(delivery: Delivery) -> None:
    delivery.put_events("a", events(1, 2, 3), 0)
    delivery.take(10, 0)
    delivery.dropped("a", 3)
    counts = delivery.counts("a")
    assert (counts.received, counts.dropped, counts.queued) == (3, 3, 0)


def test_dropped_events_are_counted_by_reason() -> None:
    delivery = Delivery()
    delivery.add_server("a", 3, 200)
    delivery.put_events("a", events(1, 2, 3, 4, 5), 0)
    delivery.take(9, 0)
    delivery.delivered("a", 3)
    large = Event("Hangup", b"Event: Hangup\r\nNumber: 1\r\nText: " + 300 * b"x", server="a")
    delivery.put_events("a", [large], 0, size=len(large.raw))
    delivery.put_events("a", events(6, 7), 0)
    delivery.relieve()
    delivery.dropped("a", 0)
    losses = delivery.losses("a")
    assert losses.dropped == {"queue_full": 2, "queue_bytes": 1, "memory": 2, "lease": 0}
    assert sum(losses.dropped.values()) == delivery.counts("a").dropped
    delivery.put_events("a", events(8), 0)
    delivery.take(9, 0)
    delivery.dropped("a", 1)
    assert (delivery.losses("a").dropped["lease"], losses.dropped["lease"]) == (1, 0)


def test_gaps_and_takeovers_are_counted_with_their_seconds(delivery: Delivery) -> None:
    delivery.put_notice(Gap("a", 1.0, 3.5, GapReason.CONNECTION_LOST))
    delivery.put_notice(Gap("a", 9.0, 10.0, GapReason.CONNECTION_LOST))
    delivery.put_notice(TookOver("a", 7))
    delivery.put_notice(Gap("a", 20.0, 24.0, GapReason.TAKEOVER))
    losses = delivery.losses("a")
    assert {reason: count for reason, count in losses.gaps.items() if count} == {
        "connection lost": 2,
        "takeover": 1,
    }
    assert losses.gap_seconds["connection lost"] == 3.5
    assert (losses.gap_seconds["takeover"], losses.takeovers) == (4.0, 1)
    assert delivery.losses("b").takeovers == 0


def test_oldest_event_is_the_one_that_no_receiver_has_had(delivery: Delivery) -> None:
    assert delivery.oldest("a") is None
    delivery.put_notice(ready())
    delivery.put_events("a", events(1, 2), 0, at=10.0)
    delivery.put_events("a", events(3), 0, at=11.0)
    assert delivery.oldest("a") == 10.0
    delivery.take(3, 0)
    assert delivery.oldest("a") == 10.0, "two are with their receivers"
    delivery.delivered("a", 2)
    assert delivery.oldest("a") == 11.0
    delivery.take(3, 0)
    delivery.delivered("a", 1)
    assert delivery.oldest("a") is None


def test_errand_keeps_its_place_and_is_never_dropped(delivery: Delivery) -> None:
    errand = Errand("a", run=list, discard=list)
    delivery.put_events("a", events(1), 0)
    delivery.put_errand(errand)
    delivery.put_events("a", events(*range(2, 12)), 0)
    items = without_gaps(delivery.take(20, 0)[1])
    assert items[0] is errand
    assert numbers(items[1:]) == ["7", "8", "9", "10", "11"]


def test_counts_of_another_thread_are_added(delivery: Delivery) -> None:
    delivery.put_events("a", events(1, 2, 3, 4), 0)
    delivery.take(10, 0)
    delivery.settle("a", Counts(delivered=1, failed=1, dropped=2, dropped_important=1, gaps=1))
    counts = delivery.counts("a")
    assert (counts.delivered, counts.failed, counts.dropped, counts.queued) == (1, 1, 2, 0)
    assert (counts.dropped_important, counts.gaps) == (1, 1)


def test_putting_passes_no_lock_that_an_exception_from_outside_leaves_acquired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``threading.Condition`` is written in Python: one may come when it has just acquired."""
    delivery = Delivery()
    delivery.add_server("a", 10)

    def interrupted(_: threading.Condition) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Condition, "__enter__", interrupted)
        delivery.put_events("a", events(1), 0)
        delivery.put_notice(TookOver("a", 1))
        delivery.put_call(print)
    calls, items = delivery.take(10, 0)
    assert (calls, numbers(items)) == ([print], ["1", "TookOver"])
