"""A call that Originate makes: which events are about it, and when they say enough.

A refusal by a telephone is OriginateResponse with Reason 0, whatever its cause (pbx_dial_reason in
main/pbx.c). The cause stands in the Hangup of the channel, and DialEnd says BUSY. They come before
OriginateResponse or behind it: one thread sends that, another one the events of channels
(main/manager.c, main/manager_channels.c). So a call has a ChannelId that is known before it is
made, and the events of that id are gathered until they say enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django_ami.core.messages import Event

__all__ = [
    "CALL_EVENTS",
    "DIAL_END_SECONDS",
    "HANGUP_SECONDS",
    "PROGRESS_EVENTS",
    "UNKNOWN",
    "Call",
    "channel_id_for",
    "is_success",
]

#: The events that tell what became of a call, beside OriginateResponse.
CALL_EVENTS: Final = frozenset({"Hangup", "DialEnd"})
#: The events that tell how far a call is.
PROGRESS_EVENTS: Final = frozenset(
    {"Newchannel", "Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup"}
)
#: The Uniqueid of an OriginateResponse when there was no channel.
UNKNOWN: Final = "<unknown>"
#: How long the Hangup of a failed call is waited for, behind its OriginateResponse. No Hangup ever
#: comes if there was no channel.
HANGUP_SECONDS: Final = 1.0
#: How long the DialEnd of an answered call is waited for, behind its OriginateResponse. It says
#: where the call was answered. An account that is shown no DialEnd waits for it in vain.
DIAL_END_SECONDS: Final = 0.1
#: How long Asterisk lets a call ring if the Originate has no Timeout (action_originate in
#: main/manager.c).
RING_SECONDS: Final = 30.0


#: fast_originate in main/manager.c keeps so many characters of what was to be dialled, or a few
#: more.
_LONGEST_CHANNEL_CHARACTERS: Final = 64


def channel_id_for(action_id: str) -> str:
    """The ChannelId of an Originate that was given none.

    Events show it to everybody while the call is made, and a client that knows an ActionID can get
    an OriginateResponse broadcast that bears it. So nobody can tell the ActionID from it. The two
    begin alike.

    It ends in a way that makes it the beginning of no other one: a live channel whose id begins
    with it would be taken for it.
    """
    from hashlib import sha256  # it loads OpenSSL; whatever makes ActionIDs has done so

    prefix, _, _ = action_id.partition("-")
    return f"{prefix}-{sha256(action_id.encode()).hexdigest()[:16]}.0"


class Call:
    """A call that is being made: which events are about it, and whether they say enough.

    ``headers`` are those of the Originate as it is sent. ``ring_seconds`` is how long the server
    lets it ring.
    """

    __slots__ = ("channel_id", "dialled", "other_id", "ring_seconds")

    def __init__(self, headers: Iterable[tuple[str, str]], action_id: str) -> None:
        given = {
            key.lower(): value for key, value in reversed(tuple(headers))
        }  # the first one counts
        self.channel_id = given.get("channelid") or channel_id_for(action_id)
        self.dialled = given.get("channel", "").lstrip()  # as the server does
        local = self.dialled.lower().startswith("local/")
        #: The id of the other half of a Local channel, which has the cause that this half may lack.
        self.other_id = (given.get("otherchannelid") or f"{self.channel_id};2") if local else ""
        rings = whole_number(given.get("timeout"))
        self.ring_seconds = RING_SECONDS if rings is None else rings / 1000

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its channels."""
        return (self.channel_id, self.other_id) if self.other_id else (self.channel_id,)

    def is_named_by(self, response: Event) -> bool:
        """False if an OriginateResponse with the ActionID of this call is about another one.

        It has the Uniqueid of the channel, and the ChannelId if no channel came to be
        (fast_originate in main/manager.c). Some releases say ``<unknown>`` then; so what was to be
        dialled is compared.
        """
        uniqueid = response.get("Uniqueid", UNKNOWN)
        if uniqueid != UNKNOWN:
            return uniqueid in self.ids
        channel = response.get("Channel", self.dialled)
        cut = len(channel) >= _LONGEST_CHANNEL_CHARACTERS and self.dialled.startswith(channel)
        return channel == self.dialled or cut

    def why_untold(self, waited_seconds: float, events: Sequence[Event]) -> str:
        """Why no OriginateResponse has come, for one who has waited for so long.

        Ends a sentence.
        """
        ended = any(event.name == "Hangup" for event in events)
        if waited_seconds < self.ring_seconds and not ended:
            return (
                f"and it may still be ringing, up to {self.ring_seconds:g} s in all: look for the "
                f"channel with the Uniqueid {self.channel_id} before you repeat it."
            )
        hidden = "does an eventfilter of the AMI user hide it?"
        if not events:
            hidden = f"does the AMI user have read=call, or {hidden}"
        return f"but no OriginateResponse came{' though it has ended' * ended}: {hidden}"

    def is_told(self, response: Event, events: Sequence[Event]) -> bool:
        """True if OriginateResponse and these events say how the call ended, with nothing missing.

        DialEnd says where an answered call was forwarded to. It comes before OriginateResponse or
        behind it, too.
        """
        dialled = any(event.name == "DialEnd" for event in events)
        if is_success(response):
            return dialled
        hangups = {event.get("Uniqueid"): event for event in events if event.name == "Hangup"}
        mine = hangups.get(self.channel_id)
        if mine is None:
            return False
        if whole_number(mine.get("Cause", "")):
            return True
        if self.other_id:
            other = hangups.get(self.other_id)
            if other is None:
                return False
            if whole_number(other.get("Cause", "")):
                return True
        # Cause 0 is that of a call which was hung up here, and of one that was never dialled:
        # DialEnd tells them apart.
        return whole_number(response.get("Reason", "")) != 0 or dialled

    @staticmethod
    def seconds_to_wait(response: Event) -> float:
        """Seconds to wait for the rest after OriginateResponse, if ``is_told`` is False."""
        return DIAL_END_SECONDS if is_success(response) else HANGUP_SECONDS


def is_success(event: Event) -> bool:
    """True for the OriginateResponse of a call that was answered."""
    return event.get("Response", "").lower() == "success"
