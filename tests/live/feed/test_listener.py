"""Another process sees the calls that a listener hears."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from django_ami.testing import FakeAsterisk, scenarios
from tests.running import PYTHON, Program

#: Prints what it sees of the server: whether it is fresh, ready, and how the calls are.
WATCH = """
import time, django
django.setup()
from django_ami import ami
picture, before = ami.live("node_1"), None
while True:
    calls = {**picture.ended, **picture.calls}
    seen = (picture.fresh, picture.server.ready, *(str(call.state) for call in calls.values()))
    if seen != before:
        print(*seen, flush=True)
        before = seen
    time.sleep(0.02)
"""


@pytest.mark.slow
def test_calls_of_a_listener_are_seen_elsewhere(tmp_path: Path) -> None:
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.live.feed.settings",
        "AMI_TEST_FILE": str(tmp_path / "feed.sqlite3"),
    }
    with Program([*PYTHON, "-m", "django", "migrate"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    with FakeAsterisk() as server:
        env["AMI_NODE1_URL"] = server.url
        with (
            Program([*PYTHON, "-c", WATCH], **env) as watch,
            Program([*PYTHON, "-m", "django", "ami_listen", "--all"], **env) as listener,
        ):
            watch.wait_for_out("True True")
            server.play(scenarios.busy_call())
            watch.wait_for_out("True True ended")
            listener.signal(signal.SIGTERM)
            assert listener.wait() == 0, str(listener)
            watch.wait_for_out("False")
            # its project has no receivers, but its feed has readers: no word of mere counting
            assert listener.err == []


@pytest.mark.slow
def test_listener_counts_the_writes_that_its_store_refuses(tmp_path: Path) -> None:
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.live.feed.settings",
        "AMI_TEST_FILE": str(tmp_path / "without-tables.sqlite3"),
    }
    with FakeAsterisk() as server:
        env["AMI_NODE1_URL"] = server.url
        with Program([*PYTHON, "-m", "django", "ami_listen", "--all"], **env) as listener:
            listener.wait_for_err("the live picture is not published: OperationalError")
            listener.signal(signal.SIGTERM)
            assert listener.wait() == 0, str(listener)
            assert re.search(
                r"[1-9]\d* writes of the live feed lost\.$",
                listener.wait_for_out("Stopped: ").strip(),
            )
