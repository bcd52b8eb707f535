"""A plain socket that speaks AMI: these tests' own, so that it shares no bug with the client."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.asterisk.conftest import Asterisk

Message = list[tuple[str, str]]


def value(message: Message, key: str) -> str | None:
    return next((v for k, v in message if k.lower() == key.lower()), None)


class Wire:
    """One connection. Messages come as lists of (key, value), in the order in which they came."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.buffer = b""
        self.greeting = self._until(b"\r\n")

    def _until(self, end: bytes) -> str:
        while end not in self.buffer:
            piece = self.connection.recv(65536)
            if not piece:
                raise EOFError(self.buffer)
            self.buffer += piece
        found, self.buffer = self.buffer.split(end, 1)
        return found.decode(errors="backslashreplace")

    def read(self) -> Message:
        block = self._until(b"\r\n\r\n").lstrip("\r\n")
        return [
            (k, v.removeprefix(" "))
            for k, _, v in (line.partition(":") for line in block.split("\r\n"))
        ]

    def wait(self, timeout: float = 10, **wanted: str) -> Message:
        """The next message that has these headers; others are thrown away."""
        deadline = time.monotonic() + timeout
        while True:
            self.connection.settimeout(max(0.01, deadline - time.monotonic()))
            message = self.read()
            if all(value(message, k) == v for k, v in wanted.items()):
                return message

    def write(self, action: str, **headers: str) -> None:
        lines = [f"Action: {action}", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        self.connection.sendall("\r\n".join(lines).encode())

    def ask(self, action: str, **headers: str) -> Message:
        """The response, found by its ActionID."""
        self.write(action, ActionID=f"ask-{action}", **headers)
        while True:
            message = self.wait(ActionID=f"ask-{action}")
            if message[0][0] == "Response":
                return message

    def items(self, action: str, **headers: str) -> list[Message]:
        """The items of an action that answers with a list."""
        response = self.ask(action, **headers)
        assert value(response, "Response") == "Success", response
        items: list[Message] = []
        while value(items[-1] if items else response, "EventList") != "Complete":
            items.append(self.wait(ActionID=f"ask-{action}"))
        return items[:-1]

    def login(self, username: str = "admin", secret: str | None = None, **headers: str) -> Message:
        secret = secret or {"admin": "amp111"}.get(username, f"{username}111")
        return self.ask("Login", Username=username, Secret=secret, **headers)


@contextmanager
def wire(asterisk: Asterisk, username: str | None = None, **headers: str) -> Iterator[Wire]:
    with socket.create_connection((asterisk.host, asterisk.port), timeout=10) as connection:
        it = Wire(connection)
        if username:
            assert value(it.login(username, **headers), "Response") == "Success"
        yield it


def originate(it: Wire, channel: str, timeout: float = 20, **headers: str) -> Message:
    """The OriginateResponse of an asynchronous Originate that connects to a waiting channel."""
    headers = {"Context": "default", "Exten": "500", "Priority": "1", "Timeout": "15000", **headers}
    it.write("Originate", ActionID="call", Channel=channel, Async="true", **headers)
    return it.wait(timeout, Event="OriginateResponse", ActionID="call")


class Recording:
    """The messages of a session from now on, read as bytes by a thread of its own."""

    def __init__(self, it: Wire) -> None:
        self._it = it
        #: None is the end of the connection.
        self._blocks: queue.Queue[bytes | None] = queue.Queue()
        it.connection.settimeout(None)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = self._it.buffer
        try:
            while piece := self._it.connection.recv(65536):
                *blocks, rest = (rest + piece).split(b"\r\n\r\n")
                for block in blocks:
                    # An empty line too many is nobody's message.
                    if block.strip(b"\r\n"):
                        self._blocks.put(block.removeprefix(b"\r\n"))
        except OSError:
            pass  # the test is over, or Asterisk was killed
        self._blocks.put(None)

    def until(self, mark: str, timeout: float = 30) -> list[bytes]:
        """The messages before the UserEvent of that name, which is taken, too."""
        deadline = time.monotonic() + timeout
        found: list[bytes] = []
        while True:
            block = self._blocks.get(timeout=max(0.01, deadline - time.monotonic()))
            if block is None:
                raise EOFError(mark)
            if block.startswith(
                b"Event: UserEvent\r\n"
            ) and f"UserEvent: {mark}".encode() in block.split(b"\r\n"):
                return found
            found.append(block)

    def to_the_end(self, timeout: float = 30) -> list[bytes]:
        """All messages that are left, when the server has closed the connection."""
        deadline = time.monotonic() + timeout
        get = self._blocks.get
        return list(iter(lambda: get(timeout=max(0.01, deadline - time.monotonic())), None))


@contextmanager
def recording(
    asterisk: Asterisk, username: str = "admin", *, mask: str = "on"
) -> Iterator[Recording]:
    with wire(asterisk, username, Events=mask) as it:
        yield Recording(it)
        # Lets the thread out of recv(); closing alone would not.
        with suppress(OSError):  # Asterisk was killed
            it.connection.shutdown(socket.SHUT_RDWR)


def births_and_ends(blocks: list[bytes]) -> dict[bytes, list[bytes]]:
    """By channel, its Newchannel and its Hangup in their order."""
    found: dict[bytes, list[bytes]] = {}
    for block in blocks:
        name, _, rest = block.partition(b"\r\n")
        if name in {b"Event: Newchannel", b"Event: Hangup"}:
            found.setdefault(rest.partition(b"\r\nUniqueid: ")[2].partition(b"\r\n")[0], []).append(
                name
            )
    return found


def assert_same_events(heard: list[bytes], sent: list[bytes]) -> None:
    """Two sessions got the same events.

    From 22.11, 23.5 and 24 on their order differs, but not within a channel.
    """
    assert Counter(heard) == Counter(sent)
    assert births_and_ends(heard) == births_and_ends(sent)
