"""The calls of a server: components of channels, which grow together and never apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core.numerals import whole_number
from django_ami.live.call import Call
from django_ami.live.changes import Kind
from django_ami.live.story import Story
from django_ami.live.terms import CALL_OUTCOMES, Outcome

if TYPE_CHECKING:
    from collections.abc import Sized

    from django_ami.live.parts import Shared

__all__ = ["Calls"]

#: How many Linkedids lead to one call at most; the oldest but the first are forgotten.
MOST_LINKEDIDS: Final = 500


#: The story of every call that has ended: its snapshot has it all.
_NOTHING: Final = Story()


def _stamp(uniqueid: str) -> tuple[int, int] | None:
    """``pbx-1795896589.52`` as numbers, which sort by age (main/channel_internal_api.c)."""
    second, _, counter = uniqueid.rpartition("-")[2].partition(".")
    numbers = whole_number(second), whole_number(counter)
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])


def _is_older(one: Call, other: Call) -> bool:
    mine, theirs = _stamp(one.id), _stamp(other.id)
    if mine is not None and theirs is not None:
        return mine < theirs
    return one.started < other.started


class Calls:
    """The calls that live, and those that ended lately."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self.ended: dict[str, Call] = {}
        #: How many calls to people have ended, by their outcome.
        self.outcomes: dict[Outcome, int] = dict.fromkeys(CALL_OUTCOMES, 0)
        self._by_linkedid: dict[str, Call] = {}

    def tables(self) -> tuple[Sized, ...]:
        """Everything that it keeps."""
        return (
            self._shared.calls,
            self.ended,
            self._by_linkedid,
        )

    def of_linkedid(self, linkedid: str) -> Call | None:
        """The live call of a Linkedid."""
        call = self._by_linkedid.get(linkedid)
        return None if call is None else call.resolved()

    def of_channel(self, uniqueid: str, linkedid: str, now: float) -> Call:
        """The call that a new channel is part of; a new one if there is none."""
        call = self.of_linkedid(linkedid)
        if call is not None and call.ended is None:
            return call
        # A Linkedid whose call has ended begins another one, which needs another id.
        call_id = linkedid if linkedid not in self.ended else uniqueid
        call = Call(self._shared, call_id, now)
        self._by_linkedid[linkedid] = call
        if call_id != linkedid:
            call.linkedids.append(linkedid)
        return call

    def lead(self, linkedid: str, call: Call) -> None:
        """A Linkedid that nobody has used yet leads to a call."""
        self._by_linkedid[linkedid] = call
        self._remember(call, [linkedid])

    def join(self, one: Call, other: Call | None, now: float) -> None:
        """Two calls are one from now on: the older survives, the younger ends as merged into it."""
        if other is None:
            return
        one, other = one.resolved(), other.resolved()
        if one is other or one.ended is not None or other.ended is not None:
            return
        older, younger = (other, one) if _is_older(other, one) else (one, other)
        self._take_in(older, younger, now)

    def _take_in(self, older: Call, younger: Call, now: float) -> None:
        older.started = min(older.started, younger.started)
        younger.ended, younger.merged_into = now, older
        younger.final = younger.snapshot()
        for channel in younger.channels.values():
            channel.call = older
            older.channels[channel.uniqueid] = channel
        older.story.take_in(younger.story)
        if older.answered is None or (
            younger.answered is not None and younger.answered < older.answered
        ):
            older.answered = younger.answered
        older.requested = older.requested or younger.requested
        older.account = older.account or younger.account
        if not older.shown:
            older.origin = younger.origin
        older.source = older.source or younger.source
        older.application = older.application if older.application[0] else younger.application
        older.variables = {**younger.variables, **older.variables}
        older.up, older.voicemail = older.up or younger.up, older.voicemail or younger.voicemail
        older.inferred = older.inferred or younger.inferred
        self._remember(older, younger.linkedids)
        self._shared.calls.pop(younger.id, None)
        if younger.shown:
            older.show(now)
            self._keep(younger, now)
            older.note(Kind.MERGED, now)
            younger.note(Kind.ENDED, now)
        else:
            self._drop(younger)

    def _remember(self, call: Call, linkedids: list[str]) -> None:
        call.linkedids.extend(linkedids)
        for linkedid in linkedids:
            self._by_linkedid[linkedid] = call
        for linkedid in call.linkedids[1 : max(1, len(call.linkedids) - MOST_LINKEDIDS)]:
            self._by_linkedid.pop(linkedid, None)
        del call.linkedids[1 : max(1, len(call.linkedids) - MOST_LINKEDIDS)]

    def end(self, call: Call, now: float) -> None:
        """The last channel of a call is gone."""
        call.ended = max(now, call.started)
        call.final = call.snapshot()
        self._shared.calls.pop(call.id, None)
        self._drop(call)
        if call.shown:
            outcome = call.final.outcome or Outcome.UNKNOWN
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
            self._keep(call, now)
            call.note(Kind.ENDED, now)

    def _drop(self, call: Call) -> None:
        for linkedid in call.linkedids:
            if self._by_linkedid.get(linkedid) is call:
                del self._by_linkedid[linkedid]

    def _keep(self, call: Call, now: float) -> None:
        call.story, call.channels = _NOTHING, {}
        self.ended[call.id] = call
        self.forget(now)

    def forget(self, now: float) -> None:
        """Forget the calls that ended long ago, or in the future (after a jump of the clock)."""
        kept = self._shared.options.kept_seconds
        while self.ended:
            call = next(iter(self.ended.values()))
            if call.ended is not None and abs(now - call.ended) < kept:
                return
            del self.ended[call.id]
