"""A site in front of a simulated Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from django_ami.testing import CallTimes, FakeAsterisk
from tests.wallboard.commands.visiting import Site, site_of


@pytest.fixture
def site(settings: Any, db: None) -> Iterator[Site]:
    times = CallTimes(ring=0.1, duration=60)
    with FakeAsterisk(times=times) as server, site_of(server.url, settings) as made:
        made.server = server
        yield made
