"""Which ready socket is served first. Nothing here reads a clock or touches a socket.

When two hundred links end at once, a thread that waits for a reply from another server must not
wait for them. So the sockets on which a reply is awaited are *urgent*, and are served at once. The
others stand back while an urgent one may become ready, but not for long; then they are served
round-robin, for a bounded time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from selectors import SelectorKey

    Ready = list[tuple[SelectorKey, int]]

__all__ = ["LONGEST_TURN_SECONDS", "STAND_BACK_SECONDS", "Priority"]

#: How long one turn serves sockets that are not urgent. The next turn goes on with the others.
LONGEST_TURN_SECONDS: Final = 0.0005
#: How long a socket that is not urgent stands back for one that is. After that time without a
#: reply, the reply takes long, and nobody stands back for it any more.
STAND_BACK_SECONDS: Final = 0.001


class Priority:
    """The order of service. ``now`` is the time of the event loop's clock in seconds."""

    def __init__(self, always: int) -> None:
        #: The sockets to serve at once, by file descriptor, and how many replies are awaited there.
        #: The first one is the wake-up, on which none is.
        self.urgent = {always: 0}
        #: Sockets that were ready and not served: their places in the next turn.
        self._places: dict[int, int] = {}
        self._standing_since: float | None = None
        #: A reply came, or was asked for, since the others began to stand back.
        self.replying = True
        #: True if a reply is awaited, on any socket.
        self.awaiting = False
        #: The socket on which the one reply that is awaited will arrive; None if there is none, or
        #: several.
        self.sole: int | None = None

    # --- replies ---

    def await_replies(self, fileno: int, count: int) -> None:
        """From now on ``count`` replies are awaited on that socket."""
        if count:
            self.urgent[fileno] = count
            self.awaiting = self.replying = True
            self.sole = fileno if count == 1 and len(self.urgent) == 2 else None
        else:
            self.forget(fileno)

    def forget(self, fileno: int) -> None:
        """No reply is awaited on that socket any more, or it is no longer watched."""
        urgent = self.urgent
        urgent.pop(fileno, None)
        self.awaiting, self.sole = len(urgent) > 1, None
        if len(urgent) == 2:
            *_, (left, count) = urgent.items()
            self.sole = left if count == 1 else None

    # --- the order ---

    def sort(self, others: Ready) -> None:
        """Order the ready sockets that are not urgent: those that were left over come first."""
        places = self._places
        others.sort(key=lambda one: places.get(one[0].fd, len(places)))

    def turn_ends(self, now: float, *, urgent: bool) -> float | None:
        """Until when sockets that are not urgent are served now.

        None if they stand back for ``urgent`` ones.
        """
        if not (urgent and self.replying):
            self._standing_since = None
            return now + LONGEST_TURN_SECONDS
        if self._standing_since is None:
            self._standing_since = now
        if now < self._standing_since + STAND_BACK_SECONDS:
            return None
        self._standing_since = now
        self.replying = False
        return now

    def leave(self, others: Ready) -> None:
        """These were ready and not served."""
        self._places = {key.fd: place for place, (key, _) in enumerate(others)}

    def rest_is_served(self) -> None:
        """No socket stands back any more."""
        self._standing_since = None

    def stands_back_until(self) -> float | None:
        """Until when the others wait for an urgent socket to become ready; None if they do not."""
        return (
            None
            if self._standing_since is None or not self.awaiting
            else self._standing_since + STAND_BACK_SECONDS
        )
