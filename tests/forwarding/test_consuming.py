"""Receivers of forwarded events run as those of a listener do."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.dispatch import receiver

from django_ami import ami
from django_ami.core.event_id import EventId
from django_ami.core.session import Gap, GapReason
from django_ami.forwarding import notices
from django_ami.forwarding.consuming import Consumption, consuming
from django_ami.forwarding.envelope import Envelope
from django_ami.signals import ami_event, batch_receiver, events, gap
from tests.receiving import fresh_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.receivers import Receivers


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def receivers(settings: Any) -> Iterator[Receivers]:
    settings.AMI_DISPATCH = {"retry_initial": 0.01, "retry_max": 0.02}
    with consuming() as found:
        yield found


def envelope(number: int, name: str = "Newexten", **named: Any) -> Envelope:
    raw = f"Event: {name}\r\nUniqueid: 1.{number}\r\nNumber: {number}".encode()
    return Envelope(EventId("node_1", "E1", number), raw, time.time(), **named)


def some(*numbers: int, **named: Any) -> list[Envelope]:
    return [envelope(number, **named) for number in numbers]


def numbers(of: list[Any]) -> list[int]:
    return [int(one["Number"]) for one in of]


def test_receivers_get_forwarded_events_in_order_with_the_handle_of_their_server(receivers):
    got = []

    @receiver(events["Newexten"], sender=ami.handle("node_1"))
    def on_exten(sender: Any, event: Any, **_: Any) -> None:
        assert event.id == EventId("node_1", "E1", int(event["Number"]))
        got.append(("own", sender.name, event.name, event["Number"]))

    @receiver(ami_event)
    def on_any(event: Any, **_: Any) -> None:
        got.append(("any", event.server, event.name, event["Number"]))

    batch = [envelope(1), envelope(2, name="Hangup")]
    result = Consumption(receivers).deliver(batch)
    assert (result.delivered, result.failed, result.left, result.dead) == (2, 0, 0, [])
    assert got == [
        ("own", "node_1", "Newexten", "1"),
        ("any", "node_1", "Newexten", "1"),
        ("any", "node_1", "Hangup", "2"),
    ]


def test_a_receiver_that_raises_is_called_three_times_and_its_event_is_set_apart(receivers):
    calls = []

    @receiver(events["Newexten"])
    def good(event: Any, **_: Any) -> None:
        calls.append(("good", event["Number"]))

    @receiver(events["Newexten"])
    def bad(event: Any, **_: Any) -> None:
        calls.append(("bad", event["Number"]))
        if event["Number"] == "2":
            raise ValueError("cannot take it")

    result = Consumption(receivers).deliver(some(1, 2, 3))
    assert (result.delivered, result.failed, result.left) == (2, 1, 0)
    (dead,) = result.dead
    assert dead.envelope.id.sequence == 2
    assert "bad raised ValueError: cannot take it" in dead.reason
    assert dead.tries == calls.count(("bad", "2")) == 3
    assert calls.count(("good", "2")) == 1
    assert receivers.failures.total() == 1


def test_a_receiver_that_fails_always_is_called_once_for_each_event_until_it_goes_well(receivers):
    calls = []

    @receiver(events["Newexten"])
    def bad(event: Any, **_: Any) -> None:
        calls.append(int(event["Number"]))
        if event["Number"] != "4":
            raise ValueError("never")

    result = Consumption(receivers).deliver(some(1, 2, 3, 4, 5))
    assert [one.tries for one in result.dead] == [3, 1, 1, 3]
    assert calls == [1, 1, 1, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("limit", [None, 7.0])
def test_a_consumer_waits_for_the_database_without_an_end_unless_a_limit_is_named(
    settings: Any, limit: float | None
) -> None:
    settings.AMI_DISPATCH = {} if limit is None else {"RETRY_LIMIT": limit}
    with consuming() as found:
        assert found.failing.retry.retry_limit == limit


def test_a_database_that_is_away_is_no_reason_to_set_an_event_apart(receivers):
    calls = []

    @receiver(events["Newexten"])
    def writes(event: Any, **_: Any) -> None:
        calls.append(event["Number"])
        if len(calls) < 6:
            raise OperationalError("the database is away")

    result = Consumption(receivers).deliver(some(1, 2))
    assert (result.delivered, result.dead) == (2, [])
    assert calls == ["1"] * 6 + ["2"]


def test_a_batch_receiver_gets_lists_and_all_of_it_is_through_when_deliver_returns(receivers):
    got = []

    @batch_receiver("Newexten", max_size=3, max_seconds=60)
    def on_some(sender: Any, events: list[Any], **_: Any) -> None:
        assert sender.name == "node_1"
        got.append(numbers(events))

    result = Consumption(receivers).deliver(some(*range(8)))
    assert got == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert (result.delivered, result.failed, result.left) == (8, 0, 0)


def test_lists_gather_over_several_batches_until_they_are_finished(receivers):
    got = []

    @batch_receiver("Newexten", max_size=4, max_seconds=60)
    def on_some(events: list[Any], **_: Any) -> None:
        got.append(numbers(events))

    consumption = Consumption(receivers)
    assert consumption.gather(some(1, 2, 3))
    assert consumption.waits
    assert got == []
    assert consumption.gather(some(4, 5))
    assert got == [[1, 2, 3, 4]]
    assert consumption.finish().delivered == 5
    assert got == [[1, 2, 3, 4], [5]]
    assert not consumption.waits
    assert consumption.finish().delivered == 0


def test_a_poison_event_in_a_list_is_set_apart_alone(receivers):
    @batch_receiver("Newexten", max_size=8, max_seconds=60)
    def on_some(events: list[Any], **_: Any) -> None:
        if 5 in numbers(events):
            raise ValueError("five")

    result = Consumption(receivers).deliver(some(*range(8)))
    assert (result.delivered, result.failed) == (7, 1)
    assert [one.envelope.id.sequence for one in result.dead] == [5]
    assert "ValueError: five" in result.dead[0].reason


def test_events_are_left_once_the_right_to_deliver_is_lost(receivers):
    got: list[int] = []

    @receiver(events["Newexten"])
    def on_exten(event: Any, **_: Any) -> None:
        got.append(int(event["Number"]))

    result = Consumption(receivers, serves=lambda: len(got) < 2).deliver(some(1, 2, 3, 4))
    assert got == [1, 2]
    assert (result.delivered, result.left) == (2, 2)


def test_lists_are_left_when_the_right_to_deliver_is_lost_before_they_are_given(receivers):
    got: list[int] = []
    serves = True

    @batch_receiver("Newexten", max_size=10, max_seconds=60)
    def on_some(events: list[Any], **_: Any) -> None:
        got.extend(numbers(events))

    consumption = Consumption(receivers, serves=lambda: serves)
    consumption.gather(some(1, 2))
    serves = False
    assert consumption.finish().left == 2
    serves = True
    consumption.give_due()
    assert got == []


def test_events_behind_the_end_are_left(receivers):
    def end(event: Any, **_: Any) -> None:
        receivers.end_at(time.monotonic())

    events["Newexten"].connect(end)
    try:
        result = Consumption(receivers).deliver(some(1, 2, 3))
    finally:
        receivers.end_at(float("inf"))
    assert (result.delivered, result.left) == (1, 2)


def test_the_copy_of_a_merge_reaches_no_receiver_a_second_time(receivers):
    got = []

    @receiver(ami_event)
    def on_any(event: Any, **_: Any) -> None:
        got.append(event["Number"])

    result = Consumption(receivers).deliver([envelope(1), envelope(2, copy=True), envelope(3)])
    assert got == ["1", "3"]
    assert (result.delivered, result.left) == (2, 0)


def test_each_thread_has_the_lease_of_the_listener_that_forwarded_its_event(receivers):
    met = threading.Barrier(2, timeout=10)
    seen = {}

    @receiver(events["Newexten"])
    def on_exten(sender: Any, event: Any, **_: Any) -> None:
        met.wait()
        seen[event["Number"]] = sender.lease.token, sender.lease.valid

    async def on_exten_async(sender: Any, event: Any, **_: Any) -> None:
        await asyncio.sleep(0)
        seen[event["Number"] + " async"] = sender.lease.token, sender.lease.valid

    events["Newexten"].connect(on_exten_async)

    def run(number: int, token: int) -> None:
        Consumption(receivers.beside()).deliver([envelope(number, token=token)])

    threads = [threading.Thread(target=run, args=(one, 10 + one)) for one in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == {
        "1": (11, True), "2": (12, True), "1 async": (11, True), "2 async": (12, True),
    }  # fmt: skip
    assert ami.handle("node_1").lease is None


def test_a_notice_is_told_in_order_behind_lists_that_wait(receivers):
    got: list[Any] = []

    @batch_receiver("Newexten", max_size=10, max_seconds=60)
    def on_some(events: list[Any], **_: Any) -> None:
        got.append(numbers(events))

    @receiver(gap)
    def on_gap(sender: Any, reason: Any, lost: Any, **_: Any) -> None:
        got.append((sender.name, reason, lost))

    raw = notices.encode(Gap("node_1", 1.0, 2.0, GapReason.OVERLOAD, 7))
    assert raw is not None
    told = Envelope(EventId("node_1", "E1", 3), raw, time.time(), kind="notice")
    result = Consumption(receivers).deliver([*some(1, 2), told, *some(4)])
    assert got == [[1, 2], ("node_1", GapReason.OVERLOAD, 7), [4]]
    assert result.delivered == 4


def test_a_notice_that_cannot_be_read_is_set_apart(receivers):
    told = Envelope(EventId("node_1", "E1", 3), b"{}", time.time(), kind="notice")
    result = Consumption(receivers).deliver([told])
    assert (result.failed, [one.envelope for one in result.dead]) == (1, [told])


def test_a_dead_letter_names_the_error_of_its_own_event_though_it_was_in_a_batch_with_others(
    receivers,
):
    @receiver(events["Newexten"])
    def picky(event: Any, **_: Any) -> None:
        if event["Number"] != "3":
            raise ValueError(f"number {event['Number']}")

    @batch_receiver("Newexten", max_size=10, max_seconds=60)
    def takes_all(events: Any, **_: Any) -> None:
        pass

    result = Consumption(receivers).deliver(some(1, 2, 3))
    assert (result.delivered, result.failed) == (1, 2)
    assert [(one.envelope.id.sequence, one.reason[-8:]) for one in result.dead] == [
        (1, "number 1"),
        (2, "number 2"),
    ]
