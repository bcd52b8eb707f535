"""Programs under test: real processes whose output is read as it comes."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django_ami.testing import ReceivedAction, Simulator

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (sys.executable, "-W", "error")

#: Long enough for a machine that does ten other things; nothing waits for it unless something is
#: broken.
DEADLINE_SECONDS = 30.0
#: How many tests run at the same time.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


#: Not the one that a plugin seeds anew for each test, with the same seed in each process.
_ports = random.SystemRandom()
#: Ports that no connection gets as its own end: the system takes those from the range behind.
_PORTS = range(10_240, 32_768)


def free_port() -> int:
    """A port of loopback that nothing listens on now, nor any connection has or may get."""
    for port in _ports.sample(_PORTS, 1000):
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port
    raise OSError("no port is free")


def hold_pings(simulator: Simulator) -> threading.Event:
    """Answer no Ping, and do nothing else either, until the event is set."""
    released = threading.Event()

    def answer(action: ReceivedAction) -> bytes:
        released.wait(DEADLINE_SECONDS)
        return f"Response: Success\r\nActionID: {action.action_id}\r\nPing: Pong\r\n\r\n".encode()

    simulator.on("Ping").raw(answer)
    return released


def environment(**more: object) -> dict[str, str]:
    """The environment of this process without anything that would set up a project, and with
    ``more``.
    """
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AMI_", "DJANGO_", "DEMO_", "DATABASE_", "PYTEST_", "PYTHON"))
    }
    return {**clean, "PYTHONPATH": str(ROOT), **{key: str(value) for key, value in more.items()}}


class Program:
    """A running process. Use it as a context manager: at its end nothing is left of it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path = ROOT,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
        **env: object,
    ) -> None:
        self.process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
            if stream is not None
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: object, lines: list[str]) -> None:
        with stream:  # type: ignore[attr-defined]
            for line in stream:  # type: ignore[attr-defined]
                lines.append(line.rstrip("\n"))  # one by one: others look while we read

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(5)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = DEADLINE_SECONDS) -> int:
        """Its exit code, when all that it said is here."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it did not end: {self}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def wait_for_out(self, text: str) -> str:
        """The first line on stdout that has this in it, as soon as there is one."""
        return self._wait_for(text, self.out)

    def wait_for_err(self, text: str) -> str:
        """The first line on stderr that has this in it, as soon as there is one."""
        return self._wait_for(text, self.err)

    def _wait_for(self, text: str, lines: list[str]) -> str:
        wait_until(
            lambda: any(text in line for line in lines) or self.process.poll() is not None,
            what=f"{text!r} of {self}",
        )
        for reader in self._readers if self.process.poll() is not None else ():
            reader.join(5)
        for line in list(lines):
            if text in line:
                return line
        raise AssertionError(f"it ended without {text!r}: {self}")

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{' '.join(self.process.args)} -> {self.process.returncode}",
                "stdout:",
                *self.out,
                "stderr:",
                *self.err,
            ]
        )


def wait_until(
    condition: Callable[[], object], timeout: float = DEADLINE_SECONDS, what: str = ""
) -> None:
    """Return as soon as ``condition()`` is true; TimeoutError if it does not become so."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout:g} s: {what or condition}")
        time.sleep(0.005)


def run_python(source: str, *arguments: str, **env: object) -> str:
    """Run a piece of Python in a process of its own; gives its stdout.

    It must end well and say nothing on stderr.
    """
    with Program([*PYTHON, "-c", source, *arguments], **env) as program:
        code = program.wait()
        assert (code, program.err) == (0, []), str(program)
        return "\n".join(program.out)


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port that answers to no connection, neither with yes nor with no.

    Its queue is full for good.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextlib.contextmanager
def unread_pipe() -> Iterator[int]:
    """The end to write to of a pipe that is full, and that nobody reads, as of a log collector that
    has stalled.
    """
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 65536)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x")
        os.set_blocking(writing, True)
        yield writing
    finally:
        os.close(reading)
        os.close(writing)
