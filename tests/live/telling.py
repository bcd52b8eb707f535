"""A call in one line, as a person tells it: for tables of what is expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call, Party

__all__ = ["tell"]


def phone(device: str) -> str:
    """``PJSIP/bob`` is bob's telephone; nobody is behind an empty name."""
    return device.rpartition("/")[2] or "-"


def who(party: Party | None) -> str:
    """The telephone of a party."""
    return "-" if party is None else phone(party.device)


def tell(call: Call) -> str:
    """Caller, number, outcome; then the end, the legs, the talks, and the ways that it went."""
    said = [
        f"{who(call.caller)} calls {call.requested or '-'}: {call.outcome or 'part of another'}"
    ]
    said[0] += f" by {who(call.answered_by)}" * (call.answered_by is not None)
    said += [f"{phone(call.hung_up_by)} hung up"] * bool(call.hung_up_by)
    legs = sorted(f"{phone(leg.device)} {leg.outcome or 'open'}" for leg in call.legs)
    said += [f"legs {', '.join(legs)}"] * bool(legs)
    said += [f"{talks} talk" for talks in [", ".join(pairs(call))] if talks]
    said += [f"{phone(one.a)} hears {phone(one.b)} before" for one in call.early_media]
    said += [f"held by {phone(one.by)}" for one in call.holds]
    said += [
        f"{one.kind} of {phone(one.who)} by {phone(one.by)} to {phone(one.to)}"
        for one in call.transfers
    ]
    said += [f"forwarded by {phone(one.by)} to {one.to}" for one in call.forwards]
    said += [f"picked up by {phone(one.by)} from {phone(one.of)}" for one in call.pickups]
    said += [
        f"{phone(one.who)} parked by {phone(one.by)}, {one.result} by {phone(one.retrieved_by)}"
        for one in call.parks
    ]
    said += [f"queue {one.queue} {one.result} by {one.agent or '-'}" for one in call.queues]
    said += sorted(
        f"{phone(one.device)} in conference {one.conference}" for one in call.conferences
    )
    return "; ".join(said)


def pairs(call: Call) -> list[str]:
    """The pairs that talked, one after the other."""
    return ["-".join(sorted((phone(talk.a), phone(talk.b)))) for talk in call.talks]
