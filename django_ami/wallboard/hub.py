"""From the feed to all streams of a process: each message is made once for all who may see it.

Rule: all of it runs in one event loop. A turn takes what has changed at the servers, and gives it
to each audience.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django_ami import feeds
from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.live.feed.mirror import FIRST_LOOK_SECONDS
from django_ami.wallboard.audiences import Audience, Stream
from django_ami.wallboard.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.live.feed.mirror import Mirror
    from django_ami.live.feed.records import Position
    from django_ami.wallboard.access import Access

__all__ = ["Hub", "end_all_streams", "hub_of_this_loop", "published"]

logger = get_logger(__name__)

#: How long changes are collected for one message.
_TURN_SECONDS: Final = 0.1
#: How often the hub looks whether a picture is stale, and how long a stream may be silent.
_LOOK_SECONDS: Final = 1.0
_BEAT_SECONDS: Final = 2.0
_FIRST_LOOK_POLL_SECONDS: Final = 0.02


class Hub:
    """All streams of one event loop. Its methods are for that loop, but for those that say so."""

    def __init__(self, mirror: Mirror, loop: asyncio.AbstractEventLoop) -> None:
        self.mirror = mirror
        self.loop = loop
        #: Set when the process ends: no stream begins any more.
        self.reason = ""
        self._sources: dict[str, Source] = {}
        self._audiences: dict[tuple[Access, tuple[str, ...]], Audience] = {}
        self._turned_at = float("-inf")
        self._is_woken = False
        self._look: asyncio.TimerHandle | None = None

    async def look(self, servers: tuple[str, ...]) -> None:
        """Wait until these servers were looked at for the first time, for a moment at most.

        Before that nobody knows what a browser lacks that comes back. Raises ConnectionFailed if
        the system refuses the thread that reads the feed.
        """
        sources = [self._source(server) for server in servers]
        end = time.monotonic() + FIRST_LOOK_SECONDS
        # A thread sets it, so there is nothing to await.
        while time.monotonic() < end and not all(  # noqa: ASYNC110
            one.page.looked.is_set() for one in sources
        ):
            await asyncio.sleep(_FIRST_LOOK_POLL_SECONDS)
        if not all(one.looked for one in sources):
            self._turn()

    def open(
        self, access: Access, servers: tuple[str, ...], positions: Mapping[str, Position]
    ) -> Stream:
        """A stream for a browser that knows these servers as they were at these positions.

        It lasts for as long as somebody holds it, or until its ``close``. Raises as ``look``.
        """
        audience = self._audiences.get((access, servers))
        if audience is None:
            sources = {server: self._source(server) for server in servers}
            audience = self._audiences[access, servers] = Audience(access, sources)
        if self._look is None:
            self._look = self.loop.call_later(_LOOK_SECONDS, self._look_around)
        stream = Stream(audience, positions)
        stream.reason = self.reason  # the process may have been told to end meanwhile
        return stream

    def _source(self, server: str) -> Source:
        source = self._sources.get(server)
        if source is None:
            follower = self.mirror.follow(server, self._wake)
            source = self._sources[server] = Source(self.mirror.page(server), follower)
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
