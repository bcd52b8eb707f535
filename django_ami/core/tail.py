"""The frame that is not complete: its bytes, and how far they have been looked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django_ami.core.framing import (
    ANSWER,
    CRLF,
    FIRST_LINE,
    FOLLOWS,
    HEAD_BYTES,
    LEAD,
    LF,
    LONGEST_INSIDE_BYTES,
    LONGEST_LEAD_BYTES,
    MARGIN_BYTES,
    MESSAGE_INSIDE,
    OVERLAP_BYTES,
    find_end,
)

if TYPE_CHECKING:
    import re

__all__ = ["Oversized", "Tail"]


class Oversized(NamedTuple):
    """A frame over ``max_frame_size`` went by and was dropped.

    ``action_id`` says whose answer it was, if anybody's.
    """

    action_id: str | None
    limit: int


class Tail:
    """The bytes behind the last complete frame, of the ``kind`` that is known so far.

    ``swallowed`` says how many whole messages are seen inside, which only the output of a command
    can hide. ``discarding`` is True while the rest of an oversized frame goes by.
    """

    def __init__(self, max_frame_size: int) -> None:
        self.buffer = bytearray()
        self.kind: str | None = None
        self.discarding = False
        self.swallowed = 0
        #: How many bytes may lead to the first line of a frame.
        self.longest_lead = min(LONGEST_LEAD_BYTES, max_frame_size - OVERLAP_BYTES)
        self._max_frame_size = max_frame_size
        self._scan = 0
        self._in_first_line = False
        self._was_answer = False
        #: How many bytes of the buffer have been looked through for messages inside.
        self._seen = 0

    @property
    def unfinished(self) -> bool:
        """True if a frame, or a line, has begun and not ended."""
        return self.discarding or len(self.buffer) > 0

    @property
    def answering(self) -> bool:
        """True if the unfinished frame is an answer."""
        return self._was_answer if self.discarding else ANSWER.match(self.buffer) is not None

    @property
    def is_event(self) -> bool:
        """True if a frame is unfinished that may be an event. An oversized one counts elsewhere."""
        return len(self.buffer) > 0 and not (self.discarding or self.swallowed or self.answering)

    def forget(self) -> None:
        """Forget the buffer: its frame is complete, or is read anew."""
        self.buffer.clear()
        self.discarding = False
        self.swallowed = self._seen = 0

    def find_end(self) -> re.Match[bytes] | None:
        """The end of the frame, if it has come."""
        self.kind, end = find_end(self.kind, self.buffer, self._scan)
        if end is not None and self._in_first_line:
            # Of an oversized frame, which goes on behind it: only now is it known how its lines
            # end.
            self._in_first_line = False
            crlf = self.buffer[end.start() - 1] == 13
            self.kind = CRLF if crlf else LF
            self._scan = end.start() - crlf
            self.kind, end = find_end(self.kind, self.buffer, self._scan)
        return end

    def give_up_lead(self) -> bytes:
        """Lines that might have led to a first line, but lead to none: they are garbage.

        The line behind them is not complete, but there is more of it than tells whether it begins a
        frame.
        """
        if self.kind is not None or self.discarding or not self._is_too_long():
            return b""
        lead = LEAD.match(self.buffer, 0, self.longest_lead)
        if lead is None or FIRST_LINE.match(self.buffer, lead.end()):
            return b""
        garbage = bytes(self.buffer[: lead.end()])
        del self.buffer[: lead.end()]
        return garbage

    def keep(self) -> bytes:
        """Remember where to go on.

        Returns the beginning of the frame if it is given up now, because it is too long.
        """
        if self.kind == FOLLOWS:
            self._look_inside()
        head = b""
        if not self.discarding and self._is_too_long():
            head = bytes(self.buffer[:HEAD_BYTES])
            self._was_answer = self.answering
            self.discarding = True
            self._in_first_line = self.kind is None and self._begins_frame()
        if self.discarding:
            del self.buffer[: -(LONGEST_INSIDE_BYTES if self.kind == FOLLOWS else OVERLAP_BYTES)]
        self._scan = max(0, len(self.buffer) - OVERLAP_BYTES)
        self._seen = len(self.buffer)
        return head

    def _is_too_long(self) -> bool:
        return len(self.buffer) > self._max_frame_size + MARGIN_BYTES

    def _look_inside(self) -> None:
        """Count the messages in what has come of the output of a command."""
        found = MESSAGE_INSIDE.finditer(self.buffer, max(0, self._seen - LONGEST_INSIDE_BYTES))
        self.swallowed += sum(message.end() > self._seen for message in found)

    def _begins_frame(self) -> bool:
        line = LEAD.match(self.buffer, 0, self.longest_lead)
        return FIRST_LINE.match(self.buffer, line.end() if line else 0) is not None
