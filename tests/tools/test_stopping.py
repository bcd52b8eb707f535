"""SIGINT and SIGTERM of a command.

The first one is the command's, a second one is Python's or the system's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from django_ami.tools.stopping import STOPS, Stopped, raise_stopped, stopping
from tests.running import DEADLINE_SECONDS, ROOT, environment


@pytest.mark.parametrize("number", STOPS)
def test_the_first_signal_is_told_and_a_second_one_has_its_usual_meaning(
    number: signal.Signals,
) -> None:
    before = [signal.getsignal(one) for one in STOPS]
    told: list[int] = []
    with stopping(told.append):
        assert signal.SIG_DFL not in [signal.getsignal(one) for one in STOPS]
        os.kill(os.getpid(), number)
        assert told == [number]
        assert [signal.getsignal(one) for one in STOPS] == [signal.SIG_DFL, signal.SIG_DFL]
    assert [signal.getsignal(one) for one in STOPS] == before


@pytest.mark.parametrize("number", STOPS)
def test_stopped_is_raised_and_handlers_are_put_back(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in STOPS]
    with pytest.raises(Stopped) as raised, stopping(raise_stopped):
        os.kill(os.getpid(), number)
    assert raised.value.number == number
    assert [signal.getsignal(one) for one in STOPS] == before


def test_main_thread_that_waits_for_a_lock_hears_a_signal_that_does_not_interrupt_the_wait() -> (
    None
):
    """A signal that another thread receives leaves the wait alone, as one does that comes just
    before it.
    """
    locked, waiting = threading.Lock(), threading.Event()
    locked.acquire()

    def signal_itself() -> None:
        waiting.wait(DEADLINE_SECONDS)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def wait() -> None:
        waiting.set()
        locked.acquire(timeout=2 * DEADLINE_SECONDS)

    thread = threading.Thread(target=signal_itself)
    thread.start()
    begun = time.monotonic()
    with pytest.raises(Stopped), stopping(raise_stopped):
        wait()
    assert time.monotonic() - begun < DEADLINE_SECONDS
    thread.join(DEADLINE_SECONDS)


@pytest.mark.parametrize("refuse", ["no_descriptors", "no_threads"])
def test_command_goes_on_where_the_system_refuses_the_nudge(refuse: str) -> None:
    program = f"""
import os, signal
from django_ami.tools.stopping import Stopped, raise_stopped, stopping
from tests.refusing import {refuse}
before = len(os.listdir("/proc/self/fd"))
try:
    with {refuse}(), stopping(raise_stopped):
        os.kill(os.getpid(), signal.SIGTERM)
except Stopped as stopped:
    print(stopped.number, len(os.listdir("/proc/self/fd")) - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.stdout, done.stderr) == (f"{signal.SIGTERM.value} 0\n", "")


def test_another_thread_leaves_the_handlers_alone() -> None:
    before = [signal.getsignal(one) for one in STOPS]
    seen: list[list[object]] = []

    def run() -> None:
        with stopping(raise_stopped):
            seen.append([signal.getsignal(one) for one in STOPS])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert seen == [before]
