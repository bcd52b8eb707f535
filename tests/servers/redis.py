"""A Redis of the tests' own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import pytest

from tests.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How long a server may take until it listens.
START_SECONDS = 20.0


class RedisServer:
    """A server that may be killed, frozen and started again. Use it as a context manager.

    It keeps nothing on disk unless ``appendonly`` is true. Skips the test where there is none.
    """

    def __init__(self, folder: Path, *, appendonly: bool = False, password: str = "") -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("redis-server is not installed (Debian's package redis-server)")
        self.port = free_port()
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self._log = folder / "redis.log"
        self._command = [
            program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "yes" if appendonly else "no", "--appendfsync", "always",
            "--dir", str(folder), *(["--requirepass", password] if password else []),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._start((b"+PONG", b"-NOAUTH"))

    def start_slowly(self, microseconds: int) -> None:
        """Back while it reads its data, which takes so long for each key, or more."""
        self._start((b"-LOADING",), "--key-load-delay", str(microseconds),
                    "--loading-process-events-interval-bytes", "1024")  # fmt: skip

    def _start(self, answers: tuple[bytes, ...], *options: str) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*self._command, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not _answer(self.port).startswith(answers):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self._ended()

    def _ended(self) -> None:
        assert self._process is not None
        self._process.wait(START_SECONDS)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self._process.terminate()
            self._ended()


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Start a server that keeps nothing on disk; give its URL.

    Skips the test where there is no redis-server.
    """
    with RedisServer(folder) as server:
        yield server.url


def _answer(port: int) -> bytes:
    """The answer to a Ping; empty if there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(64)
    except OSError:
        return b""
