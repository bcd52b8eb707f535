"""The live picture of a server in a process that does not hear its events: as it was published."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django_ami.core.errors import ConfigurationError
from django_ami.core.promise import in_running_loop
from django_ami.live.feed.codec import decode
from django_ami.live.feed.mirror import FIRST_LOOK_SECONDS
from django_ami.live.feed.records import Heading
from django_ami.live.picture import Picture
from django_ami.live.terms import CallState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from django_ami.live import snapshots
    from django_ami.live.conferences import Conference
    from django_ami.live.devices import Device
    from django_ami.live.feed.mirror import Mirror, News, Page
    from django_ami.live.parking import ParkedCaller
    from django_ami.live.queue_views import Agent, Caller, Curve, Member, Queue, Totals
    from django_ami.live.tracker import TrackerStatus

__all__ = ["ObjectChange", "RemotePicture"]


class ObjectChange(NamedTuple):
    """An object of a live picture is now ``object``; None: it is gone.

    ``kind`` is ``call``, ``queue``, ``member``, ``agent``, ``caller``, ``device``, ``parked``,
    ``conference``, ``curve`` or ``server``; ``key`` names the object among those of its kind.
    """

    kind: str
    key: str
    object: Any


class _Published:
    """The views of a tracker, of objects that were published."""

    def __init__(self, mirror: Mirror, server: str) -> None:
        self._page = mirror.page(server)

    def looked_at(self) -> Page:
        """The picture; waits for a moment if it was never read, but in no event loop."""
        if not self._page.looked.is_set() and not in_running_loop():
            self._page.looked.wait(FIRST_LOOK_SECONDS)
        return self._page

    def _all(self, kind: str) -> dict[str, Any]:
        return self.looked_at().objects(kind)

    @property
    def calls(self) -> Mapping[str, snapshots.Call]:
        calls = self._all("call")
        return {key: call for key, call in calls.items() if call.state is not CallState.ENDED}

    @property
    def ended(self) -> Mapping[str, snapshots.Call]:
        calls = self._all("call")
        return {key: call for key, call in calls.items() if call.state is CallState.ENDED}

    def call(self, call_id: str) -> snapshots.Call | None:
        call = self.looked_at().one(f"call:{call_id}")
        if call is not None and call.merged_into:
            return self.call(call.merged_into) or cast("snapshots.Call", call)
        return cast("snapshots.Call | None", call)

    @property
    def queues(self) -> Mapping[str, Queue]:
        return self._all("queue")

    @property
    def callers(self) -> Mapping[str, Caller]:
        callers = self._all("caller").items()
        return dict(sorted(callers, key=lambda item: (item[1].queue, item[1].position)))

    @property
    def members(self) -> Mapping[tuple[str, str], Member]:
        return {(one.queue, one.interface): one for one in self._all("member").values()}

    def agents(self, now: float) -> Mapping[str, Agent]:
        return {key: agent.at(now) for key, agent in self._all("agent").items()}

    @property
    def curves(self) -> Mapping[str, Curve]:
        return self._all("curve")

    def totals(self, now: float) -> Totals:
        """Made here: the queues and agents that they are made of change more often."""
        from django_ami.live.queue_views import Totals

        states = [agent.state for agent in self.agents(now).values()]
        return Totals.of(self.queues.values(), states)

    @property
    def devices(self) -> Mapping[str, Device]:
        return self._all("device")

    @property
    def parked(self) -> Mapping[str, ParkedCaller]:
        return self._all("parked")

    @property
    def conferences(self) -> Mapping[str, Conference]:
        return self._all("conference")

    def _elsewhere(self) -> Any:
        raise ConfigurationError(
            "channels, bridges, hints and the status of the picture are in the process of "
            "ami_listen alone: look at calls, queues and devices here.",
            server=self._page.server,
        )

    channels = property(_elsewhere)
    bridges = property(_elsewhere)
    hints = property(_elsewhere)

    def status(self) -> TrackerStatus:
        return cast("TrackerStatus", self._elsewhere())


class RemotePicture(Picture):
    """The live picture of a server, as its listener has published it last.

    It has the views of ``Picture`` but for channels, bridges and hints. A first look waits for up
    to two seconds for the picture; in a coroutine, where nothing may wait, ``async for`` over
    ``changes()`` does so.
    """

    def __init__(self, mirror: Mirror, server: str, clock: Any) -> None:
        self._mirror = mirror
        self._published = _Published(mirror, server)
        self._server = server
        super().__init__(
            lambda: cast("Any", self._published), clock, self._is_complete, lambda: self
        )

    def _is_complete(self) -> bool:
        return self.server.complete

    @property
    def server(self) -> Heading:
        """The connection of the listener to the server."""
        heading = self._published.looked_at().one("server:")
        return heading if isinstance(heading, Heading) else Heading(self._server, listening=False)

    @property
    def age(self) -> float | None:
        return self._published.looked_at().age

    @property
    def fresh(self) -> bool:
        return self._published.looked_at().fresh

    async def changes(self) -> AsyncIterator[ObjectChange]:
        """Each object at first, then whatever changes, for as long as this is asked for more.

        Of an object that changes faster than this is asked the last state is given. Objects that
        were gone in an interruption are given with None.
        """
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed by now
                loop.call_soon_threadsafe(woken.set)

        follower = self._mirror.follow(self._server, wake)
        known: set[str] = set()
        try:
            while True:
                for change in _changes(follower.take(), known):
                    yield change
                await woken.wait()
                woken.clear()
        finally:
            follower.close()


def _changes(news: News, known: set[str]) -> list[ObjectChange]:
    found: dict[str, str | None] = {}
    if news.whole:
        found.update(dict.fromkeys(known - news.bodies.keys()))
    found.update(news.bodies)
    changes = []
    for name, body in found.items():
        kind, _, key = name.partition(":")
        if body is None:
            known.discard(name)
            changes.append(ObjectChange(kind, key, None))
        else:
            known.add(name)
            changes.append(ObjectChange(kind, key, decode(kind, json.loads(body))))
    return changes
