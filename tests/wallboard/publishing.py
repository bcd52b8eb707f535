"""Objects as a listener publishes them: a server, and callers who wait in its queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami import feeds
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.live.queue_views import Agent, AgentState, Caller

if TYPE_CHECKING:
    from django_ami.live.feed.mirror import Mirror

HEADING = ("server:", Heading("node_1", ready=True, complete=True, since=1.0))
AGENT = Agent(
    interface="PJSIP/amy", name="Amy", device="PJSIP/amy", device_state=1,
    state=AgentState.AVAILABLE, since=1.0, pause_reason="", queues={"sales": False}, talk=None,
    wrapup_until=0.0, calls_taken=0, seconds_today={}, occupancy_today=None, seconds={},
    occupancy=None,
)  # fmt: skip
Published = tuple[str, object]


def caller(name: str, position: int = 1, queue: str = "sales") -> tuple[str, Caller]:
    """A caller who waits at that place of the queue."""
    return f"caller:{name}", Caller(queue, name, "", "0301234", name, position, 100.0)


def gone(name: str) -> Published:
    """The caller is no longer in the queue."""
    return f"caller:{name}", None


def publisher() -> Publisher:
    """A publisher to the feed of this process. Close it."""
    backend = feeds.backend()
    assert backend is not None
    return Publisher(backend)


def mirror() -> Mirror:
    """The mirror of this process."""
    found = feeds.mirror()
    assert found is not None
    return found
