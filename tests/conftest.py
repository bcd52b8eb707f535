"""What the whole test-suite shares."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """``-n auto``: tests wait for sockets more than they compute, so a small machine takes more workers than cores."""
    return max(4, os.cpu_count() or 1)
