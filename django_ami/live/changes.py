"""A change: its kind, and the frozen snapshot of the object that changed.

Parts of the tracker note *that* something changed; the snapshots are made once, at the end of a
feed: so two changes of one object in one feed carry the same, final snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Change", "ChangeLog", "Kind", "Subject"]


class Kind(StrEnum):
    """The event in the life of a call, or the sort of another object."""

    STARTED = "started"
    RINGING = "ringing"
    ANSWERED = "answered"
    HELD = "held"
    RESUMED = "resumed"
    TRANSFERRED = "transferred"
    FORWARDED = "forwarded"
    PICKED_UP = "picked_up"
    PARKED = "parked"
    UNPARKED = "unparked"
    QUEUED = "queued"
    UNQUEUED = "unqueued"
    JOINED_CONFERENCE = "joined_conference"
    LEFT_CONFERENCE = "left_conference"
    #: A call took in a younger one, which ends with ``merged_into``.
    MERGED = "merged"
    ENDED = "ended"
    #: Objects that are no call.
    QUEUE = "queue"
    MEMBER = "member"
    CALLER = "caller"
    DEVICE = "device"
    PARKED_CALLER = "parked_caller"
    CONFERENCE = "conference"


@dataclass(frozen=True, slots=True)
class Change:
    """``subject`` is the snapshot behind the change: a Call for the kinds of a call.

    ``inferred``: nobody saw it happen; a list, after a gap, says that it did.
    """

    kind: Kind
    subject: object
    at: float
    inferred: bool = False


class Subject(Protocol):
    """A live object that can be drawn as it is now."""

    def snapshot(self) -> object: ...


class ChangeLog:
    """Collects what the parts note, until it is taken. While ``inferring``, it was inferred."""

    def __init__(self) -> None:
        self._noted: dict[tuple[Kind, int], tuple[Kind, Subject, float, bool]] = {}
        self.inferring = False

    def note(self, kind: Kind, subject: Subject, at: float) -> None:
        """``subject`` changed. The same kind of the same object counts once until it is taken."""
        self._noted.setdefault((kind, id(subject)), (kind, subject, at, self.inferring))

    def take(self, kinds: Container[Kind] | None = None) -> tuple[Change, ...]:
        """All changes since the last time, in order; of ``kinds`` alone, if given."""
        if not self._noted:
            return ()
        noted, self._noted = self._noted, {}
        drawn: dict[int, object] = {}
        changes = []
        for kind, subject, at, inferred in noted.values():
            if kinds is not None and kind not in kinds:
                continue
            if id(subject) not in drawn:
                drawn[id(subject)] = subject.snapshot()
            changes.append(Change(kind, drawn[id(subject)], at, inferred))
        return tuple(changes)
