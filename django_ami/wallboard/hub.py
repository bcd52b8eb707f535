"""From the feed to all streams of a process: each message is made once for all who may see it.

Rule: browsers with equal access are one *audience*. It keeps its last messages once, and each
stream has a place among them. A stream whose place is gone gets the whole picture, so a slow
browser costs no memory and no time of others. All of it runs in one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakSet

from django_ami import feeds
from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.wallboard.messages import message
from django_ami.wallboard.positions import positions_as_text
from django_ami.wallboard.visible import Visible, slim_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.live.feed.mirror import Follower, Mirror, Page
    from django_ami.live.feed.records import Position
    from django_ami.wallboard.access import Access

    Slim = dict[str, Any]

__all__ = ["Hub", "Stream", "end_all_streams", "hub_of_this_loop", "published"]

logger = get_logger(__name__)

#: How long changes are collected for one message.
_TURN_SECONDS: Final = 0.1
#: How often the hub looks whether a picture is stale, and how long a stream may be silent.
_LOOK_SECONDS: Final = 1.0
_BEAT_SECONDS: Final = 2.0
#: How many messages, and how many bytes of them, an audience keeps for streams that are behind.
_KEPT_MESSAGES: Final = 100
_KEPT_BYTES: Final = 256 * 1024


class _News(NamedTuple):
    """What a server has to tell: all of its objects, or those that changed."""

    whole: bool
    objects: dict[str, Slim | None]
    #: Somebody publishes now who did not before, or the other way round.
    turned: bool


class _Source:
    """One server, as this loop knows it, for all audiences."""

    def __init__(self, page: Page, follower: Follower) -> None:
        self.server = page.server
        self.page = page
        self.follower = follower
        #: False until somebody has looked for the picture: an empty one is none.
        self.looked = False
        self.position: Position | None = None
        self.fresh = False
        self.objects: dict[str, Slim] = {}
        self.take()

    def take(self) -> _News:
        """What has changed since the last time."""
        looked, was_fresh = self.page.looked.is_set(), self.fresh
        news = self.follower.take()
        changes = slim_objects(news.bodies)
        if news.whole:
            self.objects.clear()
        for key, one in changes.items():
            if one is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = one
        is_whole = news.whole or looked != self.looked
        self.position, self.looked, self.fresh = news.position, looked, self.page.fresh
        return _News(is_whole and looked, changes, self.fresh != was_fresh and looked)

    def liveliness(self) -> dict[str, Any]:
        """Whether somebody publishes, and when that was last seen."""
        heard = self.page.heard
        return {"fresh": self.fresh, "heard": None if heard is None else round(heard, 1)}


class Audience:
    """The streams with one access: their messages, the last ones kept."""

    def __init__(self, access: Access, sources: Mapping[str, _Source]) -> None:
        self.access = access
        self.sources = sources
        #: They are held by those who read them: a stream that a server forgot is none.
        self.streams: WeakSet[Stream] = WeakSet()
        self.visible = {server: Visible(access, server) for server in sources}
        #: The messages from number ``begin`` on; ``end`` will be that of the next one.
        self._messages: deque[bytes] = deque()
        self.begin = self.end = 0
        self._bytes = 0
        self._whole: bytes = b""
        self._whole_at = float("-inf")
        self._changed = True
        self._waiting: list[asyncio.Future[None]] = []
        #: What the next message will be made of, and ``time.monotonic`` of the last one.
        self._parts: list[tuple[str, dict[str, Any]]] = []
        self.sent_at = time.monotonic()
        for server, source in sources.items():
            self.visible[server].replace(source.objects)

    def note(self, source: _Source, news: _News) -> None:
        """A server has changed."""
        visible = self.visible[source.server]
        if news.whole:
            visible.replace(source.objects)
            self._parts.append(("whole", self._whole_of(source)))
            return
        told = visible.take(news.objects)
        if any(told):
            parts = {name: part for name, part in told._asdict().items() if part}
            self.say("change", source, parts)
        if news.turned:
            self.say("fresh", source, source.liveliness())

    def say(self, event: str, source: _Source, data: Mapping[str, Any]) -> None:
        """Have this in the next message."""
        self._parts.append((event, {"server": source.server, "now": _now(), **data}))

    def beat(self) -> None:
        """Say that the stream lives."""
        self._parts.append(("beat", {"now": _now()}))

    def _whole_of(self, source: _Source) -> dict[str, Any]:
        return {
            "server": source.server,
            "now": _now(),
            **source.liveliness(),
            "objects": self.visible[source.server].objects,
        }

    @property
    def id(self) -> str:
        """Where one is who has read all messages."""
        return positions_as_text({name: one.position for name, one in self.sources.items()})

    def send(self) -> None:
        """Make one message of the parts, and wake the streams."""
        if not self._parts:
            return
        self._changed = True
        self._append(_joined(self._parts, self.id))
        self._parts.clear()
        self.sent_at = time.monotonic()
        self._wake()

    def _append(self, text: bytes) -> None:
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

    def after(self, number: int) -> list[bytes]:
        """The messages from that number on; the whole picture if it is gone."""
        if number < self.begin:
            return [self.whole()]
        return [self._messages[at - self.begin] for at in range(number, self.end)]

    def whole(self) -> bytes:
        """The picture of all servers: made once for all who come in the same turn."""
        now = time.monotonic()
        if self._changed or now >= self._whole_at + _TURN_SECONDS:
            sources = [one for one in self.sources.values() if one.looked]
            self._whole = _joined([("whole", self._whole_of(one)) for one in sources], self.id)
            self._whole_at, self._changed = now, False
        return self._whole

    def since(self, positions: Mapping[str, Position]) -> bytes:
        """What one lacks who knows the servers as they were at these positions."""
        if not positions:
            return self.whole()
        parts: list[tuple[str, dict[str, Any]]] = []
        for server, source in self.sources.items():
            if not source.looked:
                continue
            position = positions.get(server)
            changed = None if position is None else source.page.changed_since(position)
            if changed is None or source.position is None:
                parts.append(("whole", self._whole_of(source)))
                continue
            common = {"server": server, "now": _now()}
            if objects := self.visible[server].of(changed):
                parts.append(("change", {**common, "objects": objects}))
            parts.append(("fresh", {**common, **source.liveliness()}))
        return _joined(parts, self.id)


def _joined(parts: list[tuple[str, dict[str, Any]]], id: str) -> bytes:
    """The parts as messages: the last one has the id, since only behind it all of them are read."""
    last = len(parts) - 1
    return b"".join(
        message(event, data, id if number == last else "")
        for number, (event, data) in enumerate(parts)
    )


def _now() -> float:
    return round(time.time(), 3)


class Stream:
    """The place of one browser among the messages of its audience."""

    def __init__(self, audience: Audience, positions: Mapping[str, Position]) -> None:
        self._audience = audience
        self._number = audience.end
        self._first: bytes | None = audience.since(positions)
        #: Why it has to end; empty while it goes on.
        self.reason = ""
        audience.streams.add(self)

    def close(self) -> None:
        """Nobody reads it any more."""
        self._audience.streams.discard(self)

    def take(self) -> list[bytes]:
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


class Hub:
    """All streams of one event loop. Its methods are for that loop, but for those that say so."""

    def __init__(self, mirror: Mirror, loop: asyncio.AbstractEventLoop) -> None:
        self.mirror = mirror
        self.loop = loop
        #: Set when the process ends: no stream begins any more.
        self.reason = ""
        self._sources: dict[str, _Source] = {}
        self._audiences: dict[tuple[Access, tuple[str, ...]], Audience] = {}
        self._turned_at = float("-inf")
        self._is_woken = False
        self._look: asyncio.TimerHandle | None = None

    def open(
        self, access: Access, servers: tuple[str, ...], positions: Mapping[str, Position]
    ) -> Stream:
        """A stream for a browser that knows these servers as they were at these positions.

        It lasts for as long as somebody holds it, or until its ``close``. Raises ConnectionFailed
        if the system refuses the thread that reads the feed.
        """
        audience = self._audiences.get((access, servers))
        if audience is None:
            sources = {server: self._source(server) for server in servers}
            audience = self._audiences[access, servers] = Audience(access, sources)
        if self._look is None:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._look_around)
        return Stream(audience, positions)

    def _source(self, server: str) -> _Source:
        source = self._sources.get(server)
        if source is None:
            follower = self.mirror.follow(server, self._wake)
            source = self._sources[server] = _Source(self.mirror.page(server), follower)
        return source

    def shut_down(self) -> None:
        """End all streams, and begin no more. Safe in any thread, and in a signal's handler."""
        self.reason = "shutdown"
        with suppress(RuntimeError):  # the loop is closed: there are none
            self.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for audience in self._audiences.values():
            audience.end_streams(self.reason)

    # --- turns ---

    def _wake(self) -> None:
        """There is something new. Called in the thread of the mirror."""
        if not self._is_woken:
            self._is_woken = True
            try:
                self.loop.call_soon_threadsafe(self._plan_turn)
            except RuntimeError:  # the loop has ended, and nobody has told the hub
                for source in self._sources.values():
                    source.follower.close()

    def _plan_turn(self) -> None:
        rest = self._turned_at + _TURN_SECONDS - time.monotonic()
        self.loop.call_later(max(0.0, rest), self._turn)

    def _turn(self) -> None:
        self._turned_at = time.monotonic()
        self._is_woken = False
        news = {server: source.take() for server, source in self._sources.items()}
        for key, audience in tuple(self._audiences.items()):
            try:
                for server, source in audience.sources.items():
                    audience.note(source, news[server])
                audience.send()
            except Exception:
                logger.exception(
                    "The streams of the wallboard begin anew: a message cannot be made."
                )
                del self._audiences[key]
                audience.end_streams("error")

    def _look_around(self) -> None:
        """Once a second: is a picture stale, is an audience gone, does a stream need a sign?"""
        self._look = None
        self._forget_those_who_left()
        if not self._audiences:
            return
        self._look = self.loop.call_later(_LOOK_SECONDS, self._look_around)
        self._turn()
        now = time.monotonic()
        for audience in self._audiences.values():
            # Half a look early is better than late: a page that hears nothing for long says so.
            if now - audience.sent_at >= _BEAT_SECONDS - _LOOK_SECONDS / 2:
                audience.beat()
                audience.send()

    def _forget_those_who_left(self) -> None:
        for key, audience in tuple(self._audiences.items()):
            if not audience.streams:
                del self._audiences[key]
        wanted = {server for one in self._audiences.values() for server in one.sources}
        for server in self._sources.keys() - wanted:
            self._sources.pop(server).follower.close()


def published() -> Mirror:
    """The feed of this process. Raises ConfigurationError if no live picture is published."""
    mirror = feeds.mirror()
    if mirror is None:
        raise ConfigurationError(
            "no live picture is published: add 'django_ami.live.feed' to INSTALLED_APPS and run "
            "migrate, or set AMI_FEED."
        )
    return mirror


#: The hubs of this process. A loop that has ended may not have told it.
_hubs: list[Hub] = []


def hub_of_this_loop() -> Hub:
    """The hub of the running loop. Raises ConfigurationError if no picture is published."""
    loop, mirror = asyncio.get_running_loop(), published()
    _hubs[:] = [hub for hub in _hubs if not hub.loop.is_closed()]
    for hub in _hubs:
        if hub.loop is loop and hub.mirror is mirror:
            return hub
    _hubs.append(Hub(mirror, loop))
    return _hubs[-1]


def end_all_streams() -> None:
    """End the streams of all loops. Safe in any thread, and in a signal's handler."""
    for hub in tuple(_hubs):
        hub.shut_down()
