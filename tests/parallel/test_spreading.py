"""Receivers on several threads: a real connection, each call in order, all of it counted."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import pytest

from django_ami.conf import Parallel
from django_ami.parallel import lanes, spreading
from django_ami.signals import ami_event, call_ended, call_started, events, gap, server_lost
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

FOUR: Final = Parallel(workers=4)


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


class Seen:
    """Receives events: by call, the numbers in their order, and the threads that brought them."""

    def __init__(self) -> None:
        self.numbers: defaultdict[str, list[int]] = defaultdict(list)
        self.threads: defaultdict[str, set[str]] = defaultdict(set)
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self, event: Any, **_: Any) -> None:
        with self._lock:
            self.numbers[event["Uniqueid"]].append(int(event["Number"]))
            self.threads[event["Uniqueid"]].add(threading.current_thread().name)
            self.count += 1


def emit(sim: Simulator, name: str, uniqueid: str, number: int, **more: object) -> None:
    linkedid = more.pop("Linkedid", uniqueid)
    sim.emit(name, Uniqueid=uniqueid, Linkedid=linkedid, Number=number, **more)


def test_the_events_of_each_call_stay_in_order_and_on_one_thread(sim: Simulator) -> None:
    seen = Seen()
    events["Newexten"].connect(seen)
    with listening(sim.url, parallel=FOUR) as listener:
        listener.make_ready()
        for number in range(400):
            emit(sim, "Newexten", f"1.{number % 20}", number)
        listener.run_until(lambda: seen.count == 400)
        assert all(numbers == sorted(numbers) for numbers in seen.numbers.values())
        assert all(len(threads) == 1 for threads in seen.threads.values())
        assert len(set.union(*seen.threads.values())) == 4
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
        assert listener.status.delivered == listener.status.received - listener.status.ignored


def test_a_receiver_that_blocks_holds_up_its_own_calls_alone(sim: Simulator) -> None:
    free, others = threading.Event(), Seen()

    def on_event(event: Any, **_: Any) -> None:
        if event["Uniqueid"] == "1.0":
            assert free.wait(30)
        else:
            others(event)

    events["Newexten"].connect(on_event)
    with listening(sim.url, parallel=FOUR) as listener:
        listener.make_ready()
        for number in range(8):
            emit(sim, "Newexten", f"1.{number}", number)
        listener.run_until(lambda: others.count >= 6)
        assert listener.dispatcher.busy
        assert listener.status.queued >= 1
        free.set()
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()


def test_a_partition_that_is_full_drops_its_own_events_and_tells_the_gap(sim: Simulator) -> None:
    free, others, gaps = threading.Event(), Seen(), []

    def on_event(event: Any, **_: Any) -> None:
        if event["Uniqueid"] == "1.0":
            assert free.wait(30)
        else:
            others(event)

    events["Newexten"].connect(on_event)
    gap.connect(lambda lost, **_: gaps.append(lost), weak=False)
    with listening(sim.url, parallel=FOUR, event_queue_capacity=400) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.0", 0)
        listener.run_until(lambda: listener.dispatcher.busy)
        for number in range(300):
            emit(sim, "Newexten", "1.0", number)
            emit(sim, "Newexten", f"1.{1 + number % 3}", number)
            if number % 20 == 0:
                listener.run_until(lambda number=number: others.count > number)
        listener.run_until(lambda: others.count == 300)
        free.set()
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
        assert listener.status.dropped >= 190
        listener.run_until(lambda: sum(gaps) == listener.status.dropped)
        assert listener.status.gaps == len(gaps)


def test_two_calls_that_become_one_stay_in_order_without_a_receiver_of_that_event(
    sim: Simulator,
) -> None:
    order: list[str] = []
    free = threading.Event()

    def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "2":
            assert free.wait(30)
        order.append(event["Number"])

    events["Newexten"].connect(on_event)
    with listening(sim.url, parallel=Parallel(workers=2)) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.1", 1)
        listener.run_until(lambda: order == ["1"])
        emit(sim, "Newexten", "1.2", 2)  # on the other thread, which is held up
        listener.run_until(lambda: listener.dispatcher.busy)
        emit(sim, "Newexten", "1.2", 3)
        emit(sim, "DialBegin", "1.1", 4, DestUniqueid="1.2", DestLinkedid="1.2")
        emit(sim, "Newexten", "1.2", 5)
        listener.run_until(lambda: listener.status.queued == 4 or "5" in order)
        free.set()
        listener.run_until(lambda: len(order) == 4 and listener.status.queued == 0)
        assert order == ["1", "2", "3", "5"]
        listener.assert_accounted()


def test_two_calls_that_become_one_meet_on_both_threads(sim: Simulator) -> None:
    order: list[str] = []
    free = threading.Event()

    def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "2":
            assert free.wait(30)
        order.append(event["Number"])

    ami_event.connect(on_event)
    with listening(sim.url, parallel=Parallel(workers=2)) as listener:
        listener.make_ready()
        order.clear()
        emit(sim, "Newexten", "1.1", 1)
        listener.run_until(lambda: order == ["1"])
        emit(sim, "Newexten", "1.2", 2)  # on the other thread, which is held up
        listener.run_until(lambda: listener.dispatcher.busy)
        emit(sim, "DialBegin", "1.1", 3, DestUniqueid="1.2", DestLinkedid="1.2")
        emit(sim, "Newexten", "1.1", 4)
        emit(sim, "Newexten", "1.2", 5)
        listener.run_until(lambda: listener.status.queued == 4)
        assert order == ["1"]
        free.set()
        listener.run_until(lambda: len(order) == 5)
        assert order == ["1", "2", "3", "4", "5"]
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()


def test_the_loss_of_a_connection_is_told_behind_all_events_before_it(sim: Simulator) -> None:
    order: list[str] = []

    def on_event(event: Any, **_: Any) -> None:
        time.sleep(0.05)
        order.append(event["Number"])

    events["Newexten"].connect(on_event)
    server_lost.connect(lambda **_: order.append("lost"), weak=False)
    with listening(sim.url, parallel=FOUR) as listener:
        listener.make_ready()
        for number in range(8):
            emit(sim, "Newexten", f"1.{number}", number)
        wait_until(lambda: listener.status.queued == 8)
        sim.drop()
        listener.run_until(lambda: "lost" in order)
        assert order[8] == "lost"


def test_without_barriers_the_loss_of_a_connection_waits_for_no_receiver(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "BARRIER_SECONDS", 2 * DEADLINE_SECONDS)
    go, returned = threading.Event(), threading.Event()
    found: list[bool] = []

    def hold(**_: Any) -> None:
        go.wait(DEADLINE_SECONDS)
        returned.set()

    events["Newexten"].connect(hold)
    server_lost.connect(lambda **_: found.append(returned.is_set()), weak=False)
    with listening(sim.url, parallel=Parallel(4, barriers=False)) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.1", 1)
        listener.wait_for_queued(1)
        sim.drop()
        listener.run_until(lambda: found)
        assert found == [False]
        go.set()
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()


def test_a_function_of_the_project_says_what_stays_in_order(sim: Simulator) -> None:
    seen = Seen()
    events["Newexten"].connect(seen)
    with listening(sim.url, parallel=Parallel(4, lambda event: event["Tenant"])) as listener:
        listener.make_ready()
        for number in range(80):
            emit(sim, "Newexten", f"1.{number}", number, Tenant="x")
        listener.run_until(lambda: seen.count == 80)
        assert len(set.union(*seen.threads.values())) == 1


def test_a_function_of_the_project_that_raises_is_told_and_no_event_lost(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen()
    events["Newexten"].connect(seen)
    with listening(sim.url, parallel=Parallel(4, lambda event: event["Tenant"])) as listener:
        listener.make_ready()
        for number in range(20):
            emit(sim, "Newexten", f"1.{number}", number)
        listener.run_until(lambda: seen.count == 20)
    assert [one for one in caplog.messages if "'partition' raised" in one]
    assert len([one for one in caplog.messages if "'partition' raised" in one]) == 1


class NoText:
    """A key of a project that has no text."""

    def __str__(self) -> str:
        raise ValueError("it has no text")


def test_a_key_without_a_text_is_told_and_no_event_lost(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen()
    events["Newexten"].connect(seen)
    with listening(sim.url, parallel=Parallel(4, lambda _: NoText())) as listener:
        listener.make_ready()
        for number in range(20):
            emit(sim, "Newexten", f"1.{number}", number)
        listener.run_until(lambda: seen.count == 20)
    assert len([one for one in caplog.messages if "'partition' raised" in one]) == 1


def test_changes_of_calls_are_told_on_the_threads_in_order(sim: Simulator) -> None:
    told: list[tuple[str, str, str]] = []
    for name, signal in (("started", call_started), ("ended", call_ended)):
        signal.connect(
            lambda call, name=name, **_: told.append(
                (call.id, name, threading.current_thread().name)
            ),
            weak=False,
        )
    with listening(sim.url, parallel=FOUR) as listener:
        listener.make_ready()
        for number in range(12):
            emit(sim, "Newchannel", f"1.{number}", number, Channel=f"PJSIP/a{number}-1")
        listener.run_until(lambda: len(told) == 12)
        for number in range(12):
            emit(sim, "Hangup", f"1.{number}", number, Channel=f"PJSIP/a{number}-1", Cause=16)
        listener.run_until(lambda: len(told) == 24)
    by_call: defaultdict[str, list[str]] = defaultdict(list)
    threads: defaultdict[str, set[str]] = defaultdict(set)
    for call, what, thread in told:
        by_call[call].append(what)
        threads[call].add(thread)
    assert all(one == ["started", "ended"] for one in by_call.values())
    assert all(len(one) == 1 for one in threads.values())
    assert all(name.startswith("django_ami-lane") for one in threads.values() for name in one)


def test_a_receiver_that_raises_is_counted_on_any_thread(sim: Simulator) -> None:
    def on_event(event: Any, **_: Any) -> None:
        if int(event["Number"]) % 4 == 0:
            raise ValueError(event["Number"])

    with listening(sim.url, parallel=FOUR) as listener:
        events["Newexten"].connect(on_event)
        listener.make_ready()
        for number in range(40):
            emit(sim, "Newexten", f"1.{number}", number)
        listener.run_until(lambda: listener.status.failed == 10 and listener.status.queued == 0)
        listener.assert_accounted()
        assert sum(listener.client.receivers.failures.values()) == 10


def test_two_calls_that_become_one_do_not_wait_for_ever_for_a_receiver_that_hangs(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lanes, "MEETING_SECONDS", 0.2)
    free, order = threading.Event(), list[str]()

    def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "2":
            assert free.wait(30)
        order.append(event["Number"])

    events["Newexten"].connect(on_event)
    events["DialBegin"].connect(on_event)
    with listening(sim.url, parallel=Parallel(workers=2)) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.1", 1)
        listener.run_until(lambda: order == ["1"])
        emit(sim, "Newexten", "1.2", 2)
        listener.run_until(lambda: listener.dispatcher.busy)
        emit(sim, "DialBegin", "1.1", 3, DestUniqueid="1.2", DestLinkedid="1.2")
        emit(sim, "Newexten", "1.1", 4)
        listener.run_until(lambda: len(order) == 3)
        assert order == ["1", "3", "4"]
        free.set()
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
    wait_until(lambda: "two calls have become one" in caplog.text)


def test_a_server_that_cannot_be_reached_holds_up_nobody_beside_a_receiver_that_hangs(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "BARRIER_SECONDS", 3600.0)
    free, seen = threading.Event(), Seen()

    def on_event(event: Any, **_: Any) -> None:
        if event.server == "node_2":
            assert free.wait(30)
        else:
            seen(event)

    events["Newexten"].connect(on_event)
    with FakeAsterisk() as other, listening(sim.url, other.url, parallel=FOUR) as listener:
        listener.make_ready()
        emit(other, "Newexten", "2.1", 0)
        listener.run_until(lambda: listener.dispatcher.busy)
        sim.drop()  # of this server nothing waits
        listener.run_until(lambda: listener.status.reconnects == 1 and listener.status.ready)
        emit(sim, "Newexten", "1.1", 1)
        listener.run_until(lambda: seen.count == 1)
        free.set()


def test_lane_goes_on_behind_a_receiver_that_raises_keyboard_interrupt(sim: Simulator) -> None:
    got: list[int] = []

    def on_event(event: Any, **_: Any) -> None:
        if event["Number"] == "0":
            raise KeyboardInterrupt
        got.append(int(event["Number"]))

    events["Newexten"].connect(on_event)
    with listening(sim.url, parallel=FOUR) as listener:
        listener.make_ready()
        for number in range(20):
            sim.emit("Newexten", Uniqueid="1.1", Linkedid="1.1", Number=number)
        listener.run_until(lambda: len(got) == 19)
        listener.run_until(lambda: listener.status.queued == 0)
        assert listener.status.failed == 1


def test_calls_of_two_servers_become_one_in_lanes_that_drift_apart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chance = random.Random(1)
    seen = Seen()

    def on_event(event: Any, **_: Any) -> None:
        time.sleep(chance.random() * 0.004)
        seen(event)

    events["Newexten"].connect(on_event)
    with (
        FakeAsterisk() as one,
        FakeAsterisk() as other,
        listening(one.url, other.url, parallel=FOUR) as listener,
    ):
        listener.make_ready()
        for number in range(400):
            for sim in (one, other):
                for call, linked in (("1", "1"), ("2", "2"), ("2", "1")):
                    sim.emit(
                        "Newexten",
                        Uniqueid=f"{number}.{call}",
                        Linkedid=f"{number}.{linked}",
                        Number=number,
                    )
        listener.run_until(lambda: seen.count == 2400)
    assert "become one" not in caplog.text


def test_drops_of_a_lane_are_logged_and_have_a_reason(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    free = threading.Event()

    def on_event(event: Any, **_: Any) -> None:
        free.wait(DEADLINE_SECONDS)

    events["Newexten"].connect(on_event)
    with listening(sim.url, parallel=FOUR, event_queue_capacity=40) as listener:
        listener.make_ready()
        received = listener.status.received
        for number in range(1, 101):
            sim.emit("Newexten", Uniqueid="1.1", Linkedid="1.1", Number=number)
            listener.run_until(lambda number=number: listener.status.received >= received + number)
        listener.run_until(lambda: listener.status.dropped > 0)
        free.set()
        listener.run_until(lambda: not listener.status.queued)
        listener.assert_accounted()
        status = listener.status
    told = re.findall(r"(\d+) events dropped: the queue of one of 4 threads", caplog.text)
    assert sum(map(int, told)) == status.dropped == status.dropped_by_reason["queue_full"]
