"""Everything here is marked ``chaos``; tests that compare times run with nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import WORKERS

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("chaos")


@pytest.fixture(autouse=True)
def _nothing_beside(request: pytest.FixtureRequest) -> None:
    """On a busy machine a working thread waits longer for a core than a sleeping one.

    That is no fault of ours.
    """
    if request.node.get_closest_marker("latency") and WORKERS > 1:
        pytest.skip("compares times, so it runs with nothing beside it: -n0 -m latency")
