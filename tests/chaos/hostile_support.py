"""A client at a simulator that says anything, with its readings and their cost."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import TYPE_CHECKING, Any

from django_ami.core import protocol, tail
from django_ami.core.actions import Ping
from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.testing import FakeAsterisk
from tests.core.io_support import PATIENCE_SECONDS, config, ready, started, wait_until
from tests.core.support import feed, pieces, show
from tests.core.test_protocol import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pytest

    from django_ami.core.client import Client, ServerStatus
    from django_ami.testing import Simulator

#: No Ping of the client's own brings bytes that would end a frame for the server.
QUIET: dict[str, Any] = {"heartbeat_interval": 3600.0, "read_timeout": 7200.0}
END = b"Event: End\r\nPrivilege: user,all\r\n\r\n"


class Encounter:
    """A client that hears everything, a simulator that says what the test wants, and the bytes in
    between.
    """

    def __init__(self, client: Client, sim: Simulator) -> None:
        self.client = client
        self.sim = sim
        self.events: list[Event] = []
        self.chunks: list[bytes] = []
        self.session = client._cluster.servers["node_1"].session
        self._receive = self.session.exchange.receive
        self.session.exchange.receive = self._note  # type: ignore[method-assign]

    def _note(self, data: bytes, now: float) -> list[Event]:
        self.chunks.append(data)
        return self._receive(data, now)

    @property
    def status(self) -> ServerStatus:
        return self.client.status()["node_1"]

    def say(self, data: bytes) -> list[tuple]:
        """The server says this and, when it is read, an event of ours.

        Gives the events that came until then.
        """
        before = len(self.events)
        self.sim.send_raw(data)
        self.sim.send_raw(END)
        wait_until(
            lambda: any(event.name == "End" for event in self.events[before:]),
            "the event behind it",
        )
        return [show(event) for event in self.events[before:] if event.name != "End"]

    def say_half(self, data: bytes) -> None:
        """The server says this and pauses; it is read."""
        self.sim.send_raw(data)
        wait_until(
            lambda: len(self.session.exchange.parser.tail.buffer) >= len(data),
            "the half frame is read",
        )

    def assert_well(self) -> None:
        """Nothing is under way, and the next action is answered as if nothing had happened."""
        assert self.client.send(Ping()).result(PATIENCE_SECONDS)["Ping"] == "Pong"
        status = self.status
        assert (status.state, status.pending_actions, status.reconnects) == ("ready", 0, 0)
        assert (
            status.received
            == status.ignored + status.delivered + status.failed + status.dropped + status.queued
        )


@contextlib.contextmanager
def encounter(**options: Any) -> Iterator[Encounter]:
    with FakeAsterisk() as sim, started(config(sim, **{**QUIET, **options})) as client:
        ready(client)
        # All messages of the login are behind us, and the mask is set.
        wait_until(lambda: client.status()["node_1"].pending_actions == 0)
        meeting = Encounter(client, sim)
        client.subscribe(None, meeting.events.append)
        client.send(Ping()).result(PATIENCE_SECONDS)
        meeting.chunks.clear()
        yield meeting


def answering(*frames: str) -> Callable[[Any], bytes]:
    """For ``Rule.raw``: these frames with ``{id}`` as the ActionID, lines ended by LF here."""
    return lambda action: (
        "".join(frames).replace("\n", "\r\n").replace("{id}", action.action_id).encode()
    )


def peak(work: Callable[[], object]) -> int:
    """The most bytes that were in use at a time while it ran, beyond those before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def endless(piece: bytes, total: int) -> Iterable[bytes]:
    """``total`` bytes, piece by piece, from one object."""
    return (piece for _ in range(total // len(piece)))


class _Counted(bytes):
    """Bytes that count how many of them are looked at from outside of the parser's own patterns."""

    seen = 0

    def find(self, what: Any, start: int = 0, end: int | None = None) -> int:
        found = super().find(what, start, end)
        _Counted.seen += (found if found >= 0 else len(self) if end is None else end) - start
        return found

    def rfind(self, what: Any, start: int = 0, end: int | None = None) -> int:
        found = super().rfind(what, start, end)
        _Counted.seen += (len(self) if end is None else end) - max(found, start)
        return found

    def count(self, what: Any, start: int = 0, end: int | None = None) -> int:
        _Counted.seen += (len(self) if end is None else end) - start
        return super().count(what, start, end)

    def split(self, *arguments: Any) -> list[bytes]:
        _Counted.seen += len(self)
        return super().split(*arguments)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, bytes):
            _Counted.seen += len(part)
            return _Counted(part)
        return part


def cost(data: bytes, size: int | None, limit: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many bytes are looked at or copied to read this in pieces of that size."""
    work, parser = Work(), Parser(banner=False, max_frame_size=limit)
    _Counted.seen = 0
    with monkeypatch.context() as patch:
        work.install(parser, patch)
        for module in (protocol, tail):
            patch.setattr(module, "bytes", _Counted, raising=False)
        feed(parser, [_Counted(piece) for piece in pieces(data, size)])
    return work.bytes + _Counted.seen
