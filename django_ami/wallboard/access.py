"""What a visitor may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["Access", "access_of"]

#: The permission of the app that each deed needs.
_DEEDS = {
    "call": "ami_wallboard.place_calls",
    "hangup": "ami_wallboard.end_calls",
    "transfer": "ami_wallboard.transfer_calls",
    "pause": "ami_wallboard.pause_agents",
    "listen": "ami_wallboard.listen_in",
}


@dataclass(frozen=True, slots=True)
class Access:
    """What one visitor may see and do. Visitors with equal ones share the work of the stream.

    ``servers`` and ``queues`` are names; None is all of them. A visitor with some queues sees the
    calls, callers and agents of those alone. ``may`` has any of ``call``, ``hangup``,
    ``transfer``, ``pause`` and ``listen``.
    """

    servers: frozenset[str] | None = None
    queues: frozenset[str] | None = None
    may: frozenset[str] = frozenset()
    masks_numbers: bool = False


def access_of(request: HttpRequest) -> Access | None:
    """What the visitor of a request may see and do; None for one who may see nothing.

    It may ask the database.
    """
    user = request.user
    if not user.has_perm("ami_wallboard.view_wallboard"):
        return None
    return Access(may=frozenset(deed for deed, name in _DEEDS.items() if user.has_perm(name)))
