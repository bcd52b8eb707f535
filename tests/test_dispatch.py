"""The dispatcher: from a real connection to the signals, in order, with care for the database, all
of it counted.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from django_ami import signals
from django_ami.actions import Ping
from django_ami.core.cluster import backlog
from django_ami.core.session import Gap, GapReason, Lost, Ready
from django_ami.errors import ConnectionLost
from django_ami.signals import ami_event, events, gap, server_lost, server_ready
from django_ami.testing import FakeAsterisk
from tests.receiving import fresh_registry, listening
from tests.running import hold_pings, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import Simulator


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    # The care for database connections touches those that earlier tests have opened.
    with fresh_registry(), django_db_blocker.unblock():
        yield


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


def numbers_of(name: str) -> list[int]:
    """The events of that name that arrive, by number.

    The receiver lives as long as the list's owner.
    """
    seen: list[int] = []
    events[name].connect(lambda event, **_: seen.append(int(event["Number"])), weak=False)
    return seen


# --- events ---


def test_the_sender_is_the_handle_and_the_order_is_that_of_the_server(sim: Simulator) -> None:
    seen: list[Any] = []
    ami_event.connect(
        lambda sender, event, **_: seen.append((sender, event.name, event.get("Number"))),
        weak=False,
    )
    events["HANGUP"].connect(
        lambda sender, event, **_: seen.append((sender, "by name", event["Number"])), weak=False
    )
    with listening(sim.url) as listener:
        listener.make_ready()
        for number in range(300):
            sim.emit("Hangup" if number % 3 == 0 else "Newchannel", Number=number)
        listener.run_until(lambda: seen and seen[-1][2] == "299")
        handle = listener.client.server("node_1")
        assert all(one[0] is handle for one in seen)
        expected: list[tuple[str, str | None]] = [("FullyBooted", None)]
        for number in range(300):
            if number % 3 == 0:
                expected.append(("by name", str(number)))
            expected.append(("Hangup" if number % 3 == 0 else "Newchannel", str(number)))
        assert [one[1:] for one in seen] == expected
        assert listener.dispatcher.delivered == listener.status.delivered == 301
        listener.assert_accounted()


def test_events_without_receivers_are_counted_and_not_queued(sim: Simulator) -> None:
    seen = numbers_of("Hangup")
    with listening(sim.url) as listener:
        listener.make_ready()
        for number in range(50):
            sim.emit("Newchannel", Number=number)
        sim.emit("Hangup", Number=1)
        listener.run_until(lambda: seen)
        assert (listener.status.received, listener.status.ignored, listener.status.delivered) == (
            52,
            51,
            1,
        )
        listener.assert_accounted()


def test_a_receiver_may_come_and_go_while_it_runs(sim: Simulator) -> None:
    hangups = numbers_of("Hangup")
    channels: list[int] = []

    def on_channel(event: Any, **_: Any) -> None:
        channels.append(int(event["Number"]))

    with listening(sim.url) as listener:
        listener.make_ready()
        changes = (
            lambda: None,
            lambda: events["Newchannel"].connect(on_channel),
            lambda: events["Newchannel"].disconnect(on_channel),
        )
        for number, change in enumerate(changes):
            change()
            listener.settle()
            sim.emit("Newchannel", Number=number)
            sim.emit("Hangup", Number=number)
            listener.run_until(lambda number=number: number in hangups)
        assert (hangups, channels) == ([0, 1, 2], [1])
    assert not signals.classes._watchers


@pytest.mark.parametrize("name", ["Hangup", None], ids=["of a name", "of every event"])
def test_receiver_that_disconnects_itself_gets_no_later_event_of_the_same_batch(
    sim: Simulator, name: str | None
) -> None:
    signal = ami_event if name is None else events[name]
    seen: list[int] = []

    def once(event: Any, **_: Any) -> None:
        if event.name == "Hangup":
            seen.append(int(event["Number"]))
            signal.disconnect(once)

    others = numbers_of("Hangup")
    with listening(sim.url) as listener:
        listener.make_ready()
        signal.connect(once)
        listener.settle()
        for number in range(5):
            sim.emit("Hangup", Number=number)
        listener.wait_for_queued(5)
        listener.run_until(lambda: len(others) == 5)
    assert seen == [0]


def test_one_that_raises_stops_nobody_and_its_events_count_as_failed(
    sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(event: Any, **_: Any) -> None:
        raise ValueError(event["Number"])

    events["Hangup"].connect(broken)
    seen = numbers_of("Hangup")
    with listening(sim.url) as listener:
        listener.make_ready()
        for number in range(5):
            sim.emit("Hangup", Number=number)
        listener.run_until(lambda: len(seen) == 5)
        assert seen == list(range(5))
        assert (listener.status.delivered, listener.status.failed) == (0, 5)
        listener.assert_accounted()
    messages = [
        record.getMessage() for record in caplog.records if "receiver" in record.getMessage()
    ]
    assert len(messages) == 5
    assert all("broken raised ValueError" in message for message in messages)


def test_two_servers_take_turns_and_each_keeps_its_order(sim: Simulator) -> None:
    seen: list[tuple[str, int]] = []
    events["Hangup"].connect(
        lambda event, **_: seen.append((event.server, int(event["Number"]))), weak=False
    )
    with FakeAsterisk() as other, listening(sim.url, other.url) as listener:
        listener.run_until(lambda: len(listener.notices) == 2)
        for number in range(100):
            sim.emit("Hangup", Number=number)
            other.emit("Hangup", Number=number)
        status = listener.client.status
        wait_until(lambda: [one.queued for one in status().values()] == [100, 100])
        assert listener.dispatcher.run(0, most=30) == 30
        assert listener.dispatcher.run(0, most=30) == 30
        assert {name for name, _ in seen} == {"node_1", "node_2"}
        listener.run_until(lambda: len(seen) == 200)
    for name in ("node_1", "node_2"):
        assert [number for server, number in seen if server == name] == list(range(100))


# --- notices ---


def test_ready_and_lost_are_told_in_order(sim: Simulator) -> None:
    told: list[Any] = []
    server_ready.connect(
        lambda sender, again, **_: told.append(("ready", sender.name, again)), weak=False
    )
    server_lost.connect(
        lambda sender, error, retry_in, **_: told.append(
            ("lost", sender.name, type(error), retry_in is not None)
        ),
        weak=False,
    )
    with listening(sim.url) as listener:
        listener.run_until(lambda: len(told) == 1)
        sim.drop()
        listener.run_until(lambda: len(told) == 3)
        assert told == [
            ("ready", "node_1", False),
            ("lost", "node_1", ConnectionLost, True),
            ("ready", "node_1", True),
        ]
        assert [type(notice) for notice in listener.notices] == [Ready, Lost, Gap, Ready]
        assert listener.status.reconnects == 1


@pytest.mark.slow
def test_a_loss_carries_the_time_of_the_last_event_and_what_is_known_to_be_missing(
    sim: Simulator,
) -> None:
    lost: list[dict[str, Any]] = []
    server_lost.connect(lambda **named: lost.append(named), weak=False)
    events["Hangup"].connect(lambda **_: None, weak=False)
    with listening(sim.url, event_queue_capacity=10) as listener:
        listener.make_ready()
        begun = datetime.now(UTC)
        for number in range(30):
            sim.emit("Hangup", Number=number)
        listener.wait_for_queued(10)
        wait_until(lambda: listener.status.dropped == 20)
        ended = datetime.now(UTC)
        sim.send_raw(b"Event: Hangup\r\nChann")
        sim.drop()
        listener.run_until(lambda: lost)
        listener.make_ready()
        sim.drop()
        listener.run_until(lambda: len(lost) == 2)
    first, second = lost
    assert first["missing"] == 21  # those that were dropped, and half a one
    assert second["missing"] == 0
    moment = first["last_event_at"]
    assert moment.utcoffset() == timedelta()
    assert begun - timedelta(seconds=0.1) <= moment <= ended + timedelta(seconds=0.1)


class Told:
    """Receives all signals of a server, in order: events by number, a gap by its arguments."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        events["Hangup"].connect(self._event)
        server_ready.connect(self._ready)
        server_lost.connect(self._lost)
        gap.connect(self._gap)

    def _event(self, event: Any, **_: Any) -> None:
        self.all.append(int(event["Number"]))

    def _ready(self, **_: Any) -> None:
        self.all.append("ready")

    def _lost(self, **_: Any) -> None:
        self.all.append("lost")

    def _gap(self, sender: Any, signal: Any, **named: Any) -> None:
        assert sender.name == "node_1"
        self.all.append(named)

    @property
    def gaps(self) -> list[dict[str, Any]]:
        return [one for one in self.all if isinstance(one, dict)]

    @property
    def order(self) -> list[Any]:
        return ["gap" if isinstance(one, dict) else one for one in self.all]


def utc() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("filters", ["off", "auto"])
@pytest.mark.parametrize("way", ["the link is cut", "the server restarts"])
def test_a_gap_tells_from_when_to_when_nothing_was_received(
    sim: Simulator, way: str, filters: str
) -> None:
    """Before the first event of the new connection, and behind the last one of the old."""
    told = Told()
    with listening(sim.url, server_filters=filters) as listener:
        listener.make_ready()
        sim.emit("Hangup", Number=1)
        listener.run_until(lambda: told.order == ["ready", 1])
        heard = utc()
        if way == "the link is cut":
            sim.drop()
            lost = utc()
        else:
            sim.stop()
            lost = utc()
            listener.run_until(lambda: "lost" in told.order)
            sim.start()
        listener.run_until(lambda: told.order[-1] == "ready" and len(told.order) > 2)
        sim.emit("Hangup", Number=2)
        listener.run_until(lambda: told.order[-1] == 2)
        assert told.order == ["ready", 1, "lost", "gap", "ready", 2]
        (found,) = told.gaps
        assert (found["reason"], found["lost"]) == (GapReason.CONNECTION_LOST, None)
        assert found["reason"] == "connection lost"
        assert found["begin"].utcoffset() == timedelta()
        moment = timedelta(seconds=0.1)
        assert heard - moment <= found["begin"] <= lost + moment
        assert lost - moment <= found["end"] <= utc() + moment
        assert listener.status.gaps == 1


def test_receiver_connected_later_makes_a_gap_where_filters_kept_its_events_out(
    sim: Simulator,
) -> None:
    told = Told()
    with listening(sim.url, server_filters="auto") as listener:
        listener.make_ready()
        events["Newchannel"].connect(told._event)
        listener.run_until(lambda: told.order == ["ready", "lost", "gap", "ready"])
        (found,) = told.gaps
        assert (found["reason"], found["lost"]) == ("filters widened", None)
        assert found["begin"] < found["end"] <= utc()
        sim.drop()
        listener.run_until(lambda: told.order == ["ready", *["lost", "gap", "ready"] * 2])
        assert told.gaps[-1]["reason"] == "connection lost"


def test_other_settings_make_a_gap(sim: Simulator) -> None:
    told = Told()
    with listening(sim.url) as listener:
        listener.make_ready()
        config = listener.client._cluster.servers["node_1"].config
        for seconds in (20.0, 21.0):  # the first of them may never come to a login
            options = replace(config.options, heartbeat_interval=seconds)
            listener.client.reconfigure([replace(config, options=options)])
        listener.run_until(lambda: told.order == ["ready", "gap", "ready"])
        assert [one["reason"] for one in told.gaps] == [GapReason.SETTINGS_CHANGED]
        sim.drop()
        listener.run_until(lambda: told.order[-3:] == ["lost", "gap", "ready"])
        assert told.gaps[-1]["reason"] is GapReason.CONNECTION_LOST
        assert listener.status.gaps == 2


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        ("drop_oldest", ["ready", 20, "gap", *range(21, 30), 100]),
        ("drop_newest", ["ready", *range(10), "gap", 100]),
    ],
)
def test_a_gap_stands_where_events_were_dropped(
    sim: Simulator, policy: str, order: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PACE_SECONDS", 0.05)
    told = Told()
    with listening(sim.url, event_queue_capacity=10, overload_policy=policy) as listener:
        listener.run_until(lambda: told.order == ["ready"])
        begun = utc()
        for number in range(30):
            sim.emit("Hangup", Number=number)
        wait_until(lambda: listener.status.dropped == 20)
        ended = utc()
        assert listener.status.gaps == 0, "nobody knows yet whether more will be dropped"
        listener.run_until(lambda: len(told.order) == 2)
        sim.emit("Hangup", Number=100)  # there is room for it: dropping is over
        listener.wait_for_queued(10)
        listener.run_until(lambda: told.order[-1] == 100)
        assert told.order == order
        (found,) = told.gaps
        assert (found["reason"], found["lost"]) == (GapReason.OVERLOAD, 20)
        moment = timedelta(seconds=0.1)
        assert begun - moment <= found["begin"] <= found["end"] <= ended + moment
        assert listener.status.gaps == 1
        listener.assert_accounted()


def test_a_server_that_was_never_ready_is_not_lost(sim: Simulator) -> None:
    told: list[Any] = []
    server_lost.connect(lambda **_: told.append("lost"), weak=False)
    server_ready.connect(lambda **_: told.append("ready"), weak=False)
    sim.stop()
    with listening(sim.url) as listener:
        listener.run_until(lambda: len(listener.notices) >= 2)
        assert all(isinstance(notice, Lost) and not notice.was_ready for notice in listener.notices)
        assert told == []
        sim.start()
        listener.run_until(lambda: told)
        assert told == ["ready"]


def test_a_server_that_refuses_is_told_with_its_long_pause(sim: Simulator) -> None:
    with listening(f"ami://admin:wrong@127.0.0.1:{sim.port}") as listener:
        listener.run_until(lambda: listener.notices)
        (notice,) = listener.notices
        assert (notice.was_ready, notice.server) == (False, "node_1")
        assert 300 <= notice.retry_in <= 450


# --- the database ---


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``database(CONN_MAX_AGE=…)`` gives a connection to a database in a file.

    One in memory is never closed.
    """
    made: list[Any] = []

    def make(**options: Any) -> Any:
        connections.databases["in_a_file"] = {
            **connections.databases["default"],
            "NAME": str(tmp_path / "db.sqlite3"),
            **options,
        }
        made.append(connections["in_a_file"])
        return made[0]

    yield make
    for one in made:
        one.close()
        del connections["in_a_file"]
        del connections.databases["in_a_file"]


@pytest.mark.parametrize(("max_age", "stays_open"), [(0, False), (None, True), (3600, True)])
def test_a_connection_lives_as_long_as_the_project_says(
    sim: Simulator, database: Callable[..., Any], max_age: int | None, stays_open: bool
) -> None:
    one = database(CONN_MAX_AGE=max_age)
    used: list[Any] = []

    def ask(event: Any, **_: Any) -> None:
        with one.cursor() as cursor:
            cursor.execute("SELECT 1")
        used.append(one.connection)

    events["Hangup"].connect(ask)
    with listening(sim.url) as listener:
        listener.make_ready()
        for batch in (1, 2):
            sim.emit("Hangup")
            sim.emit("Hangup")
            listener.wait_for_queued(2)
            assert listener.dispatcher.run(0) == 2
            assert len(used) == 2 * batch
            assert (one.connection is not None) == stays_open
    assert used[0] is used[1], "one connection serves a batch"
    assert (used[2] is used[0]) == stays_open


def test_a_connection_that_has_become_too_old_is_not_used(
    sim: Simulator, database: Callable[..., Any]
) -> None:
    one = database(CONN_MAX_AGE=3600)
    one.connect()
    old = one.connection
    one.close_at = time.monotonic() - 1
    seen: list[Any] = []
    events["Hangup"].connect(lambda event, **_: seen.append(one.connection), weak=False)
    with listening(sim.url) as listener:
        listener.make_ready()
        one.connect()
        one.close_at = time.monotonic() - 1
        sim.emit("Hangup")
        listener.run_until(lambda: seen)
    assert seen == [None]
    assert old is not None


def test_the_log_of_queries_does_not_grow(sim: Simulator, database: Callable[..., Any]) -> None:
    one = database(CONN_MAX_AGE=None)
    one.force_debug_cursor = True
    lengths: list[int] = []

    def ask(event: Any, **_: Any) -> None:
        lengths.append(len(one.queries))
        with one.cursor() as cursor:
            cursor.execute("SELECT 1")

    events["Hangup"].connect(ask)
    with listening(sim.url) as listener:
        listener.make_ready()
        for _ in range(3):
            for _ in range(2):
                sim.emit("Hangup")
            listener.wait_for_queued(2)
            listener.dispatcher.run(0)
    assert lengths == [0, 1] * 3


def test_completions_get_the_same_care(sim: Simulator, database: Callable[..., Any]) -> None:
    one = database(CONN_MAX_AGE=0)
    asked: list[Any] = []

    def ask(error: Any, response: Any) -> None:
        with one.cursor() as cursor:
            cursor.execute("SELECT 1")
        asked.append((error, response["Ping"], threading.current_thread()))

    with listening(sim.url) as listener:
        listener.make_ready()
        answer = hold_pings(sim)
        listener.client.server("node_1").send(Ping()).on_complete(ask)
        answer.set()
        listener.run_until(lambda: asked)
    assert asked == [(None, "Pong", threading.current_thread())]
    assert one.connection is None


# --- parts of a batch, and the end ---


def test_no_more_than_most(sim: Simulator) -> None:
    seen = numbers_of("Hangup")
    with listening(sim.url) as listener:
        listener.make_ready()
        for number in range(10):
            sim.emit("Hangup", Number=number)
        listener.wait_for_queued(10)
        assert listener.dispatcher.run(0, most=3) == 3
        assert seen == [0, 1, 2]
        assert listener.status.queued == 7
        assert listener.dispatcher.run(0) == 7
        assert listener.dispatcher.run(0) == 0
        assert seen == list(range(10))
        listener.assert_accounted()


def test_after_until_nothing_is_begun_and_the_rest_counts_as_queued(sim: Simulator) -> None:
    seen = numbers_of("Hangup")
    with listening(sim.url) as listener:
        dispatcher = listener.dispatcher

        def end(event: Any, **_: Any) -> None:
            assert dispatcher.busy
            assert not dispatcher.over
            if event["Number"] == "3":
                dispatcher.until = time.monotonic()

        events["Hangup"].connect(end)
        listener.make_ready()
        for number in range(10):
            sim.emit("Hangup", Number=number)
        listener.wait_for_queued(10)
        dispatcher.run(0)
        assert seen == [0, 1, 2, 3]
        assert dispatcher.over
        assert not dispatcher.busy
        assert (listener.status.delivered, listener.status.queued) == (4, 6)
        listener.assert_accounted()
        sim.emit("Hangup", Number=10)
        listener.wait_for_queued(7)
        dispatcher.run(0)
        assert len(seen) == 4
        assert listener.status.queued == 7


@pytest.mark.slow
def test_a_full_queue_drops_the_oldest_and_counts_them(sim: Simulator) -> None:
    seen = numbers_of("Hangup")
    with listening(sim.url, event_queue_capacity=10) as listener:
        listener.make_ready()
        for number in range(100):
            sim.emit("Hangup", Number=number)
        wait_until(lambda: listener.status.received == 101)
        assert (listener.status.queued, listener.status.dropped) == (10, 90)
        listener.assert_accounted()
        listener.run_until(lambda: len(seen) == 10)
        assert seen == list(range(90, 100))
        listener.assert_accounted()
        assert listener.status.queued == 0


def test_wake_ends_a_wait_without_end(sim: Simulator) -> None:
    with listening(sim.url) as listener:
        listener.make_ready()
        threading.Thread(target=listener.client.inbox.wake).start()
        assert listener.dispatcher.run(None) == 0


def test_events_that_were_read_are_there_after_the_close(sim: Simulator) -> None:
    seen = numbers_of("Hangup")
    with listening(sim.url) as listener:
        listener.make_ready()
        for number in range(5):
            sim.emit("Hangup", Number=number)
        listener.wait_for_queued(5)
        listener.client.close()
        sim.wait_for(lambda: sim.logoffs == 1)
        assert listener.dispatcher.run(0) == 5
        assert seen == list(range(5))
        listener.assert_accounted()
