"""The lists of a server, with which a tracker is seeded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_ami.core.messages import Event

__all__ = ["Lists"]


@dataclass(frozen=True, slots=True)
class Lists:
    """The items of each list, without its end.

    None: the list was not asked for, or failed, and says nothing.

    ``asked`` is when the first of them was asked for: a channel that is younger may be missing in
    them and is alive.
    """

    asked: float
    #: CoreShowChannels.
    channels: Sequence[Event] | None = None
    #: BridgeList.
    bridges: Sequence[Event] | None = None
    #: QueueStatus.
    queues: Sequence[Event] | None = None
    #: ParkedCalls.
    parked: Sequence[Event] | None = None
    #: ConfbridgeListRooms, and ConfbridgeList of each room.
    rooms: Sequence[Event] | None = None
    conference_members: Sequence[Event] | None = None
    #: DeviceStateList.
    devices: Sequence[Event] | None = None
    #: Status, with ChanVariable headers.
    status: Sequence[Event] | None = None
