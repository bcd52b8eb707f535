"""Measurements are not part of the test run: they run on request, with ``-m benchmark``."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "benchmark" in config.getoption("-m"):
        return
    measuring = [item for item in items if item.get_closest_marker("benchmark")]
    config.hook.pytest_deselected(items=measuring)
    items[:] = [item for item in items if item not in measuring]
