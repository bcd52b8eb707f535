"""Browsers with equal access, and the messages that are made once for all of them.

Rule: an audience keeps its last messages once, and each stream has a place among them. A stream
whose place is gone gets the whole picture, so a slow browser costs no memory and no time of others.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from django_ami.wallboard.encodings import Chunk
from django_ami.wallboard.messages import message
from django_ami.wallboard.positions import positions_as_text
from django_ami.wallboard.visible import Visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.live.feed.records import Position
    from django_ami.wallboard.access import Access
    from django_ami.wallboard.sources import News, Source

__all__ = ["Audience", "Stream"]

#: For how long a whole picture that was made is given to others who come.
_WHOLE_SECONDS: Final = 0.1
#: How many messages, and how many bytes of them, an audience keeps for streams that are behind.
_KEPT_MESSAGES: Final = 100
_KEPT_BYTES: Final = 256 * 1024


class Audience:
    """The streams with one access: their messages, the last ones kept."""

    def __init__(self, access: Access, sources: Mapping[str, Source]) -> None:
        self.access = access
        self.sources = sources
        #: They are held by those who read them: a stream that a server forgot is none.
        self.streams: WeakSet[Stream] = WeakSet()
        self.visible = {server: Visible(access, server) for server in sources}
        #: The messages from number ``begin`` on; ``end`` will be that of the next one.
        self._messages: deque[Chunk] = deque()
        self.begin = self.end = 0
        self._bytes = 0
        self._whole = Chunk(b"")
        self._whole_at = float("-inf")
        self._changed = True
        self._waiting: list[asyncio.Future[None]] = []
        #: The parts of the next message, and ``time.monotonic`` of the last one.
        self._parts: list[tuple[str, dict[str, Any]]] = []
        self.sent_at = time.monotonic()
        for server, source in sources.items():
            self.visible[server].replace(source.objects, source.position)

    def note(self, source: Source, news: News) -> None:
        """A server has changed."""
        visible = self.visible[source.server]
        if news.whole:
            visible.replace(source.objects, source.position)
            self._parts.append(("whole", self._whole_of(source)))
            return
        told = visible.take(news.objects, source.position)
        if any(told):
            parts = {name: part for name, part in told._asdict().items() if part}
            self.say("change", source, parts)
        if news.turned:
            self.say("fresh", source, source.liveliness())

    def say(self, event: str, source: Source, data: Mapping[str, Any]) -> None:
        """Have this in the next message."""
        self._parts.append((event, {"server": source.server, "now": _now(), **data}))

    def beat(self) -> None:
        """Say that the stream lives."""
        self._parts.append(("beat", {"now": _now()}))

    def _whole_of(self, source: Source) -> dict[str, Any]:
        return {
            "server": source.server,
            "now": _now(),
            **source.liveliness(),
            "objects": self.visible[source.server].objects,
        }

    @property
    def id(self) -> str:
        """The place of a browser that has read all messages."""
        positions = {name: one.position for name, one in self.sources.items()}
        return positions_as_text(self.access, positions)

    def send(self) -> None:
        """Make one message of the parts, and wake the streams."""
        if not self._parts:
            return
        self._changed = True
        self._append(_joined(self._parts, self.id))
        self._parts.clear()
        self.sent_at = time.monotonic()
        self._wake()

    def _append(self, text: Chunk) -> None:
        self._messages.append(text)
        self.end += 1
        self._bytes += len(text)
        while len(self._messages) > _KEPT_MESSAGES or self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._messages.popleft())
            self.begin += 1

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def end_streams(self, reason: str) -> None:
        """End all streams."""
        for stream in tuple(self.streams):
            stream.reason = reason
        self._wake()

    def next_message(self) -> asyncio.Future[None]:
        """Done when there is another message."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    def after(self, number: int) -> list[Chunk]:
        """The messages from that number on; the whole picture if it is gone."""
        if number < self.begin:
            return [self.whole()]
        return [self._messages[at - self.begin] for at in range(number, self.end)]

    def whole(self) -> Chunk:
        """The picture of all servers: made once for all who come in the same turn."""
        now = time.monotonic()
        if self._changed or now >= self._whole_at + _WHOLE_SECONDS:
            sources = [one for one in self.sources.values() if one.looked]
            self._whole = _joined([("whole", self._whole_of(one)) for one in sources], self.id)
            self._whole_at, self._changed = now, False
        return self._whole

    def since(self, positions: Mapping[str, Position]) -> Chunk:
        """The message for a browser that knows the servers as they were at these positions."""
        if not positions:
            return self.whole()
        parts: list[tuple[str, dict[str, Any]]] = []
        for server, source in self.sources.items():
            if not source.looked:
                continue
            objects = self._objects_since(source, positions.get(server))
            if objects is None:
                parts.append(("whole", self._whole_of(source)))
                continue
            common = {"server": server, "now": _now()}
            if objects:
                parts.append(("change", {**common, "objects": objects}))
            parts.append(("fresh", {**common, **source.liveliness()}))
        return _joined(parts, self.id)

    def _objects_since(
        self, source: Source, position: Position | None
    ) -> dict[str, dict[str, Any] | None] | None:
        """The objects that changed behind a position; None: the page needs all."""
        if position is None or source.position is None or source.position.is_before(position):
            return None
        changed = source.page.changed_since(position)
        return self.visible[source.server].since(position, changed)


def _joined(parts: list[tuple[str, dict[str, Any]]], id: str) -> Chunk:
    """The parts as messages: the last one has the id, since only behind it all of them are read."""
    last = len(parts) - 1
    texts = (
        message(event, data, id if number == last else "")
        for number, (event, data) in enumerate(parts)
    )
    return Chunk(b"".join(texts))


def _now() -> float:
    return round(time.time(), 3)


class Stream:
    """The place of one browser among the messages of its audience."""

    def __init__(self, audience: Audience, positions: Mapping[str, Position]) -> None:
        self._audience = audience
        self._number = audience.end
        self._first: Chunk | None = audience.since(positions)
        #: Why it has to end; empty while it goes on.
        self.reason = ""
        audience.streams.add(self)

    def close(self) -> None:
        """Nobody reads it any more."""
        self._audience.streams.discard(self)

    def take(self) -> list[Chunk]:
        """The messages that it has not had."""
        number, self._number = self._number, self._audience.end
        if self._first is not None:
            first, self._first = self._first, None
            return [first, *self._audience.after(number)]
        return self._audience.after(number)

    async def wait(self) -> None:
        """Wait until there is something to take, or a reason to end."""
        if self._number == self._audience.end and not self.reason:
            await self._audience.next_message()
