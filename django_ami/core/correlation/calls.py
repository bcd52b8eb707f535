"""The calls whose outcome is wanted, by the ids of their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.core.messages import Event
    from django_ami.core.request import Request

__all__ = ["CallsByChannel"]


class CallsByChannel(dict[str, "Request"]):
    """Finds the action that made a call, as long as its outcome is not known.

    It is a dict, so that an event is not looked at while no outcome is wanted.
    """

    def add(self, request: Request) -> None:
        """Of two actions that name the same channel, the older one counts."""
        for channel_id in () if request.call is None else request.call.ids:
            self.setdefault(channel_id, request)

    def discard(self, request: Request) -> None:
        """Its outcome is known, or is not wanted any more."""
        for channel_id in () if request.call is None else request.call.ids:
            if self.get(channel_id) is request:
                del self[channel_id]

    def maker_of(self, event: Event) -> Request | None:
        """The action that made the call of this event, one of ``CALL_EVENTS``."""
        return self.get(event.get("DestUniqueid" if event.name == "DialEnd" else "Uniqueid", ""))
