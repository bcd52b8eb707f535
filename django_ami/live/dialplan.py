"""The way of a channel through the dialplan: the dialled number and the current application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.live.changes import Kind
from django_ami.live.names import is_dialled, known
from django_ami.live.snapshots import Transfer
from django_ami.live.story import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_ami.core.messages import Event
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["EXPLAINED_SECONDS", "REDIRECT", "Dialplan"]

#: For how long a transfer explains that a channel goes elsewhere in the dialplan.
EXPLAINED_SECONDS: Final = 2.0
#: Extensions that nobody dials: the start of a context, its end, an error, a timeout (main/pbx.c).
_SPECIAL: Final = frozenset({"", "s", "h", "i", "t", "T", "o", "a", "e", "failed"})
REDIRECT: Final = "redirect"
#: Steps that take no time: a call is not in them.
_PASSING: Final = frozenset(
    {
        "Hangup",
        "Return",
        "NoOp",
        "Set",
        "MSet",
        "Goto",
        "GotoIf",
        "Gosub",
        "GosubIf",
        "ExecIf",
        "UserEvent",
        "Verbose",
    }
)
_VOICEMAIL: Final = "voicemail"


class Dialplan:
    """Follows the steps of the dialplan."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {"Newexten": self._step}

    def _step(self, event: Event, now: float) -> None:
        channel = self._channels.of(event, now)
        if channel is None:
            return
        channel.application = event.get("Application") or ""
        context, exten = known(event.get("Context")), known(event.get("Exten"))
        elsewhere = exten and (context, exten) != (channel.context, channel.exten)
        if elsewhere and channel.bridge is not None:
            self._redirected(channel, exten, now)
        channel.context, channel.exten = context, exten
        if not is_dialled(channel.application):
            self.at(channel, event.get("AppData") or "")

    @staticmethod
    def at(channel: Channel, data: str) -> None:
        """A channel is in an application."""
        call = channel.call.resolved()
        if not call.requested and channel.exten not in _SPECIAL:
            call.requested = channel.exten
        if channel.application not in _PASSING:
            call.application = (channel.application, data)
        if channel.application.lower() == _VOICEMAIL:
            call.voicemail = True

    @staticmethod
    def _redirected(channel: Channel, exten: str, now: float) -> None:
        """A channel leaves a bridge for the dialplan: by a transfer, or silently by Redirect."""
        call, person = channel.call.resolved(), channel.person()
        last = next(reversed(call.story.transfers.values()), None)
        told = last is not None and last.kind != REDIRECT and abs(now - last.at) < EXPLAINED_SECONDS
        if person is None or told:
            return
        transfer = Transfer(REDIRECT, now, "", person.device, exten, "Success")
        write(call.story.transfers, (channel.uniqueid, now), transfer)
        call.note(Kind.TRANSFERRED, now)
