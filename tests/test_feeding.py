"""What a listener publishes of its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.feeding import Feeding
from django_ami.live.feed.memory import MemoryBackend
from django_ami.live.feed.mirror import Mirror
from django_ami.live.feed.remote import RemotePicture
from tests.live.callcentre import CallCentre, listed_queue
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


class Published:
    """A listener's side of a feed, and a picture of it elsewhere."""

    def __init__(self) -> None:
        backend = MemoryBackend()
        self.feeding = Feeding(backend, lambda server: 0)
        self.mirror = Mirror(backend)
        self.picture = RemotePicture(self.mirror, "node_1", lambda: 100.0)


@pytest.fixture
def published() -> Iterator[Published]:
    published = Published()
    yield published
    published.feeding.close()
    published.mirror.close()


def test_queue_that_the_server_has_lost_goes_away_elsewhere(published: Published) -> None:
    centre = CallCentre()
    for names in (["support", "sales"], ["support"]):
        changes = centre.seed(queues=[listed_queue(name) for name in names])
        published.feeding.changed("node_1", centre.tracker, changes)
        wait_until(lambda: list(published.picture.queues) == names)  # noqa: B023  (waited for)
