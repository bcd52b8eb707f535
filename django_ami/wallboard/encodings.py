"""The content encoding of a stream: gzip if the browser takes it, else the text as it is.

Rule: a text is compressed once, for all browsers. A stream of gzip is a sequence of blocks, and a
block that refers to nothing before it fits into any of them.
"""

from __future__ import annotations

import re
import zlib
from functools import cached_property
from typing import Final

__all__ = ["Chunk", "Gzip", "Identity", "encoding_for"]

#: Higher levels save a tenth of the bytes and take twice as long.
_LEVEL: Final = 3
_RAW_WINDOW_BITS: Final = -15
#: RFC 1952: its signature, deflate, no flags and no time, an unknown system.
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
#: An empty block which is the last one.
_LAST_BLOCK: Final = b"\x03\x00"
#: ``gzip`` in Accept-Encoding, but with a weight of 0, which forbids it.
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)


class Chunk:
    """A part of streams."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def deflated(self) -> bytes:
        """The text as blocks of deflate, which refer to nothing before; none is the last one."""
        made = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_WINDOW_BITS)
        return made.compress(self.text) + made.flush(zlib.Z_SYNC_FLUSH)

    def __len__(self) -> int:
        return len(self.text)


class Identity:
    """A stream as text."""

    name: Final = "identity"

    def encode(self, chunk: Chunk) -> bytes:
        """The next bytes of the stream."""
        return chunk.text

    def end(self) -> bytes:
        """Its last bytes."""
        return b""


class Gzip:
    """A stream of gzip, which a browser can read after each chunk."""

    name: Final = "gzip"

    def __init__(self) -> None:
        self._checksum = self._size = 0

    def encode(self, chunk: Chunk) -> bytes:
        """The next bytes of the stream."""
        begin = b"" if self._size else _HEADER
        self._checksum = zlib.crc32(chunk.text, self._checksum)
        self._size += len(chunk)
        return begin + chunk.deflated

    def end(self) -> bytes:
        """Its last bytes."""
        sums = (self._checksum, self._size & 0xFFFFFFFF)
        return _LAST_BLOCK + b"".join(one.to_bytes(4, "little") for one in sums)


def encoding_for(accepted: str) -> Identity | Gzip:
    """The encoding of a stream for a browser with that header Accept-Encoding."""
    return Gzip() if _GZIP.search(accepted) else Identity()
