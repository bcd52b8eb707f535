r"""Recordings: what a server sent, and when, in a file that people can read, search, compare and edit.

::

    django_ami recording 1
    # node_1, Asterisk 22.10.1, AMI 11.0.0, 2026-03-01T09:30:00+00:00; secrets are masked

    @0.000
    Event: Newchannel
    Privilege: call,all
    Channel: PJSIP/101-00000001

    @1.204
    Event: Hangup
    ...

Rule: the first line says what it is. An event begins with ``@`` and the seconds since the beginning, has one line for
each header, as the server sent it, and ends with an empty line. Between events, lines that begin with ``#`` are
remarks. In a header a backslash is doubled, a line end is ``\n`` or ``\r``, and other bytes that are no text are
``\x07``, so that what is played back is what was sent, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, overload

from django_ami.core.messages import Event

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Moment", "Recording", "RecordingError", "Writer"]

FIRST_LINE: Final = "django_ami recording 1"

_TIME: Final = re.compile(r"@(\d+(?:\.\d+)?)")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\udc80-\udcff\\]")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|.|$)")
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\\": "\\\\"}
_LONG: Final = {text[1:]: character for character, text in _SHORT.items()}


class RecordingError(ValueError):
    """A file is no recording, or a line of it cannot be read: which, and why."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, and when it came: ``at`` is in seconds from the beginning."""

    at: float
    event: Event


class Recording(Sequence[Moment]):
    """Events in their order, with their times. Recordings can be added: the second one begins where the first one ends.

    ``len``, an index and a loop give :class:`Moment`; ``events`` are the events alone.
    """

    def __init__(self, moments: Iterable[Moment] = ()) -> None:
        self._moments = tuple(moments)

    @overload
    def __getitem__(self, index: int) -> Moment: ...
    @overload
    def __getitem__(self, index: slice) -> Recording: ...
    def __getitem__(self, index: int | slice) -> Moment | Recording:
        return Recording(self._moments[index]) if isinstance(index, slice) else self._moments[index]

    def __len__(self) -> int:
        return len(self._moments)

    def __add__(self, other: Recording) -> Recording:
        return Recording([*self, *(Moment(self.seconds + moment.at, moment.event) for moment in other)])

    def __eq__(self, other: object) -> bool:
        return self._moments == other._moments if isinstance(other, Recording) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._moments)

    def __repr__(self) -> str:
        return f"<Recording of {len(self)} events in {self.seconds:.3f} s>"

    @property
    def events(self) -> tuple[Event, ...]:
        """The events alone."""
        return tuple(moment.event for moment in self)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the events."""
        return tuple(moment.event.name for moment in self)

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return self._moments[-1].at if self._moments else 0.0

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Recording:
        """Read a file. Raises RecordingError, or OSError."""
        with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            return cls(_read(lines, str(path)))

    def save(self, path: str | PathLike[str], *remarks: str) -> None:
        """Write it into a file, which is replaced if it exists. Raises OSError."""
        with Path(path).open("w", encoding="utf-8", newline="\n") as file:
            writer = Writer(file, *remarks)
            for moment in self:
                writer.event(moment.at, moment.event)


class Writer:
    """Writes a recording, event by event; what is written is whole whenever it ends."""

    def __init__(self, file: TextIO, *remarks: str) -> None:
        self.events = 0
        #: Characters so far.
        self.size = 0
        self._file = file
        self._write(f"{FIRST_LINE}\n")
        self._write("".join([*(f"# {_escape(remark)}\n" for remark in remarks), "\n"]))

    def remark(self, text: str) -> None:
        """A line for people."""
        self._write(f"# {_escape(text)}\n\n")

    def event(self, at: float, event: Event) -> None:
        """An event that came at so many seconds from the beginning."""
        lines = event.raw.decode("utf-8", "surrogateescape").split("\r\n")
        self._write("".join([f"@{at:.3f}\n", *(f"{_escape(line)}\n" for line in lines), "\n"]))
        self.events += 1

    def _write(self, text: str) -> None:
        self._file.write(text)
        self.size += len(text)


def _escape(line: str) -> str:
    return _UNPRINTABLE.sub(lambda found: _SHORT.get(found[0]) or _numbered(found[0]), line)


def _numbered(character: str) -> str:
    number = ord(character)
    if number >= 0xDC00:  # a byte that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x80 else f"\\u{number:04x}"


def _unescape(line: str) -> bytes:
    """The bytes of a header. KeyError for an escape that does not exist."""

    def original(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) < 2:
            return _LONG[code]
        number = int(code[1:], 16)
        return chr(number + 0xDC00) if code[0] == "x" and number >= 0x80 else chr(number)

    return _ESCAPE.sub(original, line).encode("utf-8", "surrogateescape")


def _read(lines: Iterable[str], name: str) -> Iterator[Moment]:
    numbered = enumerate(lines, 1)
    if next(numbered, (0, ""))[1].strip() != FIRST_LINE:
        raise RecordingError(f"{name} is no recording: its first line should read {FIRST_LINE!r}.")
    latest = 0.0
    for number, line in numbered:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        time = _TIME.fullmatch(text)
        if time is None:
            raise RecordingError(f"{name}, line {number}: an event begins with '@' and its seconds, not {text[:40]!r}.")
        if float(time[1]) < latest:
            raise RecordingError(f"{name}, line {number}: {text} comes after @{latest:.3f}: events are in their order.")
        latest = float(time[1])
        yield Moment(latest, _read_event(numbered, f"{name}, line {number + 1}"))


def _read_event(numbered: Iterator[tuple[int, str]], where: str) -> Event:
    headers = []
    for number, line in numbered:
        text = line.removesuffix("\n").removesuffix("\r")
        if not text:
            break
        try:
            headers.append(_unescape(text))
        except KeyError as error:
            at = f"{where.rpartition(' ')[0]} {number}"
            raise RecordingError(f"{at}: unknown escape \\{error.args[0]}; write a backslash as two.") from None
    key, _, event = headers[0].partition(b":") if headers else (b"", b"", b"")
    if key != b"Event":
        raise RecordingError(f"{where}: the first header of an event is 'Event', with its name.")
    return Event(event.removeprefix(b" ").decode("utf-8", "backslashreplace"), b"\r\n".join(headers))
