"""How many streams a process may have, and one user in it.

Rule: a stream counts for as long as somebody holds its ``Slot``. A server that forgets a stream
gives the slot back with it, also if it runs no ``finally`` then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["RETRY_SECONDS", "Slot", "TooManyStreams", "take_slot"]

#: When one that was refused may come again.
RETRY_SECONDS: Final = 10


class TooManyStreams(Exception):
    """There is no slot. The text says why, and what to do about it."""


class Slot:
    """The right to one stream in the running loop. ``close`` gives it back."""

    def __init__(self, user: Hashable | None) -> None:
        self.user = user
        self._loop = asyncio.get_running_loop()
        _slots.add(self)

    @property
    def is_used(self) -> bool:
        """False in a loop that has ended: no stream of it lives."""
        return not self._loop.is_closed()

    def close(self) -> None:
        """Give the slot back."""
        _slots.discard(self)


#: The slots of this process.
_slots: WeakSet[Slot] = WeakSet()


def take_slot(user: Hashable | None) -> Slot:
    """A slot for a stream of this user; None is a visitor without an account.

    Raises TooManyStreams if there are as many as AMI_WALLBOARD allows.
    """
    limits = options()
    used = [slot for slot in _slots if slot.is_used]
    if len(used) >= limits.max_streams:
        raise TooManyStreams(
            f"This process has {len(used)} streams open, as many as MAX_STREAMS of AMI_WALLBOARD "
            "allows: run more processes, or allow more."
        )
    if user is not None and sum(slot.user == user for slot in used) >= limits.max_streams_per_user:
        raise TooManyStreams(
            f"You have {limits.max_streams_per_user} streams open, as many as "
            "MAX_STREAMS_PER_USER of AMI_WALLBOARD allows: close other windows of the wallboard."
        )
    return Slot(user)
