"""A simulated Asterisk, and a site whose listeners have leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk, Simulator
from tests.operations.support import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def site(tmp_path: Path, sim: Simulator) -> Iterator[Site]:
    made = Site(tmp_path, [sim])
    try:
        yield made
    finally:
        made.close()
