"""Looks for other listeners on this machine: two for one server deliver every event twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from django_ami.checks.servers import identity
from django_ami.core.errors import ConnectionFailed
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.tools.notes import Listening

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django_ami.core.config import ServerConfig
    from django_ami.tools.notes import Neighbour

__all__ = ["Watch", "some", "too_many"]

logger = get_logger(__name__)

#: How often a listener looks, in seconds. It speaks of what it has seen twice: a restart overlaps
#: for a moment.
LOOK_SECONDS: Final = 3.0


def too_many(neighbours: Collection[Neighbour]) -> bool:
    """True if a server has several listeners, and not all of them were told that this is meant."""
    return len(neighbours) > 1 and not all(one.meant for one in neighbours)


class Watch:
    """Looks for other listeners of the servers in a thread of its own, and logs changes.

    Use it as a context manager around the listening, and call ``end`` when events do not come any
    more.
    """

    def __init__(
        self, servers: Iterable[ServerConfig], *, meant: bool = False, standby: bool = False
    ) -> None:
        self._servers = tuple(servers)
        self._meant = meant or standby
        self._standby = standby
        self._over = threading.Event()
        self._seen: dict[str, set[Neighbour]] = {}
        self._told: dict[str, set[Neighbour]] = {}
        self._note: Listening | None = None

    def __enter__(self) -> Self:
        self._note = self._noted()
        try:
            start_thread(self._run, "django_ami-neighbours")
        except ConnectionFailed as error:  # listening matters more
            logger.warning("Other listeners on this machine are not looked for: %s", error)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def follow(self, servers: Iterable[ServerConfig]) -> None:
        """These are the servers from now on. Not before it is entered."""
        servers = tuple(servers)
        if servers != self._servers and self._note is not None and not self._over.is_set():
            self._servers = servers
            self._note.end()
            self._note = self._noted()

    def _noted(self) -> Listening:
        return Listening(self._servers, meant=self._meant, standby=self._standby)

    def end(self) -> None:
        """This process does not listen any more: nothing is said, and the others learn of it.

        May be called twice.
        """
        self._over.set()
        if self._note is not None:
            self._note.end()

    def _run(self) -> None:
        while (note := self._note) is not None:
            if not self._meant:
                self._look(note)
            if self._over.wait(LOOK_SECONDS):
                return
            note.keep()

    def _look(self, note: Listening) -> None:
        others = note.others()
        for server in self._servers:
            now = set(others.get(identity(server), ()))
            before, self._seen[server.name] = self._seen.get(server.name, set()), now
            told = self._told.get(server.name, set())
            # One that has been seen once is not told of yet; one that was told of and is gone is.
            known = now & (before | told)
            if known != told and not self._over.is_set():
                self._told[server.name] = known
                _tell(server, known, gone=told - known)


def _tell(server: ServerConfig, others: set[Neighbour], gone: set[Neighbour]) -> None:
    if not others:
        logger.warning(
            "%s: the other ami_listen (%s) has ended; this one is alone again.",
            server.name,
            some(gone),
            extra={"server": server.name},
        )
        return
    alone = sum(not one.standby for one in others)
    deliver = 1 + alone + (alone < len(others))  # of those that stand by for one another, one does
    times = "twice" if deliver == 2 else f"{deliver} times"
    logger.warning(
        "%s: another ami_listen (%s) listens to %s as %r, too: every event is delivered %s. %s, "
        "or give this one --allow-others if that is meant.",
        server.name,
        some(others),
        server.address,
        server.username,
        times,
        "Stop all but one" if alone else "Start this one with --standby as well",
        extra={"server": server.name},
    )


def some(neighbours: Iterable[Neighbour]) -> str:
    """Three of them, and how many more."""
    oldest = sorted(neighbours, key=lambda one: (one.since, one.pid))
    more = f"; and {len(oldest) - 3} more" if len(oldest) > 3 else ""
    return "; ".join(map(str, oldest[:3])) + more
