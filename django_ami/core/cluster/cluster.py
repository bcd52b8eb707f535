"""All servers of a process in one reactor.

Rule: one server's failure, slowness or flood never delays another: nothing blocks, and each has its
turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.cluster.admission import Admission
from django_ami.core.cluster.announcements import Announcements
from django_ami.core.cluster.server import Server
from django_ami.core.session import TookOver
from django_ami.core.session.conversation import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.config import ServerConfig
    from django_ami.core.correlation import ActionIds
    from django_ami.core.delivery import Delivery
    from django_ami.core.reactor import Loop, Traffic
    from django_ami.core.session import Role

__all__ = ["Cluster"]


class Cluster:
    """All servers of a process."""

    def __init__(
        self,
        configs: Iterable[ServerConfig],
        *,
        role: Role,
        ids: ActionIds,
        loop: Loop,
        traffic: Traffic,
        delivery: Delivery,
        slowest_receiver: Callable[[], str] = str,
    ) -> None:
        self._loop = loop
        self._traffic = traffic
        self._delivery = delivery
        self._role = role
        self._ids = ids
        self._slowest_receiver = slowest_receiver
        self._admission = Admission(loop)
        self._announcements = Announcements(loop)
        self._interest: frozenset[str] | None = None
        #: The servers whose events another process delivers.
        self._standing_by: set[str] = set()
        #: Those that are logging off because they were removed, or their settings changed.
        self._leaving: list[Server] = []
        self.servers: dict[str, Server] = {}
        self.servers = self.plan(configs)
        self.admit(self.servers)

    # --- which servers ---

    def plan(self, configs: Iterable[ServerConfig]) -> dict[str, Server]:
        """The servers of these settings: those that have not changed, and new ones.

        Nothing is done with them yet.

        Raises ConfigurationError if one cannot be made, for a file of a certificate that cannot be
        read.
        """
        planned: dict[str, Server] = {}
        for config in configs:
            before = self.servers.get(config.name)
            planned[config.name] = (
                before if before is not None and before.config == config else self._make(config)
            )
        return planned

    def _make(self, config: ServerConfig) -> Server:
        session = Session(config, self._role, self._ids)
        namesakes = [server for server in self._everyone if server.name == config.name]
        return Server(
            session,
            self._loop,
            self._traffic,
            self._admission,
            self._delivery,
            self._announcements.tell,
            self._slowest_receiver,
            predecessor=namesakes[-1] if namesakes else None,
        )

    def admit(self, planned: dict[str, Server]) -> None:
        """Make room for what these servers will send."""
        for name, server in planned.items():
            options = server.config.options
            self._delivery.add_server(
                name,
                options.event_queue_capacity,
                options.event_queue_bytes,
                policy=options.overload_policy,
                important=options.important_events,
            )

    def replace(self, planned: dict[str, Server]) -> Callable[[bool], None]:
        """Have these servers from now on.

        Returns a function that the caller must have called in the loop.

        That logs off from the others; and new ones start if its argument is True, or wait for the
        first action.
        """
        before, self.servers = self.servers, planned
        gone = [server for name, server in before.items() if planned.get(name) is not server]
        come = [server for name, server in planned.items() if before.get(name) is not server]
        stayed = [server for name, server in planned.items() if before.get(name) is server]
        self._leaving = [*(server for server in self._leaving if not server.closed), *gone]

        def change_over(start: bool) -> None:
            for server in gone:
                changed = server.name in planned
                server.retire(
                    "this server's settings were changed."
                    if changed
                    else "this server was removed."
                )
            for server in come:
                server.set_interest(self._interest)
                if server.name in self._standing_by:
                    server.stand_by()
                if start:
                    server.start()
            for server in stayed:
                server.pardon()

        return change_over

    @property
    def _everyone(self) -> list[Server]:
        return [*self._leaving, *self.servers.values()]

    def start(self) -> None:
        for server in self.servers.values():
            server.start()

    def set_interest(self, names: frozenset[str] | None) -> None:
        self._interest = names
        for server in self._everyone:
            server.set_interest(names)

    def stand_by(self, name: str) -> None:
        """Turn the events of a server off: another process delivers them."""
        self._standing_by.add(name)
        if name in self.servers:
            self.servers[name].stand_by()

    def take_over(self, name: str, token: int, heard_until: float | None) -> None:
        """Turn the events of a server on: this process delivers them."""
        self._standing_by.discard(name)
        if name in self.servers:
            self.servers[name].take_over(TookOver(name, token), heard_until)

    def close(self) -> None:
        """Begin to log off everywhere, for good; ``closed`` says when it is done.

        Actions sent before this leave before the Logoff. Later ones fail.
        """
        for server in self.servers.values():
            server.retire("the client was closed.")
        self._announcements.finish()

    @property
    def closed(self) -> bool:
        return all(server.closed for server in self._everyone)

    def give_up(self) -> None:
        """No more time for logging off: read and hand on what has arrived, and hang up."""
        for server in self._everyone:
            server.give_up()

    def start_afresh(self) -> None:
        """A turn was cut short: make all connections anew.

        It is unknown how far the turn had come with each.
        """
        for server in self._everyone:
            server.start_afresh()

    def abandon(self) -> None:
        for server in self._everyone:
            server.abandon()
