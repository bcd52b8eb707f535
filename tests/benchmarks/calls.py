"""Recorded calls as a flood: many at a time, each with channels, bridges and phones of its own.

They are the recordings of real calls in ``tests/data``, with every event that Asterisk sent. A
block holds ``CALLS`` scenarios, begun at random moments, all of which end in it. In each block that
is sent, the ids are others: ``TOKEN`` stands where the number of the block goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from tests.recordings import scenarios, timed

__all__ = ["PLAIN", "CallBlock", "block_of_calls", "end_of_flood"]

CALLS: Final = 500
TOKEN: Final = b"@@@@@@"
#: How long it takes until all of them have begun, in the time of the recordings.
_BEGIN_SECONDS: Final = 10.0
_UNIQUEID: Final = re.compile(rb"\b1[67]\d{8}\.\d+\b")
_SUFFIX: Final = re.compile(rb"-([0-9a-f]{8})\b(?!-)")
_BRIDGE: Final = re.compile(rb"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-)[0-9a-f]{12}\b")
_PHONE: Final = re.compile(rb"PJSIP/([a-z]+)\b")
#: Scenarios of two phones, which have about 25 events that are not of the dialplan.
PLAIN: Final = ("answered-caller-hangs-up", "busy-486", "caller-cancels", "no-answer",
                "originate-486", "originate-answered", "originate-rings-out")  # fmt: skip


@dataclass(frozen=True)
class CallBlock:
    """Pregenerated events, with ``TOKEN`` in their ids."""

    data: bytes
    events: int
    scenarios: int

    def numbered(self, number: int) -> bytes:
        """The block, with ids that no other number has."""
        return self.data.replace(TOKEN, b"%06d" % number)


@cache
def block_of_calls(only: tuple[str, ...] = (), calls: int = CALLS, seed: int = 7) -> CallBlock:
    """A block of all recordings of Asterisk 22, or of those whose names are given."""
    names = [
        (name, folder)
        for folder in ("calls", "phones")
        for name, version in scenarios(folder)
        if version == "22" and (name in only or not only)
    ]
    chance, moments = Random(seed), list[tuple[float, int, int, bytes]]()
    for number in range(calls):
        name, folder = names[number % len(names)]
        begin = chance.uniform(0, _BEGIN_SECONDS)
        for place, (at, event) in enumerate(timed(name, "22", folder)):
            if event.name not in {"FullyBooted", "UserEvent"}:
                moments.append((begin + at, number, place, event.raw))
    moments.sort()
    data = b"".join(_own(raw, number) + b"\r\n\r\n" for _, number, _, raw in moments)
    return CallBlock(data, len(moments), calls)


def _own(raw: bytes, number: int) -> bytes:
    """The event, with ids, names and phones of that scenario's own."""

    def uniqueid(found: re.Match[bytes]) -> bytes:
        epoch, _, serial = found[0].partition(b".")
        return b"%b.%d%03d%b" % (epoch, number, int(serial) % 1000, TOKEN)

    raw = _BRIDGE.sub(rb"\g<1>%06d%b" % (number, TOKEN), raw)
    raw = _UNIQUEID.sub(uniqueid, raw.strip())
    raw = _SUFFIX.sub(rb"-\g<1>%04x%b" % (number, TOKEN), raw)
    return _PHONE.sub(rb"PJSIP/\g<1>%03d" % number, raw)


def end_of_flood(events: int) -> bytes:
    """The event that ends a flood, and tells how many there were."""
    return b"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: End\r\nEvents: %d\r\n\r\n" % (
        events
    )
