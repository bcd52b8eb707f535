"""The order of some events is a race in every version of Asterisk; the calls are equal in any.

The events that race are told by another thread than the channel's own: they are moved among those
that were received in the ten milliseconds around them, but not before a channel of theirs is there,
nor before others of their own kind.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from django_ami.live.tracker import Tracker
from tests.live.telling import tell
from tests.recordings import scenarios, timed

if TYPE_CHECKING:
    from django_ami.core.messages import Event

    Told = list[tuple[float, Event]]

BURST_SECONDS = 0.010
RACING = frozenset(
    {"DialEnd", "DialState", "OriginateResponse", "Cdr", "ConfbridgeJoin", "ConfbridgeLeave",
     "ParkedCall", "UnParkedCall", "BlindTransfer", "AttendedTransfer"}
)  # fmt: skip
PREFIXES = (
    "",
    "Dest",
    "Transferer",
    "Transferee",
    "OrigTransferer",
    "SecondTransferer",
    "TransferTarget",
    "Parkee",
)
#: In these, DialEnd alone tells the truth: that of a phone before its call has ended, or that of a
#: Local channel before that of the phone behind it. All that were recorded have that order.
#: Behind Local channels, the thread that transfers is the one that hangs up then. DialEnd
#: ties a phone that Originate calls to the one that it forwards to, whose number may come first.
ORDERED = frozenset(
    {"busy-then-cancel", "busy-then-hunt", "rejected-then-cancel", "rejected-then-hunt",
     "forwarded-rings-out", "local-rings-out-then-hunt", "local-fork-rings-out",
     "queue-local-members", "feature-attended-behind-locals", "follow-me", "follow-me-nobody",
     "click-forwarded", "originate-local-rings-out"}
)  # fmt: skip
RACES = 20 if os.environ.get("AMI_TEST_LONG") else 1


def bursts(events: Told) -> list[Told]:
    found: list[Told] = []
    for one in events:
        if not found or one[0] - found[-1][0][0] > BURST_SECONDS:
            found.append([])
        found[-1].append(one)
    return found


def raced(burst: Told, chance: random.Random) -> Told:
    """The burst in another order, with the times where they were."""
    order = [event for _, event in burst if not is_racing(event)]
    earliest: dict[str, int] = {}
    for _, event in burst:
        if is_racing(event):
            kind = event.name[:4]
            first = max(earliest.get(kind, 0), first_place(event, order))
            place = chance.randint(first, len(order))
            order.insert(place, event)
            earliest[kind] = place + 1
    return [(at, event) for (at, _), event in zip(burst, order, strict=True)]


def is_racing(event: Event) -> bool:
    # A transfer to somebody who only rings names no channel of theirs: told late, it tells the
    # number instead.
    return event.name in RACING and event.get("DestType") != "App"


def first_place(event: Event, order: list[Event]) -> int:
    ids = {event.get(f"{prefix}Uniqueid") for prefix in PREFIXES} - {None}
    begins = (
        place
        for place, other in enumerate(order, 1)
        if other.name in {"Newchannel", "DialBegin"}
        and {other.get("Uniqueid"), other.get("DestUniqueid")} & ids
    )
    return max(begins, default=0)


def calls(events: Told) -> list[str]:
    tracker = Tracker("pbx")
    for at, event in events:
        tracker.feed(event, at)
    status = tracker.status()
    assert (status.channels, status.calls, status.contradictions, status.faults) == (0, 0, 0, 0)
    return sorted(tell(call) for call in tracker.ended.values())


@pytest.mark.parametrize(
    ("name", "version", "folder"),
    [
        pytest.param(name, version, folder, id=f"{version}-{name}")
        for folder in ("calls", "phones")
        for name, version in scenarios(folder)
        if name not in ORDERED
    ],
)
def test_the_calls_do_not_depend_on_who_wins(name: str, version: str, folder: str) -> None:
    events = timed(name, version, folder)
    told, chance = calls(events), random.Random(f"{version}-{name}")
    for _ in range(RACES):
        assert calls([one for burst in bursts(events) for one in raced(burst, chance)]) == told
