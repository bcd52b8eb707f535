"""A process that only sends, for weeks.

It connects when it is used and logs off when it is idle, and nothing grows.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.looks import check_blocks, check_what_is_held, show
from tests.chaos.support import LONG
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5_000 if LONG else 240
LOOKS = 24
PATIENCE_SECONDS = 3600 if LONG else 300
OPTIONS = {"idle_timeout": 0.01, "reconnect_initial": 0.05, "reconnect_max": 0.1, "stable_after": 0}

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from /proc"
)


@pytest.fixture
def servers() -> Iterator[list[FakeAsterisk]]:
    with FakeAsterisk(keep_received=1000) as one, FakeAsterisk(keep_received=1000) as other:
        for server in (one, other):
            server.on("Refused").fail("no")
            server.on("Unanswered").hang()
            server.on("Cut").drop()
        yield [one, other]


@pytest.mark.long
@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.parametrize("way", ["waits", "told"])
def test_a_process_that_only_sends(servers: list[FakeAsterisk], way: str) -> None:
    settings = {
        "INSTALLED_APPS": ["django_ami"],
        "AMI_DEFAULT_SERVER": "node_1",
        "AMI_OPTIONS": OPTIONS,
    }
    urls = {f"AMI_NODE{number}_URL": server.url for number, server in enumerate(servers, 1)}
    command = [*PYTHON, "-m", "tests.chaos.caller_worker", way, str(ROUNDS), str(LOOKS)]
    with Program(command, AMI_TEST_SETTINGS=json.dumps(settings), **urls) as worker:
        wait_until(
            lambda: worker.process.poll() is not None, PATIENCE_SECONDS, "the end of its rounds"
        )
        assert worker.wait() == 0, str(worker)
        looks = [json.loads(line) for line in worker.out]
        show(looks)
        assert sum(server.logins for server in servers) >= ROUNDS
        assert not [line for line in worker.err if "A bug" in line]
        check_what_is_held(looks)
        check_blocks(looks)
