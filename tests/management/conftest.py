"""A simulated Asterisk for each test of a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import quick_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with quick_simulator() as simulator:
        yield simulator
