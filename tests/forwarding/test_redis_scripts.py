"""The scripts of a consumer do nothing without the lease, whatever it believes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami.forwarding.redis.scripts import (
    ANNOUNCE,
    BURY,
    CLAIM,
    MARK,
    RELEASE,
    RENEW,
    TAKE,
    UNMARK,
    Call,
    run,
)  # fmt: skip
from django_ami.redis_client import connect
from tests.forwarding.redis_support import stream_of
from tests.running import wait_until
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM = stream_of()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Any]:
    """A partition of four entries, of which one is pending, whose lease "mine" has."""
    client = connect(url)
    client.flushall()
    for number in range(1, 5):
        client.xadd(STREAM.key, {"d": b"x"}, id=f"{number}-0")
    client.xgroup_create(STREAM.key, "consumers", "0")
    client.xreadgroup("consumers", "other", {STREAM.key: ">"}, count=1)
    client.set(STREAM.lease, "mine", px=60_000)
    client.set(STREAM.mark, "1 another event")
    yield client
    client.close()


def of_consumer(holder: str) -> dict[str, Call]:
    keys = (STREAM.key, STREAM.lease)
    return {
        "take": TAKE(keys, holder, "consumers", 10, "1-0"),
        "claim": CLAIM(keys, holder, "consumers", 10, "0-0", "1-0"),
        "mark": MARK((STREAM.mark, STREAM.lease), holder, "an event"),
        "unmark": UNMARK((STREAM.mark, STREAM.lease), holder),
        "bury": BURY((STREAM.dead, STREAM.lease), holder, 10, "id", "an event"),
        "renew": RENEW((STREAM.lease,), holder, 1_000),
        "release": RELEASE((STREAM.lease,), holder),
    }


def state(client: Any) -> Any:
    group = client.xinfo_groups(STREAM.key)[0]
    seen = client.xpending_range(STREAM.key, "consumers", "-", "+", 10)
    pending = [(one["message_id"], one["consumer"], one["times_delivered"]) for one in seen]
    lease = client.get(STREAM.lease), client.pttl(STREAM.lease) > 30_000
    return (
        sorted(client.keys()),
        client.get(STREAM.mark),
        group["last-delivered-id"],
        pending,
        lease,
    )


@pytest.mark.parametrize("name", of_consumer(""))
def test_a_consumer_without_the_lease_changes_nothing(client: Any, name: str) -> None:
    before = state(client)
    (answer,) = run(client, [of_consumer("somebody else")[name]])
    assert answer in (0, [0, 0])
    assert state(client) == before


@pytest.mark.parametrize("name", of_consumer(""))
def test_a_consumer_with_the_lease_changes_something(client: Any, name: str) -> None:
    before = state(client)
    (answer,) = run(client, [of_consumer("mine")[name]])
    assert answer != 0
    assert state(client) != before


def test_acknowledging_and_reading_is_one_step(client: Any) -> None:
    (entries,) = run(client, [TAKE((STREAM.key, STREAM.lease), "mine", "consumers", 2, "1-0")])
    assert [entry for entry, _ in entries] == [b"2-0", b"3-0"]
    assert [one[0] for one in state(client)[3]] == [b"2-0", b"3-0"]


def test_claims_come_in_order_with_the_number_of_their_deliveries(client: Any) -> None:
    client.xreadgroup("consumers", "third", {STREAM.key: ">"}, count=2)
    client.xclaim(STREAM.key, "consumers", "fourth", 0, ["2-0"])
    keys = (STREAM.key, STREAM.lease)
    (answer,) = run(client, [CLAIM(keys, "mine", "consumers", 2, "0-0")])
    assert [entry for entry, _ in answer[1]] == [b"1-0", b"2-0"]
    assert answer[2] == [2, 3]
    (answer,) = run(client, [CLAIM(keys, "mine", "consumers", 2, answer[0])])
    assert [entry for entry, _ in answer[1]] == [b"3-0"]
    assert answer[0] == b"0-0"


def test_consumers_are_forgotten_when_they_say_nothing(client: Any) -> None:
    run(client, [ANNOUNCE(("pool",), "one", 1), ANNOUNCE(("pool",), "two", 60_000)])

    def members() -> list[bytes]:
        return sorted(run(client, [ANNOUNCE(("pool",), "three", 60_000)])[0])

    wait_until(lambda: members() == [b"three", b"two"])
