"""The wire format: ``Parser`` turns bytes into messages; bounded, and linear in time.

Frames of ordinary kinds are cut at empty lines, many at a time; all others one by one, with care.
The rules are in ``framing.py``.
"""

from __future__ import annotations

from functools import partial
from itertools import compress, repeat, takewhile
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.counters import Counters
from django_ami.core.errors import ProtocolError
from django_ami.core.event_id import EventId, places
from django_ami.core.framing import (
    ACTION_ID,
    CRLF_KINDS,
    END_COMMAND,
    FIRST_LINE,
    FOLLOWS,
    FORGED,
    HEAD_BYTES,
    UNDECIDED,
    WITH_RESPONSE,
    end_of,
    find_end,
    first_line,
    has_first_line_inside,
    id_of_output,
    is_suspect,
    kind_of_frame,
    name_in,
    skip_empty_lines,
    value_of_first_line,
    with_crlf,
    with_lead_behind,
)
from django_ami.core.headers import DECODING
from django_ami.core.kinds import PRIVILEGE, SKIP, TELLING_BYTES, Kinds
from django_ami.core.messages import Event, Response
from django_ami.core.tail import Oversized, Tail

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from django_ami.core.kinds import Kind


__all__ = ["Parser"]

#: Larger chunks are taken in pieces of this size, so that the parser holds little beside them.
_PIECE_BYTES: Final = 2**20
#: How many bytes are few for one read: it is then mostly a single frame.
_SHORT_BYTES: Final = 4096
_MAX_BANNER_BYTES: Final = 512


class Parser:
    """Bytes in, messages out; the same messages however the bytes are cut.

    ``kinds`` says which events have receivers; other broadcasts are counted in ``skipped``.
    ``tail`` is the frame that is not complete. ``banner`` is the greeting, once it is complete; it
    is the empty string if the server began with a message instead. Frames that have the first line
    of another one inside, and forged outputs, are suspect. ``plain`` is True if ``feed`` gave
    nothing but broadcasts that somebody wants, which are no part of an answer unless one is waited
    for. An event with ``mine`` inside is always given, if that is not empty. Events have ids if
    ``epoch`` is set; ``sequence`` is that of the next message that a ``feed`` gives first.

    ``follows`` says whether ``Response: Follows`` answers a Command. It is given the ActionID in
    front of the output, or an empty text if there is none, and the messages that this ``feed`` has
    given so far.

    ``stray`` has the text of the last ``feed`` that belongs to no frame, each with the number of
    messages that were given before it; it is empty for empty lines.
    """

    def __init__(
        self,
        *,
        server: str = "",
        max_frame_size: int = 2**20,
        banner: bool = True,
        counters: Counters | None = None,
    ) -> None:
        self.server = server
        self.max_frame_size = max_frame_size
        self.banner: str | None = None if banner else ""
        self.skipped = 0
        self.epoch, self.sequence = "", 1
        self.counters = counters or Counters()
        self.plain = True
        self.mine = b""
        self.follows: Callable[[str, Sequence[Event | Response | Oversized]], bool] = (
            lambda _id, _messages: True
        )
        self.stray: list[tuple[int, bytearray]] = []
        self.kinds = Kinds()
        self.tail = Tail(max_frame_size)

    def feed(self, data: bytes) -> list[Event | Response | Oversized]:
        """Take some bytes; give the messages that they complete.

        Raises ProtocolError for a greeting that is none.
        """
        messages: list[Event | Response | Oversized] = []
        self.plain = True
        if self.stray:
            self.stray.clear()
        start = 0
        if len(data) <= _SHORT_BYTES and self._parse_alone(data, messages):
            start = len(data)
        while start < len(data):
            end = start + _PIECE_BYTES
            if end < len(data):
                # Behind the end of a frame nothing is left over, to be joined to the next piece.
                cut = data.rfind(b"\r\n\r\n", start, end)
                end = cut + 4 if cut >= 0 else end
            self._feed_piece(data[start:end], messages)
            start = end
        self.sequence += len(messages)
        return messages

    def _parse_alone(self, data: bytes, messages: list[Event | Response | Oversized]) -> bool:
        """The short way for answers and rare events: true if this was one frame of a known kind."""
        if self.tail.buffer or self.tail.discarding or self.banner is None:
            return False
        block, end, rest = data.partition(b"\r\n\r\n")
        kind = self.kinds.known.get(block[:TELLING_BYTES])
        if kind is None or rest or not end or not self._is_regular(block):
            return False
        if kind == SKIP:
            if self._is_mine(block):
                return False
            self.skipped += 1
        else:
            messages.append(self._make(kind, block, 0))
            self.plain = kind in self.kinds.plain
        return True

    def _is_mine(self, block: bytes) -> bool:
        return bool(self.mine) and block.find(self.mine) >= 0

    def _feed_piece(self, data: bytes, messages: list[Event | Response | Oversized]) -> None:
        tail = self.tail
        buffer = tail.buffer
        if buffer and not tail.discarding and len(data) >= len(buffer):
            # Copied once; byte by byte, it would be once for each.
            data = b"".join((buffer, data))
            tail.forget()
        elif buffer or tail.discarding:
            buffer += data
            end = tail.find_end()
            if end is None:
                self._wait(messages)
                return
            data = bytes(buffer[end.end() :] if tail.discarding else buffer)
            tail.forget()
        position = 0 if self.banner is not None else self._parse_banner(data)
        if position >= 0:
            position = self._parse_regular(data, position, messages)
            if position < len(data):
                position = self._parse_any(data, position, messages)
        buffer += data[max(position, 0) :]
        if buffer:
            self._wait(messages)

    def _wait(self, messages: list[Event | Response | Oversized]) -> None:
        """The last frame is not complete: keep it, or give it up if it is too long."""
        tail = self.tail
        if self.banner is None:
            if len(tail.buffer) > _MAX_BANNER_BYTES:
                raise ProtocolError(
                    f"no AMI greeting, but {bytes(tail.buffer[:40])!r}…: is this the port of AMI?"
                )
            return
        if garbage := tail.give_up_lead():
            self.counters.garbage_bytes += len(garbage)
            self._keep_stray(garbage.replace(b"\r\n", b"\n"), messages)
        if head := tail.keep():
            messages.append(self._oversized(head))

    def _oversized(self, head: bytes) -> Oversized:
        self.counters.oversized_messages += 1
        self.plain = False
        found = ACTION_ID.search(head[: self.max_frame_size])
        return Oversized(found[1].decode(*DECODING) if found else None, self.max_frame_size)

    def _parse_banner(self, data: bytes) -> int:
        """Read the greeting: one line, of any text (main/manager.c:session_do).

        Returns -1 if it is not complete.
        """
        end = data.find(b"\n")
        if end < 0:
            self.tail.kind = None
            return -1
        line = data[:end].rstrip(b"\r")
        if end <= _MAX_BANNER_BYTES and FIRST_LINE.match(line):
            self.banner = ""
            return 0
        text = line.decode(*DECODING)
        if end > _MAX_BANNER_BYTES or not text.isprintable() or text.startswith(("HTTP/", "SSH-")):
            raise ProtocolError(f"no AMI greeting, but {text[:40]!r}: is this the port of AMI?")
        self.banner = text
        return end + 1

    def _parse_regular(
        self, data: bytes, position: int, messages: list[Event | Response | Oversized]
    ) -> int:
        """The fast way: split at empty lines, and go on as long as every frame is an ordinary one.

        Gives the position of the first frame that is not, or that is not complete.
        """
        blocks = (data[position:] if position else data).split(b"\r\n\r\n")
        end = len(data) - len(blocks.pop())
        kinds, source, before = self.kinds.of(blocks), self._source, len(messages)
        if len(kinds) < len(blocks):
            del blocks[len(kinds) :]
            end = end_of(blocks, position)
        if len(data) > self.max_frame_size or has_first_line_inside(
            data, position, end, len(blocks)
        ):
            blocks = list(takewhile(self._is_regular, blocks))
            del kinds[len(blocks) :]
            end = end_of(blocks, position)
        if self.mine and SKIP in kinds and data.find(self.mine, position, end) >= 0:
            kinds = [
                partial(Event, name_in(block)) if kind == SKIP and self._is_mine(block) else kind
                for kind, block in zip(kinds, blocks, strict=True)
            ]
        plain = self.kinds.plain.issuperset(kinds)
        wanted: Any = compress(kinds, kinds), compress(blocks, kinds)
        indexes = places(before, before + len(blocks))
        if plain:
            messages += map(Event, *wanted, repeat(source), indexes)
        else:
            messages += [  # as _make does, but without a call for each item of a list
                Event(kind, block, source, index)
                if isinstance(kind, str)
                else kind(block, source, index)
                if kind.func is Event
                else kind(block, self.server)
                for kind, block, index in zip(*wanted, indexes, strict=False)
            ]
        self.plain = self.plain and plain
        self.skipped += len(blocks) - (len(messages) - before)
        return end

    def _is_regular(self, block: bytes) -> bool:
        """True if this is one frame, and holds no first line of another one."""
        # ``in`` takes twice as long: it first asks whether it was given a number.
        if len(block) > self.max_frame_size or block.find(b"\nEvent: ") >= 0:
            return False
        first = block.find(b"\nResponse: ")
        if first < 0:
            return True
        return (
            block.count(b"\nResponse: ") == 1
            and block[first - 1] == 13
            and block.startswith(WITH_RESPONSE)
        )

    def _parse_any(
        self, data: bytes, position: int, messages: list[Event | Response | Oversized]
    ) -> int:
        """The careful way, frame by frame; gives the position of the frame that is not complete."""
        tail = self.tail
        while True:
            begin, position = position, skip_empty_lines(data, position)
            if position > begin:
                self._keep_stray(b"", messages)
            tail.kind = None
            end_of_line, first, led = first_line(data, position, tail.longest_lead)
            if end_of_line < 0:
                return position
            if first is None:
                if end_of_line - position > self.max_frame_size:
                    messages.append(
                        self._oversized(data[position : min(end_of_line, position + HEAD_BYTES)])
                    )
                else:
                    self.counters.garbage_bytes += end_of_line + 1 - position
                    self._keep_stray(
                        data[position:end_of_line].removesuffix(b"\r") + b"\n", messages
                    )
                position = end_of_line + 1
                continue
            tail.kind = kind = self._kind_of(first, data, end_of_line + 1, led, messages)
            if kind == UNDECIDED:
                return position
            tail.kind, end = find_end(kind, data, end_of_line - (kind in CRLF_KINDS))
            if end is None:
                return position
            size = end.start() - position - (len(END_COMMAND) if kind == FOLLOWS else 0)
            if size > self.max_frame_size:
                messages.append(
                    self._oversized(data[position : min(end.start(), position + HEAD_BYTES)])
                )
            else:
                block = data[position : end.start()]
                block = with_crlf(with_lead_behind(block, led, first) if led else block, kind)
                self.counters.suspect_messages += kind == FORGED or is_suspect(block)
                if first[1].lower() == b"event":
                    self._add_event(block, messages)
                else:
                    messages.append(Response(value_of_first_line(block), block, self.server))
            self.plain = False
            position = end.end()

    def _kind_of(
        self,
        first: re.Match[bytes],
        data: bytes,
        start: int,
        led: re.Match[bytes] | None,
        messages: list[Event | Response | Oversized],
    ) -> str:
        """How a frame ends whose second line is at ``start``."""
        kind = kind_of_frame(first)
        if kind != FOLLOWS:
            return kind
        action_id = id_of_output(data, start, led, self.tail.longest_lead)
        if action_id is None:
            return UNDECIDED
        return FOLLOWS if self.follows(action_id, messages) else FORGED

    def _keep_stray(self, text: bytes, messages: list[Event | Response | Oversized]) -> None:
        if not self.stray or self.stray[-1][0] != len(messages):
            self.stray.append((len(messages), bytearray()))
        self.stray[-1][1].extend(text)

    def _add_event(self, block: bytes, messages: list[Event | Response | Oversized]) -> None:
        broadcast = block.partition(b"\r\n")[2].startswith(PRIVILEGE) and not self._is_mine(block)
        kind = self.kinds.of_event(value_of_first_line(block), broadcast=broadcast)
        if kind == SKIP:
            self.skipped += 1
        else:
            messages.append(self._make(kind, block, len(messages)))

    @property
    def _source(self) -> str | EventId:
        """The id that the first message of this ``feed`` has; without an epoch, the server."""
        return EventId(self.server, self.epoch, self.sequence) if self.epoch else self.server

    def _make(self, kind: Kind, block: bytes, index: int) -> Event | Response:
        message = partial(Event, kind) if isinstance(kind, str) else kind
        of = (self.server,) if message.func is Response else (self._source, index)
        return message(block, *of)
