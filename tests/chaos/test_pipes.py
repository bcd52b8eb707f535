"""A worker that nobody reads, or whose log handlers fail.

It listens, delivers and ends all the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.support import ami_listen
from tests.running import DEADLINE_SECONDS, unread_pipe, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator
    from tests.chaos.support import Listener

BRIEF_SECONDS = 1.0
AMPLE_SECONDS = 60.0
#: FullyBooted says that it is ready, on no stream.
RECEIVERS = {"FullyBooted": "note", "UserEvent": "note"}
#: How long the lines that nobody reads may take at the end, in seconds.
LAST_WORDS_SECONDS = 1.5
EITHER = pytest.mark.parametrize("streams", ["stdout", "stderr", "stdout stderr"])


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@contextlib.contextmanager
def unread(streams: str) -> Iterator[dict[str, int]]:
    """Pipes that nobody reads, for these streams."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(unread_pipe()) for name in streams.split()}


def deliver(sim: Simulator, worker: Listener, number: int) -> None:
    sim.emit("UserEvent", Number=number)
    worker.wait_for_notes(number)


def comes_back(sim: Simulator, worker: Listener) -> None:
    """It is connected; it is there again after a loss; and events arrive before and behind it."""
    worker.wait_for_notes(1, "FullyBooted")
    deliver(sim, worker, 1)
    sim.drop()
    worker.wait_for_notes(2, "FullyBooted")
    deliver(sim, worker, 2)


# --- pipes ---


@EITHER
def test_a_pipe_that_nobody_reads(sim: Simulator, streams: str) -> None:
    with unread(streams) as pipes, ami_listen(sim, receivers=RECEIVERS, **pipes) as worker:
        comes_back(sim, worker)
        assert worker.stop(signal.SIGTERM, LAST_WORDS_SECONDS) == 0, str(worker)
        assert sim.logoffs == 1
        assert worker.numbers() == [1, 2]


@pytest.mark.parametrize("how", ["blocks", "computes"])
def test_a_second_signal_ends_it_though_nobody_reads(sim: Simulator, how: str) -> None:
    receivers = {**RECEIVERS, "Wait": how}
    arguments = (f"--drain-timeout={AMPLE_SECONDS}",)
    with (
        unread("stdout stderr") as pipes,
        ami_listen(sim, receivers=receivers, arguments=arguments, **pipes) as worker,
    ):
        comes_back(sim, worker)
        sim.emit("Wait", privilege="call")
        worker.wait_for_notes(1, "Wait")
        worker.signal(signal.SIGTERM)
        sim.wait_for(lambda: sim.logoffs == 1, timeout=DEADLINE_SECONDS)
        assert worker.stop(signal.SIGTERM, 0) == 4, str(worker)


def test_a_receiver_that_logs_where_nobody_reads_holds_up_events_alone(sim: Simulator) -> None:
    receivers = {"Log": "logs", "UserEvent": "note"}
    arguments = (f"--drain-timeout={BRIEF_SECONDS}",)
    with (
        unread("stderr") as pipes,
        ami_listen(sim, receivers=receivers, arguments=arguments, **pipes) as worker,
    ):
        worker.wait_for_out("ready")
        sim.emit("Log", privilege="call")
        worker.wait_for_notes(1, "Log")
        sim.drop()
        sim.wait_for(lambda: sim.logins == 2, timeout=DEADLINE_SECONDS)
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS + LAST_WORDS_SECONDS) == 4, str(worker)
        assert "Not drained: a receiver did not return (" in worker.out[-1]


def test_a_queue_of_the_standard_library_spares_the_receivers_that(sim: Simulator) -> None:
    """They log, and it is delivered on; and the end waits for no thread of that queue."""
    receivers = {**RECEIVERS, "Log": "logs"}
    handlers = {"queue": {"()": "tests.chaos.log_queue.log_queue"}}
    settings = {"LOGGING": {"version": 1, "handlers": handlers, "root": {"handlers": ["queue"]}}}
    with (
        unread("stderr") as pipes,
        ami_listen(sim, receivers=receivers, settings=settings, **pipes) as worker,
    ):
        worker.wait_for_notes(1, "FullyBooted")
        sim.flood("Log", count=3)
        comes_back(sim, worker)
        assert worker.stop(signal.SIGTERM, LAST_WORDS_SECONDS) == 0, str(worker)
        assert len(worker.numbers("Log")) == 3


@EITHER
def test_a_full_disk(sim: Simulator, streams: str) -> None:
    with contextlib.ExitStack() as stack:
        full = {name: os.open("/dev/full", os.O_WRONLY) for name in streams.split()}
        for descriptor in full.values():
            stack.callback(os.close, descriptor)
        worker = stack.enter_context(ami_listen(sim, receivers=RECEIVERS, **full))
        comes_back(sim, worker)
        assert worker.stop(signal.SIGTERM, 0) == 0, str(worker)
        assert not [line for line in worker.err if "connection lost" not in line]


@EITHER
def test_a_reader_that_is_gone(sim: Simulator, streams: str) -> None:
    with contextlib.ExitStack() as stack:
        pipes = {}
        for name in streams.split():
            reading, pipes[name] = os.pipe()
            os.close(reading)
            stack.callback(os.close, pipes[name])
        worker = stack.enter_context(ami_listen(sim, receivers=RECEIVERS, **pipes))
        comes_back(sim, worker)
        assert worker.stop(signal.SIGTERM, 0) == 0, str(worker)
        assert not [line for line in worker.err if "connection lost" not in line]


def test_lost_lines_are_reported_when_the_pipe_is_read_again(sim: Simulator) -> None:
    """And on the last line."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    patches = {
        "django_ami.tools.streams:MOST_LINES": 2,
        "django_ami.tools.streams:FIRST_LINES": 100,
    }
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        worker = stack.enter_context(
            ami_listen(sim, receivers=RECEIVERS, stdout=writing, patches=patches)
        )
        comes_back(sim, worker)
        for times in range(3, 9):
            sim.drop()
            worker.wait_for_notes(times, "FullyBooted")
            deliver(sim, worker, times)
        said = b""

        def read() -> bytes:
            nonlocal said
            with contextlib.suppress(BlockingIOError):
                said += os.read(reading, 1 << 20)
            return said

        wait_until(lambda: b"lines were lost" in read(), what=str(worker))
        assert worker.stop(signal.SIGTERM, 0) == 0, str(worker)
        text = read().decode().replace("x", "")
        told = int(re.search(r"(\d+) lines were lost", text)[1])
        assert 1 <= told <= 7
        assert text.splitlines()[-1].endswith(f" 7 reconnects, 7 gaps, {told} lines lost."), text


# --- handlers of LOGGING ---


def logging_with(handler: str) -> dict[str, Any]:
    return {
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"it": {"class": f"tests.chaos.worker.{handler}"}},
            "root": {"handlers": ["it"], "level": "INFO"},
        }
    }


@pytest.mark.parametrize("handler", ["Raises", "Blocks", "Sleeps"])
def test_a_handler_that_fails(sim: Simulator, handler: str) -> None:
    with ami_listen(sim, receivers=RECEIVERS, settings=logging_with(handler)) as worker:
        comes_back(sim, worker)
        assert worker.stop(signal.SIGTERM, LAST_WORDS_SECONDS) == 0, str(worker)
        assert sim.logoffs == 1
        assert (handler == "Raises") is any(
            "RuntimeError: the collector is gone" in line for line in worker.err
        )


def test_no_other_server_waits_for_a_slow_handler(sim: Simulator) -> None:
    with (
        FakeAsterisk() as other,
        ami_listen(
            sim, other, receivers=RECEIVERS, arguments=("--all",), settings=logging_with("Sleeps")
        ) as worker,
    ):
        worker.wait_for_notes(1, "FullyBooted")
        worker.wait_for_notes(1, "FullyBooted", server="node_2")
        slowest = 0.0
        for number in range(20):
            if number % 5 == 0:
                sim.drop()
            began = time.monotonic()
            other.emit("UserEvent", Number=number)
            worker.wait_for_notes(number + 1, server="node_2")
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 1.5, "a handler takes 2 s"
        assert worker.stop(signal.SIGTERM, LAST_WORDS_SECONDS) == 0, str(worker)


# --- signals ---

TAKERS = ["takes_the_wakeup", "takes_the_handlers", "ignores_signals"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("taker", TAKERS)
def test_a_receiver_that_takes_the_signals_away(sim: Simulator, taker: str, number: int) -> None:
    with ami_listen(sim, receivers={"Take": taker, "UserEvent": "note"}) as worker:
        worker.wait_for_out("ready")
        sim.emit("Take", privilege="call")
        deliver(sim, worker, 1)
        # It may be back from the receiver, and not yet from what comes behind it.
        wait_until(lambda: handles(worker, number), what=str(worker))
        assert worker.stop(number, BRIEF_SECONDS) == 0, str(worker)
        assert sim.logoffs == 1
        assert worker.summary.left == 0


def handles(worker: Listener, number: int) -> bool:
    """Has the process a handler for that signal?"""
    status = Path(f"/proc/{worker.process.pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


@pytest.mark.parametrize("taken", ["wakeup", "handlers"])
def test_a_receiver_that_takes_the_signals_away_and_does_not_return(
    sim: Simulator, taken: str
) -> None:
    receivers = {"Take": f"takes_the_{taken}_and_computes", "UserEvent": "note"}
    with ami_listen(
        sim, receivers=receivers, arguments=(f"--drain-timeout={AMPLE_SECONDS}",)
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("Take", privilege="call")
        worker.wait_for_notes(1, "Take")
        worker.signal(signal.SIGTERM)
        sim.wait_for(lambda: sim.logoffs == 1, timeout=DEADLINE_SECONDS)
        assert worker.process.poll() is None, "one signal is one"
        assert worker.stop(signal.SIGTERM, 0) == 4, str(worker)
        assert worker.out[-1].endswith("Not drained: stopped by a second signal.")


def test_a_signal_that_a_receiver_waits_for_ends_the_worker_too(sim: Simulator) -> None:
    with ami_listen(sim, receivers={"Wait": "waits_for_its_signal"}) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call")
        worker.wait_for_notes(1, "Waiting")
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS) == 0, str(worker)
        worker.wait_for_notes(1, "Heard")


@pytest.mark.parametrize("how", ["starts", "forks"])
def test_a_signal_for_a_child_of_a_receiver_reaches_it_alone(sim: Simulator, how: str) -> None:
    with ami_listen(sim, receivers={"Start": f"{how}_a_child"}) as worker:
        worker.wait_for_out("ready")
        sim.emit("Start", privilege="call")
        worker.wait_for_notes(1, "Child")
        assert worker.numbers("Child") == [signal.SIGTERM]
        assert sim.sessions
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS) == 0, str(worker)


# --- receivers that raise ---


def test_a_receiver_that_raises_at_every_event(sim: Simulator) -> None:
    """One traceback, a few lines with the ids of the calls, and how many there were."""
    count = 4000
    with ami_listen(sim, receivers={"UserEvent": "raises"}) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=count)
        worker.wait_for_notes(count)
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS) == 0, str(worker)
        assert worker.summary.failed == count
        assert sum("Traceback" in line for line in worker.err) == 1
        assert len(worker.err) < 40
        told = [line for line in worker.err if " times more in " in line]
        assert len(told) == 1, str(worker)
        single = sum("raised ValueError at UserEvent of node_1" in line for line in worker.err)
        assert int(re.search(r"(\d+) times more", told[0])[1]) + single == count
