"""Requests as Asterisk reads them: get_input() and do_message() of its manager, byte for byte.

The line buffer holds 1024 bytes. A line that does not end within them is thrown away *as far as it
was read*; its rest counts as another header, and the whole request is refused at its empty line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from django_ami.simulator.frames import decode

__all__ = ["TOO_LONG", "TOO_MANY", "ReceivedAction", "RequestReader", "echo_of", "split_variables"]

LINE_BUFFER_BYTES = 1024
MAX_HEADERS = 128

TOO_LONG = "Failed to parse message: line too long"
TOO_MANY = "Too many lines in message or allocation failure"


@dataclass(frozen=True, slots=True)
class ReceivedAction:
    """One request, as the server read it.

    ``fault`` is the text that refuses one that could not be read.
    """

    lines: tuple[str, ...]
    fault: str = ""
    session: int = 0
    user: str = ""
    server: str = ""
    """The name that the client has for this server.

    Only where nobody but the client is there (``locmem``).
    """

    @property
    def name(self) -> str:
        """The action's name as sent: the first ``Action`` that is not empty."""
        return next((value for key, value in self.headers if key.lower() == "action" and value), "")

    @property
    def action_id(self) -> str:
        """The ActionID; empty if there was none."""
        return self.get("ActionID")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All headers in order; leading blanks of a value are gone, trailing ones are not."""
        return tuple(_split(line) for line in self.lines if ":" in line)

    def __getitem__(self, key: str) -> str:
        """The first header of that name; KeyError if there is none."""
        values = self.get_all(key)
        if not values:
            raise KeyError(key)
        return values[0]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(self.get_all(key))

    def get(self, key: str, default: str = "") -> str:
        """The first header of that name (case does not matter), even if it is empty."""
        wanted = key.lower()
        return next((value for name, value in self.headers if name.lower() == wanted), default)

    def get_all(self, key: str) -> tuple[str, ...]:
        """The values of all headers of that name."""
        wanted = key.lower()
        return tuple(value for name, value in self.headers if name.lower() == wanted)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}: {value}" for key, value in self.shown)
        return f"<ReceivedAction {shown}>"

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """The headers for people: a secret is masked."""
        hidden = (
            {"secret", "password", "key"}
            if self.name.lower() == "login"
            else {"secret", "password"}
        )
        return tuple(
            (key, "***" if key.lower() in hidden else value) for key, value in self.headers
        )


def echo_of(action: ReceivedAction) -> list[tuple[str, str]]:
    """The ActionID of a request, as each message of its answer has it; empty if it has none."""
    return [("ActionID", action.action_id)] if action.action_id else []


def _split(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key, value.lstrip("".join(map(chr, range(33))))


class RequestReader:
    """Bytes in, requests out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._too_long = False
        self._too_many = False
        self._ready: deque[ReceivedAction] = deque()

    def feed(self, data: bytes) -> None:
        """Take what came from the client."""
        self._buffer += data
        while (line := self._next_line()) is not None:
            if not line:
                self._finish()
            elif len(self._lines) < MAX_HEADERS:
                self._lines.append(decode(line))
            else:
                self._too_many = True

    @property
    def room(self) -> int:
        """How many bytes the line buffer still takes."""
        return LINE_BUFFER_BYTES - len(self._buffer)

    def next_request(self) -> ReceivedAction | None:
        """The oldest request that is complete."""
        return self._ready.popleft() if self._ready else None

    def _next_line(self) -> bytes | None:
        while True:
            end = self._buffer.find(b"\n", 0, LINE_BUFFER_BYTES)
            if end >= 0:
                line = bytes(self._buffer[:end]).removesuffix(b"\r")
                del self._buffer[: end + 1]
                return line.partition(b"\0")[0]  # a C string ends at its NUL
            if len(self._buffer) < LINE_BUFFER_BYTES:
                return None
            del self._buffer[:LINE_BUFFER_BYTES]
            self._too_long = True

    def _finish(self) -> None:
        fault = TOO_MANY if self._too_many else TOO_LONG if self._too_long else ""
        self._ready.append(ReceivedAction(tuple(self._lines), fault))
        self._lines = []
        self._too_long = self._too_many = False


def split_variables(header: str) -> list[tuple[str, str]]:
    """``Variable: a=1,b="x,y"`` taken apart.

    It is done as in __ast_app_separate_args() and man_do_variable_value(). Commas inside (), [] and
    quotes do not split; quotes and backslashes vanish; a backslash keeps the next character.
    """
    items, current = [], ""
    parens = brackets = 0
    quoted = False
    characters = iter(header)
    for character in characters:
        if character == "\\":
            current += next(characters, "")
            continue
        if character == '"':
            quoted = not quoted
            continue
        if character == "," and not (parens or brackets or quoted):
            items.append(current)
            current = ""
            continue
        parens = max(0, parens + (character == "(") - (character == ")"))
        brackets = max(0, brackets + (character == "[") - (character == "]"))
        current += character
    items.append(current)
    return [
        (name, value)
        for name, equals, value in (item.partition("=") for item in items[:64])
        if equals
    ]
