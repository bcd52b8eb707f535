"""The outlet appends to a real Redis: once, in order, and trims without losing silently."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.errors import ConfigurationError
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.outlet import OutletAway
from django_ami.forwarding.redis import RedisOutlet
from django_ami.forwarding.redis.scripts import TRIM, run
from django_ami.redis_client import connect
from tests.forwarding.redis_support import batch_of, envelope, forward_of, stream_of
from tests.running import wait_until
from tests.servers.redis import RedisServer, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def outlet(url: str) -> Iterator[RedisOutlet]:
    outlet = RedisOutlet(forward_of(url))
    outlet.open()
    yield outlet
    outlet._redis.flushall()
    outlet.close(1)


def numbers_in(outlet: RedisOutlet, partition: int = 0) -> list[int]:
    entries = outlet._redis.xrange(stream_of(partition).key)
    return [one.id.sequence for _, fields in entries for one in decode(fields[b"d"])]


def test_batches_are_appended_in_order_and_arrive_as_they_were(outlet: RedisOutlet) -> None:
    batches = [batch_of([envelope(1), envelope(2)], 1), batch_of([envelope(3)], 2)]
    outlet.publish(batches)
    entries = outlet._redis.xrange(stream_of().key)
    assert [fields[b"d"] for _, fields in entries] == [one.data for one in batches]
    assert numbers_in(outlet) == [1, 2, 3]


def test_a_batch_that_is_given_again_is_not_appended_again(outlet: RedisOutlet) -> None:
    batches = [batch_of([envelope(number)], number) for number in (1, 2, 3)]
    outlet.publish(batches[:2])
    outlet.publish(batches)  # the answer to the first was lost
    assert numbers_in(outlet) == [1, 2, 3]


def test_a_batch_is_known_to_the_next_listener_too(outlet: RedisOutlet, url: str) -> None:
    outlet.publish([batch_of([envelope(1)], 1), batch_of([envelope(2)], 2)])
    other = RedisOutlet(forward_of(url))
    other.open()
    other.publish([batch_of([envelope(10)], 1, source="run-2")])
    # The first one's spool kept these, as they were not known to have arrived.
    other.publish([batch_of([envelope(2)], 2), batch_of([envelope(3)], 3)])
    other.close(1)
    assert numbers_in(other) == [1, 2, 10, 3]


def test_ids_grow_whichever_listener_appends(outlet: RedisOutlet) -> None:
    for number in range(1, 20):
        outlet.publish([batch_of([envelope(number)], number, source=f"run-{number % 3}")])
    entries = [entry for entry, _ in outlet._redis.xrange(stream_of().key)]
    assert entries == sorted(entries, key=lambda one: tuple(map(int, one.split(b"-"))))
    assert len(entries) == 19


def test_the_scripts_are_loaded_anew_when_redis_has_forgotten_them(outlet: RedisOutlet) -> None:
    outlet.publish([batch_of([envelope(1)], 1)])
    outlet._redis.script_flush()
    outlet.publish([batch_of([envelope(2)], 2)])
    assert numbers_in(outlet) == [1, 2]


def test_lag_counts_the_batches_of_each_partition(outlet: RedisOutlet) -> None:
    outlet.publish([batch_of([envelope(number)], number, number % 2) for number in range(1, 6)])
    assert outlet.lag() == {0: 2, 1: 3, 2: 0, 3: 0}


def test_a_redis_without_data_behind_a_restart_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1)])
        server.kill()
        with pytest.raises(OutletAway, match=f"127.0.0.1:{server.port}"):
            outlet.publish([batch_of([envelope(2)], 2)])
        with pytest.raises(OutletAway, match="Check that it runs"):
            outlet.open()
        server.start()
        outlet.open()
        outlet.publish([batch_of([envelope(2)], 2)])
        outlet.close(1)
    assert "has lost batches of events that it had confirmed" in caplog.text


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-lru", "noeviction"])
def test_a_redis_that_evicts_events_is_told(
    tmp_path: Path, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet._redis.config_set("maxmemory-policy", policy)
        outlet.open()
        outlet.close(1)
    told = "throws away events that nobody has read. Set the policy noeviction"
    assert (told in caplog.text) == (policy == "allkeys-lru")


def test_a_redis_with_data_behind_a_restart_has_each_batch_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path, appendonly=True) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1)])
        server.kill()
        server.start()
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1), batch_of([envelope(2)], 2)])
        assert numbers_in(outlet) == [1, 2]
        outlet.close(1)
    assert "has lost" not in caplog.text


@pytest.mark.slow
def test_a_frozen_redis_is_away_and_appends_once_when_it_goes_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1)])
        server.signal(signal.SIGSTOP)
        with pytest.raises(OutletAway, match="frozen"):
            outlet.publish([batch_of([envelope(2)], 2)])
        with pytest.raises(OutletAway):
            outlet.open()
        assert outlet.lag() is None
        server.signal(signal.SIGCONT)
        outlet.open()
        outlet.publish([batch_of([envelope(2)], 2), batch_of([envelope(3)], 3)])
        assert numbers_in(outlet) == [1, 2, 3]
        outlet.close(1)


@pytest.mark.slow
def test_redis_that_still_reads_its_data_is_told_as_such(tmp_path: Path) -> None:
    with RedisServer(tmp_path, appendonly=True) as server:
        outlet = RedisOutlet(forward_of(server.url))
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1)])
        outlet._redis.mset({f"of another program {number}": "x" * 50 for number in range(2_000)})
        outlet._redis.bgrewriteaof()
        wait_until(lambda: not outlet._redis.info("persistence")["aof_rewrite_in_progress"])
        server.kill()
        server.start_slowly(1_000)
        with pytest.raises(OutletAway, match=r"loading the dataset.*when it has read its data"):
            outlet.publish([batch_of([envelope(2)], 2)])

        def is_back() -> bool:
            with suppress(OutletAway):
                outlet.publish([batch_of([envelope(2)], 2)])
                return True
            return False

        wait_until(is_back)
        assert numbers_in(outlet) == [1, 2]
        outlet.close(1)


@pytest.mark.parametrize("taken", ["", ":tails"])
def test_key_that_another_program_uses_is_named_with_its_cure(
    outlet: RedisOutlet, taken: str
) -> None:
    key = stream_of().key
    outlet._redis.set(key + taken, "theirs")
    with pytest.raises(OutletAway) as raised:
        outlet.publish([batch_of([envelope(1)], 1)])
    assert f"Another program uses the key {key}, or one that begins with it" in str(raised.value)
    outlet._redis.delete(key + taken)
    outlet.publish([batch_of([envelope(1)], 1)])
    assert numbers_in(outlet) == [1]


# --- trimming ---


def trim(outlet: RedisOutlet, age: int = 1, keep: int = 1) -> list[Any]:
    stream = stream_of()
    (answer,) = run(outlet._redis, [TRIM((stream.key, stream.tails, stream.lost), age, keep)])
    assert isinstance(answer, list), answer
    return answer


def age_by(outlet: RedisOutlet, count: int, seconds: float = 10.0) -> list[bytes]:
    """Entries of two events each, of some time ago."""
    begin = int((time.time() - seconds) * 1000)
    data = batch_of([envelope(1), envelope(2)], 1).data
    return [
        outlet._redis.xadd(stream_of().key, {"d": data}, id=f"{begin + number}-0")
        for number in range(count)
    ]


def test_old_entries_that_all_have_read_are_trimmed(outlet: RedisOutlet) -> None:
    key = stream_of().key
    entries = age_by(outlet, 250)
    outlet._redis.xgroup_create(key, "consumers", "0")
    outlet._redis.xreadgroup("consumers", "one", {key: ">"})
    outlet._redis.xack(key, "consumers", *entries)
    outlet.publish([batch_of([envelope(1)], 1)])
    group, _, lost = trim(outlet)
    assert (group, lost) == (b"consumers", 0)
    assert outlet._redis.xlen(key) < 150  # whole nodes of Redis go
    assert outlet._redis.get(stream_of().lost) is None


def test_entries_that_all_groups_have_finished_go_early_and_no_others_do(
    outlet: RedisOutlet,
) -> None:
    key = stream_of().key
    entries = age_by(outlet, 500)
    for group in ("consumers", "others"):
        outlet._redis.xgroup_create(key, group, "0")
        outlet._redis.xreadgroup(group, "one", {key: ">"}, count=400)
    outlet._redis.xack(key, "consumers", *entries[:400])
    outlet._redis.xack(key, "others", *entries[:300])
    assert trim(outlet, age=1000, keep=100)[2] == 0
    assert outlet._redis.xlen(key) == 500
    assert trim(outlet, age=1000, keep=5)[2] == 0
    left = [entry for entry, _ in outlet._redis.xrange(key)]
    assert left[-200:] == entries[300:]
    assert len(left) < 300  # whole nodes of Redis go


def test_finished_entries_go_though_the_clock_of_redis_has_been_set_back(
    outlet: RedisOutlet,
) -> None:
    """Ids never go back: they are ahead of the clock for as long as it was."""
    key = stream_of().key
    entries = age_by(outlet, 500, seconds=-86_400.0)
    outlet._redis.xgroup_create(key, "consumers", "0")
    outlet._redis.xreadgroup("consumers", "one", {key: ">"}, count=400)
    outlet._redis.xack(key, "consumers", *entries[:350])
    assert trim(outlet, age=1000, keep=60)[2] == 0
    left = [entry for entry, _ in outlet._redis.xrange(key)]
    assert left[-150:] == entries[350:]
    assert len(left) < 300  # whole nodes of Redis go


@pytest.mark.slow
def test_a_redis_whose_memory_is_full_refuses_and_goes_on_when_old_batches_have_gone(
    outlet: RedisOutlet, caplog: pytest.LogCaptureFixture
) -> None:
    key = stream_of().key
    entries = age_by(outlet, 3_000)
    outlet._redis.xgroup_create(key, "consumers", "0")
    used = outlet._redis.info("memory")["used_memory"]
    outlet._redis.config_set("maxmemory", used)
    outlet.publish([])  # trims: nobody has read anything
    try:
        with pytest.raises(OutletAway, match="Raise its maxmemory"):
            outlet.publish([batch_of([envelope(1)], 1)])
        outlet._redis.xgroup_setid(key, "consumers", entries[-1])
        outlet._options = replace(outlet._options, keep=1)
        outlet.publish([batch_of([envelope(1)], 1)])  # at once, and not when it is time to trim
    finally:
        outlet._redis.config_set("maxmemory", 0)
    assert numbers_in(outlet)[-1] == 1


@pytest.mark.parametrize("read", ["nothing", "not acknowledged", "another group alone"])
def test_old_entries_that_a_group_has_not_finished_are_counted_when_they_go(
    outlet: RedisOutlet, read: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = stream_of().key
    entries = age_by(outlet, 30)
    outlet._redis.xgroup_create(key, "consumers", "0")
    if read == "not acknowledged":
        outlet._redis.xreadgroup("consumers", "one", {key: ">"})
        outlet._redis.xack(key, "consumers", *entries[:10])
    elif read == "another group alone":
        outlet._redis.xgroup_create(key, "others", "0")
        outlet._redis.xreadgroup("others", "one", {key: ">"})
        outlet._redis.xack(key, "others", *entries)
    outlet._forward = forward_of("", max_age=1)
    outlet._trim_at = 0.0
    outlet.publish([batch_of([envelope(1)], 1)])
    lost = 40 if read == "not acknowledged" else 60
    assert outlet.trimmed_unread == lost
    assert int(outlet._redis.get(stream_of().lost)) == lost
    assert f"{lost} events were older than MAX_AGE" in caplog.text
    assert "the group 'consumers'" in caplog.text
    assert outlet._redis.xlen(key) == 1


def test_many_old_entries_are_counted_to_the_last(outlet: RedisOutlet) -> None:
    age_by(outlet, 2_500)
    outlet._forward = forward_of("", max_age=1)
    outlet._trim_at = 0.0
    outlet.publish([batch_of([envelope(1)], 1)])
    assert outlet.trimmed_unread == 5_000


def test_a_group_that_will_lose_events_is_told_before(
    outlet: RedisOutlet, caplog: pytest.LogCaptureFixture
) -> None:
    age_by(outlet, 3, seconds=60)
    outlet._forward = forward_of("", max_age=100)
    outlet._trim_at = 0.0
    with caplog.at_level(logging.WARNING):
        outlet.publish([batch_of([envelope(1)], 1)])
    assert "any group is 60 s behind" in caplog.text
    assert outlet.trimmed_unread == 0


def test_tails_of_sources_that_are_long_gone_are_forgotten(outlet: RedisOutlet) -> None:
    outlet.publish([batch_of([envelope(1)], 1)])
    outlet._redis.hset(stream_of().tails, "old", f"7 {int(time.time()) - 100}")
    trim(outlet, 50)
    assert outlet._redis.hkeys(stream_of().tails) == [b"run-1"]


# --- errors ---


@pytest.mark.parametrize(
    "url",
    [
        "http://:s3cret@host", "s3cret", "redis://:s3cret", "redis://u:s3cret@host:port",
        "redis://:s3cret@host?no_such_option=1", "redis://:s3cret@host?protocol=9",
    ],
)  # fmt: skip
def test_a_wrong_url_is_one_line_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="'URL': it is no address of a Redis") as caught:
        RedisOutlet(forward_of(url))
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    with RedisServer(tmp_path, password="right") as server:
        outlet = RedisOutlet(forward_of(server.url.replace("right", "s3cret")))
        with pytest.raises(OutletAway, match="Check the user and the password") as caught:
            outlet.open()
        assert "s3cret" not in str(caught.value)
        outlet.close(1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lease_tiemout": 3}, "unknown option 'lease_tiemout'.*lease_timeout"),
        ({"LEASE_TIMEOUT": 0}, "option 'lease_timeout' must be a number from 1 to 600"),
        ({"attempts": True}, "option 'attempts' must be a whole number from 1"),
        ({"prefix": ""}, "option 'prefix' must be a short text"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        RedisOutlet(forward_of("redis://127.0.0.1:1", options=options))


@pytest.mark.slow
def test_replicas_that_are_wanted_and_missing_are_told(outlet: RedisOutlet, url: str) -> None:
    other = RedisOutlet(forward_of(url, options={"replicas": 1}))
    other.open()
    for _ in range(2):
        with pytest.raises(OutletAway, match="has not 1 replicas that follow it"):
            other.publish([batch_of([envelope(1)], 1)])
    other.close(1)
    assert numbers_in(outlet) == [1]


@pytest.mark.slow
def test_a_replica_that_takes_over_has_all_that_it_confirmed_and_each_batch_once(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with RedisServer(folders[0]) as first, RedisServer(folders[1]) as second:
        replica = connect(second.url)
        replica.execute_command("REPLICAOF", "127.0.0.1", first.port)
        outlet = RedisOutlet(forward_of(first.url, options={"replicas": 1}))
        outlet.open()
        given = [batch_of([envelope(number)], number) for number in range(1, 40)]
        wait_until(lambda: replica.info("replication")["master_link_status"] == "up")
        for batch in given[:-1]:
            outlet.publish([batch])
        first.kill()
        with pytest.raises(OutletAway):
            outlet.publish(given[-1:])
        replica.execute_command("REPLICAOF", "NO", "ONE")
        behind = RedisOutlet(forward_of(second.url))
        behind.open()
        behind.publish(given[-3:])  # as a spool gives again what it is not sure of
        assert numbers_in(behind) == list(range(1, 40))
        replica.close()
        behind.close(1)


@pytest.mark.slow
def test_a_replica_refuses_batches_until_it_may_be_written_to(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with RedisServer(folders[0]) as first, RedisServer(folders[1]) as second:
        outlet = RedisOutlet(forward_of(first.url))
        outlet.open()
        client = connect(first.url)
        client.execute_command("REPLICAOF", "127.0.0.1", second.port)
        with pytest.raises(OutletAway, match="read only replica"):
            outlet.publish([batch_of([envelope(1)], 1)])
        client.execute_command("REPLICAOF", "NO", "ONE")
        outlet.open()
        outlet.publish([batch_of([envelope(1)], 1)])
        assert numbers_in(outlet) == [1]
        client.close()
        outlet.close(1)
