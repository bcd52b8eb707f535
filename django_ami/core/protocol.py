"""The wire format: ``Parser`` turns bytes into messages, ``encode`` an action into bytes. Bounded and linear in time.

Rules of framing, read out of main/manager.c and seen on real servers:

* Lines end in CR LF, a frame in an empty line; a bare LF inside is part of its value (about sixty error texts).
* A frame whose *first* line ends in a bare LF is all LF: it ends at the first empty line of either kind.
* CR LF LF ends a frame only where another frame begins right behind it (CoreShowChannelMap of some releases).
* ``Response: Follows`` (Command up to Asterisk 13) has ``--END COMMAND--`` behind its output, whatever that holds, and
  ends in the first empty line from there on: a proxy may put headers of its own in between.
* Empty frames are skipped. A frame begins with ``Event:`` or ``Response:``; lines before that are garbage, counted.
* An ``ActionID`` line before that belongs to the frame (app_rpt, astmanproxy), as do headers between the two. They are
  put behind it.
* What a frame is, its first line alone says: OriginateResponse is an event with a ``Response`` header inside.
* A further line of that kind is a forged header (UserEvent), or a frame that has lost its end and runs into the next
  one (an ActionID that is cut by a buffer of the server). They look alike, so it stays one frame, and is counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import compress, repeat, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import InvalidAction, ProtocolError
from django_ami.core.messages import DECODING, Event, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.actions import Action

    #: The name of a plain broadcast; of any other message, what makes it of its bytes and the name of the server.
    Kind = str | Callable[[bytes, str], Event | Response]

__all__ = ["Oversized", "Parser", "encode"]

# --- encoding ------------------------------------------------------------------------------------------------------

#: get_input in main/manager.c: a buffer of 1,024 bytes holds a line of 1,022 and its CR LF; longer ones are cut.
MAX_LINE: Final = 1022
#: do_message in main/manager.c: AST_MAX_MANHEADERS lines, Action and ActionID included.
MAX_HEADERS: Final = 128

_KEY: Final = re.compile(r"[!-9;-~]+")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_OURS: Final = frozenset({"action", "actionid"})


def encode(action: Action, action_id: str) -> bytes:
    """The bytes of an action. Raises InvalidAction for what the server would cut, split or misread.

    That is: CR, LF or NUL in a value (a header injection), a key that is empty or has blanks, colons or control
    characters, a line over 1,022 bytes, more than 128 lines, and an ActionID of the caller's own.
    """
    name = action.name
    headers = action.headers_for(action_id) if action.final_broadcast else action.headers
    if not _is_plain(name):
        return _encode_carefully(action, action_id)
    text = f"Action: {name}\r\nActionID: {action_id}\r\n"
    for key, value in headers:
        if not _is_plain(key):
            return _encode_carefully(action, action_id)
        text += f"{key}: {value}\r\n"
    try:
        wire = (text + "\r\n").encode()
    except UnicodeEncodeError:
        return _encode_carefully(action, action_id)
    # Short enough as a whole, and nothing in it ends a line that should not.
    lines = len(headers) + 3
    plain = not headers or (wire.count(b"\n") == wire.count(b"\r") == lines and b"\0" not in wire)
    return wire if plain and len(wire) <= MAX_LINE and lines <= MAX_HEADERS else _encode_carefully(action, action_id)


@lru_cache(1024, typed=True)
def _is_plain(key: str) -> bool:
    """True for what may be a key, and the name of an action; a plain str alone, which is what it says it is."""
    return type(key) is str and _KEY.fullmatch(key) is not None and key.lower() not in _OURS


def _encode_carefully(action: Action, action_id: str) -> bytes:
    """The same for any action, line by line; it knows what is wrong."""
    if not _KEY.fullmatch(action.name):
        raise InvalidAction(f"{action.name!r} is no name of an action: letters, digits, and no blanks.")
    lines = [_checked_line(action.name, "Action", action.name), f"ActionID: {action_id}"]
    lines += [_encode_header(action.name, key, value) for key, value in action.headers_for(action_id)]
    if len(lines) > MAX_HEADERS:
        raise InvalidAction(
            f"{action.name}: {len(lines)} lines, but the server takes {MAX_HEADERS}: send less, or in several actions."
        )
    return "\r\n".join([*lines, "", ""]).encode()


def _encode_header(name: str, key: str, value: str) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidAction(
            f"{name}: {key!r} is no key of a header: it is empty, or has a blank, colon or control character."
        )
    if key.lower() in _OURS:
        raise InvalidAction(f"{name}: the header {key} is given by the client itself: remove it.")
    return _checked_line(name, key, value)


def _checked_line(name: str, key: str, value: str) -> str:
    line = f"{key}: {value}"
    # The line itself is looked at: a subclass of str may be another text here than it was before.
    if found := _FORBIDDEN.search(line):
        cure = _INSTEAD.get((name.lower(), key.lower()), "remove it.")
        raise InvalidAction(f"{name}: the value of {key} has a {found[0]!r} in it, which would end the header: {cure}")
    try:
        length = len(line.encode())
    except UnicodeEncodeError:
        raise InvalidAction(
            f"{name}: the value of {key} has a lone surrogate in it, which is no text: remove it."
        ) from None
    if length > MAX_LINE:
        raise InvalidAction(
            f"{name}: the line of {key} has {length} bytes, but the server takes {MAX_LINE}: shorten it."
        )
    return line


#: By action and header: what may have line ends where the header may not (main/message.c).
_INSTEAD: Final = {
    ("messagesend", "body"): "give the text in base64 as base64_body, which is the header Base64Body.",
}


# --- parsing -------------------------------------------------------------------------------------------------------

_FIRST_LINE: Final = re.compile(rb"(event|response):[ ]?(.*)", re.IGNORECASE | re.DOTALL)
_ACTION_ID: Final = re.compile(rb"^ActionID:[ ]?([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
#: What makes an unfinished frame an answer.
#: An ActionID line, and headers, in front of the first line.
_LEAD: Final = re.compile(
    rb"ActionID:[ ]?([^\r\n]*)\r?\n(?:(?!ActionID:|Event:|Response:)[!-9;-~]+:[^\r\n]*\r?\n)*", re.IGNORECASE
)
_ANSWER: Final = re.compile(rb"(?:%b)?Response:" % _LEAD.pattern, re.IGNORECASE)
#: What is longer is no beginning of a frame.
_LONGEST_LEAD: Final = 256
#: In the output of a command: one message has ended, and the next one begins.
_MESSAGE_INSIDE: Final = re.compile(rb"\r\n\r\n(?:Event|Response): ")
_LONGEST_INSIDE: Final = len(b"\r\n\r\nResponse: ")
_FOLLOWS_HEAD: Final = re.compile(rb"(?:(?:Privilege|ActionID|Message):[^\r\n]*\r\n)*", re.IGNORECASE)
_END_COMMAND: Final = b"--END COMMAND--"

#: How each kind of frame ends. The kind ``None`` is not known yet: its first line is not complete.
_LF, _CRLF, _FOLLOWS = "lf", "crlf", "follows"
_ENDS: Final = {
    None: re.compile(rb"\n"),
    _LF: re.compile(rb"\r?\n\r?\n"),
    _CRLF: re.compile(rb"\r\n(?:\r\n|\n(?=(?:Event|Response): ))"),
    _FOLLOWS: re.compile(re.escape(_END_COMMAND) + rb"(?=\r\n)"),  # from there on it is like any other
}
#: An end that is cut by the edge of a chunk begins at most so many bytes before it. Less than ``_END_COMMAND`` and its
#: line end, or what was output before it would be looked at again.
_OVERLAP: Final = len(_END_COMMAND) + 1
#: An end that begins within ``max_frame_size`` has come when there are so many bytes more.
_MARGIN: Final = len(_END_COMMAND) + 4
#: Chunks larger than this are taken in pieces, so that what is held beside them stays small.
_PIECE: Final = 2**20
#: What is read at a time is rarely so short, unless it is a single frame.
_SHORT: Final = 4096
#: So much of an oversized frame is looked through for the ActionID.
_HEAD: Final = 4096
_MAX_BANNER: Final = 512
_MAX_KINDS: Final = 2048
_PRIVILEGE: Final = b"Privilege: "
#: The kind of events that nobody wants: not true, so that ``compress`` leaves them out.
_SKIP: Final = ""
#: So much of a frame nearly always says what to do with it: the name of the event, and that a Privilege is behind it.
_TELLING: Final = len(b"Event: \r\n") + 24 + len(_PRIVILEGE)
_head: Final = itemgetter(slice(_TELLING))
#: Texts of more than five bytes are found twice as fast in less than 30,000 (Objects/stringlib/fastsearch.h).
_WINDOW: Final = 29_000
#: Events that have a header ``Response`` by right.
_WITH_RESPONSE: Final = (b"Event: OriginateResponse\r\n", b"Event: ChallengeResponseFailed\r\n")
#: Handed on whoever wants them: the client itself has to see them, or they are list items in spite of their Privilege.
_ALWAYS: Final = frozenset({"fullybooted", "shutdown", "originateresponse", "status", "peerstatus"})


@dataclass(frozen=True, slots=True)
class Oversized:
    """A frame over ``max_frame_size`` went by and was dropped; ``action_id`` says whose answer it was, if anybody's."""

    action_id: str | None
    limit: int


class Parser:
    """Bytes in, messages out; the same messages however the bytes are cut.

    ``interest`` is the set of event names, in lower case, that somebody wants (None: all): other broadcast events are
    counted in ``skipped`` and cost little more than finding their end. ``also`` are names, in lower case, that are
    looked at besides, and are not plain. ``banner`` is the greeting, once it is complete; it is the empty string if
    the server began with a message instead. ``suspect`` counts the frames that have the first
    line of another one inside. ``plain`` is True if ``feed`` gave nothing but broadcasts that somebody wants, which are
    no part of an answer unless one is waited for. An event with ``mine`` inside is always given, if that is not empty.

    Of a frame that is not complete, ``answering`` says whether it is an answer, and ``swallowed`` how many whole
    messages are seen inside, which only the output of a command can hide. ``stray`` has the text of the last ``feed``
    that belongs to no frame, each with the number of messages that were given before it; it is empty for empty lines.
    """

    def __init__(self, *, server: str = "", max_frame_size: int = 2**20, banner: bool = True) -> None:
        self.server = server
        self.max_frame_size = max_frame_size
        self.banner: str | None = None if banner else ""
        self.skipped = 0
        self.garbage = 0
        self.oversized = 0
        self.suspect = 0
        self.swallowed = 0
        self.plain = True
        self.mine = b""
        self.stray: list[tuple[int, bytearray]] = []
        self._interest: frozenset[str] | None = None
        self._also: frozenset[str] = frozenset()
        self._kinds: dict[bytes, Kind] = {}
        #: Those of ``_kinds`` that are names: a set tells at once whether all kinds of a read are.
        self._plain_kinds: set[Kind | None] = {_SKIP}
        self._buffer = bytearray()
        self._kind: str | None = None
        self._scan = 0
        #: True while the rest of an oversized frame goes by.
        self.discarding = False
        self._in_first_line = False
        self._was_answer = False
        #: So much of the buffer has been looked through for messages inside.
        self._seen = 0
        self._longest_lead = min(_LONGEST_LEAD, max_frame_size - _OVERLAP)

    @property
    def interest(self) -> frozenset[str] | None:
        return self._interest

    @interest.setter
    def interest(self, names: frozenset[str] | None) -> None:
        self._interest = names
        self._forget_kinds()

    @property
    def also(self) -> frozenset[str]:
        return self._also

    @also.setter
    def also(self, names: frozenset[str]) -> None:
        if names != self._also:
            self._also = names
            self._forget_kinds()

    def _forget_kinds(self) -> None:
        self._kinds.clear()
        self._plain_kinds = {_SKIP}

    @property
    def buffered(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._buffer)

    @property
    def unfinished(self) -> bool:
        """True if a frame, or a line, has begun and not ended."""
        return self.discarding or len(self._buffer) > 0

    @property
    def answering(self) -> bool:
        """True if the unfinished frame is an answer."""
        return self._was_answer if self.discarding else _ANSWER.match(self._buffer) is not None

    def feed(self, data: bytes) -> list[Event | Response | Oversized]:
        """Take some bytes; give the messages that they complete. Raises ProtocolError for a greeting that is none."""
        messages: list[Event | Response | Oversized] = []
        self.plain = True
        if self.stray:
            self.stray.clear()
        if len(data) <= _SHORT and self._parse_alone(data, messages):
            return messages
        start = 0
        while start < len(data):
            end = start + _PIECE
            if end < len(data):
                # Behind the end of a frame nothing is left over, to be joined to the next piece.
                cut = data.rfind(b"\r\n\r\n", start, end)
                end = cut + 4 if cut >= 0 else end
            self._feed_piece(data[start:end], messages)
            start = end
        return messages

    def _parse_alone(self, data: bytes, messages: list[Event | Response | Oversized]) -> bool:
        """The short way, of answers and of events that trickle: true if this was one frame of a kind that is known."""
        if self._buffer or self.discarding or self.banner is None:
            return False
        block, end, rest = data.partition(b"\r\n\r\n")
        kind = self._kinds.get(block[:_TELLING])
        if kind is None or rest or not end or not self._is_regular(block):
            return False
        if kind == _SKIP:
            if self._is_mine(block):
                return False
            self.skipped += 1
        else:
            messages.append(_make(kind, block, self.server))
            self.plain = kind in self._plain_kinds
        return True

    def _is_mine(self, block: bytes) -> bool:
        return bool(self.mine) and block.find(self.mine) >= 0

    def _feed_piece(self, data: bytes, messages: list[Event | Response | Oversized]) -> None:
        if self._buffer and not self.discarding and len(data) >= len(self._buffer):
            # Copied once; byte by byte, it would be once for each.
            data = b"".join((self._buffer, data))
            self._forget_frame()
        elif self._buffer or self.discarding:
            self._buffer += data
            end = self._find_end()
            if end is None:
                self._wait(messages)
                return
            data = bytes(self._buffer[end.end() :] if self.discarding else self._buffer)
            self._forget_frame()
        position = 0 if self.banner is not None else self._parse_banner(data)
        if position >= 0:
            position = self._parse_regular(data, position, messages)
            if position < len(data):
                position = self._parse_any(data, position, messages)
        self._buffer += data[max(position, 0) :]
        if self._buffer:
            self._wait(messages)

    def _forget_frame(self) -> None:
        """What was in the buffer is complete, or is read anew."""
        self._buffer.clear()
        self.discarding = False
        self.swallowed = self._seen = 0

    def _search(self, data: bytes | bytearray, start: int) -> re.Match[bytes] | None:
        """The end of the frame."""
        end = _ENDS[self._kind].search(data, start)
        if end is not None and self._kind == _FOLLOWS:
            self._kind = _CRLF
            end = _ENDS[_CRLF].search(data, end.end())
        return end

    def _find_end(self) -> re.Match[bytes] | None:
        end = self._search(self._buffer, self._scan)
        if end is not None and self._in_first_line:
            # Of an oversized frame, which goes on behind it: only now is it known how its lines end.
            self._in_first_line = False
            crlf = self._buffer[end.start() - 1] == 13
            self._kind = _CRLF if crlf else _LF
            self._scan = end.start() - crlf
            end = self._search(self._buffer, self._scan)
        return end

    def _wait(self, messages: list[Event | Response | Oversized]) -> None:
        """The frame in the buffer is not complete: remember where to go on, or give it up if it is too long."""
        if self.banner is None:
            if len(self._buffer) > _MAX_BANNER:
                raise ProtocolError(f"no AMI greeting, but {bytes(self._buffer[:40])!r}…: is this the port of AMI?")
            return
        if self._kind == _FOLLOWS:
            self._look_inside()
        if self._kind is None and len(self._buffer) > self.max_frame_size + _MARGIN:
            self._give_up_lead(messages)
        if self.discarding:
            del self._buffer[:-_OVERLAP]
        elif len(self._buffer) > self.max_frame_size + _MARGIN:
            messages.append(self._oversized(bytes(self._buffer[:_HEAD])))
            self._was_answer = self.answering
            self.discarding = True
            self._in_first_line = self._kind is None and self._begins_frame()
            del self._buffer[:-_OVERLAP]
        self._scan = max(0, len(self._buffer) - _OVERLAP)
        self._seen = len(self._buffer)

    def _give_up_lead(self, messages: list[Event | Response | Oversized]) -> None:
        """Lines that might have led to a first line, but lead to none: they are garbage, as if all had come at once.

        The line behind them is not complete, but there is more of it than tells whether it begins a frame.
        """
        lead = None if self.discarding else _LEAD.match(self._buffer, 0, self._longest_lead)
        if lead is not None and not _FIRST_LINE.match(self._buffer, lead.end()):
            self.garbage += lead.end()
            self._keep_stray(bytes(self._buffer[: lead.end()]).replace(b"\r\n", b"\n"), messages)
            del self._buffer[: lead.end()]

    def _look_inside(self) -> None:
        """Count the messages in what has come of the output of a command."""
        found = _MESSAGE_INSIDE.finditer(self._buffer, max(0, self._seen - _LONGEST_INSIDE))
        self.swallowed += sum(message.end() > self._seen for message in found)

    def _begins_frame(self) -> bool:
        line = _LEAD.match(self._buffer, 0, self._longest_lead)
        return _FIRST_LINE.match(self._buffer, line.end() if line else 0) is not None

    def _oversized(self, head: bytes) -> Oversized:
        self.oversized += 1
        self.plain = False
        found = _ACTION_ID.search(head[: self.max_frame_size])
        return Oversized(found[1].decode(*DECODING) if found else None, self.max_frame_size)

    def _parse_banner(self, data: bytes) -> int:
        """Read the greeting: one line, of any text (main/manager.c:session_do). -1 if it is not complete."""
        end = data.find(b"\n")
        if end < 0:
            self._kind = None
            return -1
        line = data[:end].rstrip(b"\r")
        if end <= _MAX_BANNER and _FIRST_LINE.match(line):
            self.banner = ""
            return 0
        text = line.decode(*DECODING)
        if end > _MAX_BANNER or not text.isprintable() or text.startswith(("HTTP/", "SSH-")):
            raise ProtocolError(f"no AMI greeting, but {text[:40]!r}: is this the port of AMI?")
        self.banner = text
        return end + 1

    def _parse_regular(self, data: bytes, position: int, messages: list[Event | Response | Oversized]) -> int:
        """The fast way: split at empty lines, and go on as long as every frame is an ordinary one.

        Gives the position of the first frame that is not, or that is not complete.
        """
        blocks = (data[position:] if position else data).split(b"\r\n\r\n")
        end = len(data) - len(blocks.pop())
        kinds, server, before = self._kinds_of(blocks), self.server, len(messages)
        if len(kinds) < len(blocks):
            del blocks[len(kinds) :]
            end = _end_of(blocks, position)
        if len(data) > self.max_frame_size or _has_first_line_inside(data, position, end, len(blocks)):
            blocks = list(takewhile(self._is_regular, blocks))
            del kinds[len(blocks) :]
            end = _end_of(blocks, position)
        if self.mine and _SKIP in kinds and data.find(self.mine, position, end) >= 0:
            kinds = [
                partial(Event, _name_in(block)) if kind == _SKIP and self._is_mine(block) else kind
                for kind, block in zip(kinds, blocks, strict=True)
            ]
        plain = self._plain_kinds.issuperset(kinds)
        wanted: Any = compress(kinds, kinds), compress(blocks, kinds)
        if plain:
            messages += map(Event, *wanted, repeat(server))
        else:
            messages += [  # as _make does, but without a call for each item of a list
                Event(kind, block, server) if isinstance(kind, str) else kind(block, server)
                for kind, block in zip(*wanted, strict=True)
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
        return block.count(b"\nResponse: ") == 1 and block[first - 1] == 13 and block.startswith(_WITH_RESPONSE)

    def _kinds_of(self, blocks: list[bytes]) -> list[Kind | None]:
        """The kinds of these frames, up to the first that is not an ordinary one."""
        kinds: list[Kind | None] = list(map(self._kinds.get, map(_head, blocks)))
        if None in kinds:
            for index, block in enumerate(blocks):
                if kinds[index] is None:
                    kinds[index] = self._learn(block)
                    if kinds[index] is None:
                        del kinds[index:]
                        break
        return kinds

    def _learn(self, block: bytes) -> Kind | None:
        """What is to be done with such a frame; None if it is not an ordinary one."""
        plain = False
        if block.startswith((b"Response: Success\r\n", b"Response: Error\r\n")):
            kind: Kind = partial(Response, "Success" if block[10] == 83 else "Error")
            told = 0
        elif block.startswith(b"Event: "):
            first_line, _, rest = block.partition(b"\r\n")
            if b"\n" in first_line:
                return None
            name, broadcast = _decode(first_line[7:]), rest.startswith(_PRIVILEGE)
            kind = self._kind_of_event(name, broadcast=broadcast)
            plain = isinstance(kind, str)
            told = len(first_line) + 2 + len(_PRIVILEGE)
        else:
            return None
        if told <= _TELLING:
            if len(self._kinds) >= _MAX_KINDS:
                self._forget_kinds()
            self._kinds[_head(block)] = kind
            if plain:
                self._plain_kinds.add(kind)
        return kind

    def _kind_of_event(self, name: str, *, broadcast: bool) -> Kind:
        folded = name.lower()
        if not broadcast or folded in _ALWAYS:
            return partial(Event, name)
        if self._interest is not None and folded not in self._interest:
            return partial(Event, name) if folded in self._also else _SKIP
        return name or partial(Event, name)

    def _parse_any(self, data: bytes, position: int, messages: list[Event | Response | Oversized]) -> int:
        """The careful way, frame by frame; gives the position of the frame that is not complete."""
        while True:
            begin, position = position, _skip_empty_lines(data, position)
            if position > begin:
                self._keep_stray(b"", messages)
            self._kind = None
            end_of_line, first, led = self._first_line(data, position)
            if end_of_line < 0:
                return position
            if first is None:
                if end_of_line - position > self.max_frame_size:
                    messages.append(self._oversized(data[position : min(end_of_line, position + _HEAD)]))
                else:
                    self.garbage += end_of_line + 1 - position
                    self._keep_stray(data[position:end_of_line].removesuffix(b"\r") + b"\n", messages)
                position = end_of_line + 1
                continue
            self._kind = kind = _kind_of_frame(first)
            end = self._search(data, end_of_line - (kind == _CRLF))
            if end is None:
                return position
            size = end.start() - position - (len(_END_COMMAND) if kind == _FOLLOWS else 0)
            if size > self.max_frame_size:
                messages.append(self._oversized(data[position : min(end.start(), position + _HEAD)]))
            else:
                block = data[position : end.start()]
                block = _with_crlf(_with_lead_behind(block, led, first) if led else block, kind)
                self.suspect += _is_suspect(block)
                if first[1].lower() == b"event":
                    self._add_event(block, messages)
                else:
                    self._add_response(block, messages)
            self.plain = False
            position = end.end()

    def _first_line(self, data: bytes, position: int) -> tuple[int, re.Match[bytes] | None, re.Match[bytes] | None]:
        """Where the first line of a frame ends, its match, and that of what leads to it.

        The first is negative if it is not complete; the second is None if it is no beginning of a frame.
        """
        end = data.find(b"\n", position)
        first = _FIRST_LINE.match(data, position, end) if end >= 0 else None
        line = None if end < 0 or first else _LEAD.match(data, position, position + self._longest_lead)
        if line is None:
            return end, first, None
        end_of_next = data.find(b"\n", line.end())
        first = _FIRST_LINE.match(data, line.end(), end_of_next) if end_of_next >= 0 else None
        return (end, None, None) if end_of_next >= 0 and first is None else (end_of_next, first, line)

    def _keep_stray(self, text: bytes, messages: list[Event | Response | Oversized]) -> None:
        if not self.stray or self.stray[-1][0] != len(messages):
            self.stray.append((len(messages), bytearray()))
        self.stray[-1][1].extend(text)

    def _add_event(self, block: bytes, messages: list[Event | Response | Oversized]) -> None:
        first_line, _, rest = block.partition(b"\r\n")
        name = _decode(first_line.partition(b":")[2].removeprefix(b" ").replace(b"\n", b" "))
        kind = self._kind_of_event(name, broadcast=rest.startswith(_PRIVILEGE) and not self._is_mine(block))
        if kind == _SKIP:
            self.skipped += 1
        else:
            messages.append(_make(kind, block, self.server))

    def _add_response(self, block: bytes, messages: list[Event | Response | Oversized]) -> None:
        status = block.partition(b"\r\n")[0].partition(b":")[2].removeprefix(b" ")
        messages.append(Response(_decode(status), block, self.server))


def _make(kind: Kind, block: bytes, server: str) -> Event | Response:
    return Event(kind, block, server) if isinstance(kind, str) else kind(block, server)


def _end_of(blocks: list[bytes], position: int) -> int:
    """Where these frames end that begin at a position."""
    return position + sum(map(len, blocks)) + 4 * len(blocks)


def _has_first_line_inside(data: bytes, start: int, end: int, frames: int) -> bool:
    """True if one of these frames may hold the first line of another one: there are as many behind line feeds."""
    found = _count(data, b"\nEvent: ", start, end) + _count(data, b"\nResponse: ", start, end)
    return found >= frames and found - _count_by_right(data, start, end) >= frames


def _count(data: bytes, text: bytes, start: int, end: int) -> int:
    if end - start <= _WINDOW:
        return data.count(text, start, end)
    return sum(data.count(text, at, min(at + _WINDOW + len(text) - 1, end)) for at in range(start, end, _WINDOW))


def _count_by_right(data: bytes, start: int, end: int) -> int:
    """How many lines ``Response:`` are in events that have one by right."""
    count, frame, is_first = 0, start, True
    line = data.find(b"\nRes", start, end)
    while line >= 0:
        if data.startswith(b"ponse: ", line + 4):
            blank = data.rfind(b"\r\n\r\n", start, line + 1)
            if blank >= 0:
                frame, is_first = blank + 4, True
            count += is_first and data[line - 1] == 13 and data.startswith(_WITH_RESPONSE, frame)
            start, is_first = line + 1, False
        line = data.find(b"\nRes", line + 1, end)
    return count


def _decode(raw: bytes) -> str:
    return raw.decode(*DECODING)


def _skip_empty_lines(data: bytes, position: int) -> int:
    while True:
        if data.startswith(b"\r\n", position):
            position += 2
        elif data.startswith(b"\n", position):
            position += 1
        else:
            return position


def _kind_of_frame(first: re.Match[bytes]) -> str:
    value: bytes = first[2]
    if not value.endswith(b"\r"):
        return _LF
    return _FOLLOWS if first[1].lower() == b"response" and value.lower() == b"follows\r" else _CRLF


def _name_in(block: bytes) -> str:
    return _decode(block.partition(b"\r\n")[0][len(b"Event: ") :])


def _with_lead_behind(block: bytes, lead: re.Match[bytes], first: re.Match[bytes]) -> bytes:
    """The block with its first line, ``Event`` or ``Response``, in front of the ActionID."""
    end = b"\r\n" if first[2].endswith(b"\r") else b"\n"
    headers = lead[0].replace(b"\r\n", b"\n").split(b"\n")[1:-1]
    first_line, more, others = block[len(lead[0]) :].partition(b"\n")
    lines = [first_line.removesuffix(b"\r"), b"ActionID: " + lead[1], *headers]
    return end.join([*lines, others] if more else lines)


def _is_suspect(block: bytes) -> bool:
    """True if the first line of another frame is inside."""
    return b"\r\nEvent: " in block or block.count(b"\r\nResponse: ") > block.startswith(_WITH_RESPONSE)


def _with_crlf(block: bytes, kind: str | None) -> bytes:
    """The block as its readers want it: lines ended by CR LF, the output of a command as ``Output`` headers."""
    if kind == _LF:
        return block.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if kind == _FOLLOWS:
        first_line, _, rest = block.partition(b"\r\n")
        head = _FOLLOWS_HEAD.match(rest)
        body, _, behind = rest[head.end() if head else 0 :].rpartition(_END_COMMAND)
        # Not line by line: four million empty lines are no more than ten times their size so.
        lines = body.replace(b"\r\n", b"\n").removesuffix(b"\n")
        output = b"Output: " + lines.replace(b"\n", b"\r\nOutput: ")
        return first_line + b"\r\n" + (head[0] if head else b"") + output + behind
    return block
