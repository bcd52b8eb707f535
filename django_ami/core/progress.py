"""How far an originated call is: a state machine, fed with the events of that call alone.

The server is asked for two parties. It rings the first one, and sends that one to a place in the
dialplan when it picks up; there the second one is dialled. So the first one's channel is up long
before two people talk. *Answered* is two parties in one bridge that holds nobody.

Rule: nothing here does I/O or reads a clock. ``now`` is the clock of the connection, in seconds.
All channels of the call have its id as Linkedid, since the first channel was given it
(ast_channel_internal_setup_topics in main/channel_internal_api.c).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from django_ami.core.call_outcome import CallOutcome, SecondParty, judge
from django_ami.core.causes import CallResult, Refusal
from django_ami.core.originate_state import ORDER, OriginateState
from django_ami.core.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Event, Message
    from django_ami.core.outcome import OriginateOutcome

__all__ = ["OriginateState", "Progress"]

#: States of a channel (include/asterisk/channelstate.h).
_RINGING: Final = "5"
_UP: Final = "6"


class Progress:
    """One originated call.

    ``call_id`` is the Uniqueid of its first channel. ``single``: an application takes the call,
    so there is no second party. ``listener`` is called at each change, on the connection's thread.
    """

    def __init__(
        self,
        call_id: str,
        *,
        single: bool = False,
        state: OriginateState = OriginateState.DIALING,
        listener: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.id = call_id
        self.ids = frozenset({call_id, f"{call_id};2"})
        #: Of the Local channel in the place of its first phone, once that has sent the call on.
        self.halves: tuple[str, ...] = ()
        self.single = single
        self.state = state
        self.listener = listener
        self.outcome: CallOutcome | None = None
        #: Why it failed, if an error of the client says so.
        self.error: AmiError | None = None
        #: Why less than usual is known of it; empty if there is nothing to say.
        self.note = ""
        #: Something of it was seen on the server.
        self.seen = False
        #: The server has said that it has no such call, or no such call any more.
        self.gone = False
        #: The caller wants it to be hung up.
        self.unwanted = False
        #: The Originate is settled: nobody else tells the end.
        self._settled = False
        self._reached = OriginateState.DIALING
        #: Its live channels, and when the first one was picked up.
        self._live: set[str] = set()
        self._picked_up_at: float | None = None
        self._talk = Talk(call_id)
        self._ended_own: Event | None = None
        self._second: dict[str, SecondParty] = {}

    def __repr__(self) -> str:
        return f"<Progress {self.id}: {self.state}>"

    @property
    def ended(self) -> bool:
        """True once nothing more comes of it."""
        return self.outcome is not None

    @property
    def first(self) -> str:
        """The Uniqueid of its first channel, or of the one in its place."""
        return self.halves[0] if self.halves else self.id

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels to hang up: the first one; or all, once that one is optimised away."""
        first = self.first in self._live or not self._live
        return (self.first,) if first else tuple(sorted(self._live))

    # --- events ---

    def observe(self, event: Event, now: float) -> None:
        """An event of ``PROGRESS_EVENTS`` came that is about this call."""
        if self.ended:
            return
        self.seen = True
        uniqueid = event.get("Uniqueid", "")
        if uniqueid in self.ids and event.get("Linkedid", self.id) not in (self.id, self.first):
            # Another call has taken it in, whose other channels are not ours.
            self._live &= self.ids
        match event.name:
            case "DialBegin" | "DialEnd":
                self._dialled(event)
            case "Hangup":
                self._hung_up(event, uniqueid, now)
            case "BridgeLeave":
                self._talk.leave(uniqueid, now)
            case "BridgeEnter":
                self._live.add(uniqueid)
                self._talk.enter(event, now)
            case _:
                self._live.add(uniqueid)
        self._note_state(uniqueid, event.get("ChannelState", ""), now)
        if self._talk.since is not None:
            self._reach(OriginateState.ANSWERED)
        self._finish(now)
        self._show()

    def _note_state(self, uniqueid: str, state: str, now: float) -> None:
        if uniqueid == self.first and state == _UP and self._picked_up_at is None:
            self._picked_up_at = now
            self._reach(OriginateState.PICKED_UP)
        elif state == _RINGING and uniqueid in self._second:
            self._second[uniqueid].rang = True
            self._reach(OriginateState.RINGING_SECOND)
        elif state == _RINGING and uniqueid in self.ids:
            self._reach(OriginateState.RINGING)

    def sent_on(self, halves: tuple[str, ...]) -> None:
        """The first party forwards the call: a Local channel with these halves is in its place."""
        self.halves = halves
        self._talk.first = self.first
        self.ids |= set(halves)
        self._live.add(self.first)

    def _dialled(self, event: Event) -> None:
        """A second party is dialled, or that is over.

        Before the first party has picked up, it is the telephone behind a Local channel.
        """
        dest = event.get("DestUniqueid", "")
        if not dest or dest in self.ids:
            return
        if event.name == "DialBegin":
            self._live.add(dest)
        if self._picked_up_at is None and dest not in self._second:
            return
        leg = self._second.setdefault(dest, SecondParty())
        if event.name == "DialEnd":
            leg.status = event.get("DialStatus", "")
            leg.forwarded = bool(event.get("Forward"))
        if event.get("DestChannelState") == _RINGING:
            leg.rang = True
            self._reach(OriginateState.RINGING_SECOND)

    def _hung_up(self, event: Event, uniqueid: str, now: float) -> None:
        self._live.discard(uniqueid)
        self._talk.leave(uniqueid, now)
        if uniqueid == self.first:
            self._ended_own = event
        elif uniqueid in self._second:
            self._second[uniqueid].refusal = Refusal.of(event)

    # --- the action Originate ---

    def told(self, outcome: OriginateOutcome, now: float) -> None:
        """The Originate is settled: the first party has picked up, or has not."""
        if self.ended:
            return
        self._settled = True
        if outcome.answered and outcome.forwarded_to and self.first == self.id:
            text = (
                f"the phone forwards, and {outcome.forwarded_to} has answered: no events tell more"
            )
            result = CallResult.ANSWERED if self.single else CallResult.UNKNOWN
            self._end(CallOutcome(result, text, picked_up=True, inferred=True))
            return
        if outcome.answered:
            self._picked_up_at = now if self._picked_up_at is None else self._picked_up_at
            self._reach(OriginateState.PICKED_UP)
            self._finish(now)
            self._show()
            return
        self._end(
            CallOutcome(
                outcome.result,
                outcome.description,
                cause=outcome.cause,
                cause_text=outcome.cause_text,
                sip_code=outcome.sip_code,
            )
        )

    def line_up(self) -> None:
        """It waits for its turn from now on."""
        self.state = OriginateState.WAITING

    def leave(self) -> None:
        """It has waited for its turn, which is now; perhaps another thread ends it just now."""
        self.state = OriginateState.DIALING
        if self.ended:
            self.state = OriginateState.ENDED
        self.listener(self)

    def failed(self, error: AmiError, result: CallResult = CallResult.FAILED) -> None:
        """It was never dialled: refused by the server, or not sent."""
        if not self.ended:
            self.error = error
            self._end(CallOutcome(result, error.message))

    def unheard(self, note: str) -> None:
        """The events of the call do not come, and the Originate tells no end: lists have to."""
        self._settled = True
        self.note = self.note or note

    def lost(self, error: AmiError | None = None) -> None:
        """The connection is gone: until the server has been asked, nothing is known."""
        self._settled = self._settled or error is not None
        self.error = error or self.error
        if not self.ended:
            self.state = OriginateState.UNKNOWN
            self.listener(self)

    # --- lists of the server ---

    def found(self, channels: Iterable[Message], now: float) -> None:
        """The list Status has these channels of the call."""
        if self.ended:
            return
        self.seen, self.error = True, None
        listed = {channel["Uniqueid"]: channel for channel in channels if channel.get("Uniqueid")}
        self._live = set(listed)
        self._talk.keep(listed, now)
        for uniqueid, channel in listed.items():
            self._note_state(uniqueid, channel.get("ChannelState", ""), now)
            if uniqueid not in self.ids:
                self._picked_up_at = now if self._picked_up_at is None else self._picked_up_at
                self._reach(OriginateState.PICKED_UP)
        self._show()

    def bridged(self, bridge: Message, channels: Iterable[Message], now: float) -> None:
        """BridgeInfo says who is in the bridge of one of its channels."""
        if self.ended:
            return
        self._talk.found(bridge, channels, now)
        if self._talk.since is not None:
            self._reach(OriginateState.ANSWERED)
        self._show()

    def absent(self, now: float) -> None:
        """No list has it, or has it any more."""
        if self.ended:
            return
        self.gone = True
        self._talk.end(now)
        outcome = self._judge()
        if not self.seen:
            text = "the server has no such call: it was never made, or has ended"
            outcome = CallOutcome(CallResult.UNKNOWN, text)
        elif self._ended_own is None and not self._was_answered:
            text = "it has ended, and nothing tells how"
            outcome = replace(outcome, result=CallResult.UNKNOWN, description=text)
        self._end(replace(outcome, inferred=True))

    def give_up(self, why: str, now: float) -> None:
        """Nothing more can be known of it here: ``why``, which ends a sentence."""
        if self.ended:
            return
        self._talk.end(now)
        text = f"nothing tells what became of it: {why}"
        outcome = replace(self._judge(), result=CallResult.UNKNOWN, description=text)
        self._end(replace(outcome, inferred=True))

    def shown(
        self, state: OriginateState, channels: Iterable[str], outcome: CallOutcome | None
    ) -> None:
        """A live picture tells the state and the live channels, in the place of events."""
        if self.ended:
            return
        self.seen, self._live = True, set(channels)
        self._reach(state)
        if outcome is not None:
            self._end(outcome)
        self._show()

    # --- the end ---

    def _finish(self, now: float) -> None:
        over = self._ended_own is not None and not self._live
        if over and (self._settled or self._picked_up_at is not None):
            self._talk.end(now)
            outcome = self._judge()
            if self.single and self._picked_up_at is not None:
                outcome = replace(outcome, talk_seconds=max(0.0, now - self._picked_up_at))
            self._end(outcome)

    def _judge(self) -> CallOutcome:
        """The outcome, as far as events and lists have told it."""
        return judge(
            Refusal.of(self._ended_own),
            self._second.values(),
            picked_up=self._picked_up_at is not None,
            answered=self._was_answered,
            talk_seconds=self._talk.seconds,
        )

    @property
    def _was_answered(self) -> bool:
        picked_up = self._picked_up_at is not None
        return self._reached is OriginateState.ANSWERED or (self.single and picked_up)

    def _end(self, outcome: CallOutcome) -> None:
        self.outcome = outcome
        self._reached = OriginateState.ENDED
        self._show()

    # --- the state ---

    def _reach(self, state: OriginateState) -> None:
        if ORDER[state] > ORDER[self._reached]:
            self._reached = state

    def _show(self) -> None:
        if self.state is not self._reached:
            self.state = self._reached
            self.listener(self)
