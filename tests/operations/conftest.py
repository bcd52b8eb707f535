"""A simulated Asterisk, and a site whose listeners have leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami
from django_ami.operations import audit
from django_ami.testing import FakeAsterisk
from tests.operations.support import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sim() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def site(tmp_path: Path, sim: FakeAsterisk) -> Iterator[Site]:
    made = Site(tmp_path, [sim])
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def server(sim: FakeAsterisk, settings: Any, transactional_db: None) -> Iterator[FakeAsterisk]:
    """A simulated Asterisk as node_1, and an empty action log."""
    settings.AMI_SERVERS = {"node_1": {"URL": sim.url}}
    audit.close()
    yield sim
    ami.close()
    audit.close()
