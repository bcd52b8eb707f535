"""The stream of a session: plain TCP, or TLS as Asterisk uses it.

Asterisk reads into a buffer for one line. It waits for the *socket*, takes out of TLS what the
buffer has room for, and waits for the socket again: the rest of a record lies in TLS until the next
record comes (get_input in main/manager.c). asyncio's own TLS would read on, and hide what a client
does wrong there.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

__all__ = ["Stream", "TLSStream"]

_READ_BYTES = 64 * 1024
_HEADER_BYTES = 5
_RECORD_TYPES = range(20, 25)


class Stream:
    """A connection over plain TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        # A write is finished when the kernel has all of it.
        writer.transport.set_write_buffer_limits(high=0)

    @property
    def peer(self) -> tuple[str, int]:
        """Address and port of the client."""
        name = self._writer.get_extra_info("peername")
        return (str(name[0]), int(name[1])) if name else ("", 0)

    async def open(self) -> None:
        """Get ready to read and write. Raises OSError."""

    async def read(self, room: int) -> bytes:  # noqa: ARG002 - over TCP the kernel says when there is more
        """The bytes that have come, for a line buffer with ``room`` bytes; empty at the end.

        Raises OSError.
        """
        return await self._reader.read(_READ_BYTES)

    def write(self, data: bytes) -> None:
        """Queue bytes for the kernel."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the kernel has all of them. Raises OSError."""
        await self._writer.drain()

    @property
    def unsent(self) -> int:
        """How many bytes the kernel does not have yet."""
        return self._writer.transport.get_write_buffer_size()

    def close(self) -> None:
        """Close when all is written."""
        self._writer.close()

    def abort(self) -> None:
        """Close at once, whatever is not written."""
        self._writer.transport.abort()

    async def closed(self) -> None:
        """Wait until the connection is closed for good; how it ended does not matter."""
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class TLSStream(Stream):
    """A connection over TLS, read as Asterisk reads it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> None:
        super().__init__(reader, writer)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._record: bytes | None = None

    async def open(self) -> None:
        """The handshake."""
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                pass
            finally:
                self._send()  # a handshake that fails says why
            await self._feed()

    async def read(self, room: int) -> bytes:
        """Wait until the socket has something, and take out of TLS what there is room for."""
        while await self._arrived() or self._tls.pending():
            if not self._tls.pending():
                await self._feed()
            try:
                return self._tls.read(room)
            except ssl.SSLWantReadError:
                pass  # a record of TLS itself
            except ssl.SSLZeroReturnError:
                break
        return b""

    def write(self, data: bytes) -> None:
        """Queue bytes for the kernel."""
        self._tls.write(data)
        self._send()

    def close(self) -> None:
        """Say that it is the end, and close when all is written."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._send()
        super().close()

    def _send(self) -> None:
        super().write(self._outgoing.read())

    async def _feed(self) -> None:
        """Give TLS the record that has arrived, as it reads one at a time."""
        record = await self._arrived()
        if record:
            self._incoming.write(record)
            self._record = None
        else:
            self._incoming.write_eof()

    async def _arrived(self) -> bytes:
        """Wait for the next record, which stays in the socket; empty at the end."""
        if self._record is None:
            try:
                self._record = header = await self._reader.readexactly(_HEADER_BYTES)
                if header[0] in _RECORD_TYPES:
                    self._record += await self._reader.readexactly(int.from_bytes(header[3:]))
            except asyncio.IncompleteReadError:
                self._record = b""
        return self._record
