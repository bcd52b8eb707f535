r"""Recordings: the events of a server, and their times, in a file.

People can read, search, compare and edit it.

::

    django_ami recording 1
    # node_1, Asterisk 22.10.1, AMI 11.0.0, 2026-03-01T09:30:00+00:00; secrets are masked
    # masked as ***: passwords, PINs, tokens and keys in what is named like one; …

    @0.000
    Event: Newchannel
    Privilege: call,all
    Channel: PJSIP/101-00000001

    @1.204
    Event: Hangup
    ...

Rule: the first line says what it is. An event begins with ``@`` and the seconds since the
beginning, has one line for each header, as the server sent it, and ends with an empty line. Between
events, lines that begin with ``#`` are remarks. In a header a backslash is doubled, a line end is
``\n`` or ``\r``, and other bytes that are no text are ``\x07``. Characters that could steer a
screen are ``\u202e`` or ``\U000e0041``. So what is played back is what was sent, byte for byte.
Nobody but the owner may read the file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO, overload

from django_ami.core.messages import Event
from django_ami.simulator.arguments import checked

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Moment", "Recording", "RecordingError", "Writer", "clear", "open_private"]

FIRST_LINE: Final = "django_ami recording 1"

_TIME: Final = re.compile(r"@([0-9]+(?:\.[0-9]+)?)")
#: Thirty years: nothing takes longer, and waits of the operating system end at three hundred.
_LONGEST_SECONDS: Final = 1e9
_ESCAPE: Final = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U00(?:0[0-9a-f]|10)[0-9a-f]{4}|.|$)")
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
    """Events in their order, with their times.

    Recordings can be added: the second one begins where the first one ends.

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
        return Recording(
            [*self, *(Moment(self.seconds + moment.at, moment.event) for moment in other)]
        )

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
            # Something else may have no line end in gigabytes.
            if lines.readline(len(FIRST_LINE) + 2).strip() != FIRST_LINE:
                raise RecordingError(
                    f"{path} is not a recording: its first line should read {FIRST_LINE!r}."
                )
            return cls(_read(lines, str(path)))

    def save(self, path: str | PathLike[str], *remarks: str) -> None:
        """Write it into a file that its owner alone can read, and which is replaced if it exists.

        Raises OSError.
        """
        with open_private(path, replace=True) as file:
            clear(file)
            writer = Writer(file, *remarks)
            for moment in self:
                writer.event(moment.at, moment.event)


def playable(recording: Recording, speed: float) -> tuple[Recording, float]:
    """Both as they are. Raises TypeError or ValueError for what cannot be played."""
    if not checked(speed, (int, float), "speed") > 0:
        raise ValueError(f"speed must be more than 0, not {speed!r}.")
    return checked(recording, Recording, "what is played"), speed


def open_private(path: str | PathLike[str], *, replace: bool) -> TextIO:
    """Open a file to write behind what is in it; nobody but its owner can read it from now on.

    Raises OSError; FileExistsError if it exists and is not to be replaced.
    """
    return open(path, "a" if replace else "x", encoding="utf-8", newline="\n", opener=_open_private)


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, 0o600)
    try:
        # The one who made it before may have let others read it. A device is not ours to shut.
        if stat.S_ISREG(os.fstat(descriptor).st_mode) and os.chmod in os.supports_fd:
            os.chmod(descriptor, 0o600)  # noqa: PTH101  (by descriptor: the name may be another file's by now)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def clear(file: TextIO) -> None:
    """Take away what is in it. Raises OSError. A device has nothing in it, and cannot be cut."""
    if os.fstat(file.fileno()).st_size:
        file.truncate(0)


class Writer:
    """Writes a recording, event by event; the file is valid whenever the writing ends."""

    def __init__(self, file: TextIO, *remarks: str) -> None:
        self.events = 0
        #: Bytes so far.
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
        self.size += len(text.encode())


def _escape(line: str) -> str:
    """The line, with escapes for all characters but letters, signs and blanks."""
    if line.isprintable() and "\\" not in line:
        return line
    return "".join(
        one if one.isprintable() and one != "\\" else _SHORT.get(one) or _numbered(one)
        for one in line
    )


def _numbered(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return (
        f"\\x{number:02x}"
        if number < 0x80
        else f"\\u{number:04x}"
        if number < 0x10000
        else f"\\U{number:08x}"
    )


def _unescape(line: str) -> bytes:
    """The bytes of a header.

    KeyError for an escape that does not exist, UnicodeEncodeError for half a character.
    """

    def original(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) < 2:
            return _LONG[code]
        number = int(code[1:], 16)
        return chr(number + 0xDC00) if code[0] == "x" and number >= 0x80 else chr(number)

    return _ESCAPE.sub(original, line).encode("utf-8", "surrogateescape")


def _read(lines: Iterable[str], name: str) -> Iterator[Moment]:
    """The events behind the first line."""
    numbered = enumerate(lines, 2)
    latest = 0.0
    for number, line in numbered:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        time = _TIME.fullmatch(text)
        if time is None:
            raise RecordingError(
                f"{name}, line {number}: an event begins with '@' and its seconds, not "
                f"{text[:40]!r}."
            )
        at = float(time[1])
        if at > _LONGEST_SECONDS:
            raise RecordingError(
                f"{name}, line {number}: {text[:40]} is later than any event can be."
            )
        if at < latest:
            raise RecordingError(
                f"{name}, line {number}: {text} comes after @{latest:.3f}: events are in their "
                "order."
            )
        latest = at
        yield Moment(latest, _read_event(numbered, f"{name}, line {number + 1}"))


def _read_event(numbered: Iterator[tuple[int, str]], where: str) -> Event:
    headers = []
    for number, line in numbered:
        text = line.removesuffix("\n").removesuffix("\r")
        if not text:
            break
        try:
            headers.append(_unescape(text))
        except (KeyError, UnicodeEncodeError) as error:
            at = f"{where.rpartition(' ')[0]} {number}"
            escape = error.args[0] if isinstance(error, KeyError) else "u with half a character"
            raise RecordingError(
                f"{at}: unknown escape \\{escape}; write a backslash as two."
            ) from None
    key, _, event = headers[0].partition(b":") if headers else (b"", b"", b"")
    if key != b"Event":
        raise RecordingError(f"{where}: the first header of an event is 'Event', with its name.")
    return Event(
        event.removeprefix(b" ").decode("utf-8", "backslashreplace"), b"\r\n".join(headers)
    )
