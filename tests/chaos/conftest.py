"""Everything here is marked ``chaos``; what compares latencies runs with nothing beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("chaos")


@pytest.fixture(autouse=True)
def _nothing_beside(request: pytest.FixtureRequest) -> None:
    """Whoever works waits longer for a core than whoever sleeps, once others want one: that is no fault of ours."""
    if request.node.get_closest_marker("latency") and int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        pytest.skip("compares times, so it runs with nothing beside it: -n0 -m latency")
