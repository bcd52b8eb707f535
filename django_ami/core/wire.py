"""The wire log: each frame sent (``>``) or received (``<``), at DEBUG, ``django_ami.wire``.

Rule: as long as the wire log is off, each read and each write costs one question. A line of it
shows no secret, cannot steer a terminal, and is bounded, whatever is on the wire. So a frame of
which the beginning was not seen is not shown.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from django_ami.core.escaping import printable
from django_ami.core.headers import DECODING, split_header
from django_ami.core.log import get_logger
from django_ami.core.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WireLog", "WireTap", "is_logged"]


logger = get_logger("django_ami.wire")

#: True if the wire is to be logged. It is asked at each read and each write.
is_logged = partial(logger.isEnabledFor, logging.DEBUG)

_END: Final = b"\r\n\r\n"
_BEGINNINGS: Final = (b"Action: ", b"Event: ", b"Response: ")
#: Of a longer frame the beginning is shown, and of its lines and values so many.
LONGEST_FRAME_BYTES: Final = 16_384
MOST_LINES: Final = 60
LONGEST_VALUE_CHARACTERS: Final = 200


class WireLog:
    """Both directions of one connection, from its beginning or from the next frame on."""

    def __init__(self, server: str, peer: str = "") -> None:
        self._server = server
        self._sent = _Frames(in_step=bool(peer))
        self._received = _Frames(in_step=bool(peer), greeting=bool(peer))
        if peer:
            self._line("=", f"connected to {peer}")

    def sent(self, data: bytes) -> None:
        """These bytes have left."""
        for frame in self._sent.feed(data):
            self._line(">", _Shown(frame))

    def received(self, data: bytes) -> None:
        """These bytes have come."""
        for frame in self._received.feed(data):
            self._line("<", _Shown(frame))

    def ended(self, why: str) -> None:
        """The connection is over: unfinished frames are shown as well."""
        for mark, frames in ((">", self._sent), ("<", self._received)):
            if frames.unfinished:
                self._line(mark, _Shown(frames.unfinished, " | … (unfinished)"))
        self._line("=", f"disconnected: {printable(why)}")

    def _line(self, mark: str, text: object) -> None:
        logger.debug(
            "%s %s %s",
            self._server,
            mark,
            text,
            extra={"server": self._server},
        )


class WireTap:
    """The wire log of one connection, which may be switched on and off while it lasts.

    ``log`` is None as long as the wire log is off.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self.log: WireLog | None = None

    def begin(self, peer: str, received: bytes) -> None:
        """Show the connection from its beginning, at which these bytes came."""
        self.log = WireLog(self._server, peer)
        self.log.received(received)

    def received(self, data: bytes) -> None:
        """These bytes have come."""
        if (log := self._as_switched()) is not None:
            log.received(data)

    def sent(self, data: bytes) -> None:
        """These bytes have left."""
        if (log := self._as_switched()) is not None:
            log.sent(data)

    def ended(self, why: str) -> None:
        """The connection is over."""
        if self.log is not None:
            self.log.ended(why)

    def _as_switched(self) -> WireLog | None:
        # Once it was off, it could not tell where a frame begins.
        self.log = (self.log or WireLog(self._server)) if is_logged() else None
        return self.log


class _Shown:
    """A frame as people may see it.

    That takes 0.1 ms, so it is done in the thread of the handler that wants its text.

    Until then it waits there with others, so no more of it is kept than is shown.
    """

    __slots__ = ("_begun", "_end", "_size", "_text")

    def __init__(self, frame: bytes, end: str = "") -> None:
        self._begun = frame[:LONGEST_FRAME_BYTES]
        self._size = len(frame)
        self._end = end
        self._text = ""

    def __str__(self) -> str:
        if not self._text:
            self._text = printable(_shown(self._begun, self._size)) + self._end
        return self._text


class _Frames:
    """Cuts what goes in one direction into frames.

    ``in_step`` is False if the first bytes may be the middle of a frame: then it is skipped.
    ``greeting`` says that one line comes first.
    """

    def __init__(self, *, in_step: bool, greeting: bool = False) -> None:
        self._in_step = in_step
        self._greeting = greeting
        self._rest = b""

    @property
    def unfinished(self) -> bytes:
        """The whole lines of a frame that has not ended: half a line might be half of a secret."""
        return self._rest.rpartition(b"\r\n")[0] if self._in_step else b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take some bytes.

        Give the frames that they complete, and the beginning of one that is too long.
        """
        data = seen = self._rest + data
        if not self._in_step:
            if not data.startswith(_BEGINNINGS):
                _, end, data = data.partition(_END)
                if not end:
                    self._rest = seen[1 - len(_END) :]  # the end may be cut in two
                    return
            self._in_step = True
        if self._greeting:
            line, end, behind = data.partition(b"\r\n")
            if end and not line.startswith(_BEGINNINGS):
                yield line
                data = behind
            self._greeting = not end
        *frames, self._rest = data.split(_END)
        yield from filter(None, frames)
        if len(self._rest) > LONGEST_FRAME_BYTES:
            yield self._rest
            self._in_step, self._rest = False, self._rest[1 - len(_END) :]


def _shown(begun: bytes, size: int) -> str:
    """A frame of that size, of which so much is here, without secrets and not too long.

    Not yet escaped.
    """
    if size > len(begun):
        # Half a line might be half the name of a secret.
        begun = begun.rpartition(b"\r\n")[0] or begun
    lines = begun.split(b"\r\n")
    headers = [split_header(line.decode(*DECODING)) for line in lines[:MOST_LINES]]
    names = {key.lower(): value for key, value in reversed(headers)}
    masked = redacted(headers, names.get("event", ""), action=names.get("action", ""))
    parts = [f"{key}: {_cut(value)}" if key else _cut(value) for key, value in masked]
    if len(lines) > MOST_LINES or size > len(begun):
        parts.append(f"… ({size} bytes in all)")
    return " | ".join(parts)


def _cut(value: str) -> str:
    if len(value) <= LONGEST_VALUE_CHARACTERS:
        return value
    return f"{value[:LONGEST_VALUE_CHARACTERS]}… ({len(value)} characters)"
