"""``ami_listen`` as a service: the words of a real process to systemd, and its silence."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.deploy.manager import Manager
from tests.operations.support import Site
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.testing import Simulator

#: The number of pings in this time of a process that makes progress.
WATCHDOG_SECONDS, PINGS = 0.8, 4


@pytest.fixture
def manager() -> Iterator[Manager]:
    with Manager() as one:
        yield one


@pytest.fixture
def node_1() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


def listen(
    node_1: Simulator, manager: Manager, seconds: float | None = WATCHDOG_SECONDS
) -> Program:
    return Program(
        [*PYTHON, "-m", "django", "ami_listen", "--server=node_1"],
        DJANGO_SETTINGS_MODULE="tests.deploy.settings",
        AMI_NODE1_URL=node_1.url,
        AMI_NODE2_URL=node_1.url,
        **manager.variables(seconds),
    )


def no_ping_comes(manager: Manager, seconds: float = WATCHDOG_SECONDS) -> bool:
    """For as long as systemd waits, but for what was under way."""
    threading.Event().wait(seconds / 2)
    before = manager.pings
    threading.Event().wait(seconds)
    return manager.pings == before


def test_service_is_ready_tells_how_it_is_reloads_and_stops(
    node_1: Simulator, manager: Manager
) -> None:
    with listen(node_1, manager) as listener:
        manager.wait_for("READY=1", "WATCHDOG=1", "STATUS=ready: node_1")
        manager.wait_for_pings(PINGS)  # nothing happens meanwhile
        listener.signal(signal.SIGHUP)
        manager.wait_for("RELOADING=1", "READY=1")
        assert any("MONOTONIC_USEC=" in one for one in manager.told)
        listener.signal(signal.SIGTERM)
        assert listener.wait() == 0, str(listener)
        manager.wait_for("STOPPING=1")
        assert "EXTEND_TIMEOUT_USEC=" in manager.told[-1]


@pytest.mark.long
@pytest.mark.parametrize("event", ["HoldReceivers", "HoldLoop"])
def test_service_that_makes_no_progress_pings_no_more_and_says_why(
    node_1: Simulator, manager: Manager, event: str
) -> None:
    with listen(node_1, manager) as listener:
        manager.wait_for("STATUS=ready: node_1")
        node_1.emit(event)
        listener.wait_for_out("held")
        assert no_ping_comes(manager), manager.told
        line = listener.wait_for_err("No progress for ")
        assert (
            "the event loop is held"
            if event == "HoldLoop"
            else "the receivers stand still (tests.deploy.apps.on_hold_receivers"
        ) in line
        assert sum("No progress" in line for line in listener.err) == 1


@pytest.mark.long
def test_slow_receivers_that_move_keep_the_pings_coming(
    node_1: Simulator, manager: Manager
) -> None:
    with listen(node_1, manager) as listener:
        manager.wait_for("STATUS=ready: node_1")
        # One batch, so that no answer comes between them.
        node_1.send_raw(b"".join(b"Event: Slow\r\nSeconds: 0.1\r\n\r\n" for _ in range(300)))
        manager.wait_for_pings(4 * PINGS)
        assert not any("No progress" in line for line in listener.err), str(listener)
        assert listener.process.poll() is None


@pytest.mark.long
def test_receiver_that_waits_for_its_database_keeps_the_pings_coming(
    node_1: Simulator, manager: Manager, tmp_path: Path
) -> None:
    """It is tried again and again: a restart would lose its event."""
    seconds = 4.0  # the pause between two attempts grows to two seconds
    file = tmp_path / "there"
    with listen(node_1, manager, seconds) as listener:
        manager.wait_for("STATUS=ready: node_1")
        node_1.emit("NeedDatabase", File=file)
        listener.wait_for_err("It is tried again")
        manager.wait_for_pings(4)
        file.touch()
        listener.wait_for_out("done")


@pytest.mark.long
def test_stopped_process_pings_no_more_and_goes_on_when_it_is_continued(
    node_1: Simulator, manager: Manager
) -> None:
    with listen(node_1, manager) as listener:
        manager.wait_for("STATUS=ready: node_1")
        listener.signal(signal.SIGSTOP)
        assert no_ping_comes(manager)
        listener.signal(signal.SIGCONT)
        manager.wait_for_pings(PINGS)


@pytest.mark.long
def test_stop_is_pinged_to_its_end_whatever_a_receiver_does(
    node_1: Simulator, manager: Manager
) -> None:
    """The drain timeout is the bound of a stop."""
    with listen(node_1, manager) as listener:
        manager.wait_for("STATUS=ready: node_1")
        node_1.emit("Slow", Seconds=4 * WATCHDOG_SECONDS)
        threading.Event().wait(WATCHDOG_SECONDS / PINGS)
        listener.signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        manager.wait_for_pings(PINGS)
        assert listener.wait() == 0, str(listener)


@pytest.mark.long
def test_standby_pings_and_tells_systemd_that_it_stands_by(
    tmp_path: Path, node_1: Simulator
) -> None:
    site = Site(tmp_path, [node_1])
    with Manager() as of_active, Manager(tmp_path / "s") as of_standby:
        try:
            active = site.active("--server=node_1", **of_active.variables(WATCHDOG_SECONDS))
            site.standby("--server=node_1", **of_standby.variables(WATCHDOG_SECONDS))
            of_active.wait_for("STATUS=ready: node_1")
            of_standby.wait_for("STATUS=standing by: node_1")
            of_standby.wait_for_pings(PINGS)
            active.signal(signal.SIGTERM)
            of_standby.wait_for("STATUS=standing by: node_1", "STATUS=ready: node_1")
        finally:
            site.close()


@pytest.mark.long
def test_service_without_watchdog_tells_how_it_is_and_pings_not(
    node_1: Simulator, manager: Manager
) -> None:
    with listen(node_1, manager, None):
        manager.wait_for("READY=1", "STATUS=ready: node_1")
        assert manager.pings == 0
