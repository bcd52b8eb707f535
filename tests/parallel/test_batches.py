"""Receivers of many events at once: a real connection, on one thread and on several."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError

from django_ami.conf import Parallel
from django_ami.core import Client
from django_ami.core.client import ServerHandle
from django_ami.core.failures import Retry
from django_ami.signals import batch_receiver, events, server_lost
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.testing import Simulator
    from django_ami.types import Event


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def parallel(request: pytest.FixtureRequest) -> Parallel:
    return Parallel(workers=request.param)


def emit(sim: Simulator, *numbers: int, name: str = "Newexten") -> None:
    for number in numbers:
        sim.emit(name, Uniqueid="1.1", Linkedid="1.1", Number=number)


def numbers(some: list[Any]) -> list[int]:
    return [int(one["Number"]) for one in some]


def gathering(**options: Any) -> list[list[int]]:
    """The lists of numbers that a batch receiver gets."""
    got: list[list[int]] = []

    @batch_receiver("Newexten", "Hangup", **options)
    def on_some(sender: Any, events: list[Any], **_: Any) -> None:
        assert sender.name == "node_1"
        got.append(numbers(events))

    return got


def test_a_batch_is_given_when_it_is_full(sim: Simulator, parallel: Parallel) -> None:
    got = gathering(max_size=10, max_seconds=3600)
    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(25))
        listener.run_until(lambda: len(got) == 2)
        assert got == [list(range(10)), list(range(10, 20))]
        listener.run_until(lambda: listener.status.queued == 5)
        listener.assert_accounted()
    assert got[2] == list(range(20, 25))  # at the end


def test_a_batch_is_given_when_its_first_event_has_waited(
    sim: Simulator, parallel: Parallel
) -> None:
    got = gathering(max_size=1000, max_seconds=0.05)
    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, 1, 2, 3)
        listener.run_until(lambda: sum(map(len, got)) == 3)
        listener.run_until(lambda: listener.status.queued == 0)
        assert listener.status.delivered >= 3
        listener.assert_accounted()


def test_a_batch_comes_before_the_loss_of_its_connection(
    sim: Simulator, parallel: Parallel
) -> None:
    got = gathering(max_seconds=3600)
    order: list[int] = []
    server_lost.connect(lambda **_: order.append(len(got)), weak=False)
    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, 1, 2, 3)
        listener.wait_for_queued(3)
        sim.drop()
        listener.run_until(lambda: order)
        assert (order, sum(map(len, got))) == ([1], 3)


def test_an_event_that_cannot_be_taken_is_set_apart_with_its_text(
    sim: Simulator, parallel: Parallel, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[int] = []

    @batch_receiver("Newexten", max_size=16, max_seconds=0.05)
    def on_some(events: list[Any], **_: Any) -> None:
        if 7 in numbers(events):
            raise ValueError("7 is too much")
        taken.extend(numbers(events))

    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(16))
        listener.run_until(lambda: listener.status.failed == 1 and listener.status.queued == 0)
        assert taken == [number for number in range(16) if number != 7]
        listener.assert_accounted()
    (told,) = (one for one in caplog.messages if "raised ValueError" in one)
    assert "Number: 7" in told
    assert "on_some" in told


def test_a_whole_batch_is_given_again_where_the_project_says_so(
    sim: Simulator, parallel: Parallel
) -> None:
    tries: list[list[int]] = []

    @batch_receiver("Newexten", max_size=4, max_seconds=3600, on_error="retry")
    def on_some(events: list[Any], **_: Any) -> None:
        tries.append(numbers(events))
        if len(tries) < 3:
            raise ValueError

    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(4))
        listener.run_until(lambda: len(tries) == 3)
        listener.run_until(lambda: listener.status.queued == 0)
        assert tries == [[0, 1, 2, 3]] * 3
        assert listener.status.failed == 0


def test_a_batch_waits_for_a_database_that_is_away(sim: Simulator, parallel: Parallel) -> None:
    tries: list[list[int]] = []

    @batch_receiver("Newexten", max_size=4, max_seconds=3600)
    def on_some(events: list[Any], **_: Any) -> None:
        tries.append(numbers(events))
        if len(tries) < 3:
            raise OperationalError("it is away")

    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(4))
        listener.run_until(lambda: len(tries) == 3)
        listener.run_until(lambda: listener.status.queued == 0)
        assert tries == [[0, 1, 2, 3]] * 3
        listener.assert_accounted()


def test_a_batch_that_is_given_again_is_whole_though_its_receiver_has_emptied_the_list(
    sim: Simulator, parallel: Parallel, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[int] = []

    @batch_receiver("Newexten", max_size=4, max_seconds=3600)
    def on_some(events: list[Any], **_: Any) -> None:
        some = [int(events.pop(0)["Number"]) for _ in range(len(events))]
        if not taken:
            taken.append(-1)
            raise OperationalError("it is away")
        taken.extend(some)
        if 7 in some:
            raise ValueError("it cannot be taken")

    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(4))
        listener.run_until(lambda: listener.status.delivered == 4)
        assert taken == [-1, 0, 1, 2, 3]
        emit(sim, *range(4, 8))
        listener.run_until(lambda: listener.status.failed == 1)
        listener.assert_accounted()
    assert "Number: 7" in caplog.text


def test_a_receiver_that_was_given_up_is_trusted_again_under_its_own_name(
    sim: Simulator, parallel: Parallel
) -> None:
    away, tries = [True], list[list[int]]()

    @batch_receiver("Newexten", max_size=2, max_seconds=3600)
    def on_some(events: list[Any], **_: Any) -> None:
        tries.append(numbers(events))
        if away[0]:
            raise OperationalError("it is away")

    with listening(sim.url, parallel=parallel) as listener:
        failing = listener.client.receivers.failing
        failing.retry = Retry(retry_errors=(OperationalError,), retry_initial=0.01, retry_limit=0.1)
        listener.make_ready()
        emit(sim, 0, 1)
        listener.run_until(lambda: listener.status.failed == 2)
        assert [name.rpartition(".")[2] for name in failing.given_up] == ["on_some"]
        away[0] = False
        emit(sim, 2, 3)
        listener.run_until(lambda: listener.status.queued == 0 and tries[-1] == [2, 3])
        assert not failing.given_up


def test_an_event_of_single_and_batch_receivers_counts_once_all_have_had_it(
    sim: Simulator, parallel: Parallel
) -> None:
    single: list[int] = []
    first = gathering(max_size=4, max_seconds=3600)
    second = gathering(max_size=8, max_seconds=3600)

    def on_event(event: Any, **_: Any) -> None:
        single.append(int(event["Number"]))
        if event["Number"] == "2":
            raise ValueError("no")

    events["Newexten"].connect(on_event)
    with listening(sim.url, parallel=parallel) as listener:
        listener.make_ready()
        emit(sim, *range(8))
        listener.run_until(lambda: second)
        listener.run_until(lambda: listener.status.queued == 0)
        assert (single, first, second) == (
            list(range(8)),
            [[0, 1, 2, 3], [4, 5, 6, 7]],
            [list(range(8))],
        )
        assert listener.status.failed == 1
        listener.assert_accounted()


def test_a_coroutine_may_take_a_batch(sim: Simulator) -> None:
    got: list[list[int]] = []

    @batch_receiver("Newexten", max_size=3)
    async def on_some(events: list[Any], **_: Any) -> None:
        got.append(numbers(events))

    with listening(sim.url) as listener:
        listener.make_ready()
        emit(sim, 1, 2, 3)
        listener.run_until(lambda: got == [[1, 2, 3]])


def test_event_that_a_test_sends_is_taken_at_once() -> None:
    got: list[list[int]] = []

    @batch_receiver("Newexten")
    def on_some(events: list[Any], **_: Any) -> None:
        got.append([one["Number"] for one in events])

    events["Newexten"].send(sender=ServerHandle("node_1", Client), event={"Number": 1})
    assert got == [[1]]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"max_size": 0}, "max_size must be a whole number from 1 to 100000, not 0."),
        ({"max_seconds": 0}, "max_seconds must be above 0, and at most 3600, not 0."),
        ({"on_error": "drop"}, "on_error must be 'split' or 'retry', not 'drop'."),
    ],
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any], fault: str) -> None:
    decorate: Callable[[Any], Any] = batch_receiver("Newexten", **options)
    with pytest.raises(ValueError, match="^" + fault.replace("(", "\\(")):
        decorate(print)


def test_batches_of_a_thread_that_blocks_hold_up_no_other(sim: Simulator) -> None:
    free, got = threading.Event(), gathering(max_seconds=0.01)

    @batch_receiver("Block", max_size=1)
    def on_block(**_: Any) -> None:
        assert free.wait(30)

    with listening(sim.url, parallel=Parallel(workers=2)) as listener:
        listener.make_ready()
        sim.emit("Block", privilege="call", Uniqueid="2.1", Linkedid="2.1")
        listener.run_until(lambda: listener.dispatcher.busy)
        began = time.monotonic()
        emit(sim, 1, 2, 3)
        listener.run_until(lambda: sum(map(len, got)) == 3)
        assert time.monotonic() - began < 20
        free.set()


@pytest.mark.parametrize("wrong", [test_event_that_a_test_sends_is_taken_at_once, events["Hangup"]])
def test_argument_that_is_no_name_of_an_event_is_refused_where_it_stands(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"as in @batch_receiver\('Newchannel', 'Hangup'\), not <"):
        batch_receiver(wrong)


def test_function_that_takes_no_list_is_refused_where_it_stands() -> None:
    def one_by_one(sender: ServerHandle, event: Event, **_: Any) -> None: ...

    with pytest.raises(TypeError, match=r"with sender and events, .*: missing a required argument"):
        batch_receiver("Hangup")(one_by_one)
    assert not events["Hangup"].receivers


def test_poison_event_behind_an_outage_of_the_database_fails_alone(sim: Simulator) -> None:
    calls: list[list[int]] = []
    got: list[int] = []

    @batch_receiver("Newexten", max_size=10, max_seconds=3600, on_error="split")
    def on_some(events: list[Any], **_: Any) -> None:
        calls.append(numbers(events))
        if len(calls) == 1:
            raise OperationalError("away")
        if 3 in calls[-1]:
            raise ValueError("poison")
        got.extend(calls[-1])

    retry = Retry(retry_errors=(OperationalError,), retry_initial=0.01)
    with listening(sim.url) as listener:
        listener.client.receivers.failing.retry = retry
        listener.make_ready()
        emit(sim, *range(10))
        listener.run_until(lambda: listener.status.failed > 0 and listener.status.queued == 0)
        status = listener.status
    assert sorted(got) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert status.failed == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_batch_that_is_larger_than_the_queue_is_given_before_events_are_dropped(
    sim: Simulator, workers: int
) -> None:
    got = gathering(max_size=1000, max_seconds=3600)
    with listening(
        sim.url, parallel=Parallel(workers=workers), event_queue_capacity=200
    ) as listener:
        listener.make_ready()
        received = listener.status.received
        for number in range(1, 601):
            emit(sim, number)
            if number % 20 == 0:
                listener.run_until(
                    lambda number=number: listener.status.received >= received + number
                )
                listener.run_until(lambda: listener.status.queued < 180)
        assert listener.status.dropped == 0
        assert sum(map(len, got)) >= 400
