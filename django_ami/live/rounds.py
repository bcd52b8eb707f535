"""A round of lists: the actions that ask for them, one after the other, and the answers.

Pure. Each list is taken over as soon as it is there, so that as few events as possible come
between.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.core.actions import (
    Action,
    BridgeList,
    ConfbridgeList,
    ConfbridgeListRooms,
    CoreShowChannels,
    DeviceStateList,
    ParkedCalls,
    QueueStatus,
    Status,
)
from django_ami.live.lists import Lists

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django_ami.core.messages import Event

__all__ = ["LISTS", "Round", "is_empty"]

#: The names of the actions that a round sends, but for Status.
LISTS: Final = (
    "BridgeList",
    "CoreShowChannels",
    "QueueStatus",
    "ParkedCalls",
    "ConfbridgeListRooms",
    "ConfbridgeList",
    "DeviceStateList",
)
_MEMBERS: Final = "conference_members"
#: The answers to a list without items: apps/app_confbridge.c.
_EMPTY: Final = ("no active conferences", "no conference by that name found")


def is_empty(message: str) -> bool:
    """Whether an error only says that there is nothing to list."""
    return message.lower().startswith(_EMPTY)


class Round:
    """The lists with which a picture is seeded.

    ``variables`` are the channel variables to ask for. Send ``action`` and tell the answer to
    ``take``, until ``action`` is None.
    """

    def __init__(self, variables: Collection[str] = ()) -> None:
        # BridgeInfo is not asked for: CoreShowChannels names the bridge of each channel.
        steps: list[tuple[str, Action]] = [
            ("bridges", BridgeList()),
            ("channels", CoreShowChannels()),
            ("queues", QueueStatus()),
            ("parked", ParkedCalls()),
            ("rooms", ConfbridgeListRooms()),
            ("devices", DeviceStateList()),
        ]
        if variables:
            steps.append(("status", Status(variables=sorted(variables))))
        self._steps = deque(steps)
        self._found: dict[str, Sequence[Event] | None] = {}
        self._asked: float | None = None

    @property
    def action(self) -> Action | None:
        """The action to send next; None at the end."""
        return self._steps[0][1] if self._steps else None

    def take(self, items: Sequence[Event] | None, asked: float) -> Lists | None:
        """The answer to ``action``, which was sent at ``asked``: its items, or None if it failed.

        Gives the lists that can be taken over now.
        """
        what, _ = self._steps.popleft()
        self._asked = asked if self._asked is None else self._asked
        if what == _MEMBERS:
            self._add_members(items)
        else:
            self._found[what] = items
        if what == "rooms" and items is not None:
            self._ask_for_members(items)
        if what == "bridges" or self._next == _MEMBERS:
            return None  # to be taken over together with what comes next
        lists = Lists(self._asked, **self._found)
        self._found, self._asked = {}, None
        return lists

    @property
    def _next(self) -> str:
        return self._steps[0][0] if self._steps else ""

    def _ask_for_members(self, rooms: Sequence[Event]) -> None:
        self._found[_MEMBERS] = []
        names = [room.get("Conference", "") for room in rooms]
        self._steps.extendleft((_MEMBERS, ConfbridgeList(name)) for name in reversed(names) if name)

    def _add_members(self, items: Sequence[Event] | None) -> None:
        """Of one room: if one is not known, the list of all of them says nothing."""
        known = self._found[_MEMBERS]
        self._found[_MEMBERS] = None if items is None or known is None else [*known, *items]
