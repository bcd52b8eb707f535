"""What the whole test-suite shares."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from django_ami.testing.connections import connections_allowed

# Whatever started this test run may ignore SIGHUP, as nohup does; the workers under test would ignore it as well then.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers() -> int:
    """``-n auto``: tests wait for sockets more than they compute, so a small machine takes more workers than cores."""
    return max(4, os.cpu_count() or 1)


@pytest.fixture(autouse=True, scope="session")
def may_connect() -> Iterator[None]:
    """These tests are about connections, to servers of all kinds; who may connect is tested in other processes."""
    with connections_allowed():
        yield
