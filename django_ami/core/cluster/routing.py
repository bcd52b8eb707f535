"""Which server an action goes to that names none."""

from __future__ import annotations

from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from django_ami.core.session import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django_ami.core.config import ServerConfig
    from django_ami.core.session.conversation import Session

__all__ = ["Member", "Routing", "Strategy"]


class Member(Protocol):
    """A server as those see it who choose among servers and look at them, however it is reached."""

    name: str
    #: Where it is, ``host:port``.
    peer: str
    config: ServerConfig
    session: Session


Target = TypeVar("Target", bound=Member)


class Strategy(StrEnum):
    """Which server an action goes to that names none."""

    DEFAULT = "default"
    ROUND_ROBIN = "round_robin"
    FAILOVER = "failover"


class Routing(Generic[Target]):
    """Chooses servers for an action that names none; looks at their health, never at the action.

    ``connect`` is called once, at the first choice among several servers: the health of a server is
    known only while it is connected.
    """

    def __init__(
        self, strategy: Strategy, servers: Sequence[Target], connect: Callable[[], None]
    ) -> None:
        self.strategy = strategy
        self.servers = tuple(servers)
        self._connect: Callable[[], None] | None = connect
        self._turn = count()
        self._default = [self.servers[0]] if strategy is Strategy.DEFAULT else None

    def choose(self) -> Sequence[Target]:
        """The servers to try, the best one first.

        It is the default one alone, or all that take part, by their health.
        """
        if self._default is not None:
            return self._default
        if self._connect is not None:
            connect, self._connect = self._connect, None
            connect()
        candidates = self.servers
        if self.strategy is Strategy.ROUND_ROBIN:
            start = next(self._turn) % len(candidates)
            candidates = candidates[start:] + candidates[:start]
        return sorted(candidates, key=_ill)


def _ill(server: Member) -> int:
    """How unlikely a server is to take an action now; equal for equally good servers."""
    session = server.session
    if session.state is State.REFUSED or session.retry.circuit_open:
        return 3
    if session.state is State.WAITING and session.retry.last_error is not None:
        return 2
    return 0 if session.state in (State.READY, State.IDLE) else 1
