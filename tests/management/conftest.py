"""A simulated Asterisk for each test of a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sim() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as simulator:
        yield simulator
