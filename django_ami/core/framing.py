"""The shape of frames: where each kind begins and ends, and its bytes as readers want them.

Pure functions of bytes. Rules of framing, read out of main/manager.c and seen on real servers:

* Lines end in CR LF, a frame in an empty line; a bare LF inside is part of its value (about sixty
  error texts).
* A frame whose *first* line ends in a bare LF is all LF: it ends at the first empty line of either
  kind.
* CR LF LF ends a frame only where another frame begins right behind it (CoreShowChannelMap of some
  releases).
* ``Response: Follows`` (Command up to Asterisk 13) has ``--END COMMAND--`` behind its output,
  whatever that holds, and ends in the first empty line from there on: a proxy may put headers of
  its own in between. It is believed of a Command that was asked. Else somebody has put an empty
  line and these words into a value, to swallow what comes behind it: it is a frame like any other,
  and counted.
* Empty frames are skipped. A frame begins with ``Event:`` or ``Response:``; lines before that are
  garbage, counted.
* An ``ActionID`` line before that belongs to the frame (app_rpt, astmanproxy), as do headers
  between the two. They are put behind it.
* What a frame is, its first line alone says: OriginateResponse is an event with a ``Response``
  header inside.
* A further line of that kind is a forged header (UserEvent), or a frame that has lost its end and
  runs into the next one (an ActionID that is cut by a buffer of the server). They look alike, so it
  stays one frame, and is counted.
"""

from __future__ import annotations

import re
from typing import Final

from django_ami.core.headers import DECODING

__all__ = [
    "ACTION_ID",
    "ANSWER",
    "CRLF",
    "CRLF_KINDS",
    "END_COMMAND",
    "FIRST_LINE",
    "FOLLOWS",
    "FORGED",
    "HEAD_BYTES",
    "LEAD",
    "LF",
    "LONGEST_INSIDE_BYTES",
    "LONGEST_LEAD_BYTES",
    "MARGIN_BYTES",
    "MESSAGE_INSIDE",
    "OVERLAP_BYTES",
    "UNDECIDED",
    "WITH_RESPONSE",
    "decode",
    "end_of",
    "find_end",
    "first_line",
    "has_first_line_inside",
    "id_of_output",
    "is_suspect",
    "kind_of_frame",
    "name_in",
    "skip_empty_lines",
    "value_of_first_line",
    "with_crlf",
    "with_lead_behind",
]

FIRST_LINE: Final = re.compile(rb"(event|response):[ ]?(.*)", re.IGNORECASE | re.DOTALL)
ACTION_ID: Final = re.compile(rb"^ActionID:[ ]?([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
#: An ActionID line, and headers, in front of the first line.
LEAD: Final = re.compile(
    rb"ActionID:[ ]?([^\r\n]*)\r?\n(?:(?!ActionID:|Event:|Response:)[!-9;-~]+:[^\r\n]*\r?\n)*",
    re.IGNORECASE,
)
#: The beginning by which an unfinished frame is known as an answer.
ANSWER: Final = re.compile(rb"(?:%b)?Response:" % LEAD.pattern, re.IGNORECASE)
#: How many bytes the beginning of a frame has at most.
LONGEST_LEAD_BYTES: Final = 256
#: In the output of a command: a message begins, whose lines end as those of messages, and not as
#: those of a text.
MESSAGE_INSIDE: Final = re.compile(
    rb"\n(?:Event|Response): (?!Follows\r)[^\r\n]{1,40}\r\n(?:[!-9;-~]{1,20}:|\r\n)"
)
LONGEST_INSIDE_BYTES: Final = len(b"\nResponse: ") + 40 + 2 + 21
_HEAD: Final = rb"(?:(?:Privilege|Message):[^\r\n]*\r\n)*"
#: The headers in front of the output of a command. The first ActionID counts, however few bytes
#: have come: another one is output.
_FOLLOWS_HEAD: Final = re.compile(
    rb"%b(?:ActionID:[ ]?([^\r\n]*)\r\n%b)?" % (_HEAD, _HEAD), re.IGNORECASE
)
_HEAD_KEYS: Final = b"privilege:", b"actionid:", b"message:"
END_COMMAND: Final = b"--END COMMAND--"

#: How each kind of frame ends. The kind ``None`` is not known yet: its first line is not complete.
LF, CRLF, FOLLOWS, FORGED, UNDECIDED = "lf", "crlf", "follows", "forged", "undecided"
_END: Final = re.compile(rb"\r\n(?:\r\n|\n(?=(?:Event|Response): ))")
_ENDS: Final = {
    None: re.compile(rb"\n"),
    LF: re.compile(rb"\r?\n\r?\n"),
    CRLF: _END,
    FORGED: _END,
    UNDECIDED: re.compile(rb""),  # one of the last two: each byte may tell
    FOLLOWS: re.compile(
        re.escape(END_COMMAND) + rb"(?=\r\n)"
    ),  # from there on it is like any other
}
CRLF_KINDS: Final = frozenset({CRLF, FORGED})
#: How many bytes before the edge of a chunk an end begins at most that the edge cuts. Less than
#: ``END_COMMAND`` and its line end, or the output before it would be looked at again.
OVERLAP_BYTES: Final = len(END_COMMAND) + 1
#: An end that begins within ``max_frame_size`` has come when there are so many bytes more.
MARGIN_BYTES: Final = len(END_COMMAND) + 4
#: How many bytes of an oversized frame are looked through for the ActionID.
HEAD_BYTES: Final = 4096
#: How many bytes are searched at a time: texts of more than five bytes are found twice as fast in
#: less than 30,000 (Objects/stringlib/fastsearch.h).
_WINDOW_BYTES: Final = 29_000
#: Events that have a header ``Response`` by right.
WITH_RESPONSE: Final = (b"Event: OriginateResponse\r\n", b"Event: ChallengeResponseFailed\r\n")


def find_end(
    kind: str | None, data: bytes | bytearray, start: int
) -> tuple[str | None, re.Match[bytes] | None]:
    """The end of a frame of that kind, and the kind of what is behind it if that is not complete.

    Behind the output of a command, that is a frame like any other.
    """
    end = _ENDS[kind].search(data, start)
    if end is not None and kind == FOLLOWS:
        return CRLF, _ENDS[CRLF].search(data, end.end())
    return kind, end


def first_line(
    data: bytes, position: int, longest_lead: int
) -> tuple[int, re.Match[bytes] | None, re.Match[bytes] | None]:
    """Where the first line of a frame ends, its match, and that of what leads to it.

    The first is negative if it is not complete; the second is None if it is no beginning of a
    frame.
    """
    end = data.find(b"\n", position)
    first = FIRST_LINE.match(data, position, end) if end >= 0 else None
    line = None if end < 0 or first else LEAD.match(data, position, position + longest_lead)
    if line is None:
        return end, first, None
    end_of_next = data.find(b"\n", line.end())
    first = FIRST_LINE.match(data, line.end(), end_of_next) if end_of_next >= 0 else None
    return (end, None, None) if end_of_next >= 0 and first is None else (end_of_next, first, line)


def kind_of_frame(first: re.Match[bytes]) -> str:
    value: bytes = first[2]
    if not value.endswith(b"\r"):
        return LF
    return FOLLOWS if first[1].lower() == b"response" and value.lower() == b"follows\r" else CRLF


def id_of_output(
    data: bytes, start: int, led: re.Match[bytes] | None, longest_lead: int
) -> str | None:
    """The ActionID in front of the output; empty if there is none, None if it may yet come."""
    most = start + longest_lead
    head = led or _FOLLOWS_HEAD.match(data, start, most)
    if head is not None and head[1] is not None:
        return decode(head[1])
    rest = data[head.end() if head else start : most].lower()
    goes_on = rest.startswith(_HEAD_KEYS) or any(key.startswith(rest) for key in _HEAD_KEYS)
    return None if goes_on and len(data) < most and b"\n" not in rest else ""


def is_suspect(block: bytes) -> bool:
    """True if the first line of another frame is inside."""
    return b"\r\nEvent: " in block or block.count(b"\r\nResponse: ") > block.startswith(
        WITH_RESPONSE
    )


def has_first_line_inside(data: bytes, start: int, end: int, frames: int) -> bool:
    """True if one of these frames may hold the first line of another one.

    There are as many behind line feeds.
    """
    found = _count(data, b"\nEvent: ", start, end) + _count(data, b"\nResponse: ", start, end)
    return found >= frames and found - _count_by_right(data, start, end) >= frames


def _count(data: bytes, text: bytes, start: int, end: int) -> int:
    if end - start <= _WINDOW_BYTES:
        return data.count(text, start, end)
    windows = range(start, end, _WINDOW_BYTES)
    return sum(data.count(text, at, min(at + _WINDOW_BYTES + len(text) - 1, end)) for at in windows)


def _count_by_right(data: bytes, start: int, end: int) -> int:
    """How many lines ``Response:`` are in events that have one by right."""
    count, frame, is_first = 0, start, True
    line = data.find(b"\nRes", start, end)
    while line >= 0:
        if data.startswith(b"ponse: ", line + 4):
            blank = data.rfind(b"\r\n\r\n", start, line + 1)
            if blank >= 0:
                frame, is_first = blank + 4, True
            count += is_first and data[line - 1] == 13 and data.startswith(WITH_RESPONSE, frame)
            start, is_first = line + 1, False
        line = data.find(b"\nRes", line + 1, end)
    return count


def skip_empty_lines(data: bytes, position: int) -> int:
    while True:
        if data.startswith(b"\r\n", position):
            position += 2
        elif data.startswith(b"\n", position):
            position += 1
        else:
            return position


def end_of(blocks: list[bytes], position: int) -> int:
    """Where these frames end that begin at a position."""
    return position + sum(map(len, blocks)) + 4 * len(blocks)


def decode(raw: bytes) -> str:
    return raw.decode(*DECODING)


def value_of_first_line(block: bytes) -> str:
    """The name of an event, or the status of a response, however its first line is written."""
    first_line = block.partition(b"\r\n")[0]
    return decode(first_line.partition(b":")[2].removeprefix(b" ").replace(b"\n", b" "))


def name_in(block: bytes) -> str:
    return decode(block.partition(b"\r\n")[0][len(b"Event: ") :])


def with_lead_behind(block: bytes, lead: re.Match[bytes], first: re.Match[bytes]) -> bytes:
    """The block with its first line, ``Event`` or ``Response``, in front of the ActionID."""
    end = b"\r\n" if first[2].endswith(b"\r") else b"\n"
    headers = lead[0].replace(b"\r\n", b"\n").split(b"\n")[1:-1]
    first_line, more, others = block[len(lead[0]) :].partition(b"\n")
    lines = [first_line.removesuffix(b"\r"), b"ActionID: " + lead[1], *headers]
    return end.join([*lines, others] if more else lines)


def with_crlf(block: bytes, kind: str | None) -> bytes:
    """The block as its readers want it.

    Lines end with CR LF, and the output of a command is in ``Output`` headers.
    """
    if kind == LF:
        return block.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if kind == FOLLOWS:
        first_line, _, rest = block.partition(b"\r\n")
        head = _FOLLOWS_HEAD.match(rest)
        body, _, behind = rest[head.end() if head else 0 :].rpartition(END_COMMAND)
        # Not line by line: four million empty lines are no more than ten times their size so.
        lines = body.replace(b"\r\n", b"\n").removesuffix(b"\n")
        output = b"Output: " + lines.replace(b"\n", b"\r\nOutput: ")
        return first_line + b"\r\n" + (head[0] if head else b"") + output + behind
    return block
