"""The story of a stored call as a timeline: each event in words, in the order of the times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_ami.calls.rows import moment
from django_ami.live.snapshots import Direction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django_ami.calls.models import Call, CallLeg, QueueVisit, TalkSegment

__all__ = ["StoryLine", "duration", "story_of", "words"]

#: Outcomes and results in words, where the word itself is not what people say.
_WORDS: Final = {
    "no_answer": "no answer",
    "answered_elsewhere": "answered elsewhere",
    "queue_timeout": "timed out of the queue",
    "queue_left": "left the queue",
    "timeout": "timed out",
    "join_empty": "not let in, the queue was empty",
    "leave_empty": "sent out, the queue became empty",
    "join_unavailable": "not let in, no agent was there",
    "leave_unavailable": "sent out, no agent was there any more",
    "full": "not let in, the queue was full",
    "continue": "left by a key",
    "left": "taken out",
    "gave_up": "hung up while parked",
}


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of the story. ``kind`` is one word: started, rang, talked, held, queued, …"""

    at: datetime
    kind: str
    text: str


def story_of(call: Call) -> list[StoryLine]:
    """The story of a call. It asks for its legs, talks and visits: prefetch them for many calls."""
    found = [
        *_begin(call),
        *(line for leg in call.legs.all() for line in _leg(leg)),
        *map(_talk, call.talks.all()),
        *(line for visit in call.visits.all() for line in _visit(visit)),
        *_episodes(call.episodes),
    ]
    found.sort(key=lambda line: line.at)
    return [*found, *_end(call)]


def words(outcome: str) -> str:
    """An outcome or a result as people say it."""
    return _WORDS.get(outcome, outcome.replace("_", " "))


def duration(seconds: float) -> str:
    """A number of seconds, as people write it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min {rest:02} s"
    return f"{minutes} min {rest:02} s" if minutes else f"{max(seconds, 0.0):.1f} s"


def _between(begin: datetime, end: datetime) -> str:
    return duration((end - begin).total_seconds())


def _begin(call: Call) -> Iterator[StoryLine]:
    who = " ".join(
        dict.fromkeys(filter(None, (call.caller_name, call.caller_number, call.caller_device)))
    )
    whom = f" called {call.requested}" if call.requested else " called"
    nobody = "The server" if call.direction == Direction.ORIGINATED else "Somebody"
    yield StoryLine(call.started, "started", f"{who or nobody}{whom}.")


def _leg(leg: CallLeg) -> Iterator[StoryLine]:
    who = f"{leg.device} ({leg.number})" if leg.number else leg.device
    if leg.ringing is not None:
        yield StoryLine(leg.ringing, "rang", f"{who} rang.")
    if leg.outcome != "answered":
        cause = f", cause {leg.cause}" if leg.cause else ""
        code = f", {leg.tech_cause}" if leg.tech_cause else ""
        ended = leg.end or leg.ringing or leg.begin
        yield StoryLine(ended, "unanswered", f"{who}: {words(leg.outcome)}{cause}{code}.")


def _talk(talk: TalkSegment) -> StoryLine:
    text = f"{talk.a} and {talk.b} talked for {_between(talk.begin, talk.end)}."
    return StoryLine(talk.begin, "talked", text)


def _visit(visit: QueueVisit) -> Iterator[StoryLine]:
    place = f" at position {visit.position}" if visit.position else ""
    yield StoryLine(visit.joined, "queued", f"Joined the queue {visit.queue}{place}.")
    wait = f"after {duration(visit.wait_seconds)}"
    if visit.connected is not None:
        text = f"{visit.agent or 'An agent'} of {visit.queue} answered {wait}."
        yield StoryLine(visit.connected, "connected", text)
    elif visit.left is not None:
        yield StoryLine(
            visit.left, "unqueued", f"Queue {visit.queue}: {words(visit.result)}, {wait}."
        )


def _episodes(episodes: dict[str, list[dict[str, Any]]]) -> Iterator[StoryLine]:
    for chapter, tell in _TELLERS.items():
        for one in episodes.get(chapter, ()):
            begin = one.get("begin", one.get("at", one.get("joined")))
            if begin is not None:
                yield StoryLine(moment(begin), chapter.removesuffix("s"), tell(one))


def _lasted(one: dict[str, Any], end: str = "end", begin: str = "begin") -> str:
    if one.get(end) is None:
        return ""
    return f" for {duration(one[end] - one[begin])}"


def _hold(one: dict[str, Any]) -> str:
    return f"{one.get('by', 'Somebody')} put the others on hold{_lasted(one)}."


def _transfer(one: dict[str, Any]) -> str:
    by, who, to = one.get("by", ""), one.get("who") or "the other party", one.get("to", "")
    result = one.get("result", "Success")
    how = "" if result == "Success" else f" ({result})"
    whom = f"sent {who} on to {to or 'somebody'}"
    if not by:
        return f"A program {whom}{how}."
    return f"{by} {whom}, {one.get('kind', 'a transfer')} transfer{how}."


def _pickup(one: dict[str, Any]) -> str:
    return (
        f"{one.get('by', 'Somebody')} picked up the call that rang at {one.get('of', 'a phone')}."
    )


def _forward(one: dict[str, Any]) -> str:
    return f"{one.get('by', 'A phone')} forwarded the call to {one.get('to', 'somebody')}."


def _park(one: dict[str, Any]) -> str:
    place = one.get("space") or one.get("lot") or "a space"
    text = (
        f"{one.get('by') or 'Somebody'} parked {one.get('who', 'a party')} in {place}{_lasted(one)}"
    )
    if one.get("retrieved_by"):
        return f"{text}; {one['retrieved_by']} took it back."
    return f"{text}: {words(one['result'])}." if one.get("result") else f"{text}."


def _conference(one: dict[str, Any]) -> str:
    stay = _lasted(one, "left", "joined")
    return (
        f"{one.get('device', 'A party')} was in the conference {one.get('conference', '')}{stay}."
    )


_TELLERS: Final = {
    "holds": _hold,
    "transfers": _transfer,
    "pickups": _pickup,
    "forwards": _forward,
    "parks": _park,
    "conferences": _conference,
}


def _end(call: Call) -> Iterator[StoryLine]:
    by = f"; {call.hung_up_by} hung up" if call.hung_up_by else ""
    cause = f", cause {call.cause}" if call.cause else ""
    code = f", {call.tech_cause}" if call.tech_cause else ""
    where = f" in {call.application}" if call.outcome in {"completed", "voicemail"} else ""
    yield StoryLine(call.ended, "ended", f"Ended: {words(call.outcome)}{where}{cause}{code}{by}.")
    if call.inferred:
        text = "A part of this was not seen: a list of the server told it afterwards."
        yield StoryLine(call.ended, "inferred", text)
