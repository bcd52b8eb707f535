"""Which Local channel takes the place of a phone that the server called and that forwards the call.

It has a Uniqueid and a Linkedid of its own, and is there before the phone's DialEnd. Its name alone
ties the two (``main/dial.c``, ``handle_call_fwd``).
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
    """The newest Local channels of a server."""

    def __init__(self) -> None:
        #: Names and Uniqueids.
        self._halves: deque[tuple[str, str]] = deque(maxlen=MOST_HALVES)

    def note(self, event: Event) -> None:
        """A Newchannel has come."""
        name = event.get("Channel") or ""
        if name.startswith("Local/"):
            self._halves.append((name, event.get("Uniqueid") or ""))

    def in_place_of(self, event: Event) -> tuple[str, ...]:
        """The Uniqueids of the one in the place of a phone that ``event``, its DialEnd, is about.

        That of the half that the server called is first. Empty if the phone forwards nothing, or
        was called by another channel: then the two have one Linkedid.
        """
        forward = event.get("Forward")
        if not forward or event.get("Uniqueid"):
            return ()
        place = f"Local/{forward.partition('@')[0]}@"
        names = (name for name, _ in reversed(self._halves) if name.startswith(place))
        newest = next(names, ";").partition(";")[0] + ";"
        return tuple(one for name, one in sorted(self._halves) if name.startswith(newest))

    def clear(self) -> None:
        """All channels are gone."""
        self._halves.clear()
