"""From the snapshot of a call to its rows, which are not yet in the database."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.utils.timezone import make_naive

from django_ami.calls.columns import number_of, storable
from django_ami.calls.masking import Masker
from django_ami.calls.models import (
    Call,
    CallLeg,
    CallNumber,
    MergedCall,
    QueueVisit,
    TalkSegment,
)
from django_ami.calls.talking import talk_of_visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from django.db.models import Model

    from django_ami.calls.models import Part
    from django_ami.live import snapshots

__all__ = ["Rows", "merged_row", "moment", "rows_of"]

#: The chapters of a snapshot that are stored as they are, beside its parties.
_EPISODES: Final = ("holds", "transfers", "pickups", "forwards", "parks", "conferences")
#: Texts in them that are numbers by themselves.
_NUMBERS: Final = frozenset({"number", "to"})
_LENGTHS: Final[dict[type[Model], dict[str, int]]] = {
    model: {
        field.name: field.max_length
        for field in model._meta.concrete_fields
        if field.max_length is not None
    }
    for model in (Call, CallLeg, CallNumber, MergedCall, QueueVisit, TalkSegment)
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one call."""

    call: Call
    #: In the order of ``PARTS``.
    parts: tuple[Sequence[Part], ...]


def moment(at: float) -> datetime:
    """Seconds of Unix time as the project's settings want times."""
    aware = datetime.fromtimestamp(at, UTC)
    return aware if settings.USE_TZ else make_naive(aware)


def _moment(at: float | None) -> datetime | None:
    return None if at is None else moment(at)


def _fit(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    """No text is longer than its column: it is cut."""
    lengths = _LENGTHS[model]
    return {
        name: storable(value)[: lengths.get(name)] if isinstance(value, str) else value
        for name, value in values.items()
    }


def merged_row(call: snapshots.Call) -> MergedCall:
    """The row of a call that has become part of another one."""
    values = _fit(MergedCall, {"server": call.server, "call_id": call.id, "into": call.merged_into})
    return MergedCall(at=moment(_end(call)), **values)


def _end(call: snapshots.Call) -> float:
    return call.started if call.ended is None else max(call.started, call.ended)


def _same(text: str) -> str:
    return text


class _Writer:
    """Makes the rows of one call."""

    def __init__(
        self, call: snapshots.Call, batch: UUID, mask: Callable[[str], str] | None
    ) -> None:
        self._call = call
        self._batch = batch
        self._end = _end(call)
        numbers = dict.fromkeys(number for number in _numbers(call) if "/" not in number)
        self._number: Callable[[str], str] = _same
        self._text: Callable[[str], str] = _same
        if mask is not None:
            masker = Masker(mask, numbers)
            self._number, self._text = masker.number, masker.text
        self._numbers = [number for number in map(self._number, numbers) if number]

    def rows(self) -> Rows:
        """All of them."""
        call = self._main()
        parts = (
            self._number_rows(call),
            [self._leg(call, place, leg) for place, leg in enumerate(self._call.legs)],
            [self._talk(call, place, talk) for place, talk in enumerate(self._call.talks)],
            [self._visit(call, place, visit) for place, visit in enumerate(self._call.queues)],
        )
        return Rows(call, parts)

    def _main(self) -> Call:
        call, text, number = self._call, self._text, self._number
        caller, answerer = call.caller, call.answered_by
        values = {
            "server": call.server,
            "call_id": call.id,
            "direction": call.direction.value,
            "outcome": "unknown" if call.outcome is None else call.outcome.value,
            "caller_number": "" if caller is None else number(caller.number),
            "caller_name": "" if caller is None else text(caller.name),
            "caller_device": "" if caller is None else text(caller.device),
            "requested": number(call.requested),
            "destination": number(call.destination),
            "answered_by": "" if answerer is None else text(answerer.device),
            "hung_up_by": text(call.hung_up_by),
            "tech_cause": call.tech_cause,
            "account": text(call.account),
            "application": call.application,
            "application_data": text(call.application_data),
        }
        return Call(
            started=moment(call.started),
            answered=_moment(call.answered),
            ended=moment(self._end),
            talk_seconds=call.talk_seconds(self._end),
            cause=number_of(call.cause),
            variables={
                text(storable(name)): text(storable(value))
                for name, value in call.variables.items()
            },
            episodes=self._episodes(),
            inferred=call.inferred,
            batch=self._batch,
            **_fit(Call, values),
        )

    def _episodes(self) -> dict[str, list[dict[str, Any]]]:
        chapters = {"parties": self._call.parties}
        chapters |= {name: found for name in _EPISODES if (found := getattr(self._call, name))}
        return {name: [self._episode(one) for one in some] for name, some in chapters.items()}

    def _episode(self, one: Any) -> dict[str, Any]:
        """The fields of a frozen snapshot, without what is empty."""
        found: dict[str, Any] = {}
        for field in fields(one):
            value = getattr(one, field.name)
            if isinstance(value, str):
                value = storable(
                    self._number(value) if field.name in _NUMBERS else self._text(value)
                )
            elif isinstance(value, tuple):
                value = [storable(part) for part in value]
            if value is not None and value != "":
                found[field.name] = value
        return found

    def _number_rows(self, call: Call) -> list[CallNumber]:
        # Two numbers may be one when they are masked, or cut.
        values = (_fit(CallNumber, {"number": number}) for number in self._numbers)
        distinct = dict.fromkeys(value["number"] for value in values)
        return [CallNumber(call=call, number=number) for number in distinct]

    def _leg(self, call: Call, place: int, leg: snapshots.Leg) -> CallLeg:
        values = {
            "uniqueid": leg.uniqueid,
            "device": self._text(leg.device),
            "number": self._number(leg.number),
            "by": self._text(leg.by),
            "queue": leg.queue,
            "outcome": "unknown" if leg.outcome is None else leg.outcome.value,
            "tech_cause": leg.tech_cause,
        }
        return CallLeg(
            call=call,
            place=place,
            begin=moment(leg.begin),
            ringing=_moment(leg.ringing),
            answered=_moment(leg.connected),
            end=_moment(leg.end),
            cause=number_of(leg.cause),
            **_fit(CallLeg, values),
        )

    def _talk(self, call: Call, place: int, talk: snapshots.TalkSegment) -> TalkSegment:
        ended = self._end if talk.end is None else talk.end
        values = {"a": self._text(talk.a), "b": self._text(talk.b)}
        return TalkSegment(
            call=call,
            place=place,
            begin=moment(talk.begin),
            end=moment(max(talk.begin, ended)),
            **_fit(TalkSegment, values),
        )

    def _visit(self, call: Call, place: int, visit: snapshots.QueueVisit) -> QueueVisit:
        values = {
            "server": self._call.server,
            "queue": visit.queue,
            "caller": self._text(visit.caller),
            "result": visit.result.value,
            "agent": self._text(visit.agent),
        }
        return QueueVisit(
            call=call,
            place=place,
            joined=moment(visit.joined),
            connected=_moment(visit.connected),
            left=_moment(visit.left),
            position=number_of(visit.position),
            ring_seconds=visit.ring_seconds,
            wait_seconds=max(0.0, visit.wait(self._end)),
            talk_seconds=talk_of_visit(self._call, visit, self._end),
            **_fit(QueueVisit, values),
        )


def _numbers(call: snapshots.Call) -> Iterable[str]:
    """The numbers that people would search the call by; a device may stand for one."""
    yield call.requested
    yield call.destination
    for party in call.parties:
        yield party.number
    for leg in call.legs:
        yield leg.number
    for transfer in call.transfers:
        yield transfer.to
    for forward in call.forwards:
        yield forward.to


def rows_of(call: snapshots.Call, batch: UUID, mask: Callable[[str], str] | None = None) -> Rows:
    """The rows of a call that has ended. ``mask`` turns a number into the text that is stored."""
    return _Writer(call, batch, mask).rows()
