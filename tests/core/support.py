"""Helpers of several tests of the core."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from django_ami.core.actions import Action
from django_ami.core.actions.base import encode
from django_ami.core.config import Options, ServerConfig
from django_ami.core.correlation import ActionIds
from django_ami.core.errors import ConnectionLost
from django_ami.core.messages import Event, Message
from django_ami.core.protocol import Parser
from django_ami.core.request import Request
from django_ami.core.session import Role
from django_ami.core.session.conversation import Session
from django_ami.core.tail import Oversized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction
    from django_ami.core.session import Notice

CAPTURES = Path(__file__).parent.parent / "data" / "captures"

#: Every row of a table of bytes is read whole, byte by byte, and in pieces that fit nothing.
CHUNKS = [None, 1, 7]


def pieces(data: bytes, size: int | None) -> list[bytes]:
    """``data`` in pieces of ``size`` bytes; whole if that is None."""
    size = size or max(len(data), 1)
    return [data[start : start + size] for start in range(0, len(data), size)]


def feed(parser: Parser, chunks: Iterable[bytes]) -> list[Event | Response | Oversized]:
    """All messages of the chunks."""
    return [message for chunk in chunks for message in parser.feed(chunk)]


def show(message: Event | Response | Oversized) -> tuple:
    """A message as a table has it: (kind, name or status, header, header, ...).

    The first line is left out.
    """
    if isinstance(message, Oversized):
        return ("oversized", message.action_id)
    if isinstance(message, Event):
        return ("event", message.name, *message.headers[1:])
    return ("response", message.status, *message.headers[1:])


class Highest(Random):
    """Draws the upper end always: the pauses between attempts double visibly."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Dialogue:
    """One session; the test plays the server, the socket and the clock."""

    def __init__(
        self, role: Role = Role.LISTENER, *, ids: ActionIds | None = None, **options: Any
    ) -> None:
        options = {"auth_type": "plain", **options}
        config = ServerConfig(
            name="node_1", host="pbx", username="admin", secret="amp111", options=Options(**options)
        )
        self.ids = ids or ActionIds()
        self.session = Session(config, role, self.ids)
        self.exchange = self.session.exchange
        self.counters = self.exchange.counters
        self.session.retry.backoff.random = Highest()
        self.now = 0.0
        self._unread = bytearray()

    @property
    def state(self) -> str:
        return str(self.session.state)

    # --- the server ---

    def requests(self) -> list[Message]:
        """The messages that arrived at the server since the last call, with all of ``outgoing``
        written now.
        """
        self._unread += self.exchange.outgoing
        self.exchange.outgoing.clear()
        *blocks, rest = bytes(self._unread).split(b"\r\n\r\n")
        assert rest == b"", "the session writes whole actions"
        self._unread.clear()
        return [Message(block) for block in blocks]

    def expect(self, *names: str) -> Message:
        """The actions of these names arrived, and nothing else; gives the last one."""
        requests = self.requests()
        assert [request["Action"] for request in requests] == list(names)
        return requests[-1]

    def say(self, text: str | bytes) -> list[Event]:
        """The server says something, lines ended by LF here; gives the events for receivers."""
        data = text.replace("\n", "\r\n").encode() if isinstance(text, str) else text
        return self.exchange.receive(data, self.now)

    def greet(self, banner: str = "Asterisk Call Manager/11.0.0") -> None:
        self.say(f"{banner}\n")

    def answer(self, request: Message, *lines: str, status: str = "Success") -> None:
        self.say(
            "\n".join([f"Response: {status}", f"ActionID: {request['ActionID']}", *lines, "", ""])
        )

    def event(self, name: str, *lines: str) -> list[Event]:
        return self.say("\n".join([f"Event: {name}", *lines, "", ""]))

    def boot(self) -> None:
        self.event("FullyBooted", "Privilege: system,all", "Status: Fully Booted")

    # --- the socket ---

    def connect(self) -> None:
        self.session.start(self.now)
        self.session.connecting(self.now)
        self.session.connected(self.now)

    def hang_up(self, error: AmiError | None = None) -> AmiError:
        """The connection ends, with the session's own fault if it has one.

        Gives what is told of it.
        """
        error = (
            self.session.fault
            or error
            or ConnectionLost("the server closed the connection.", server="node_1")
        )
        self.session.disconnected(error, self.now)
        assert self.session.fault is None
        return self.session.retry.last_error

    # --- the clock ---

    def wait(self, seconds: float) -> None:
        """Let time pass, waking the session exactly when it asks to be.

        Stops where it finds a fault.
        """
        end = self.now + seconds
        for _ in range(1000):
            deadline = self.session.next_deadline()
            if deadline is None or deadline > end or self.session.fault is not None:
                break
            self.now = max(self.now, deadline)
            self.session.tick(self.now)
        else:
            raise AssertionError("the session asks to be woken again and again")
        if self.session.fault is None:
            self.now = end
            self.session.tick(self.now)

    # --- whole stretches ---

    def log_in(self) -> Message:
        """To the accepted login; gives the request that follows: CoreSettings."""
        self.connect()
        self.greet()
        self.answer(self.expect("Login"), "Message: Authentication accepted")
        return self.expect("CoreSettings")

    def become_ready(self, ami_version: str = "11.0.0") -> None:
        request = self.log_in()
        self.boot()
        self.answer(request, f"AMIversion: {ami_version}", "AsteriskVersion: 22.10.1")
        assert self.session.ready
        for request in self.requests():  # the mask
            self.answer(request)

    def send(self, action: Action | None = None, *, timeout: float = 30) -> PendingAction:
        """A user sends an action."""
        action, action_id = action or Action("Ping"), self.ids()
        request = self.requested = Request(
            action, action_id, encode(action, action_id), server="node_1", timeout=timeout
        )
        self.exchange.send(request, self.now)
        return request.pending

    def notices(self) -> list[Notice]:
        notices, self.session.notices = self.session.notices, []
        return notices
