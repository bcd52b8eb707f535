"""From a publisher to those who look and follow, in the memory of one process."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.live.devices import Device
from django_ami.live.feed import mirror as mirror_module
from django_ami.live.feed.memory import MemoryBackend
from django_ami.live.feed.mirror import Mirror, Page
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Batch, Heading, Position, Whole
from django_ami.live.feed.remote import RemotePicture
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADING = ("server:", Heading("pbx", ready=True, complete=True))


def device(name: str, state: str = "INUSE") -> tuple[str, Device]:
    return f"device:{name}", Device(name, state, 1.0)


class Store(MemoryBackend):
    """A store that can be away."""

    away = False

    def _look(self) -> None:
        if self.away:
            raise ConnectionRefusedError("the store is away")

    def append(self, server: str, batch: Batch) -> None:
        self._look()
        super().append(server, batch)

    def replace(self, server: str, whole: Whole) -> None:
        self._look()
        super().replace(server, whole)

    def after(self, server: str, position: Position) -> Sequence[Batch]:
        self._look()
        return super().after(server, position)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def publisher(store: Store) -> Iterator[Publisher]:
    publisher = Publisher(store)
    yield publisher
    publisher.close()


@pytest.fixture
def mirror(store: Store) -> Iterator[Mirror]:
    mirror = Mirror(store)
    yield mirror
    mirror.close()


@pytest.fixture
def picture(mirror: Mirror) -> RemotePicture:
    return RemotePicture(mirror, "pbx", lambda: 100.0)


def test_published_change_is_seen(publisher: Publisher, picture: RemotePicture) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    wait_until(lambda: "PJSIP/bob" in picture.devices)
    assert picture.devices["PJSIP/bob"] == Device("PJSIP/bob", "INUSE", 1.0)
    assert picture.fresh
    assert picture.complete
    assert picture.age is not None
    assert picture.age < 30
    publisher.note("pbx", [device("PJSIP/bob", "NOT_INUSE")])
    wait_until(lambda: picture.devices["PJSIP/bob"].state == "NOT_INUSE")
    publisher.note("pbx", [("device:PJSIP/bob", None)])
    wait_until(lambda: not picture.devices)


def test_change_behind_a_silence_is_written_at_once_and_others_are_collected(
    store: Store, picture: RemotePicture
) -> None:
    store.write_seconds = 600.0  # longer than the test waits
    publisher = Publisher(store)
    publisher.note("pbx", [HEADING])
    wait_until(lambda: picture.server.complete)
    for number in range(9):
        publisher.note("pbx", [device("PJSIP/101", f"{number}")])
    publisher.close()
    whole = store.whole("pbx")
    assert whole is not None
    (batch,) = store.after("pbx", whole.position)
    assert list(batch.bodies) == ["device:PJSIP/101"]


def test_a_picture_that_nobody_has_published_is_empty_and_stale(picture: RemotePicture) -> None:
    assert picture.calls == {}
    assert (picture.age, picture.fresh, picture.complete) == (None, False, False)


def test_one_that_begins_late_sees_all(publisher: Publisher, store: Store) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    wait_until(lambda: store.whole("pbx"))
    publisher.note("pbx", [device("PJSIP/amy")])
    late = Mirror(store)
    try:
        picture = RemotePicture(late, "pbx", lambda: 100.0)
        wait_until(lambda: picture.devices.keys() == {"PJSIP/bob", "PJSIP/amy"})
    finally:
        late.close()


def test_another_publisher_replaces_all(store: Store, picture: RemotePicture) -> None:
    first, second = Publisher(store), Publisher(store)
    try:
        first.note("pbx", [HEADING, device("PJSIP/bob")])
        wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
        first.close()
        second.note("pbx", [HEADING, device("PJSIP/amy")])
        wait_until(lambda: picture.devices.keys() == {"PJSIP/amy"})
    finally:
        second.close()


def test_publisher_whose_lease_is_over_changes_nothing(
    store: Store, picture: RemotePicture
) -> None:
    first, second = Publisher(store), Publisher(store)
    first.tokens["pbx"], second.tokens["pbx"] = 9, 10
    try:
        first.note("pbx", [HEADING, device("PJSIP/bob")])
        wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
        second.note("pbx", [HEADING, device("PJSIP/amy")])
        wait_until(lambda: picture.devices.keys() == {"PJSIP/amy"})
        first.close()  # its last words would say that nobody listens
        assert picture.devices.keys() == {"PJSIP/amy"}
        before, late = store.failures, Publisher(store)
        late.tokens["pbx"] = 9
        late.note("pbx", [HEADING, device("PJSIP/eve")])
        wait_until(lambda: store.failures > before)
        late.drop("pbx")
        late.close()
        second.note("pbx", [device("PJSIP/joe")])
        wait_until(lambda: picture.devices.keys() == {"PJSIP/amy", "PJSIP/joe"})
    finally:
        second.close()


@pytest.mark.slow
def test_a_store_that_was_away_heals_with_the_whole_picture(
    store: Store, publisher: Publisher, picture: RemotePicture
) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
    store.away = True
    publisher.note("pbx", [device("PJSIP/amy"), ("device:PJSIP/bob", None)])
    wait_until(lambda: store.failures)
    store.away = False
    wait_until(lambda: picture.devices.keys() == {"PJSIP/amy"})
    publisher.note("pbx", [device("PJSIP/eve")])
    wait_until(lambda: picture.devices.keys() == {"PJSIP/amy", "PJSIP/eve"})


def test_a_publisher_that_ends_leaves_a_stale_picture(
    publisher: Publisher, picture: RemotePicture
) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    wait_until(lambda: picture.fresh)
    publisher.note("pbx", [("server:", Heading("pbx", listening=False))])
    publisher.close()
    wait_until(lambda: not picture.fresh)
    assert picture.devices.keys() == {"PJSIP/bob"}


def test_a_publisher_that_dies_is_noticed(
    monkeypatch: pytest.MonkeyPatch, store: Store, mirror: Mirror
) -> None:
    monkeypatch.setattr(mirror_module, "STALE_SECONDS", 0.05)
    monkeypatch.setattr(mirror_module, "_LOOK_SECONDS", 0.05)
    store.replace("pbx", Whole(Position("ab", 1), 1.0, {"server:": '{"name":"pbx","ready":true}'}))
    woken = threading.Event()
    picture = RemotePicture(mirror, "pbx", lambda: 100.0)
    wait_until(lambda: picture.server.ready)
    follower = mirror.follow("pbx", woken.set)
    wait_until(lambda: not picture.fresh)
    store.append("pbx", Batch(Position("ab", 2), 2.0, {}))
    assert woken.wait(20)
    follower.close()


def test_records_of_a_dead_publisher_are_old_from_the_first_look(
    store: Store, picture: RemotePicture
) -> None:
    store.replace("pbx", Whole(Position("ab", 1), 1.0, {"server:": '{"name":"pbx","ready":true}'}))
    store.append("pbx", Batch(Position("ab", 2), 2.0, {}))
    wait_until(lambda: picture.server.ready)
    assert not picture.fresh
    assert (picture.age or 0) > 1_000_000


def test_server_that_comes_back_has_none_of_its_old_objects(
    publisher: Publisher, picture: RemotePicture
) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
    publisher.end("pbx", [("server:", Heading("pbx", listening=False))])
    wait_until(lambda: not picture.fresh)
    publisher.note("pbx", [HEADING, device("PJSIP/amy")])
    wait_until(lambda: picture.devices.keys() == {"PJSIP/amy"})
    assert picture.fresh


def test_a_hole_is_filled_with_the_whole_picture(store: Store, picture: RemotePicture) -> None:
    body = '{"name":"PJSIP/%s","state":"INUSE","since":1.0}'
    store.replace("pbx", Whole(Position("ab", 1), 1.0, {"device:PJSIP/bob": body % "bob"}))
    wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
    # Number 2 was lost.
    store.replace("pbx", Whole(Position("ab", 2), 2.0, {"device:PJSIP/amy": body % "amy"}))
    store.append("pbx", Batch(Position("ab", 3), 3.0, {"device:PJSIP/eve": body % "eve"}))
    wait_until(lambda: picture.devices.keys() == {"PJSIP/amy", "PJSIP/eve"})


def test_an_older_whole_picture_replaces_no_newer_one(store: Store, picture: RemotePicture) -> None:
    body = '{"name":"PJSIP/%s","state":"INUSE","since":1.0}'
    store.replace("pbx", Whole(Position("ab", 5), 1.0, {"device:PJSIP/bob": body % "bob"}))
    wait_until(lambda: picture.devices.keys() == {"PJSIP/bob"})
    store.replace("pbx", Whole(Position("ab", 4), 1.0, {}))
    store.append("pbx", Batch(Position("ab", 7), 3.0, {}))  # a hole, and only an older whole
    store.append("pbx", Batch(Position("ab", 8), 3.0, {}))
    assert picture.devices.keys() == {"PJSIP/bob"}


def test_a_slow_follower_gets_the_last_state_of_each_object(
    publisher: Publisher, mirror: Mirror
) -> None:
    follower = mirror.follow("pbx", lambda: None)
    publisher.note("pbx", [HEADING])
    page = mirror.page("pbx")
    wait_until(lambda: "server:" in page.bodies)
    assert follower.take().whole
    for number in range(200):
        publisher.note("pbx", [device("PJSIP/bob", str(number)), device("PJSIP/amy", str(number))])
        if number % 50 == 0:
            wait_until(
                lambda number=number: f'"{number}"' in page.bodies.get("device:PJSIP/bob", "")
            )
    wait_until(lambda: '"199"' in page.bodies["device:PJSIP/bob"])
    news = follower.take()
    assert not news.whole
    assert len(news.bodies) <= 3
    assert '"199"' in (news.bodies["device:PJSIP/amy"] or "")
    assert follower.take().bodies == {}
    follower.close()
    assert not page.followers


def test_a_coroutine_follows(publisher: Publisher, picture: RemotePicture) -> None:
    async def follow() -> list[object]:
        found = []
        async for change in picture.changes():
            if change.kind != "device":
                continue
            found.append((change.key, None if change.object is None else change.object.state))
            if len(found) == 1:
                publisher.note("pbx", [device("PJSIP/bob", "RINGING")])
            elif len(found) == 2:
                publisher.note("pbx", [("device:PJSIP/bob", None)])
            else:
                break
        return found

    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    found = asyncio.run(asyncio.wait_for(follow(), 20))
    assert found == [("PJSIP/bob", "INUSE"), ("PJSIP/bob", "RINGING"), ("PJSIP/bob", None)]


# --- readers that come back ---


def page_of(mirror: Mirror) -> Page:
    page = mirror.page("pbx")
    assert page.looked.wait(20)
    return page


def test_reader_that_comes_back_gets_the_changes_alone(
    publisher: Publisher, mirror: Mirror
) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob"), device("PJSIP/amy")])
    page = mirror.page("pbx")
    wait_until(lambda: "device:PJSIP/amy" in page.bodies)
    before = page.since(None)
    assert before.whole
    publisher.note("pbx", [device("PJSIP/bob", "RINGING"), ("device:PJSIP/amy", None)])
    wait_until(lambda: "device:PJSIP/amy" not in page.bodies)
    after = page.since(before.position)
    assert not after.whole
    assert after.bodies.keys() == {"device:PJSIP/bob", "device:PJSIP/amy"}
    assert after.bodies["device:PJSIP/amy"] is None
    assert page.since(after.position).bodies == {}


def test_reader_of_another_process_gets_the_changes_alone(
    store: Store, publisher: Publisher, mirror: Mirror
) -> None:
    publisher.note("pbx", [HEADING, device("PJSIP/bob")])
    page = mirror.page("pbx")
    wait_until(lambda: "device:PJSIP/bob" in page.bodies)
    here = page.position
    publisher.note("pbx", [device("PJSIP/amy")])
    wait_until(lambda: "device:PJSIP/amy" in page.bodies)
    body = page.bodies["device:PJSIP/bob"]
    assert page.position is not None
    # The next whole picture has them already: only the batches tell which were changed.
    store.replace("pbx", Whole(page.position, 1.0, {**page.bodies, "device:PJSIP/old": body}))
    late = Mirror(store)
    try:
        news = page_of(late).since(here)
        assert not news.whole
        assert "device:PJSIP/amy" in news.bodies
        assert not news.bodies.keys() & {"device:PJSIP/bob", "device:PJSIP/old"}
    finally:
        late.close()


def test_reader_gets_the_whole_behind_another_publisher(store: Store, mirror: Mirror) -> None:
    store.replace("pbx", Whole(Position("ab", 5), 1.0, {"device:a": "{}"}))
    page = page_of(mirror)
    store.replace("pbx", Whole(Position("cd", 5), 1.0, {"device:b": "{}"}))
    wait_until(lambda: page.position == Position("cd", 5))
    news = page.since(Position("ab", 5))
    assert (news.whole, set(news.bodies)) == (True, {"device:b"})


def test_hole_costs_a_follower_the_differences_alone(store: Store, mirror: Mirror) -> None:
    known = {"device:a": "{}", "device:b": "{}", "device:c": "{}"}
    store.replace("pbx", Whole(Position("ab", 5), 1.0, known))
    follower = mirror.follow("pbx", lambda: None)
    page = page_of(mirror)
    follower.take()
    after = {"device:a": "{}", "device:b": '{"state":"1"}', "device:d": "{}"}
    store.replace("pbx", Whole(Position("ab", 7), 1.0, after))
    store.append("pbx", Batch(Position("ab", 8), 1.0, {}))  # number 6 was lost
    wait_until(lambda: page.position == Position("ab", 8))
    changed = {"device:b": '{"state":"1"}', "device:c": None, "device:d": "{}"}
    news = follower.take()
    assert (news.whole, news.bodies) == (False, changed)


def test_reader_that_saw_what_was_lost_here_gets_the_whole(store: Store, mirror: Mirror) -> None:
    store.replace("pbx", Whole(Position("ab", 5), 1.0, {"device:a": "{}"}))
    page = page_of(mirror)
    # Number 6 had another device in another process, and number 7 took it away.
    store.replace("pbx", Whole(Position("ab", 8), 1.0, {"device:a": "{}"}))
    store.append("pbx", Batch(Position("ab", 9), 1.0, {}))
    wait_until(lambda: page.position == Position("ab", 9))
    for number, whole in ((6, True), (8, False)):
        assert page.since(Position("ab", number)).whole is whole


def test_followers_are_woken_when_nobody_has_published(
    monkeypatch: pytest.MonkeyPatch, store: Store, mirror: Mirror
) -> None:
    woken, asked = threading.Event(), threading.Event()
    monkeypatch.setattr(store, "whole", lambda server: asked.wait(20) and None)
    follower = mirror.follow("pbx", woken.set)
    asked.set()
    assert woken.wait(20)
    assert mirror.page("pbx").looked.is_set()
    follower.close()
