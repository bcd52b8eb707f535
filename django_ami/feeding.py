"""From the live pictures of a listener to the feed that other processes read.

Rule: it runs on the thread of the receivers, and only says which objects changed. Another thread
writes them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django_ami.live.changes import Kind
from django_ami.live.feed.keys import member_key, object_of
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.live.queue_views import AgentState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.lease import Lease
    from django_ami.live.changes import Change
    from django_ami.live.feed.backend import Backend
    from django_ami.live.queue_views import Curve
    from django_ami.live.tracker import Tracker

__all__ = ["Feeding"]


class _Shown:
    """The objects of one server that a reader of its feed sees, as far as time takes them away."""

    def __init__(self) -> None:
        self.heading: Heading | None = None
        #: The keys of the calls that have ended.
        self.ended: set[str] = set()
        self.curves: dict[str, Curve] = {}
        self.agents: set[str] = set()
        #: The agents that wrap up, and until when.
        self.wrapups: dict[str, float] = {}
        #: The queues in which callers have moved up since the last tick.
        self.moved: set[str] = set()
        self.midnight = 0.0


class Feeding:
    """Publishes what changes in the pictures of some servers.

    ``received(server)`` says how many events have come. ``clock`` gives Unix time, as the pictures
    have it.
    """

    def __init__(
        self,
        backend: Backend,
        received: Callable[[str], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.publisher = Publisher(backend)
        self._received = received
        self._now = clock
        self._shown: dict[str, _Shown] = {}

    def _of(self, server: str) -> _Shown:
        return self._shown.setdefault(server, _Shown())

    def hold(self, server: str, lease: Lease | None) -> None:
        """From now on a server's picture is published under this lease; None if there is none."""
        self.publisher.tokens[server] = 0 if lease is None else lease.token

    def head(self, server: str, *, ready: bool, complete: bool) -> None:
        """How the connection to a server is.

        Call it every second: it has the count of events.
        """
        shown = self._of(server)
        before = shown.heading
        since = self._now() if before is None or before.ready != ready else before.since
        shown.heading = Heading(server, ready, complete, since, received=self._received(server))
        self.publisher.note(server, [("server:", shown.heading)])

    def changed(self, server: str, tracker: Tracker, changes: Iterable[Change]) -> None:
        """These objects of a picture have changed."""
        shown, objects = self._of(server), dict[str, Any]()
        by_kind: dict[Kind, list[Any]] = {}
        for change in changes:
            key, subject = object_of(change)
            objects[key] = subject
            by_kind.setdefault(change.kind, []).append(change.subject)
        shown.ended |= {f"call:{call.id}" for call in by_kind.get(Kind.ENDED, ())}
        shown.moved |= {caller.queue for caller in by_kind.get(Kind.CALLER, ())}
        members = by_kind.get(Kind.MEMBER, ())
        self._add_agents(objects, shown, tracker, {member.interface for member in members})
        for member in members:
            agent = objects[f"agent:{member.interface}"]
            if agent is None or member.queue not in agent.queues:
                objects[member_key(member.queue, member.interface)] = None
        if queues := {queue.name for queue in by_kind.get(Kind.QUEUE, ())}:
            _add_curves(objects, shown, tracker, queues)
            for name in queues - tracker.queue_names:
                objects.update({f"queue:{name}": None, f"curve:{name}": None})
        if objects:
            self.publisher.note(server, objects.items())

    def tick(self, server: str, tracker: Tracker) -> None:
        """Time has gone on.

        A wrap-up ends without an event, and callers move up without one; calls and agents are
        forgotten; and at midnight all figures begin anew.
        """
        now, shown = self._now(), self._of(server)
        objects: dict[str, Any] = _line_up(tracker, shown.moved)
        shown.moved.clear()
        agents = {name for name, until in shown.wrapups.items() if until <= now}
        agents |= tracker.agent_names ^ shown.agents
        if (midnight := tracker.midnight(now)) != shown.midnight:
            shown.midnight = midnight
            agents |= tracker.agent_names
            queues = tracker.queues
            objects.update({f"queue:{name}": queue for name, queue in queues.items()})
            _add_curves(objects, shown, tracker, queues.keys())
        self._add_agents(objects, shown, tracker, agents)
        gone = {key for key in shown.ended if key.removeprefix("call:") not in tracker.ended}
        shown.ended -= gone
        objects.update(dict.fromkeys(gone))
        if objects:
            self.publisher.note(server, objects.items())

    def _add_agents(
        self, objects: dict[str, Any], shown: _Shown, tracker: Tracker, interfaces: Iterable[str]
    ) -> None:
        """These agents as they are now; None for one that is gone."""
        now = self._now()
        for interface in interfaces:
            agent = objects[f"agent:{interface}"] = tracker.agent(interface, now)
            shown.wrapups.pop(interface, None)
            if agent is None:
                shown.agents.discard(interface)
                continue
            shown.agents.add(interface)
            if agent.state is AgentState.WRAP_UP:
                shown.wrapups[interface] = agent.wrapup_until

    def forget(self, server: str) -> None:
        """The server was removed from the settings."""
        if self._shown.pop(server, None) is not None:
            self.publisher.end(server, [("server:", Heading(server, listening=False))])

    def leave(self, server: str) -> None:
        """Another process publishes its picture: say no more, and nothing of that."""
        if self._shown.pop(server, None) is not None:
            self.publisher.drop(server)

    def close(self) -> None:
        """Say that nobody listens any more, and write what is left."""
        for server in list(self._shown):
            self.forget(server)
        self.publisher.close()


def _line_up(tracker: Tracker, queues: set[str]) -> dict[str, Any]:
    """The callers of these queues, with the places that they have by now."""
    if not queues:
        return {}
    callers = tracker.callers.values()
    return {f"caller:{one.uniqueid}": one for one in callers if one.queue in queues}


def _add_curves(
    objects: dict[str, Any], shown: _Shown, tracker: Tracker, queues: Iterable[str]
) -> None:
    """The curves of these queues, as far as they have changed: a queue changes more often."""
    curves = tracker.curves
    for name in curves.keys() & queues:
        if curves[name] is not shown.curves.get(name):
            objects[f"curve:{name}"] = shown.curves[name] = curves[name]
    for name in queues:
        if name not in curves:
            shown.curves.pop(name, None)
