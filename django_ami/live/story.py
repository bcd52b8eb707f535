"""The story of a call: everything that happened in it, each thing a frozen snapshot under a key.

Two stories become one when two calls do. Each chapter is bounded: a channel that never ends, such
as an agent's line, may collect thousands of entries, of which the newest are kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from django_ami.live.snapshots import (
        ConferenceVisit,
        Forward,
        Hold,
        Leg,
        Park,
        Party,
        Pickup,
        QueueVisit,
        TalkSegment,
        Transfer,
    )

    Key = tuple[str, float]

__all__ = ["Story", "close_all", "write"]

#: How many entries a chapter has at most.
MOST_ENTRIES: Final = 500

K = TypeVar("K")
V = TypeVar("V")


class Story:
    """The chapters of a call, by Uniqueid, with the begin where there may be more than one."""

    __slots__ = (
        "conferences", "forwards", "holds", "legs", "parks", "parties", "pickups", "queues",
        "talks", "transfers",
    )  # fmt: skip

    def __init__(self) -> None:
        self.parties: dict[str, Party] = {}
        self.legs: dict[str, Leg] = {}
        self.talks: dict[tuple[str, str, float], TalkSegment] = {}
        self.holds: dict[Key, Hold] = {}
        self.transfers: dict[Key, Transfer] = {}
        self.pickups: dict[Key, Pickup] = {}
        self.forwards: dict[Key, Forward] = {}
        self.parks: dict[Key, Park] = {}
        self.queues: dict[Key, QueueVisit] = {}
        self.conferences: dict[Key, ConferenceVisit] = {}

    def take_in(self, other: Story) -> None:
        """The story of a call that became part of this one. A party of both is one party."""
        for key, party in other.parties.items():
            mine = self.parties.get(key)
            if mine is None:
                write(self.parties, key, replace(party, role="callee") if self.parties else party)
                continue
            answered = [at for at in (mine.answered, party.answered) if at is not None]
            self.parties[key] = replace(
                mine,
                channels=tuple(dict.fromkeys(mine.channels + party.channels)),
                number=mine.number or party.number,
                name=mine.name or party.name,
                joined=min(mine.joined, party.joined),
                left=None
                if mine.left is None or party.left is None
                else max(mine.left, party.left),
                answered=min(answered, default=None),
            )
        for chapter in self.__slots__:
            if chapter != "parties":
                mine_in, theirs = getattr(self, chapter), getattr(other, chapter)
                for key, entry in theirs.items():
                    write(mine_in, key, entry)


def write(chapter: dict[K, V], key: K, entry: V) -> None:
    """Add an entry, or rewrite it; the oldest one goes where there are too many."""
    if key not in chapter and len(chapter) >= MOST_ENTRIES:
        del chapter[next(iter(chapter))]
    chapter[key] = entry


def close_all(chapter: dict[Any, Any], end: float, *, field: str = "end") -> tuple[Any, ...]:
    """The entries in order, those that are open ended at ``end``."""
    return tuple(
        replace(entry, **{field: max(end, entry.begin if field == "end" else entry.joined)})
        if getattr(entry, field) is None
        else entry
        for entry in chapter.values()
    )
