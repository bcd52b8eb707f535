"""Consumers of a real Redis, in this process."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError
from django.dispatch import receiver

from django_ami.core.lease import boottime
from django_ami.forwarding.consuming import consuming
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.redis import RedisOutlet
from django_ami.forwarding.redis.leases import Tenure
from django_ami.forwarding.redis.options import RedisOptions
from django_ami.forwarding.redis.partition import Partition
from django_ami.forwarding.redis.scripts import run
from django_ami.forwarding.redis.standing import measure
from django_ami.running import noted_consumer
from django_ami.signals import batch_receiver, events
from django_ami.tools import forwarded
from tests.forwarding.redis_support import (
    batch_of,
    consumer_of,
    envelope,
    forward_of,
    stream_of,
)  # fmt: skip
from tests.receiving import fresh_registry
from tests.running import wait_until
from tests.servers.redis import RedisServer, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.forwarding.redis.consumer import Consumer


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any, settings: Any) -> Iterator[None]:
    settings.AMI_DISPATCH = {"retry_initial": 0.01, "retry_max": 0.02}
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def outlet(url: str) -> Iterator[RedisOutlet]:
    outlet = RedisOutlet(forward_of(url))
    outlet.open()
    outlet._redis.flushall()
    yield outlet
    outlet.close(1)


@pytest.fixture
def got() -> list[int]:
    """The numbers of the events that a receiver gets."""
    found: list[int] = []

    def on_exten(event: Any, **_: Any) -> None:
        found.append(int(event["Number"]))

    events["Newexten"].connect(on_exten, weak=False)
    return found


def publish(outlet: RedisOutlet, *numbers: int, partition: int = 0, position: int = 0) -> None:
    outlet.publish([batch_of([envelope(one) for one in numbers], position or numbers[0],
                             partition)])  # fmt: skip


def wait_for(found: list[Any], *expected: Any) -> None:
    wait_until(lambda: len(found) >= len(expected), what=f"{expected}, not {found}")
    assert found == list(expected)


def wait_until_acknowledged(outlet: RedisOutlet) -> None:
    wait_until(lambda: not any((outlet.lag() or {0: 1}).values()), what=f"{outlet.lag()}")


@pytest.mark.parametrize(("workers", "end"), [(1, ", on 1 thread"), (2, ", on 2 threads")])
def test_consumer_says_in_plain_words_what_it_consumes(url: str, workers: int, end: str) -> None:
    with consumer_of(forward_of(url), workers=workers) as consumer:
        said = str(consumer)
    assert said.startswith("events of node_1, its share of 4 partitions, from the Redis at ")
    assert said.endswith(end)


def test_events_before_and_behind_the_start_arrive_in_order_and_are_acknowledged(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    publish(outlet, 1, 2)
    with consumer_of(forward_of(url)) as consumer:
        wait_for(got, 1, 2)
        publish(outlet, 3)
        publish(outlet, 4, 5)
        wait_for(got, 1, 2, 3, 4, 5)
        wait_until_acknowledged(outlet)
        assert consumer.consumed.delivered == 5
    holders = [one.holder for one in measure(outlet._redis, map(stream_of, range(4))).values()]
    assert holders == [None] * 4


def test_batches_that_were_read_and_not_acknowledged_come_first(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    key = stream_of().key
    outlet._redis.xgroup_create(key, "consumers", "0", mkstream=True)
    for number in range(1, 8):
        publish(outlet, number)
    outlet._redis.xreadgroup("consumers", "holder", {key: ">"}, count=3)
    outlet._redis.xreadgroup("consumers", "somebody else", {key: ">"}, count=2)
    with consumer_of(forward_of(url, options={"read": 2})):
        wait_for(got, *range(1, 8))
        wait_until_acknowledged(outlet)


@pytest.mark.slow
def test_consumers_share_the_partitions_and_take_over_those_of_one_that_goes(
    outlet: RedisOutlet, url: str
) -> None:
    forward = forward_of(url, partitions=8)

    def shared(*consumers: Consumer) -> list[int]:
        return sorted(one.held.total() for one in consumers)

    with consumer_of(forward) as first:
        wait_until(lambda: shared(first) == [8])
        with consumer_of(forward) as second:
            wait_until(lambda: shared(first, second) == [4, 4])
            with consumer_of(forward) as third:
                wait_until(lambda: shared(first, second, third) == [2, 3, 3])
        wait_until(lambda: shared(first) == [8])


def test_an_event_that_a_receiver_cannot_take_is_a_dead_letter_and_the_next_go_on(
    outlet: RedisOutlet, url: str, got: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    @receiver(events["Newexten"])
    def poisoned(event: Any, **_: Any) -> None:
        if event["Number"] == "2":
            calls.append(event.id)
            raise ValueError("not this one")

    publish(outlet, 1, 2, 3)
    publish(outlet, 4)
    with consumer_of(forward_of(url)) as consumer:
        wait_for(got, 1, 2, 3, 4)
        wait_until_acknowledged(outlet)
        consumed = consumer.consumed
    assert len(calls) == 3
    assert (consumed.delivered, consumed.failed, consumed.dead) == (3, 1, 1)
    ((_, letter),) = outlet._redis.xrange(stream_of().dead)
    assert letter[b"id"].decode() == str(calls[0])
    assert b"poisoned raised ValueError: not this one" in letter[b"reason"]
    assert letter[b"tries"] == b"3"
    assert decode(letter[b"data"])[0].raw == envelope(2).raw
    assert f"the event {calls[0]} is a dead letter now (attempts: 3)" in caplog.text
    assert measure(outlet._redis, [stream_of()])[stream_of()].dead == 1


def test_bytes_that_are_no_batch_are_a_dead_letter(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    outlet._redis.xadd(stream_of().key, {"d": b'{"schema":99,"events":[]}\nhello'})
    publish(outlet, 1)
    with consumer_of(forward_of(url)):
        wait_for(got, 1)
        wait_until_acknowledged(outlet)
    ((_, letter),) = outlet._redis.xrange(stream_of().dead)
    assert letter[b"data"] == b'{"schema":99,"events":[]}\nhello'
    assert b"update the consumers before the listeners" in letter[b"reason"]


def test_dead_letters_beyond_the_option_go_and_are_told(
    outlet: RedisOutlet, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    @receiver(events["Newexten"])
    def poisoned(**_: Any) -> None:
        raise ValueError("none of them")

    publish(outlet, *range(1, 6))
    with consumer_of(forward_of(url, options={"dead": 3})) as consumer:
        wait_until(lambda: consumer.consumed.dead == 5)
    assert outlet._redis.xlen(stream_of().dead) == 3
    assert "1 old dead letters are gone" in caplog.text


def test_a_receiver_that_fails_for_every_event_writes_few_lines_and_their_number(
    outlet: RedisOutlet, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    @receiver(events["Newexten"])
    def poisoned(**_: Any) -> None:
        raise ValueError("none of them")

    for number in range(1, 400, 100):
        publish(outlet, *range(number, number + 100))
    with consumer_of(forward_of(url)) as consumer:
        wait_until(lambda: consumer.consumed.dead == 400)
    assert outlet._redis.xlen(stream_of().dead) == 400
    lines = [one for one in caplog.messages if "is a dead letter now" in one]
    rest = [one for one in caplog.records if "events more are dead letters" in one.msg]
    assert len(lines) <= 21
    assert len(lines) + sum(one.args[1] for one in rest) == 400
    assert rest[-1].getMessage().endswith(f"the last one is {envelope(400).id}.")


def test_a_consumer_that_starts_while_the_memory_of_redis_is_full_empties_it(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    @receiver(events["Newexten"])
    def poisoned(event: Any, **_: Any) -> None:
        if event["Number"] == "3":
            raise ValueError("not this one")

    for number in range(1, 9):
        publish(outlet, number)
    outlet._redis.config_set("maxmemory", 1)
    try:
        with consumer_of(forward_of(url)):
            wait_for(got, *range(1, 9))
            wait_until_acknowledged(outlet)
    finally:
        outlet._redis.config_set("maxmemory", 0)
    assert outlet._redis.xlen(stream_of().dead) == 1


def test_threads_that_redis_refuses_in_turn_fill_no_log(
    tmp_path: Path, got: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        outlet._redis.config_set("maxclients", 3)
        publish(outlet, 1, partition=1)
        with consumer_of(forward_of(server.url), workers=3):
            wait_until(lambda: "max number of clients reached" in caplog.text)
            time.sleep(5)
            outlet._redis.config_set("maxclients", 100)
            wait_for(got, 1)
        outlet.close(1)
    assert caplog.text.count("max number of clients reached") <= 3
    assert caplog.text.count("answers again") <= 3


@pytest.mark.slow
def test_lists_for_batch_receivers_span_batches_and_are_acknowledged_behind_them(
    outlet: RedisOutlet, url: str
) -> None:
    got: list[list[int]] = []

    @batch_receiver("Newexten", max_size=5, max_seconds=1.0)
    def on_some(events: list[Any], **_: Any) -> None:
        got.append([int(one["Number"]) for one in events])

    publish(outlet, 1, 2, 3)
    publish(outlet, 4, 5, 6, 7)
    with consumer_of(forward_of(url), workers=1):
        wait_until(lambda: got)
        assert got == [[1, 2, 3, 4, 5]]
        assert (outlet.lag() or {})[0] > 0
        wait_for(got, [1, 2, 3, 4, 5], [6, 7])
        wait_until_acknowledged(outlet)


def test_a_stop_finishes_what_is_in_hand(outlet: RedisOutlet, url: str) -> None:
    got: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    @receiver(events["Newexten"])
    def on_exten(event: Any, **_: Any) -> None:
        begun.set()
        go_on.wait(10)
        got.append(int(event["Number"]))

    publish(outlet, 1, 2)
    with consumer_of(forward_of(url), workers=1) as consumer:
        assert begun.wait(10)
        publish(outlet, 3)
        consumer.stop()
        go_on.set()
    assert got == [1, 2]
    standing = measure(outlet._redis, [stream_of()])[stream_of()]
    assert (standing.lag, standing.pending, standing.holder) == (1, 0, None)


def test_a_lease_that_another_has_stops_delivery_and_acknowledges_nothing(
    outlet: RedisOutlet, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    @receiver(events["Newexten"])
    def on_exten(event: Any, **_: Any) -> None:
        got.append(int(event["Number"]))
        begun.set()
        go_on.wait(10)

    publish(outlet, 1, 2, 3)
    with consumer_of(forward_of(url, partitions=1), workers=1):
        assert begun.wait(10)
        outlet._redis.set(stream_of().lease, "somebody else", px=60_000)
        wait_until(lambda: "the lease is lost" in caplog.text)
        go_on.set()
    assert got == [1]
    standing = measure(outlet._redis, [stream_of()])[stream_of()]
    assert (standing.pending, standing.holder) == (1, "somebody else")


def test_leases_that_are_lost_together_are_one_line(
    outlet: RedisOutlet, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    leases = [stream_of(number).lease for number in range(16)]
    with consumer_of(forward_of(url, partitions=16)) as consumer:
        wait_until(lambda: consumer.held["node_1"] == 16)
        outlet._redis.mset(dict.fromkeys(leases, "somebody else"))
        wait_until(lambda: not consumer.held["node_1"])
        outlet._redis.delete(*leases)
    assert 1 <= caplog.text.count("the lease is lost") <= 2  # some in the turn behind


def test_a_lease_that_is_over_for_a_moment_leaves_out_no_batch(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    forward = forward_of(url)
    tenure = Tenure(stream_of(), "me", boottime() + 60)

    def suspend(event: Any, **_: Any) -> None:
        if event["Number"] in ("2", "6"):
            tenure.renew(boottime())  # the machine was suspended

    events["Newexten"].connect(suspend)
    for number in range(1, 9):
        publish(outlet, number)
    outlet._redis.set(stream_of().lease, "me")
    with consuming() as receivers:
        partition = Partition(outlet._redis, tenure, receivers, RedisOptions.of(forward.options))
        for _ in range(8):
            (answer,) = run(outlet._redis, [partition.request()])
            partition.accept(answer)
            tenure.renew(boottime() + 60)
    assert got == list(range(1, 9))
    assert partition.is_idle
    assert (outlet.lag() or {})[0] == 0


class Tried:
    """A partition whose batch was delivered several times before, and its receivers."""

    def __init__(self, outlet: RedisOutlet, receivers: Any, deliveries: int, **options: int):
        self._redis, self.receivers = outlet._redis, receivers
        self._options = RedisOptions.of(options)
        self._redis.xgroup_create(stream_of().key, "consumers", "0", mkstream=True)
        self._redis.xreadgroup("consumers", "holder", {stream_of().key: ">"})
        for _ in range(deliveries - 1):
            self.claim()
        self._redis.set(stream_of().lease, "me")

    def claim(self) -> None:
        self._redis.xautoclaim(stream_of().key, "consumers", "holder", 0)

    def partition(self) -> Partition:
        """That of a new process."""
        tenure = Tenure(stream_of(), "me", boottime() + 60)
        return Partition(self._redis, tenure, self.receivers, self._options)

    def turn(self, partition: Partition, times: int = 1) -> None:
        for _ in range(times):
            (answer,) = run(self._redis, [partition.request()])
            partition.accept(answer)

    @property
    def dead(self) -> list[bytes]:
        return [letter[b"id"] for _, letter in self._redis.xrange(stream_of().dead)]


def test_an_event_that_waits_for_the_database_at_each_stop_is_no_dead_letter(
    outlet: RedisOutlet, got: list[int]
) -> None:
    database_is_away = True

    @receiver(events["Newexten"])
    def write(**_: Any) -> None:
        if database_is_away:
            raise OperationalError("the database is away")

    publish(outlet, 1, 2)
    with consuming() as receivers:
        tried = Tried(outlet, receivers, 3)
        for _ in range(4):  # consumers that are stopped, one after the other
            receivers.failing.end_at(time.monotonic() + 0.05)
            tried.turn(tried.partition())
        assert outlet._redis.get(stream_of().mark) is None
        database_is_away = False
        receivers.failing.end_at(time.monotonic() + 60)
        tried.turn(tried.partition(), 2)
    assert tried.dead == []
    assert got[-2:] == [1, 2]
    assert (outlet.lag() or {})[0] == 0


def test_an_event_whose_consumer_was_killed_from_outside_is_tried_again(
    outlet: RedisOutlet, got: list[int]
) -> None:
    publish(outlet, 1, 2)
    with consuming() as receivers:
        tried = Tried(outlet, receivers, 3)
        outlet._redis.set(stream_of().mark, f"1 {envelope(1).id}")
        tried.turn(tried.partition(), 2)
        assert (got, tried.dead) == ([1, 2], [])


def test_an_event_with_which_two_consumers_have_ended_alone_is_a_dead_letter(
    outlet: RedisOutlet, got: list[int]
) -> None:
    publish(outlet, 1, 2)
    with consuming() as receivers:
        tried = Tried(outlet, receivers, 3)
        outlet._redis.set(stream_of().mark, f"2 {envelope(1).id}")
        tried.turn(tried.partition(), 2)
        assert (got, tried.dead) == ([2], [str(envelope(1).id).encode()])
    assert outlet._redis.get(stream_of().mark) is None


def test_a_partition_that_redis_refuses_holds_up_no_other_one(
    outlet: RedisOutlet, url: str, got: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    outlet._redis.set(stream_of(0).key, "no stream")
    publish(outlet, 1, partition=1)
    with consumer_of(forward_of(url), workers=1):
        wait_for(got, 1)
        publish(outlet, 2, partition=2)
        wait_for(got, 1, 2)
        assert caplog.text.count("Redis refuses to give or to acknowledge batches") == 1
        key = f"Another program uses the key {stream_of(0).key}, or one that begins with it"
        assert key in caplog.text
        outlet._redis.delete(stream_of(0).key)
        publish(outlet, 3)
        wait_for(got, 1, 2, 3)
        wait_until_acknowledged(outlet)


def test_an_answer_that_is_lost_loses_no_batch_and_keeps_the_order(
    outlet: RedisOutlet, url: str, got: list[int]
) -> None:
    with consumer_of(forward_of(url), workers=1):
        for number in range(1, 300):
            publish(outlet, number)
            if number % 20 == 0:
                for one in outlet._redis.client_list():
                    if int(one["id"]) != outlet._redis.client_id():
                        outlet._redis.client_kill_filter(_id=one["id"])
        wait_until(lambda: got and got[-1] == 299, what=f"{got[-5:]}")
        wait_until_acknowledged(outlet)
    first = list(dict.fromkeys(got))
    assert first == list(range(1, 300))


@pytest.mark.slow
def test_a_redis_that_lost_its_data_is_read_anew(
    tmp_path: Path, got: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        publish(outlet, 1)
        with consumer_of(forward_of(server.url, options={"lease_timeout": 5})):
            wait_for(got, 1)
            server.kill()
            wait_until(lambda: "It is tried again" in caplog.text)
            server.start()
            outlet.open()
            publish(outlet, 2, 3)
            wait_for(got, 1, 2, 3)
            wait_until_acknowledged(outlet)
        outlet.close(1)
    assert "answers again" in caplog.text


@pytest.mark.slow
def test_a_redis_that_kept_its_data_goes_on_where_it_was(tmp_path: Path, got: list[int]) -> None:
    with RedisServer(tmp_path, appendonly=True) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        publish(outlet, 1)
        with consumer_of(forward_of(server.url)):
            wait_for(got, 1)
            wait_until_acknowledged(outlet)
            server.kill()
            server.start()
            outlet.open()
            publish(outlet, 2, 3)
            wait_for(got, 1, 2, 3)
        outlet.close(1)


@pytest.mark.slow
def test_a_wrong_password_ends_the_consumer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refused = threading.Event()
    with RedisServer(tmp_path, password="right") as server:
        forward = forward_of(server.url.replace("right", "s3cret"))
        with consumer_of(forward, refused=refused.set):
            assert refused.wait(10)
    assert "refuses the login" in caplog.text
    assert "s3cret" not in caplog.text


def test_status_and_metrics_show_how_far_each_partition_is(
    outlet: RedisOutlet, url: str, settings: Any
) -> None:
    pytest.importorskip("prometheus_client")
    from prometheus_client import CollectorRegistry, generate_latest

    from django_ami.contrib.prometheus import AmiCollector

    @receiver(events["Newexten"])
    def poisoned(event: Any, **_: Any) -> None:
        if event["Number"] == "2":
            raise ValueError("not this one")

    publish(outlet, 1, 2)
    publish(outlet, 3, partition=1)
    outlet._redis.set(stream_of(1).lost, 7)
    settings.AMI_FORWARD = {
        "OUTLET": "redis", "URL": url, "PARTITIONS": 4, "SPOOL": None,
    }  # fmt: skip
    found, why = forwarded.ask(["node_1"], 5)
    assert why == ""
    text, needs_attention = forwarded.in_words(found["node_1"])
    assert text == (
        "2 batches behind (most in partition 0: 1), 0 in hand, 0 dead letters, 7 events lost; "
        "0 of 4 partitions have a consumer"
    )
    assert needs_attention
    with consumer_of(forward_of(url)) as consumer, noted_consumer(consumer):
        wait_until(lambda: consumer.consumed.delivered == 2 and consumer.standings)
        wait_until_acknowledged(outlet)
        words = forwarded.as_dict(forwarded.ask(["node_1"], 5)[0]["node_1"])
        assert [words[name] for name in ("lag", "pending", "dead", "lost", "held")] == [
            0,
            0,
            1,
            7,
            4,
        ]
        registry = CollectorRegistry()
        registry.register(AmiCollector())
        page = generate_latest(registry).decode()
    assert 'ami_consumer_partitions{server="node_1"} 4.0' in page
    assert 'ami_consumed_events_total{outcome="dead"} 1.0' in page
    assert 'ami_forwarded_lag_batches{partition="0",server="node_1"}' in page
    assert 'ami_forwarded_dead_letters{partition="0",server="node_1"}' in page
    assert 'ami_forwarded_lost_events_total{partition="1",server="node_1"} 7.0' in page


def test_batches_beyond_the_number_of_partitions_are_told(
    outlet: RedisOutlet, url: str, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    publish(outlet, 1, partition=1)
    publish(outlet, 2, partition=3)
    settings.AMI_FORWARD = {"OUTLET": "redis", "URL": url, "PARTITIONS": 2, "SPOOL": None}
    with consumer_of(forward_of(url, partitions=2)) as consumer:
        wait_until(lambda: "PARTITIONS of AMI_FORWARD is 2 here" in caplog.text)
        assert "node_1: batches of events wait in partitions up to 3" in caplog.text
        wait_until(lambda: sum((outlet.lag() or {}).values()) == 1 and consumer.standings)
        wait_until(lambda: consumer.held["node_1"] == 2)
        text, needs_attention = forwarded.in_words(forwarded.ask(["node_1"], 5)[0]["node_1"])
    assert text == (
        "1 batch behind (most in partition 3: 1), 0 in hand, 0 dead letters, 0 events lost; "
        "2 of 3 partitions have a consumer"
    )
    assert needs_attention
    caplog.clear()
    with consumer_of(forward_of(url)) as consumer:
        wait_until(lambda: consumer.consumed.delivered == 1)
        wait_until_acknowledged(outlet)
    with consumer_of(forward_of(url, partitions=2)) as consumer:
        wait_until(lambda: consumer.standings)
    assert "PARTITIONS" not in caplog.text


def test_a_redis_that_is_away_is_told_in_the_status_and_holds_nothing_up(settings: Any) -> None:
    settings.AMI_FORWARD = {
        "OUTLET": "redis", "URL": "redis://:s3cret@127.0.0.1:1", "SPOOL": None,
    }  # fmt: skip
    found, why = forwarded.ask(["node_1"], 5)
    assert found == {}
    assert "refused" in why
    assert "s3cret" not in why


@pytest.mark.slow
def test_a_receiver_that_is_slow_for_longer_than_the_lease_keeps_its_partition(
    outlet: RedisOutlet, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[int] = []

    @receiver(events["Newexten"])
    def on_exten(event: Any, **_: Any) -> None:
        if event["Number"] == "1":
            end = time.monotonic() + 3
            wait_until(lambda: time.monotonic() >= end)
        got.append(int(event["Number"]))

    publish(outlet, 1, 2)
    # A busy machine may be late by a second.
    forward = forward_of(url, options={"lease_timeout": 2})
    with consumer_of(forward, workers=1), consumer_of(forward, workers=1):
        wait_for(got, 1, 2)
    assert "lease is lost" not in caplog.text


def test_stream_that_was_removed_while_nobody_read_it_is_told_by_the_next_consumer(
    url: str, outlet: RedisOutlet, caplog: pytest.LogCaptureFixture
) -> None:
    outlet.publish([batch_of([envelope(1)], 1)])
    outlet.publish([batch_of([envelope(2)], 2, partition=1)])
    outlet._redis.delete(stream_of().key)
    with consumer_of(forward_of(url)):
        wait_until(lambda: all(outlet._redis.exists(stream_of(each).key) for each in range(4)))
        wait_until(lambda: "was removed" in caplog.text)
    (told,) = (one.getMessage() for one in caplog.records if "was removed" in one.msg)
    assert told.startswith("node_1, partition 0: the stream was removed from Redis, or evicted")
