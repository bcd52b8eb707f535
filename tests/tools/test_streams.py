"""Tools that stream, and pipes that nobody reads: a signal ends them, and a file gets all lines."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.management.tools import start
from tests.running import DEADLINE_SECONDS, unread_pipe, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

#: How long a busy machine may take beyond the second that a stream has.
BUSY_SECONDS = 8.0
#: The number of that system call, as the kernel shows it.
WRITE = {"x86_64": "1", "aarch64": "64"}.get(os.uname().machine, "")

pytestmark = pytest.mark.skipif(
    not WRITE or not Path("/proc/self/syscall").exists(),
    reason="looks into /proc for a system call",
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [("ami_events",), ("ami_events", "--json"), ("ami_top", "--json", "--interval=0.1")],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_one_whose_stdout_nobody_reads(
    sim: Simulator, arguments: tuple[str, ...], number: int
) -> None:
    with unread_pipe() as stdout, start(*arguments, servers=(sim,), stdout=stdout) as tool:
        sim.wait_for(
            lambda: any(action.name == "CoreSettings" for action in sim.received),
            timeout=DEADLINE_SECONDS,
        )
        sim.flood(count=500)
        wait_until(lambda: writes(tool.process.pid), what=str(tool))
        began = time.monotonic()
        tool.signal(number)
        assert tool.wait() == 0, str(tool)
        assert time.monotonic() - began < BUSY_SECONDS
        assert tool.err == [] or all("ready" in line for line in tool.err)


def writes(pid: int) -> bool:
    """Is its main thread inside of a write to a pipe that is full?"""
    return Path(f"/proc/{pid}/syscall").read_text().split()[0] == WRITE


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["ami_events", "ami_record"])
def test_stderr_that_nobody_reads_keeps_nothing_from_going_on(
    sim: Simulator, tool: str, tmp_path: Path
) -> None:
    file = tmp_path / "recording.txt"
    arguments = (str(file),) if tool == "ami_record" else ()
    with unread_pipe() as stderr, start(tool, *arguments, servers=(sim,), stderr=stderr) as program:

        def shown(number: int) -> bool:
            text = (
                file.read_text()
                if tool == "ami_record" and file.exists()
                else "\n".join(program.out)
            )
            return f"Number={number}" in text.replace("Number: ", "Number=")

        for number in (1, 2):
            sim.wait_for(lambda number=number: sim.logins == number, timeout=DEADLINE_SECONDS)

            def emitted(number: int = number) -> bool:
                sim.emit("UserEvent", Number=number)
                return shown(number)

            wait_until(emitted, what=str(program))
            if number == 1:
                sim.drop()
        began = time.monotonic()
        program.signal(signal.SIGTERM)
        assert program.wait() == 0, str(program)
        assert time.monotonic() - began < BUSY_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("ami_events",), ("ami_top", "--json", "--interval=0.1")])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_is_gone(sim: Simulator, arguments: tuple[str, ...], stream: str) -> None:
    """Of stdout it is the end, as of ``| head -1``; of stderr it is nothing."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with start(*arguments, servers=(sim,), **{stream: writing}) as tool:
            sim.wait_for(
                lambda: any(action.name == "CoreSettings" for action in sim.received),
                timeout=DEADLINE_SECONDS,
            )
            if stream == "stdout":
                wait_until(
                    lambda: (
                        sim.emit("UserEvent") is not None
                        or tool.process.poll() is not None
                        or not sim.sessions
                    )
                )
            else:
                wait_until(lambda: sim.emit("UserEvent") or tool.out, what=str(tool))
                tool.signal(signal.SIGTERM)
            assert tool.wait() == 0, str(tool)
            assert not any("Traceback" in line or "Error" in line for line in tool.err), str(tool)
    finally:
        os.close(writing)
