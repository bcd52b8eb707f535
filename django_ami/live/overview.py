"""The views of the queues of a server: snapshots, by name.

Pure. Another thread may look: each view is made of a copy of its table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.live.queue_views import Totals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.live.day import Day
    from django_ami.live.members import Members
    from django_ami.live.queue_record import QueueRecord
    from django_ami.live.queue_views import Agent, Caller, Curve, Member, Queue
    from django_ami.live.traffic import Traffic

__all__ = ["Overview"]


class Overview:
    """The queues, members, agents and callers of a server, as events and lists have told."""

    def __init__(self, records: dict[str, QueueRecord], members: Members, day: Day) -> None:
        self._records = records
        self._members = members
        self._day = day

    @property
    def queue_names(self) -> frozenset[str]:
        """The names of the queues."""
        return frozenset(self._records)

    @property
    def queues(self) -> Mapping[str, Queue]:
        """Every queue by its name."""
        return {name: queue.snapshot() for name, queue in list(self._records.items())}

    @property
    def traffic(self) -> Mapping[str, Traffic]:
        """The traffic of every queue, by its name; it goes on."""
        return {name: queue.traffic for name, queue in list(self._records.items())}

    @property
    def curves(self) -> Mapping[str, Curve]:
        """The curve of today of every queue, by its name."""
        return {name: queue.curve.draw(queue.heard) for name, queue in list(self._records.items())}

    @property
    def callers(self) -> Mapping[str, Caller]:
        """The callers who wait, by Uniqueid; in each queue in their order."""
        return {
            visit.uniqueid: visit.snapshot(position)
            for queue in list(self._records.values())
            for position, visit in enumerate(list(queue.line), 1)
        }

    @property
    def members(self) -> Mapping[tuple[str, str], Member]:
        """Every member, by the names of its queue and of its interface."""
        return self._members.view()

    @property
    def agent_names(self) -> frozenset[str]:
        """The interfaces of the agents."""
        return frozenset(self._members.agents)

    def agents(self, now: float) -> Mapping[str, Agent]:
        """Every agent once, by interface, with its times up to ``now``."""
        return {name: agent.draw(now) for name, agent in list(self._members.agents.items())}

    def agent(self, interface: str, now: float) -> Agent | None:
        """One agent; None if there is none of that interface."""
        agent = self._members.agents.get(interface)
        return None if agent is None else agent.draw(now)

    def totals(self, now: float) -> Totals:
        """All queues together at ``now``; an agent in several of them is counted once."""
        return Totals.of(
            [queue.snapshot(now) for queue in list(self._records.values())],
            [agent.state_at(now) for agent in list(self._members.agents.values())],
        )

    def midnight(self, now: float) -> float:
        """When the day of the server began, in Unix time."""
        return self._day.begin(now)
