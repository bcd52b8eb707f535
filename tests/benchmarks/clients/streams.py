"""Many readers of a stream, and the cost of the web server that feeds them.

It needs nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.clients.measuring import PATIENCE_SECONDS, latencies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The name of a changed object: when it was published.
_NAME: Final = re.compile(rb'"t(\d+\.\d{6})"')
#: One reader of so many looks at the times.
_LOOKS_EVERY: Final = 20
#: How many readers come at a time, and for how long the server may settle then.
_AT_ONCE: Final = 25
_SETTLE_SECONDS: Final = 2.0
_REQUEST: Final = b"GET /wallboard/stream/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


class _Reader(asyncio.Protocol):
    """Counts the changes that it reads."""

    def __init__(self, looks: bool) -> None:
        self.changes = 0
        self.begun = asyncio.get_running_loop().create_future()
        self.delays: list[float] | None = [] if looks else None
        self._rest = b""

    def connection_made(self, transport: Any) -> None:
        transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        if not self.begun.done():
            self.begun.set_result(None)
        data = self._rest + data
        end = 0
        for found in _NAME.finditer(data):
            self.changes += 1
            end = found.end()
            if self.delays is not None:
                self.delays.append(time.time() - float(found[1]))
        self._rest = data[max(end, len(data) - 20) :]  # a name may have come in two parts

    def connection_lost(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_exception(error or ConnectionError("the server ended the stream"))


def cpu_of(process: int) -> float:
    """Seconds of CPU that a process has taken."""
    with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(process: int) -> float:
    """Its resident memory in KB."""
    with open(f"/proc/{process}/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024


def deliver(
    site: str, *, publisher: bool, streams: int, seconds: float, env: dict[str, str]
) -> dict[str, Any]:
    """Changes to this number of streams of a site: the cost and the delay of each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with contextlib.ExitStack() as programs:
        if publisher:
            programs.enter_context(_running(["-m", site], env))
        serve = ["-m", "uvicorn", f"--port={port}", "--http=h11", "--loop=asyncio"]
        server = programs.enter_context(_running([*serve, "--no-access-log", f"{site}:asgi"], env))
        return asyncio.run(_measured(port, server.pid, streams, seconds))


@contextlib.contextmanager
def _running(arguments: Sequence[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **env})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _measured(port: int, server: int, streams: int, seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    first = await _first(port)
    await asyncio.sleep(_SETTLE_SECONDS)
    empty = rss_of(server)
    readers = [first]
    while len(readers) < streams:
        number = min(_AT_ONCE, streams - len(readers))
        come = [_Reader(not (len(readers) + one) % _LOOKS_EVERY) for one in range(number)]
        for reader in come:
            await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(reader.begun for reader in come))
        readers += come
    await asyncio.sleep(_SETTLE_SECONDS)
    looking = [reader for reader in readers if reader.delays is not None]
    for reader in looking:
        reader.delays = []
    memory, cpu, clock = rss_of(server), cpu_of(server), time.perf_counter()
    before = sum(reader.changes for reader in readers)
    await asyncio.sleep(seconds)
    count = sum(reader.changes for reader in readers) - before
    return {
        "cpu": cpu_of(server) - cpu,
        "seconds": time.perf_counter() - clock,
        "count": count,
        "memory": (memory - empty) / max(1, streams - 1),
        **latencies(
            [delay for reader in looking for delay in reader.delays or ()] or [PATIENCE_SECONDS]
        ),
    }


async def _first(port: int) -> _Reader:
    """The first reader, as soon as the server is there."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            reader = _Reader(looks=True)
            try:
                await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", port)
                await reader.begun
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return reader
