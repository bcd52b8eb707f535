"""Forwarding: a real connection, a real engine that fails, a real spool."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from django_ami.conf import Parallel
from django_ami.conf.forward import Forward, read_forward
from django_ami.forwarding.outlet import OutletAway
from django_ami.parallel.keys import number_of as partition_of
from django_ami.signals import ami_event, events, gap, server_ready
from django_ami.signals.sending import of_listener
from django_ami.testing import FakeAsterisk, Simulator
from tests.forwarding.sink import Sink, header_of, number_of, options_of, sinking
from tests.receiving import fresh_registry, listening


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as one:
        yield one


Make = Callable[..., Forward]


@pytest.fixture
def forward_to(sink: Sink, settings: Any, tmp_path: Path) -> Make:
    """Reads the setting AMI_FORWARD with these keys; the spool is in this test's directory."""

    def make(**more: Any) -> Forward:
        settings.AMI_FORWARD = options_of(sink, **{"SPOOL": str(tmp_path / "spool"), **more})
        found = read_forward()
        assert found is not None
        return found

    return make


def emit(sim: Simulator, name: str, uniqueid: str, number: int, **more: object) -> None:
    linkedid = more.pop("Linkedid", uniqueid)
    sim.emit(name, Uniqueid=uniqueid, Linkedid=linkedid, Number=number, **more)


def never(event: Any, **_: Any) -> None:
    raise AssertionError(f"{event!r} is received in the listener")


def test_events_reach_the_engine_in_order_and_no_receiver_here(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        for number in range(400):
            emit(sim, "Newexten", f"1.{number % 20}", number)
        sim.emit("UserEvent", UserEvent="Nobody", Number=1)
        listener.run_until(lambda: len(sink.events) == 400)
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
        assert listener.status.delivered == 400
        assert not listener.status.failed
    for partition, numbers in sink.by_partition().items():
        assert numbers == sorted(numbers), partition
    assert sorted(sink.numbers()) == list(range(400))
    assert len({one.id for one in sink.events}) == 400
    assert len(sink.by_partition()) > 8
    for partition, _, _, envelopes in sink.batches:
        for one in envelopes:
            if one.kind == "event":
                assert partition == partition_of(header_of(one, b"Uniqueid").decode(), 16)


def test_call_keeps_its_partition_when_its_linkedid_changes(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.1", 0, Linkedid="1.0")
        emit(sim, "Newexten", "1.1", 1, Linkedid="1.1")
        listener.run_until(lambda: len(sink.events) == 2)
    assert sink.by_partition() == {partition_of("1.0", 16): [0, 1]}


def test_event_that_merges_two_calls_is_in_both_partitions(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    ami_event.connect(never)
    older, younger = partition_of("1.0", 16), partition_of("2.0", 16)
    assert older != younger
    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.0", 0)
        emit(sim, "Newexten", "2.0", 1)
        sim.emit("LocalBridge", LocalOneUniqueid="2.0", LocalTwoUniqueid="1.0",
                 LocalOneLinkedid="2.0", LocalTwoLinkedid="1.0", Number=2)  # fmt: skip
        emit(sim, "Newexten", "2.0", 3)
        listener.run_until(
            lambda: {3} <= {number_of(one) for one in sink.events if b"Number" in one.raw}
        )
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
    numbered = {
        partition: [(number_of(one), one.copy) for one in envelopes if b"\r\nNumber: " in one.raw]
        for partition, _, _, envelopes in merged(sink)
    }
    assert numbered[older] == [(0, False), (2, False), (3, False)]
    assert numbered[younger] == [(1, False), (2, True)]
    copies = [one for one in sink.envelopes if one.copy]
    assert copies[0].id in {one.id for one in sink.events}


def merged(sink: Sink) -> list[tuple[int, str, int, list[Any]]]:
    """The batches of each partition as one."""
    found: dict[int, list[Any]] = {}
    for partition, _, _, envelopes in sink.batches:
        found.setdefault(partition, []).extend(envelopes)
    return [(partition, "", 0, those) for partition, those in found.items()]


def test_notices_travel_in_partition_0_and_reach_those_of_the_listener_here(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    heard: list[str] = []

    def elsewhere(**_: Any) -> None:
        heard.append("elsewhere")

    @of_listener
    def here(**_: Any) -> None:
        heard.append("here")

    server_ready.connect(elsewhere)
    server_ready.connect(here)
    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        listener.run_until(lambda: sink.batches)
    [(partition, _, _, [one])] = sink.batches
    assert (partition, one.kind, one.raw) == (
        0,
        "notice",
        b'{"signal": "server_ready", "again": false}',
    )
    assert heard == ["here"]


def test_local_receivers_run_beside_the_engine_and_each_event_counts_once(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    seen: list[int] = []

    def on_event(event: Any, **_: Any) -> None:
        seen.append(int(event["Number"]))
        if seen[-1] % 10 == 0:
            raise ValueError("as it is meant to")

    events["Newexten"].connect(on_event)
    with listening(sim.url, forward=forward_to(LOCAL=True)) as listener:
        listener.make_ready()
        for number in range(100):
            emit(sim, "Newexten", "1.0", number)
        listener.run_until(lambda: len(sink.events) == 100 and len(seen) == 100)
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
        assert (listener.status.delivered, listener.status.failed) == (90, 10)
    assert seen == sink.numbers() == list(range(100))


def test_local_event_is_queued_until_the_engine_has_it(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    seen: list[int] = []
    events["Newexten"].connect(lambda event, **_: seen.append(int(event["Number"])), weak=False)
    sink.kill()
    with listening(sim.url, forward=forward_to(LOCAL=True, SPOOL=None)) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.0", 1)
        listener.run_until(lambda: seen == [1])
        assert (listener.status.queued, listener.status.delivered) == (1, 0)
        sink.start()
        listener.run_until(lambda: listener.status.queued == 0)
        assert listener.status.delivered == 1


def test_local_receivers_on_four_threads(sim: Simulator, sink: Sink, forward_to: Make) -> None:
    seen: list[int] = []
    events["Newexten"].connect(lambda event, **_: seen.append(int(event["Number"])), weak=False)
    with listening(sim.url, parallel=Parallel(4), forward=forward_to(LOCAL=True)) as listener:
        listener.make_ready()
        for number in range(300):
            emit(sim, "Newexten", f"1.{number % 30}", number)
        listener.run_until(lambda: len(sink.events) == 300 and len(seen) == 300)
        listener.run_until(lambda: listener.status.queued == 0)
        listener.assert_accounted()
        assert listener.status.delivered == 300
    assert sorted(seen) == sorted(sink.numbers()) == list(range(300))


def test_named_events_are_forwarded_without_receivers_and_no_others(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newstate"].connect(never)
    with listening(sim.url, forward=forward_to(EVENTS=["NewExten"])) as listener:
        listener.make_ready()
        emit(sim, "Newstate", "1.0", 0)
        emit(sim, "Newexten", "1.0", 1)
        emit(sim, "Newchannel", "1.0", 2)
        listener.run_until(lambda: sink.events and not listener.status.queued)
        listener.assert_accounted()
    assert sink.numbers() == [1]


def test_every_event_is_forwarded_by_a_star(sim: Simulator, sink: Sink, forward_to: Make) -> None:
    with listening(sim.url, forward=forward_to(EVENTS="*")) as listener:
        listener.make_ready()
        emit(sim, "Newstate", "1.0", 0)
        sim.emit("UserEvent", UserEvent="Mine", Number=1)
        listener.run_until(
            lambda: len([one for one in sink.events if b"\r\nNumber" in one.raw]) == 2
        )


def test_function_of_the_project_gives_the_partition(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["UserEvent"].connect(never)
    forward = forward_to(PARTITION=lambda event: event["Customer"], PARTITIONS=1000)
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        for number in range(6):
            sim.emit("UserEvent", UserEvent="A", Customer=f"c{number % 2}", Number=number)
        listener.run_until(lambda: len(sink.events) == 6)
    assert sink.by_partition() == {
        partition_of("c0", 1000): [0, 2, 4],
        partition_of("c1", 1000): [1, 3, 5],
    }


def test_spooled_events_of_partitions_that_are_no_more_go_to_others(
    sim: Simulator, sink: Sink, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    events["Newexten"].connect(never)
    sink.kill()
    with listening(sim.url, forward=forward_to(PARTITIONS=64)) as listener:
        listener.make_ready()
        for number in range(60):
            emit(sim, "Newexten", f"1.{number % 20}", number)
        listener.run_until(lambda: listener.status.delivered == 60)
    sink.start()
    with listening(sim.url, forward=forward_to(PARTITIONS=4)) as listener:
        listener.run_until(lambda: len(sink.events) == 60)
    assert sorted(sink.numbers()) == list(range(60))
    assert set(sink.by_partition()) <= set(range(4))
    assert caplog.text.count("PARTITIONS of AMI_FORWARD was larger") == 1


class Broken:
    """An outlet with a bug."""

    def __init__(self, _: Forward) -> None:
        pass

    def open(self) -> None:
        raise ZeroDivisionError("a bug of its makers")

    def publish(self, batches: Any) -> None:
        raise AssertionError("it is not open")

    def close(self, timeout: float) -> None:
        pass


def test_outlet_with_a_bug_has_one_traceback_however_often_it_is_tried(
    sim: Simulator, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    events["Newexten"].connect(never)
    forward = replace(forward_to(), outlet=f"{__name__}.Broken")
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        emit(sim, "Newexten", "1.0", 1)
        publisher = listener.dispatcher.forwarder._relay.publisher
        listener.run_until(lambda: publisher.away)
        time.sleep(1.0)  # it is tried again after 0.1, 0.2, 0.4 s
    assert caplog.text.count("a bug in the outlet") == 1


class Fickle:
    """An outlet whose engine refuses every other lot, for another reason each time at first."""

    reasons: ClassVar[list[str]] = []

    def __init__(self, _: Forward) -> None:
        self._attempts = 0

    def open(self) -> None:
        pass

    def publish(self, batches: Any) -> None:
        self._attempts += 1
        if self.reasons:
            raise OutletAway(self.reasons.pop(0))
        if self._attempts % 2:
            raise OutletAway("it has no room")

    def close(self, timeout: float) -> None:
        pass


def test_engine_that_comes_and_goes_fills_no_log(
    sim: Simulator, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    events["Newexten"].connect(never)
    forward = replace(forward_to(), outlet=f"{__name__}.Fickle")
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        publisher = listener.dispatcher.forwarder._relay.publisher
        for number in range(1, 9):
            emit(sim, "Newexten", "1.0", number)
            listener.run_until(lambda number=number: publisher.failures >= number)
            listener.run_until(lambda: publisher.away is None)
    told = [one.getMessage() for one in caplog.records if one.name.endswith("publishing")]
    assert sum("cannot be forwarded" in line for line in told) == 3
    assert sum("again, after" in line for line in told) == 3


def test_other_reason_of_an_engine_that_stays_away_is_told_at_once(
    sim: Simulator, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    events["Newexten"].connect(never)
    Fickle.reasons[:] = ["its connection broke", "it refuses the password"]
    forward = replace(forward_to(), outlet=f"{__name__}.Fickle")
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        publisher = listener.dispatcher.forwarder._relay.publisher
        listener.run_until(lambda: publisher.failures and publisher.away is None)
    told = [one.getMessage() for one in caplog.records if "cannot be forwarded" in one.msg]
    assert [line.partition("again: ")[2].partition(".")[0] for line in told][:2] == [
        "its connection broke", "it refuses the password",
    ]  # fmt: skip


# --- an engine that fails ---


def outage(sim: Simulator, sink: Sink, listener: Any, begin: Callable[[], None],
           end: Callable[[], None], count: int = 300) -> None:  # fmt: skip
    """Events before, in and behind an outage."""
    listener.make_ready()
    for number in range(count):
        emit(sim, "Newexten", f"1.{number % 7}", number)
    listener.run_until(lambda: len(sink.events) == count)
    begin()
    for number in range(count, 2 * count):
        emit(sim, "Newexten", f"1.{number % 7}", number)
    listener.run_until(lambda: listener.status.delivered == 2 * count)
    end()
    for number in range(2 * count, 3 * count):
        emit(sim, "Newexten", f"1.{number % 7}", number)
    listener.run_until(lambda: len(sink.events) == 3 * count and not listener.status.queued)
    listener.assert_accounted()
    assert sorted(sink.numbers()) == list(range(3 * count))
    by_call: dict[bytes, list[int]] = {}
    for one in sink.events:
        by_call.setdefault(header_of(one, b"Uniqueid"), []).append(number_of(one))
    assert all(numbers == sorted(numbers) for numbers in by_call.values())


def test_killed_engine_costs_nothing_and_keeps_the_order(
    sim: Simulator, sink: Sink, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to()) as listener:
        outage(sim, sink, listener, sink.kill, sink.start)
    lines = [one.getMessage() for one in caplog.records if "forward" in one.getMessage()]
    *away, again = lines
    assert 1 <= len(away) <= 2, lines  # its link breaks, and then it cannot be reached
    for one in away:
        assert one.startswith("events cannot be forwarded to tests.forwarding.sink.SinkOutlet")
        assert re.search(r"\w\. They are kept in the spool /", one), one
    assert "events are forwarded to tests.forwarding.sink.SinkOutlet again" in again


def test_frozen_engine_costs_nothing_and_keeps_the_order(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    forward = forward_to(options={"timeout": 0.3})
    with listening(sim.url, forward=forward) as listener:
        outage(sim, sink, listener, sink.freeze, sink.thaw)


def test_slow_engine_is_bypassed_before_its_timeout(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to(options={"timeout": 60})) as listener:
        outage(sim, sink, listener, sink.freeze, sink.thaw)
    assert sink.doubles == 0


def test_lost_confirmations_make_doubles_with_the_same_ids(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)

    def lose() -> None:
        sink.mute = True

    def answer() -> None:
        sink.mute = False

    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        lose()
        for number in range(50):
            emit(sim, "Newexten", "1.0", number)
        listener.run_until(lambda: sink.doubles >= 2)
        answer()
        listener.run_until(lambda: len(sink.events) == 50 and not listener.status.queued)
    assert sink.numbers() == list(range(50))


@pytest.mark.slow
def test_without_a_spool_events_wait_in_memory_and_the_oldest_are_dropped(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    events["Hangup"].connect(never)
    gaps: list[int] = []
    gap.connect(of_listener(lambda lost, **_: gaps.append(lost)), weak=False)
    sink.kill()
    with listening(sim.url, forward=forward_to(SPOOL=None), event_queue_capacity=100) as listener:
        listener.make_ready()
        emit(sim, "Hangup", "1.0", -1)
        for number in range(500):
            emit(sim, "Newexten", "1.0", number)
        listener.run_until(lambda: listener.status.received >= 501)
        assert listener.status.dropped >= 300
        sink.start()
        listener.run_until(lambda: not listener.status.queued)
        listener.assert_accounted()
        dropped = listener.status.dropped
        listener.run_until(lambda: sum(gaps) == dropped)
        assert listener.status.dropped_important == 0
    numbers = sink.numbers()
    assert len(numbers) == 501 - dropped
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (-1, 499)
    assert any(b'"signal": "gap"' in one.raw for one in sink.envelopes)


def test_full_spool_tells_the_gap_and_keeps_important_events(
    sim: Simulator, sink: Sink, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ami_event.connect(never)
    sink.kill()
    forward = forward_to(SPOOL_BYTES=2**20)
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        emit(sim, "Hangup", "1.0", 0)
        for number in range(1, 1500):
            emit(sim, "Newexten", "1.0", number, AppData="x" * 1000)
            if number % 200 == 0:
                listener.run_until(lambda number=number: listener.status.delivered > number)
        forwarder = listener.dispatcher.forwarder
        listener.run_until(lambda: forwarder.lost > 0 and not listener.status.queued)
        assert forwarder.status().spool_bytes <= 2**20
        sink.start()
        listener.run_until(lambda: 1499 in sink.numbers())
        lost = forwarder.lost
    numbers = sink.numbers()
    missing = sorted(set(range(1500)) - set(numbers))
    assert numbers == sorted(numbers)
    assert len(missing) == lost
    assert missing == list(range(missing[0], missing[-1] + 1)), "the oldest, but for those in hand"
    assert missing[0] > 0, "the Hangup is important"
    assert "the spool is full" in caplog.text


def test_second_listener_on_the_same_spool_is_refused(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    from django_ami.errors import ConfigurationError

    with (
        listening(sim.url, forward=forward_to()),
        pytest.raises(ConfigurationError, match="give each listener a directory of its own"),
        listening(sim.url, forward=forward_to()),
    ):
        raise AssertionError("it has begun")


def test_end_spools_what_the_engine_does_not_take(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    events["Newexten"].connect(never)
    sink.freeze()
    with listening(sim.url, forward=forward_to(options={"timeout": 60})) as listener:
        listener.make_ready()
        for number in range(100):
            emit(sim, "Newexten", "1.0", number)
        listener.run_until(lambda: listener.status.received >= 100)
    sink.thaw()
    with listening(sim.url, forward=forward_to()) as listener:
        listener.run_until(lambda: len(sink.events) == 100)
    assert sink.numbers() == list(range(100))


@pytest.mark.slow
def test_outage_with_a_large_backlog(sim: Simulator, sink: Sink, forward_to: Make) -> None:
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to(), event_queue_capacity=100_000) as listener:
        outage(sim, sink, listener, sink.kill, sink.start, 15_000)


@pytest.mark.slow
def test_engine_that_comes_and_goes(sim: Simulator, sink: Sink, forward_to: Make) -> None:
    events["Newexten"].connect(never)
    chance = random.Random(4)
    forward = forward_to(options={"timeout": 0.2})
    health = [sink.kill, sink.freeze, sink.thaw, sink.start]
    with listening(sim.url, forward=forward) as listener:
        listener.make_ready()
        for number in range(6_000):
            emit(sim, "Newexten", f"1.{number % 5}", number)
            if number % 100 == 0:
                _change(sink, chance.choice(health))
                listener.run_until(lambda number=number: listener.status.received > number - 500)
        sink.thaw()
        sink.kill()
        sink.start()
        listener.run_until(lambda: len(sink.events) == 6_000 and not listener.status.queued)
        listener.assert_accounted()
    by_call: dict[bytes, list[int]] = {}
    for one in sink.events:
        by_call.setdefault(header_of(one, b"Uniqueid"), []).append(number_of(one))
    assert all(numbers == sorted(numbers) for numbers in by_call.values())


def _change(sink: Sink, health: Callable[[], None]) -> None:
    if health == sink.start:
        sink.kill()
    health()


def test_status_says_how_the_engine_is(sim: Simulator, sink: Sink, forward_to: Make) -> None:
    events["Newexten"].connect(never)
    with listening(sim.url, forward=forward_to()) as listener:
        listener.make_ready()
        forwarder = listener.dispatcher.forwarder
        listener.run_until(lambda: sink.batches and forwarder.status().unsafe == 0)
        assert forwarder.status().up
        assert forwarder.status(lag=True).lag == {0: 7}
        sink.kill()
        emit(sim, "Newexten", "1.0", 1)
        listener.run_until(lambda: not forwarder.status().up and not listener.status.queued)
        status = forwarder.status()
        assert (status.spool_batches, status.spool_events) == (1, 1)
        assert status.why.startswith("the sink ")


def test_loss_of_a_full_spool_just_before_the_end_is_told(
    sim: Simulator, sink: Sink, forward_to: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ami_event.connect(lambda **_: None, weak=False)
    sink.kill()
    with listening(sim.url, forward=forward_to(SPOOL_BYTES=2**20)) as listener:
        listener.make_ready()
        forwarder = listener.dispatcher.forwarder
        assert forwarder is not None
        for number in range(1, 2800):  # within one interval of reports
            emit(sim, "Newexten", "1.0", number, AppData="x" * 1000)
            if number % 200 == 0:
                listener.run_until(lambda number=number: listener.status.delivered >= number)
        listener.run_until(lambda: not listener.status.queued)
        lost = forwarder.lost
    assert lost
    assert sum(map(int, re.findall(r"full: (\d+) events", caplog.text))) == lost


def test_events_are_spooled_soon_while_the_engine_freezes_with_the_rest_of_the_spool(
    sim: Simulator, sink: Sink, forward_to: Make
) -> None:
    ami_event.connect(lambda **_: None, weak=False)
    sink.kill()
    with listening(sim.url, forward=forward_to(options={"timeout": 60})) as listener:
        listener.make_ready()
        forwarder = listener.dispatcher.forwarder
        assert forwarder is not None
        for number in range(1, 1400):
            emit(sim, "Newexten", "1.0", number, AppData="x" * 1000)
            if number % 200 == 0:
                listener.run_until(lambda number=number: listener.status.delivered >= number)
        listener.run_until(
            lambda: listener.status.delivered >= 1399 and not forwarder.status().unsafe
        )
        lots: list[int] = []
        frozen, thawed = threading.Event(), threading.Event()
        publish = forwarder._outlet.publish

        def freeze(batches: Any) -> None:
            lots.append(len(batches))
            if len(lots) > 1 and not forwarder._relay._is_behind and not frozen.is_set():
                frozen.set()
                thawed.wait(60)
            publish(batches)

        forwarder._outlet.publish = freeze  # type: ignore[method-assign]
        sink.start()
        listener.run_until(frozen.is_set)
        emit(sim, "Newexten", "1.0", 2000)
        listener.run_until(lambda: forwarder.status().unsafe > 0)
        listener.run_until(lambda: not forwarder.status().unsafe)
        assert not thawed.is_set()
        thawed.set()
