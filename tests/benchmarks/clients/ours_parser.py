"""django_ami's parser by itself: the same bytes, handed over in pieces of any size."""

from __future__ import annotations

from typing import Any

from django_ami.core.protocol import Parser
from tests.benchmarks.clients.measuring import Meter, run
from tests.benchmarks.events import block


def burst(port: int, events: int, piece: int) -> dict[str, Any]:
    """Events in pieces of ``piece`` bytes; 0: all at once."""
    data = block().take(events)
    parser = Parser(server="pbx", banner=False)
    step = piece or len(data)
    seen = 0
    meter = Meter(events)
    for start in range(0, len(data), step):
        seen += len(parser.feed(data[start : start + step]))
    meter.end()
    assert seen == events, f"{seen} of {events} events"
    return meter.result(bytes=len(data))


if __name__ == "__main__":
    run((burst,))
