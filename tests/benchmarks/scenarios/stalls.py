"""A burst of events whose receiver stalls again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.goals import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Bench, Sample

#: Asterisk's ``writetimeout`` by default: a client that takes nothing for so long is cut.
_TIMEOUT_SECONDS: Final = 0.1
_STALL_SECONDS: Final = 0.03
_EVERY: Final = 1_000


def stalls(bench: Bench) -> Iterator[Sample]:
    """20,000 events as fast as the wire gives them; the receiver sleeps 30 ms after each 1,000.

    The server cuts a client that takes nothing for 100 ms. A peer does not connect again by
    itself, so that it has fewer events if it was cut.
    """
    amounts = {
        "events": 20_000,  # for tests, too: fewer fit into any queue
        "every": _EVERY,
        "stall": _STALL_SECONDS,
        "timeout": _TIMEOUT_SECONDS,
    }
    mine = [
        (who, build.client("ours_stalls", "stalls", **amounts)) for who, build in bench.builds()
    ]
    for who, result in (*mine, *bench.each_peer("stalls", **amounts)):
        yield "delivered", who, result["delivered"]
        if "dropped" in result:
            yield "dropped", who, result["dropped"]
            yield "reconnects", who, result["reconnects"]
        yield "MB that memory grew by", who, result["grew"] / 2**20
        if who == OURS:
            lost = result["count"] - result["delivered"] - result["dropped"]
            yield "neither delivered nor counted", OURS, lost
