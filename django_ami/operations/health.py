"""Are the listeners well? A judgement of what they said of themselves last.

Rule: nothing here asks anybody, and nothing that it says is secret: it names servers as the
settings do, and no host, address or account.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from django_ami.listeners import ListenerRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django_ami.listeners import ListenerStatus

__all__ = ["Health", "ServerHealth", "judge", "unknown"]

#: A listener whose event loop, or whose receivers, have not moved for so long is not well.
STANDSTILL_SECONDS: Final = 60
_READY: Final = "ready"
#: A standby that does not log in before it takes over (``standby_login``).
_NOT_LOGGED_IN: Final = "idle"


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """How one server is listened to."""

    server: str
    ok: bool
    #: Why it is not, in words; empty if it is.
    reason: str = ""
    #: Of the listener that is judged: a word of ``ListenerRole``; empty if there is none.
    role: str = ""
    #: The state of its connection, and how many seconds ago it said so; None if there is none.
    state: str = ""
    age: float | None = None
    #: How many listeners stand by.
    standbys: int = 0

    def __str__(self) -> str:
        what = f"well, {self.role}, {self.state}" if self.ok else self.reason
        return f"{self.server}: {what}"


@dataclass(frozen=True, slots=True)
class Health:
    """How all servers are listened to; ``error`` says why nothing is known of them."""

    ok: bool
    servers: tuple[ServerHealth, ...] = ()
    error: str = ""

    @property
    def role(self) -> str:
        """The role that is the same for all servers; else ``mixed``, or empty if there is none."""
        roles = {one.role for one in self.servers if one.role}
        return "mixed" if len(roles) > 1 else "".join(roles)

    def as_dict(self) -> dict[str, Any]:
        """A plain dict, for JSON."""
        servers = {one.server: asdict(one) for one in self.servers}
        for one in servers.values():
            del one["server"]
            if one["age"] is not None:
                one["age"] = round(one["age"], 1)
        return {"ok": self.ok, "role": self.role, "error": self.error, "servers": servers}

    def __str__(self) -> str:
        """One line with all that is wrong, or that all is well."""
        wrong = [str(one) for one in self.servers if not one.ok]
        return self.error or "; ".join(wrong) or "all servers are listened to"


def unknown(why: str) -> Health:
    """Nothing is known, so nothing is well."""
    return Health(ok=False, error=why)


def judge(
    listeners: Iterable[ListenerStatus],
    servers: Sequence[str],
    *,
    standby_suffices: bool = False,
    live: bool = False,
) -> Health:
    """How these servers are listened to.

    A server is well if a listener delivers its events: it was heard of lately, is logged in, and
    makes progress. ``standby_suffices``: one that stands by will do, too. ``live``: it need not be
    logged in, since another start of it would change nothing.
    """
    known: dict[str, list[ListenerStatus]] = {name: [] for name in servers}
    for one in listeners:
        known.get(one.server, []).append(one)
    if not known:
        return unknown("no server is known")
    fault = _standstill if live else _fault
    found = [_judge(name, of, fault, standby_suffices) for name, of in known.items()]
    return Health(all(one.ok for one in found), tuple(found))


def _judge(
    server: str,
    listeners: list[ListenerStatus],
    fault: Callable[[ListenerStatus], str],
    standby_suffices: bool,
) -> ServerHealth:
    fresh = [one for one in listeners if not one.stale]
    standbys = [one for one in fresh if one.role is ListenerRole.STANDBY]
    others = [one for one in fresh if one.role is not ListenerRole.STANDBY]
    if not listeners:
        return ServerHealth(server, ok=False, reason="no listener")
    # Of several that deliver, the best one counts: the events come.
    best = min(others or standbys or listeners, key=lambda one: (bool(fault(one)), one.age))
    reason = fault(best)
    if not (reason or others or standby_suffices):
        reason = "nobody delivers, though there is a standby"
    return ServerHealth(
        server, not reason, reason, str(best.role), best.state, best.age, len(standbys)
    )


def _standstill(one: ListenerStatus) -> str:
    """Whether a listener is not heard of, or does not move; empty if all is well."""
    if one.stale:
        return f"not heard of for {one.age:.0f} s"
    seconds = one.counters.get("standstill", 0)
    if seconds < STANDSTILL_SECONDS:
        return ""
    return f"no progress for {seconds} s: a receiver does not return, or the event loop is held"


def _fault(one: ListenerStatus) -> str:
    """The fault of a listener, in words; empty if it has none."""
    stands_by = one.role is ListenerRole.STANDBY and one.state == _NOT_LOGGED_IN
    if (why := _standstill(one)) or one.state == _READY or stands_by:
        return why
    return f"not logged in: {one.state}"
