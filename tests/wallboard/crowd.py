"""Many browsers at a real web server, each with a stream of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

#: How many browsers come at the same time.
_AT_ONCE = 20


class Reader:
    """One browser: ``text`` is all that it has read."""

    def __init__(self) -> None:
        self.text = b""
        self.ended = False
        self._news = asyncio.Event()

    async def read(self, port: int, **headers: str) -> None:
        """Open a stream with these headers, and read until it ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        lines = [
            "GET /wallboard/stream/ HTTP/1.1",
            "Host: localhost",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        try:
            while part := await reader.read(65536):
                self.text += part
                self._news.set()
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.ended = True
            self._news.set()

    async def wait_for(self, condition: Callable[[bytes], object]) -> None:
        """Wait for what is meant in its text, or for its end."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition(self.text) and not self.ended:
                self._news.clear()
                await self._news.wait()


class Crowd:
    """Browsers that stay until the server ends their streams, or until they ``leave``."""

    def __init__(self, port: int, **headers: str) -> None:
        self._port = port
        self._headers = headers
        self._tasks: set[asyncio.Task[None]] = set()
        self.readers: list[Reader] = []

    async def come(self, number: int) -> Self:
        """This number of browsers open a stream each; all of them have the picture then."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one() -> None:
            async with places:
                reader = Reader()
                self.readers.append(reader)
                self._tasks.add(asyncio.create_task(reader.read(self._port, **self._headers)))
                await reader.wait_for(lambda text: b"event: whole" in text)
                assert b"event: whole" in reader.text, reader.text

        await asyncio.gather(*(one() for _ in range(number)))
        return self

    async def wait_for_the_end(self) -> None:
        """Wait until the server has ended all streams."""
        await asyncio.wait(self._tasks, timeout=DEADLINE_SECONDS)
        assert all(reader.ended for reader in self.readers)

    async def leave(self) -> None:
        """Close all streams."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
