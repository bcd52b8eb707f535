"""The objects that a change of the live picture leaves in a feed, by their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django_ami.live.changes import Kind
from django_ami.live.snapshots import VisitResult

if TYPE_CHECKING:
    from django_ami.live.changes import Change

__all__ = ["member_key", "object_of"]

#: The changes of objects that are no call: the kind in the key, and the field with its name.
_NAMED: Final = {
    Kind.QUEUE: ("queue", "name"),
    Kind.DEVICE: ("device", "name"),
    Kind.CONFERENCE: ("conference", "name"),
    Kind.CALLER: ("caller", "uniqueid"),
    Kind.PARKED_CALLER: ("parked", "uniqueid"),
}


def member_key(queue: str, interface: str) -> str:
    """The key of a member of a queue. An interface has no line feed."""
    return f"member:{queue}\n{interface}"


def object_of(change: Change) -> tuple[str, Any]:
    """The key of what changed, and the object as it is now; None if it is gone.

    A call that has ended is not gone: it stays for as long as the tracker keeps it.
    """
    subject: Any = change.subject
    if change.kind is Kind.MEMBER:
        return member_key(subject.queue, subject.interface), subject
    kind, name = _NAMED.get(change.kind, ("call", "id"))
    return f"{kind}:{getattr(subject, name)}", None if _is_gone(change.kind, subject) else subject


def _is_gone(kind: Kind, subject: Any) -> bool:
    if kind is Kind.CALLER:
        return bool(subject.result is not VisitResult.WAITING)
    return kind in {Kind.CONFERENCE, Kind.PARKED_CALLER} and subject.end is not None
