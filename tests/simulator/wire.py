"""A blocking socket that reads frames.

The tests' own, so that it shares no bug with the client or the simulator.
"""

from __future__ import annotations

import itertools
import socket
import ssl
from typing import Self

from django_ami.testing import Simulator

TIMEOUT_SECONDS = 10.0


class Frame:
    """One frame: ordered pairs, taken apart at CR LF only."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        lines = data.decode("utf-8", "surrogateescape").removesuffix("\r\n\r\n").split("\r\n")
        self.pairs = [(key, value) for key, _, value in (line.partition(": ") for line in lines)]

    def __getitem__(self, key: str) -> str:
        return next(value for name, value in self.pairs if name == key)

    def get(self, key: str) -> str | None:
        return next((value for name, value in self.pairs if name == key), None)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.pairs if name == key]

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.pairs]

    @property
    def kind(self) -> tuple[str, str]:
        """The first line, which says what the frame is."""
        return self.pairs[0]

    def __repr__(self) -> str:
        return repr(self.data)


class Wire:
    """A connection to the simulator."""

    def __init__(self, sim: Simulator, context: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection((sim.host, sim.port), timeout=TIMEOUT_SECONDS)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def write(self, data: bytes | str) -> None:
        self.socket.sendall(
            data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
        )

    def send(self, action: str, *headers: tuple[str, str], **more: str) -> str:
        """Send an action; its ActionID."""
        action_id = more.pop("ActionID", f"t-{next(self._ids)}")
        pairs = [("Action", action), ("ActionID", action_id), *headers, *more.items()]
        self.write("".join(f"{key}: {value}\r\n" for key, value in pairs) + "\r\n")
        return action_id

    def read_bytes(self) -> bytes:
        """The next bytes; empty at EOF."""
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def take(self, end: bytes) -> bytes:
        """Everything up to and including these bytes."""
        while end not in self.buffer:
            data = self.read_bytes()
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        taken, found, self.buffer = self.buffer.partition(end)
        return taken + found

    def banner(self) -> bytes:
        return self.take(b"\r\n")

    def frame(self) -> Frame:
        return Frame(self.take(b"\r\n\r\n"))

    def until(self, kind: str, name: str) -> list[Frame]:
        """Frames up to and including the first one that begins with this line."""
        frames = [self.frame()]
        while frames[-1].kind != (kind, name):
            frames.append(self.frame())
        return frames

    def event(self, name: str) -> Frame:
        return self.until("Event", name)[-1]

    def ask(self, action: str, *headers: tuple[str, str], **more: str) -> Frame:
        """Send an action and return its response; events before it are skipped."""
        action_id = self.send(action, *headers, **more)
        while True:
            frame = self.frame()
            if frame.kind[0] == "Response" and frame.get("ActionID") == action_id:
                return frame

    def ask_list(self, action: str, *headers: tuple[str, str], **more: str) -> list[Frame]:
        """Send a list action; its response, items and end."""
        frames = [self.ask(action, *headers, **more)]
        assert frames[0].get("EventList") in {"start", "Start"}, frames
        while frames[-1].get("EventList") != "Complete":
            frames.append(self.frame())
        return frames

    def log_in(
        self, user: str = "admin", secret: str = "amp111", events: str | None = "off"
    ) -> Frame:
        if not self.buffer.startswith(b"Response"):
            self.banner()
        mask = {} if events is None else {"Events": events}
        return self.ask("Login", Username=user, Secret=secret, **mask)

    def rest(self) -> bytes:
        """Everything up to EOF."""
        while data := self.read_bytes():
            self.buffer += data
        rest, self.buffer = self.buffer, b""
        return rest


def logged_in(sim: Simulator, events: str | None = "off", **login: str) -> Wire:
    """A connection that has logged in."""
    wire = Wire(sim)
    try:
        wire.log_in(events=events, **login)
    except BaseException:
        wire.socket.close()
        raise
    return wire
