"""The feed in a real Redis."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from django_ami.live.feed.mirror import Mirror
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Batch, Heading, Position, Superseded, Whole, new_epoch
from django_ami.live.feed.redis import RedisBackend
from django_ami.live.feed.remote import RemotePicture
from tests.running import wait_until
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = Position("ab", 1)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def backend(url: str) -> Iterator[RedisBackend]:
    backend = RedisBackend(url)
    yield backend
    backend._redis.flushall()
    backend.close()


def test_server_without_a_publisher_is_not_known(backend: RedisBackend) -> None:
    assert backend.read("pbx", None) == ()
    assert backend.read("pbx", FIRST) == ()


def test_a_reader_begins_with_the_whole_and_follows(backend: RedisBackend) -> None:
    whole = Whole(FIRST, 1.5, {"a": "1"})
    backend.replace("pbx", whole)
    assert backend.read("pbx", None) == whole
    assert backend.read("pbx", FIRST) == []
    batches = [Batch(Position("ab", number), 2.5, {"a": None, "ä": "{}"}) for number in (2, 3)]
    for batch in batches:
        backend.append("pbx", batch)
    assert backend.read("pbx", FIRST) == batches
    assert backend.read("pbx", Position("ab", 2)) == batches[1:]


def test_a_hole_and_another_publisher_give_the_whole(backend: RedisBackend) -> None:
    whole = Whole(FIRST, 1.5, {"a": "1"})
    backend.replace("pbx", whole)
    backend.append("pbx", Batch(Position("ab", 3), 2.5, {}))
    assert backend.read("pbx", FIRST) == whole
    other = Whole(Position("cd", 1), 2.5, {"a": "2"})
    backend.replace("pbx", other)
    assert backend.read("pbx", Position("ab", 3)) == other


def test_a_batch_wakes_a_reader_that_waits(backend: RedisBackend, url: str) -> None:
    publisher = Publisher(RedisBackend(url))
    mirror = Mirror(backend)
    picture = RemotePicture(mirror, "pbx", time.time)
    try:
        publisher.note("pbx", [("server:", Heading("pbx", ready=True))])
        wait_until(lambda: picture.server.ready)
        publisher.note("pbx", [("server:", Heading("pbx", ready=False))])
        wait_until(lambda: not picture.server.ready)
        assert picture.fresh
    finally:
        mirror.close()
        publisher.close()


@pytest.mark.slow
def test_a_redis_that_is_away_costs_some_news(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as url:
        store = RedisBackend(url)
        publisher, mirror = Publisher(store), Mirror(RedisBackend(url))
        picture = RemotePicture(mirror, "pbx", time.time)
        publisher.note("pbx", [("server:", Heading("pbx", ready=True))])
        wait_until(lambda: picture.server.ready)
    try:
        wait_until(lambda: store.failures)
        wait_until(lambda: not picture.fresh)
        assert picture.server.ready
        assert "pbx: the live picture is not published: ConnectionError" in caplog.text
        assert "pbx: the live picture cannot be read: ConnectionError" in caplog.text
    finally:
        mirror.close()
        publisher.close()


def test_picture_of_an_earlier_lease_is_refused(backend: RedisBackend) -> None:
    earlier, later = Position(new_epoch(9), 5), Position(new_epoch(10), 1)
    backend.replace("pbx", Whole(earlier, 1.5, {"a": "1"}))
    backend.replace("pbx", Whole(later, 1.5, {"a": "2"}))
    with pytest.raises(Superseded):
        backend.replace("pbx", Whole(Position(earlier.epoch, 6), 1.5, {"a": "3"}))
    assert backend.read("pbx", None) == Whole(later, 1.5, {"a": "2"})
    backend.replace("pbx", Whole(Position(later.epoch, 2), 1.5, {"a": "4"}))
    backend.replace("pbx", Whole(FIRST, 1.5, {"a": "5"}))
    assert backend.read("pbx", None) == Whole(FIRST, 1.5, {"a": "5"})
