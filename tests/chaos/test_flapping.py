"""Fifty servers, of which ten come and go: a real listener, and how much it writes of that."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from contextlib import ExitStack

import pytest

from django_ami.core.cluster.announcements import FIRST_LINES
from django_ami.testing import FakeAsterisk
from tests.running import PYTHON, Program, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.long]

SERVERS, FLAPPING, FLAPS = 50, 10, 20


def test_server_that_comes_and_goes_has_few_lines_and_all_its_changes_are_counted() -> None:
    command = [
        *PYTHON, "-m", "django", "ami_listen", "--all", "--settings=tests.chaos.flapping_settings",
    ]  # fmt: skip
    with ExitStack() as stack:
        servers = [stack.enter_context(FakeAsterisk()) for _ in range(SERVERS)]
        urls = json.dumps({f"pbx_{number}": one.url for number, one in enumerate(servers)})
        listener = stack.enter_context(Program(command, AMI_TEST_URLS=urls))
        wait_until(
            lambda: sum(": ready," in line for line in listener.out) == SERVERS,
            what=f"all are ready: {listener}",
        )
        for _ in range(FLAPS):
            _flap(servers[:FLAPPING])
        listener.signal(signal.SIGTERM)
        assert listener.wait() == 0, str(listener)
    names = [re.match(r"pbx_\d+", line) for line in listener.err]
    lines = Counter(name[0] for name in names if name)
    assert set(lines) == {f"pbx_{number}" for number in range(FLAPPING)}
    # The summary at the end, or one in a minute: the machine may be slow.
    assert max(lines.values()) <= FIRST_LINES + 3, listener
    assert max(Counter(line.partition(":")[0] for line in listener.out).values()) <= 3 + 3
    assert sum(map(_lost, listener.err)) == FLAPPING * FLAPS


def _flap(servers: list[FakeAsterisk]) -> None:
    """Drop the connection of each, and wait until all have come again."""
    before = [server.logins for server in servers]
    for server in servers:
        server.drop()
    for server, logins in zip(servers, before, strict=True):
        wait_until(lambda server=server, logins=logins: server.logins > logins, what="it is back")


def _lost(line: str) -> int:
    """How many losses of a connection a line tells, of one that was ready or nearly."""
    if "more changes" not in line:
        return "Trying again in" in line
    counted = re.search(r"lost or not connected (\d+) times", line)
    return int(counted[1]) if counted else 0
