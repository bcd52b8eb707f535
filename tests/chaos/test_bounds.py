"""Bounds in bytes and in time.

Large events, long names, a process that was stopped, and one without memory.
"""

from __future__ import annotations

import contextlib
import re
import resource
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.support import ami_listen
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator
    from tests.chaos.support import Listener

MB = 2**20


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


def resident(worker: Listener, what: str = "VmHWM") -> int:
    """Bytes of memory that the process has, or at most had."""
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1]) * 1024


def test_large_events_behind_a_receiver_that_sleeps(sim: Simulator) -> None:
    """A thousand of 120 KB are 120 MB; the queue has room for 16 of them."""
    options = {"event_queue_bytes": 16 * MB}
    with ami_listen(sim, receivers={"Wait": "waits", "UserEvent": "note"}, **options) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call", Received=1002)
        worker.wait_for_notes(1, "Wait")
        before = resident(worker)
        sim.flood(count=1000, Data="x" * 120_000)
        line = worker.wait_for_err("events dropped")
        assert (
            "the queue of 16777216 bytes (option event_queue_bytes) is full. Slowest receiver: "
            in line
        )
        worker.wait_for_notes(16 * MB // 121_000)
        grown = resident(worker) - before
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        assert grown < 48 * MB, "the queue, what was handed over, and what was just read"
        kept = len(worker.numbers())
        assert 16 * MB // 121_000 <= kept <= 16 * MB // 120_000
        assert worker.numbers() == list(range(1000 - kept, 1000))
        assert worker.summary == (1002, kept + 1, 1000 - kept, 1, 0, 0, 0)


# --- bytes that wait in the system ---


def stopped(worker: Listener) -> bool:
    return Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@contextlib.contextmanager
def while_stopped(worker: Listener) -> Iterator[None]:
    """The process is stopped meanwhile, as by SIGSTOP or in a container that is paused."""
    worker.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: stopped(worker))
        yield
    finally:
        worker.signal(signal.SIGCONT)


@pytest.mark.parametrize("capacity", [10_000, 100])
def test_worker_delivers_all_events_that_arrived_while_it_was_stopped(
    sim: Simulator, capacity: int
) -> None:
    """More than the queue has room for.

    They wait in the system until the receivers have had the others.
    """
    with ami_listen(sim, event_queue_capacity=capacity) as worker:
        worker.wait_for_out("ready")
        with while_stopped(worker):
            flood, begun = sim.start_flood(count=40_000), time.monotonic()
            wait_until(lambda: sim.events_sent == 40_000 or time.monotonic() > begun + 2.0)
        flood.result(DEADLINE_SECONDS)
        worker.wait_for_notes(40_000)
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        assert worker.summary == (40_001, 40_000, 0, 1, 0, 0, 0), str(worker)
        assert worker.numbers() == list(range(40_000))
        assert worker.err == []


def test_a_stop_delivers_what_waits_for_room(sim: Simulator) -> None:
    """As long as the drain timeout allows."""
    receivers = {"UserEvent": "sleeps_once 0.5"}
    with ami_listen(sim, receivers=receivers, event_queue_capacity=100) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=4000)
        worker.wait_for_notes(1)
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        assert worker.summary == (4001, 4000, 0, 1, 0, 0, 0), str(worker)


# --- no memory ---


def limit_memory(worker: Listener, more: int) -> None:
    """Allow ``more`` bytes than it has now, as by ``ulimit -v``; negative for no limit."""
    limit = resident(worker, "VmSize") + more if more >= 0 else resource.RLIM_INFINITY
    resource.prlimit(worker.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def test_no_memory_is_left(sim: Simulator) -> None:
    """A receiver waits, and the queue may have more than there is: it goes, and is counted.

    The link is made anew.
    """
    with ami_listen(sim, receivers={"UserEvent": "waits_for_a_loss", "Hangup": "note"}) as worker:
        worker.wait_for_out("ready")
        limit_memory(worker, 2 * MB)
        flood = sim.start_flood(count=4000, Data="x" * 120_000)
        worker.wait_for_out("ready again")
        flood.cancel()
        limit_memory(worker, -1)
        sim.emit("Hangup", Number=7)
        worker.wait_for_notes(1, "Hangup")
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        summary = worker.summary  # whose sum is right
        assert summary.reconnects >= 1
        assert summary.dropped > 0
        lines = [
            line for line in worker.err if line.startswith("this process has no memory left: ")
        ]
        assert 0 < sum(int(line.split()[6]) for line in lines) <= summary.dropped, str(worker)
        assert worker.numbers("Hangup") == [7]
        assert any("What had just been read may be lost." in line for line in worker.err), str(
            worker
        )
        assert not any("Traceback" in line for line in worker.err), str(worker)


def test_a_receiver_hoards_all_memory_that_is_left(sim: Simulator) -> None:
    """It fails, which is counted; the link ends, which is told.

    And all is well again when there is memory.
    """
    with ami_listen(sim, receivers={"UserEvent": "hoards", "Hangup": "note"}) as worker:
        worker.wait_for_out("ready")
        (first,) = sim.sessions
        limit_memory(worker, 8 * MB)
        # The events go to this session alone, for as long as it lasts. Some thousand are too few:
        # a reader that is far ahead of the receiver has them all before the memory is gone.
        flood = sim.start_flood(count=10**9, Data="x" * 1200)
        wait_until(lambda: first.number not in [session.number for session in sim.sessions])
        flood.cancel()
        limit_memory(worker, -1)
        worker.wait_for_out("ready again")
        sim.emit("Hangup", Number=7)
        worker.wait_for_notes(1, "Hangup")
        assert worker.stop(signal.SIGTERM, DEADLINE_SECONDS) == 0, str(worker)
        summary = worker.summary  # whose sum is right
        assert summary.failed > 0, str(worker)
        assert summary.reconnects >= 1, str(worker)
        assert worker.numbers("Hangup") == [7]
        assert any("What had just been read may be lost." in line for line in worker.err), str(
            worker
        )
        assert any("worker.hoards raised MemoryError" in line for line in worker.err), str(worker)
        assert not any("a bug in django_ami" in line for line in worker.err), str(worker)


def test_a_receiver_takes_all_memory_and_keeps_it(sim: Simulator) -> None:
    """None is left to say so, but for the worker's own reserve.

    It ends, and its last line counts what is left.
    """
    with ami_listen(sim, receivers={"UserEvent": "takes_all_memory"}) as worker:
        worker.wait_for_out("ready")
        limit_memory(worker, 8 * MB)
        flood = sim.start_flood(count=4000, Data="x" * 1200)
        assert worker.wait() == 4, str(worker)
        flood.cancel()
        assert worker.summary.left > 0  # whose sum is right
        assert worker.out[-1].endswith(" Not drained: this process has no memory left."), str(
            worker
        )
        assert not any("Traceback" in line for line in worker.err), str(worker)
