"""A program in the place of a listener: it publishes the changes of a long day in a few seconds.

It keeps a number of live calls. In each round a tenth of them ends and as many begin, all others
change, and so does every agent and queue.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import django

from django_ami.feeds import backend
from django_ami.live.feed.codec import encode
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.live.figures import Counts
from django_ami.live.queue_views import Agent, AgentState, Queue
from django_ami.live.snapshots import Call, CallState, Direction, Party

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AGENTS", "CALLS", "QUEUES"]

CALLS = 400
AGENTS = 80
QUEUES = 20


class Day:
    """The objects of each round: copies of one call, one agent, one queue with other figures."""

    def __init__(self) -> None:
        self.heading, self.call, self.agent, self.queue = map(encode, _examples(time.time()))

    def round(self, number: int) -> Iterator[tuple[str, object]]:
        """The objects that are new, other or gone in a round."""
        tenth = CALLS // 10
        yield "server:", {**self.heading, "received": number * 1000}
        for serial in range(max(0, number - 1) * tenth, number * tenth):
            yield f"call:{serial}", None
        for serial in range(number * tenth, number * tenth + CALLS):
            state = "answered" if (serial + number) % 2 else "held"
            requested = f"7{serial:06d}"
            call = {**self.call, "id": str(serial), "state": state, "requested": requested}
            yield f"call:{serial}", call
        for agent in range(AGENTS):
            name, state = f"PJSIP/{agent}", "available" if (agent + number) % 2 else "paused"
            changed = {"interface": name, "name": f"Agent {agent}", "state": state}
            yield f"agent:{name}", {**self.agent, **changed, "calls_taken": number}
        for queue in range(QUEUES):
            name = f"queue {queue}"
            yield f"queue:{name}", {**self.queue, "name": name, "waiting": number % 7}


def _examples(now: float) -> tuple[object, ...]:
    parties = (
        Party("PJSIP/trunk", "+4930111", "", "caller", ("1.1",), now, None, now),
        Party("PJSIP/7000", "7000", "Ann", "callee", ("1.2",), now, None, now),
    )
    call = Call("1.1", "node_1", Direction.INBOUND, CallState.ANSWERED, now, now, parties=parties)
    talks = {"queues": {"queue 1": False}, "talk": None, "wrapup_until": 0.0, "calls_taken": 0}
    sums = {"seconds_today": {}, "occupancy_today": None, "seconds": {}, "occupancy": None}
    phone = ("PJSIP/1", "Agent", "PJSIP/1", 1)
    agent = Agent(*phone, AgentState.AVAILABLE, now, "", **talks, **sums)
    queue = Queue("queue", 0, None, Counts(joined=9), Counts(joined=9), 20.0, 4)
    return Heading("node_1", ready=True, complete=True), call, agent, queue


def publish(rounds: int, seconds: float) -> None:
    """Publish so many rounds, one each so many seconds; say the number of each."""
    store = backend()
    assert store is not None
    publisher, day = Publisher(store), Day()
    for number in range(rounds):
        publisher.note("node_1", day.round(number))
        print(number, flush=True)
        time.sleep(seconds)
    while True:
        time.sleep(1)


if __name__ == "__main__":
    django.setup()
    publish(int(sys.argv[1]), float(sys.argv[2]))
