"""The list that a server is sending: one at a time, since it runs one action at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.core.correlation.action_ids import ACTION_ID
from django_ami.core.errors import ProtocolError

if TYPE_CHECKING:
    from django_ami.core.messages import Event
    from django_ami.core.request import Request

__all__ = ["ListUnderWay", "is_broadcast", "too_large", "too_many_items"]


class ListUnderWay:
    """The list under way, if one is: whose it is, and how its items are known.

    ``closing`` has the names of the event that closes it, in lower case, if nothing else says so.
    """

    def __init__(self) -> None:
        self.request: Request | None = None
        self.closing: tuple[str, ...] = ()
        #: The ActionID line of its items, where it is not their last.
        self._item = b""

    def begin(self, request: Request, closing: tuple[str, ...]) -> None:
        """This action is answered with a list, and its items follow."""
        self.request = request
        self.closing = closing
        self._item = ACTION_ID + request.action_id.encode() + b"\r\n"

    def end(self) -> None:
        """No list is under way any more."""
        self.request = None
        self.closing = ()

    def asker_of(self, event: Event) -> Request | None:
        """The action whose list it is, if the event is plainly an item of it."""
        if self.request is not None and event.raw.find(self._item) >= 0:
            return self.request
        return None

    def adopts(self, event: Event) -> bool:
        """True if an event without an ActionID is an item of this list.

        Those of IAXpeers carry none (_iax2_show_peers_one in channels/chan_iax2.c). A list is
        written in one go, and an event for everybody has a Privilege.
        """
        return b"\r\nPrivilege: " not in event.raw and ACTION_ID not in event.raw

    def is_last(self, event: Event) -> bool:
        """True if this item closes its list."""
        return event.raw.find(b"\r\nEventList: ") >= 0 or (
            bool(self.closing) and event.name.lower() in self.closing
        )


def is_broadcast(event: Event) -> bool:
    """True if an event is for everybody.

    Some names are list items and broadcasts both (DeviceStateChange); only Status items have a
    Privilege, too.
    """
    return b"\r\nPrivilege: " in event.raw and event.name != "Status"


def too_many_items(request: Request, most: int) -> ProtocolError:
    """The error of a list that has more than ``most`` items."""
    return ProtocolError(
        f"the list of {request.name} has more than {most} items (option max_list_items): ask for "
        "less, or raise the option.",
        server=request.server,
        sent=True,
    )


def too_large(request: Request, limit: int) -> ProtocolError:
    """The error of an answer with a message of more than ``limit`` bytes."""
    return ProtocolError(
        f"the answer to {request.name} is larger than {limit} bytes (option max_frame_size): ask "
        "for less, or raise the option.",
        server=request.server,
        sent=True,
    )
