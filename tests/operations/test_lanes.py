"""Leases of several servers, and receivers on several threads: real listeners."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from django_ami.testing import FakeAsterisk
from tests.operations.support import Site
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.testing import Simulator

#: A thread that waits within a receiver for so long stands still.
SECONDS: Final = 2.0


@pytest.fixture
def sims() -> Iterator[list[Simulator]]:
    with FakeAsterisk() as one, FakeAsterisk() as two:
        yield [one, two]


@pytest.fixture
def site(tmp_path: Path, sims: list[Simulator]) -> Iterator[Site]:
    made = Site(tmp_path, sims)
    try:
        yield made
    finally:
        made.close()


def take_lease(site: Site, server: str) -> None:
    """Another process has it, and keeps it."""
    with closing(sqlite3.connect(str(site.database["NAME"]), timeout=20)) as connection:
        changed = connection.execute(
            "UPDATE ami_operations_lease SET token = token + 1, holder = 'another', "
            "expires_at = '2099-01-01 00:00:00' WHERE server = ?",
            [server],
        )
        connection.commit()
    assert changed.rowcount == 1


def emit(sim: Simulator, *numbers: int, **more: object) -> None:
    """Events without a channel: those of all servers go to one thread."""
    for number in numbers:
        sim.emit("UserEvent", UserEvent="Test", Number=number, **more)


@pytest.mark.slow
def test_a_lost_lease_holds_up_no_signal_of_another_server(
    site: Site, sims: list[Simulator]
) -> None:
    one, two = sims
    listener = site.active("--workers=4", "--all")
    site.wait_for("ready", server="node_1")
    site.wait_for("ready", server="node_2")
    emit(one, 0, Seconds=2)
    site.wait_for("event", server="node_1")
    emit(one, 1, 2)
    emit(two, 100)
    two.drop()
    listener.wait_for_err("node_2: connection lost")
    take_lease(site, "node_1")
    site.wait_for("ready", 2, server="node_2")
    site.wait_for("lease_lost", server="node_1")
    told = [note["what"] for note in site.notes if note["server"] == "node_2"]
    assert told == ["ready", "event", "lost", "gap", "ready"], str(site)
    assert site.numbers(server="node_1") == [0]
    assert not any("have not returned" in line for line in listener.err), str(listener)


def heartbeat(file: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(file.read_text())
    return told


@contextmanager
def kept_from_renewal(site: Site, server: str) -> Iterator[None]:
    """The lease of a server is over, and nobody has taken it; the holder cannot renew it."""
    trigger = (
        "CREATE TRIGGER keeps BEFORE UPDATE ON ami_operations_lease "
        f"WHEN OLD.server = '{server}' BEGIN SELECT RAISE(ABORT, 'kept from renewal'); END"
    )
    with closing(sqlite3.connect(str(site.database["NAME"]), timeout=20)) as connection:
        connection.executescript(trigger)
        yield
        connection.executescript("DROP TRIGGER keeps")


@pytest.mark.slow
def test_events_that_wait_for_a_lease_hold_up_no_other_server_and_are_no_standstill(
    site: Site, sims: list[Simulator], tmp_path: Path
) -> None:
    one, two = sims
    file = tmp_path / "heartbeat"
    site.options["heartbeat_file"] = str(file)
    listener = site.active("--workers=4", "--all")
    site.wait_for("ready", server="node_1")
    site.wait_for("ready", server="node_2")
    emit(one, 0, Seconds=3)
    site.wait_for("event", server="node_1")
    emit(one, 1, 2)
    with kept_from_renewal(site, "node_1"):
        listener.wait_for_err("node_1: the lease could not be renewed in time")
        emit(two, 100)
        begun = site.wait_for("event", server="node_2")["at"]
        wait_until(lambda: heartbeat(file)["at"] > begun + SECONDS)
        for each in heartbeat(file)["servers"]:
            assert each["counters"]["standstill"] == 0, str(site)
        assert site.numbers(server="node_1") == [0]
        refused = [line for line in listener.err if "database" in line]
        assert len(refused) == 1, str(listener)
    listener.wait_for_err("The database answers for leases again")
    site.wait_for("event", 3, server="node_1")
    assert site.numbers(server="node_1") == [0, 1, 2]


@pytest.mark.slow
def test_a_stop_blames_no_receiver_if_its_events_wait_for_a_lease(
    site: Site, sims: list[Simulator]
) -> None:
    one, _ = sims
    listener = site.active("--workers=4", "--server=node_1", "--drain-timeout=1")
    emit(one, 0, Seconds=SECONDS)
    site.wait_for("event", server="node_1")
    emit(one, 1, 2)
    with kept_from_renewal(site, "node_1"):
        listener.wait_for_err("node_1: the lease could not be renewed in time")
        listener.wait_for_err("on_user_event took")
        listener.signal(15)
        assert listener.wait() == 4, str(listener)
    assert " 2 left" in listener.out[-1], str(listener)
    assert not any("has not returned" in line for line in listener.err), str(listener)
