"""The writing side of one connection: one queue, one task, and the faults that touch bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.simulator.options import Faults
    from django_ami.simulator.streams import Stream

__all__ = ["Outbox"]

_BATCH_BYTES = 64 * 1024
_LOW_WATER_BYTES = 256 * 1024
_FRAME_END = b"\r\n\r\n"


class Outbox:
    """Frames wait here until the kernel took them.

    The stream's own buffer is kept empty: a write is finished when the kernel has all of it, which
    is what ``writetimeout`` measures in Asterisk and what makes the count of events exact.
    """

    def __init__(
        self,
        stream: Stream,
        faults: Faults,
        write_timeout: float | None,
        on_events: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._faults = faults
        self._timeout = write_timeout
        self._on_events = on_events
        self._items: deque[tuple[bytes, bool]] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finishing = False
        self.closed = False

    def put(self, data: bytes, *, events: bool = False) -> None:
        """Queue bytes. ``events``: they are whole broadcast events, to be counted."""
        if self._finishing or self.closed or not data:
            return
        self._items.append((data, events))
        self._size += len(data)
        if self._size > _LOW_WATER_BYTES:
            self._room.clear()
        self._wake.set()

    def finish(self) -> None:
        """Close after what is queued now was written."""
        self._finishing = True
        self._wake.set()

    async def room(self) -> bool:
        """Wait until little is queued; False if the connection is gone."""
        await self._room.wait()
        return not (self.closed or self._finishing)

    async def run(self) -> None:
        """Write until finished or until the connection breaks."""
        try:
            while await self._next():
                await self._write_batch()
        except OSError:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Give up what is queued and close."""
        self.closed = True
        self._items.clear()
        self._room.set()
        self._stream.close()

    def abort(self) -> None:
        """Close at once, whatever the kernel still holds for us."""
        self.closed = True
        self._items.clear()
        self._room.set()
        self._stream.abort()

    async def _next(self) -> bool:
        while not self._items:
            if self._finishing:
                return False
            self._wake.clear()
            await self._wake.wait()
        return True

    async def _write_batch(self) -> None:
        batch: list[tuple[bytes, bool]] = []
        size = 0
        while self._items and size < _BATCH_BYTES:
            batch.append(self._items.popleft())
            size += len(batch[-1][0])
        self._size -= size
        if self._size <= _LOW_WATER_BYTES:
            self._room.set()
        if self._faults.silent:
            return
        if self._faults.lf_lines:
            batch = [(data.replace(b"\r\n", b"\n"), events) for data, events in batch]
        taken = await self._write(b"".join(data for data, _ in batch))
        if count := _count_events(batch, taken):
            self._on_events(count)

    async def _write(self, data: bytes) -> int:
        """Write it all; how many bytes the kernel took."""
        if self._faults.split_writes is None:
            return await self._drain(data)
        taken = 0
        for piece in _pieces(data, self._faults.split_writes):
            taken += await self._drain(piece)
            if self.closed:
                break
            await asyncio.sleep(self._faults.write_pause)
        return taken

    async def _drain(self, data: bytes) -> int:
        self._stream.write(data)
        try:
            async with asyncio.timeout(self._timeout):
                await self._stream.drain()
        except TimeoutError:
            # Asterisk drops a reader whose write is not done in time; a part of a frame may be on
            # the wire.
            left = self._stream.unsent
            self.abort()
            return len(data) - left
        return len(data)


def _count_events(batch: list[tuple[bytes, bool]], taken: int) -> int:
    total = 0
    for data, events in batch:
        if events and taken > 0:
            end = b"\n\n" if _FRAME_END not in data else _FRAME_END
            total += data.count(end, 0, max(0, taken))
        taken -= len(data)
    return total


def _pieces(data: bytes, how: int | str) -> Iterator[bytes]:
    if isinstance(how, int):
        yield from (data[start : start + how] for start in range(0, len(data), how))
        return
    start = 0
    for position in range(1, len(data)):
        inside = (
            data[position] & 0xC0 == 0x80
            if how == "utf-8"
            else data[position - 1 : position + 1] == b"\r\n"
        )
        if inside:
            yield data[start:position]
            start = position
    yield data[start:]
