"""The feed in the project's database."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from django_ami.live.feed import database as module
from django_ami.live.feed.database import DatabaseBackend
from django_ami.live.feed.models import FeedBatch, FeedWhole
from django_ami.live.feed.postgresql import Notifications
from django_ami.live.feed.records import Batch, Position, Superseded, Whole, new_epoch

pytestmark = pytest.mark.django_db

FIRST = Position("ab", 1)


def whole(position: Position, **bodies: str) -> Whole:
    return Whole(position, 1.5, bodies)


@pytest.fixture
def backend() -> DatabaseBackend:
    return DatabaseBackend()


def test_server_without_a_publisher_is_not_known(backend: DatabaseBackend) -> None:
    assert backend.read("pbx", None) == ()
    assert backend.read("pbx", FIRST) == ()


def test_a_reader_begins_with_the_whole_and_follows(backend: DatabaseBackend) -> None:
    backend.replace("pbx", whole(FIRST, a="1"))
    backend.replace("other", whole(Position("cd", 9), b="2"))
    assert backend.read("pbx", None) == whole(FIRST, a="1")
    assert backend.read("pbx", FIRST) == []
    batches = [Batch(Position("ab", number), 2.5, {"a": None, "ä": "{}"}) for number in (2, 3)]
    for batch in batches:
        backend.append("pbx", batch)
    assert backend.read("pbx", FIRST) == batches
    assert backend.read("pbx", Position("ab", 2)) == batches[1:]


def test_a_hole_and_another_publisher_give_the_whole(backend: DatabaseBackend) -> None:
    backend.replace("pbx", whole(FIRST, a="1"))
    backend.append("pbx", Batch(Position("ab", 3), 2.5, {}))
    assert backend.read("pbx", FIRST) == whole(FIRST, a="1")
    backend.replace("pbx", whole(Position("cd", 1), a="2"))
    assert backend.read("pbx", Position("ab", 3)) == whole(Position("cd", 1), a="2")
    assert FeedWhole.objects.count() == 1


def test_a_reader_that_is_behind_follows_up_to_a_hole(backend: DatabaseBackend) -> None:
    backend.replace("pbx", whole(FIRST, a="1"))
    batches = [Batch(Position("ab", number), 2.5, {}) for number in (2, 3, 5, 6)]
    for batch in batches:
        backend.append("pbx", batch)
    backend.replace("pbx", whole(Position("ab", 5), a="2"))
    assert backend.read("pbx", FIRST) == batches[:2]
    assert backend.read("pbx", Position("ab", 3)) == whole(Position("ab", 5), a="2")
    assert backend.read("pbx", Position("ab", 5)) == batches[3:]


def test_old_batches_and_those_of_other_publishers_are_deleted(
    backend: DatabaseBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PRUNE_SECONDS", 0.0)
    backend.append("pbx", Batch(Position("ab", 1), 10.0, {}))
    backend.append("pbx", Batch(Position("cd", 1), 100.0, {}))
    backend.append("pbx", Batch(Position("cd", 2), 101.0, {}))
    backend.append("other", Batch(Position("ef", 1), 300.0, {}))
    assert FeedBatch.objects.filter(server="pbx").count() == 2
    backend.append("pbx", Batch(Position("cd", 3), 161.5, {}))
    assert [row.number for row in FeedBatch.objects.filter(server="pbx")] == [3]


def test_old_batches_of_every_server_are_deleted(backend: DatabaseBackend) -> None:
    for server in ("pbx", "other"):
        FeedBatch.objects.create(server=server, epoch="dead", number=1, at=1.0, bodies="{}")
    for server in ("pbx", "other"):
        backend.append(server, Batch(FIRST, 100.0, {}))
    assert not FeedBatch.objects.filter(epoch="dead").exists()


@pytest.mark.django_db(transaction=True)
def test_readers_on_postgresql_are_woken(backend: DatabaseBackend) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("other databases wake nobody")
    notifications = Notifications("default")
    notifications.wait(0.01)  # it listens from here on
    begun = time.monotonic()
    backend.append("pbx", Batch(FIRST, 10.0, {}))
    notifications.wait(60)
    assert time.monotonic() - begun < 60
    notifications.close()


def test_picture_of_an_earlier_lease_is_refused(backend: DatabaseBackend) -> None:
    earlier, later = Position(new_epoch(9), 5), Position(new_epoch(10), 1)
    backend.replace("pbx", whole(earlier, a="1"))
    backend.replace("pbx", whole(Position(earlier.epoch, 6), a="2"))
    backend.replace("pbx", whole(later, a="3"))
    with pytest.raises(Superseded):
        backend.replace("pbx", whole(Position(earlier.epoch, 7), a="4"))
    assert backend.read("pbx", None) == whole(later, a="3")
    again = Position(new_epoch(10), 1)  # the same holder, after its page was dropped
    backend.replace("pbx", whole(again, a="5"))
    assert backend.read("pbx", None) == whole(again, a="5")
    # A listener without a lease is alone, by what its operator says.
    backend.replace("pbx", whole(FIRST, a="6"))
    assert backend.read("pbx", None) == whole(FIRST, a="6")


def test_batches_of_a_later_lease_are_not_deleted_as_old_ones(
    backend: DatabaseBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PRUNE_SECONDS", 0.0)
    earlier, later = new_epoch(9), new_epoch(10)
    backend.append("pbx", Batch(Position(later, 1), 10.0, {}))
    backend.append("pbx", Batch(Position(earlier, 1), 10.0, {}))
    assert set(FeedBatch.objects.values_list("epoch", flat=True)) == {earlier, later}
    backend.append("pbx", Batch(Position(later, 2), 10.0, {}))
    assert set(FeedBatch.objects.values_list("epoch", flat=True)) == {later}
