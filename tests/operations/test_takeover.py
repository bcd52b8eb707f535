"""Two real listeners on one server: one delivers, the other takes over."""

from __future__ import annotations

import signal
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.operations.support import TIMEOUT_SECONDS, Counter, Site
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator
    from tests.running import Program


def open_files(pid: int) -> set[str]:
    """The paths of what a process has open: with that of the database it has begun to look."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found.add(str(descriptor.readlink()))
    return found


def stop_between_writes(listener: Program, site: Site) -> None:
    """Stop it, but not while it has the lock of SQLite, which nobody else would ever get then."""
    while True:
        listener.signal(signal.SIGSTOP)
        with suppress(sqlite3.OperationalError), locked(site.database["NAME"]):
            return
        listener.signal(signal.SIGCONT)


@contextmanager
def locked(file: object) -> Iterator[None]:
    """Nobody else can write to this SQLite database."""
    with closing(sqlite3.connect(str(file), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.slow
def test_one_of_two_delivers_and_the_other_is_logged_in(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    assert sim.logins == 2
    counter.emit(20)
    site.wait_for("event", 20)
    assert {note["pid"] for note in site.notes} == {first.process.pid}
    assert site.numbers(valid=True) == list(range(20))
    assert len({note["token"] for note in site.told("event")}) == 1
    assert second.err == []


@pytest.mark.long
def test_standby_takes_over_at_once_after_a_clean_stop(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(5)
    site.wait_for("event", 5)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, str(first)
    released = time.monotonic()
    site.wait_for("ready", pid=second.process.pid)
    took = time.monotonic() - released
    second.wait_for_out("ready to deliver")
    counter.emit(5)
    site.wait_for("event", 10)
    assert site.numbers() == list(range(10))
    tokens = [note["token"] for note in site.told("event")]
    assert tokens == [tokens[0]] * 5 + [tokens[0] + 1] * 5
    (gap,) = site.told("gap")
    assert (gap["reason"], gap["lost"], gap["pid"]) == ("takeover", None, second.process.pid)
    assert 0 < gap["end"] - gap["begin"] < 5
    assert took < TIMEOUT_SECONDS, took  # not after the lease was over


@pytest.mark.long
def test_standby_takes_over_when_the_holder_is_killed(site: Site, sim: Simulator) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(5)
    site.wait_for("event", 5)
    killed = time.time()
    first.process.kill()
    counter.emit(5)
    site.wait_for("ready", pid=second.process.pid)
    counter.emit(5)
    site.wait_for("event", 10)
    # Nobody heard those of the time between, and the gap says when that was.
    assert site.numbers() == [*range(5), *range(10, 15)]
    (gap,) = site.told("gap")
    assert gap["reason"] == "takeover"
    assert gap["begin"] <= killed <= gap["end"]
    assert "before it was" in second.wait_for_err("has the lease")


@pytest.mark.long
def test_holder_that_was_stopped_delivers_nothing_more_than_the_event_in_hand(
    site: Site, sim: Simulator
) -> None:
    counter = Counter(sim)
    first, second = site.active(), site.standby()
    counter.emit(150, Seconds=0.05)  # one batch
    site.wait_for("event", 5)
    stop_between_writes(first, site)
    site.wait_for("ready", pid=second.process.pid)
    counter.emit(5)
    site.wait_for("event", 5, pid=second.process.pid)
    before = site.numbers(pid=first.process.pid)
    assert len(before) < 100, "it was not stopped in the midst of a batch"
    first.signal(signal.SIGCONT)
    site.wait_for("lease_lost", pid=first.process.pid)
    first.wait_for_err("has gone to another process")
    counter.emit(5)
    site.wait_for("event", 10, pid=second.process.pid)
    after = site.numbers(pid=first.process.pid)
    assert len(after) <= len(before) + 1
    numbers = site.numbers()
    assert len(numbers) == len(set(numbers))
    # It stands by, and takes over in its turn.
    second.signal(signal.SIGTERM)
    assert second.wait() == 0, str(second)
    site.wait_for("ready", 2, pid=first.process.pid)
    counter.emit(1)
    last = site.wait_for("event", number=counter.sent - 1)
    tokens = [note["token"] for note in site.told("event")]
    assert tokens == sorted(tokens)
    assert last["token"] == tokens[0] + 2


@pytest.mark.long
def test_standby_without_a_login_connects_when_it_takes_over(
    tmp_path: Path, sim: Simulator
) -> None:
    site = Site(tmp_path, [sim], standby_login=False)
    with closing(site):
        first = site.active()
        second = site.listen()
        wait_until(lambda: site.database["NAME"] in open_files(second.process.pid))
        assert sim.logins == 1
        first.signal(signal.SIGTERM)
        site.wait_for("ready", pid=second.process.pid)
        assert sim.logins == 2
        Counter(sim).emit(5)
        site.wait_for("event", 5, pid=second.process.pid)


@pytest.mark.long
def test_database_that_is_away_stops_delivery_and_loses_nothing_if_nobody_else_had_the_lease(
    site: Site, sim: Simulator
) -> None:
    counter = Counter(sim)
    first = site.active()
    counter.emit(5)
    site.wait_for("event", 5)
    with locked(site.database["NAME"]):
        first.wait_for_err("the database does not answer")
        time.sleep(TIMEOUT_SECONDS)  # until the lease is over by the holder's own clock
        counter.emit(5)
        first.wait_for_err("its events wait")
        assert len(site.told("event")) == 5
    first.wait_for_err("nobody else had it")
    site.wait_for("event", 10)
    assert site.numbers(valid=True) == list(range(10))
    assert len({note["token"] for note in site.told("event")}) == 1
    assert site.told("gap") == []


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "4"])
def test_events_that_wait_for_a_lease_are_delivered_at_a_stop_if_the_database_is_back_in_time(
    site: Site, sim: Simulator, workers: str
) -> None:
    counter = Counter(sim)
    holder = site.active(f"--workers={workers}", "--drain-timeout=20")
    with locked(site.database["NAME"]):
        holder.wait_for_err("the lease could not be renewed in time")
        counter.emit(5)
        holder.signal(signal.SIGTERM)
        sim.wait_for(lambda: sim.logoffs == 1)
    assert holder.wait() == 0, str(holder)
    assert site.numbers() == list(range(5))
    assert " 5 delivered, 0 dropped" in holder.out[-1], str(holder)


@pytest.mark.slow
def test_stop_waits_for_a_lease_no_longer_than_the_drain_timeout(
    site: Site, sim: Simulator
) -> None:
    counter = Counter(sim)
    holder = site.active("--drain-timeout=1")
    with locked(site.database["NAME"]):
        holder.wait_for_err("the lease could not be renewed in time")
        counter.emit(5)
        holder.signal(signal.SIGTERM)
        assert holder.wait() == 4, str(holder)
    assert " 5 left" in holder.out[-1], str(holder)


@pytest.mark.slow
def test_stop_waits_for_no_lease_if_no_event_waits(site: Site) -> None:
    holder = site.active("--drain-timeout=600")
    with locked(site.database["NAME"]):
        holder.wait_for_err("the lease could not be renewed in time")
        holder.signal(signal.SIGTERM)
        assert holder.wait() == 0, str(holder)
