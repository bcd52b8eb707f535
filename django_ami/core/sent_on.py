"""Which Local channel takes the place of a phone that the server called and that forwards the call.

It has a Uniqueid and a Linkedid of its own, and is dialled before the phone's DialEnd. Its name
alone ties the two (``main/dial.c``, ``handle_call_fwd``).

Rule: never guess. If two phones forward to one number at once, nobody knows which is whose.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django_ami.core.messages import Event

__all__ = ["LocalChannels"]

#: The number of halves of Local channels that are remembered: a phone's is among the newest.
MOST_HALVES: Final = 100


class LocalChannels:
    """The newest Local channels of a server, and those that it dials itself."""

    def __init__(self) -> None:
        #: Names and Uniqueids.
        self._halves: deque[tuple[str, str]] = deque(maxlen=MOST_HALVES)
        #: The names of those that the server dials and that are nobody's yet, without their halves.
        self._free: dict[str, None] = {}

    def note(self, event: Event) -> None:
        """A Newchannel, DialBegin or DialEnd has come, which may be about a Local channel."""
        if event.name == "Newchannel":
            name = event.get("Channel") or ""
            if name.startswith("Local/"):
                self._halves.append((name, event.get("Uniqueid") or ""))
            return
        name = event.get("DestChannel") or ""
        if name.startswith("Local/") and not event.get("Uniqueid"):
            name = name.partition(";")[0]
            if event.name == "DialBegin":
                self._free[name] = None
                if len(self._free) > MOST_HALVES:
                    del self._free[next(iter(self._free))]
            else:
                self._free.pop(name, None)

    def in_place_of(self, event: Event) -> tuple[str, ...]:
        """The Uniqueids of the one in the place of a phone that ``event``, its DialEnd, is about.

        That of the half that the server called is first. Empty if the phone forwards nothing, was
        called by another channel (then the two have one Linkedid), or if two may be it.
        """
        forward = event.get("Forward")
        if not forward or event.get("Uniqueid"):
            return ()
        place = f"Local/{forward.partition('@')[0]}@"
        found = [name for name in self._free if name.startswith(place)]
        for name in found:
            del self._free[name]
        if len(found) != 1:
            return ()
        name = f"{found[0]};"
        return tuple(one for half, one in sorted(self._halves) if half.startswith(name))

    def clear(self) -> None:
        """All channels are gone, or nobody knows what became of them."""
        self._halves.clear()
        self._free.clear()
