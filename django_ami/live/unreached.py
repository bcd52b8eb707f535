"""The phones that Dial names and that are never rung: not registered, or unknown.

Asterisk makes no channel for them and sends no DialBegin (apps/app_dial.c, dial_exec_full). Only
the arguments of Dial tell who was to be rung; they are compared with the phones that were, when the
channel goes on or ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from django_ami.live.snapshots import Leg
from django_ami.live.story import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_ami.core.messages import Event
    from django_ami.live.channels import Channel, Channels
    from django_ami.live.parts import Handler

__all__ = ["Dial", "Unreached", "devices_of"]

_DIAL: Final = b"\r\nApplication: Dial\r\n"
#: The technologies whose channels are named after the device that is dialled.
_NAMED_AFTER_DEVICES: Final = frozenset({"PJSIP", "SIP", "IAX2"})
#: How long before its next step a channel has left the bridge that it was sent on from.
_SENT_ON_SECONDS: Final = 0.5
#: The status that the dialplan gets for such a phone.
_STATUS: Final = "CHANUNAVAIL"


class Dial(NamedTuple):
    """The Dial that a channel is in."""

    data: str
    begin: float
    #: The context, the extension and the priority.
    place: tuple[str, str, str]


def devices_of(data: str) -> Iterator[str]:
    """The devices in the arguments of Dial: ``PJSIP/bob&PJSIP/+49301@trunk,20`` has two."""
    for one in data.partition(",")[0].split("&"):
        technology, slash, rest = one.strip().partition("/")
        name = rest.partition("/")[0].rpartition("@")[2]
        if slash and name and technology in _NAMED_AFTER_DEVICES:
            yield f"{technology}/{name}"


def _was_sent_on(channel: Channel, now: float) -> bool:
    """Whether a channel comes out of a bridge: its first step repeats the arguments of its last."""
    return channel.bridge is not None or now - channel.moved < _SENT_ON_SECONDS


class Unreached:
    """Adds a leg without a channel for each phone that Dial did not ring."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels

    def handlers(self) -> Mapping[str, Handler]:
        return {"Newexten": self._step, "Hangup": self._gone}

    def _step(self, event: Event, now: float) -> None:
        channel = self._channels.live.get(event.get("Uniqueid") or "")
        if channel is None:
            return
        dials, dial = _DIAL in event.raw, channel.past.dial
        if not dials and dial is None:
            return
        place = event.get("Context") or "", event.get("Exten") or "", event.get("Priority") or ""
        # Dial itself runs a Gosub elsewhere (its option B) before it rings anybody, and is told
        # again behind that. A channel that goes on does so in the same extension.
        if dial is not None and (dial.place == place if dials else dial.place[:2] != place[:2]):
            return
        self._conclude(channel, now)
        # A channel that has been hung up rings nobody.
        if dials and not channel.past.hangup and not _was_sent_on(channel, now):
            channel.past.dial = Dial(event.get("AppData") or "", now, place)

    def _gone(self, event: Event, now: float) -> None:
        channel = self._channels.live.get(event.get("Uniqueid") or "")
        if channel is not None:
            self._conclude(channel, now)

    def _conclude(self, channel: Channel, now: float) -> None:
        dial, channel.past.dial = channel.past.dial, None
        if dial is None:
            return
        legs = channel.call.resolved().story.legs
        # Of the whole call: in a transfer, a channel may repeat what another one has dialled.
        rung = {leg.device.lower() for leg in legs.values()}
        for device in devices_of(dial.data):
            if device.lower() not in rung:
                self._add(channel, device, dial.begin, now)

    @staticmethod
    def _add(channel: Channel, device: str, begin: float, now: float) -> None:
        # The near half of a Local channel may have ended before the far half that dialled.
        person = channel.person() or channel.past.behind
        by, by_channel = ("", "") if person is None else (person.device, person.uniqueid)
        leg = Leg("", "", device, "", by, by_channel, begin, end=max(now, begin), status=_STATUS)
        write(channel.call.resolved().story.legs, f"{channel.uniqueid} {device} {begin}", leg)
