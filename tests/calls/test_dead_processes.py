"""A process that is killed at any moment has its call made once at most, and its end is known."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.testing import CallTimes, FakeAsterisk
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from django_ami.testing import ReceivedAction

#: By moment: how often the server was asked to dial, and the row in the end.
MOMENTS: dict[str, tuple[int, tuple[str, str] | None]] = {
    "commit": (0, None),
    "committed": (0, ("never_made", "")),
    "arrival": (1, ("ended", "answered")),
    "ringing": (1, ("ended", "answered")),
    "answered": (1, ("ended", "answered")),
    "over": (1, ("ended", "answered")),
    "never": (1, ("ended", "answered")),
}


def rows(file: Path) -> dict[str, tuple[str, str]]:
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT asked_by, state, result FROM ami_calls_origination")
    stored = {moment: (state, result) for moment, state, result in found}
    connection.close()
    return stored


@pytest.mark.long
def test_a_killed_process_makes_no_call_twice_and_its_end_is_known(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite3"
    database = f'{{"ENGINE": "django.db.backends.sqlite3", "NAME": "{file}"}}'
    env: dict[str, Any] = {
        "DJANGO_SETTINGS_MODULE": "tests.calls.settings",
        "AMI_TEST_DATABASE": database,
        "AMI_TEST_CALLS": '{"reconcile_seconds": 0.2, "settle_seconds": 0.5}',
    }
    with Program([*PYTHON, "-m", "django", "migrate", "ami_calls"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    times = CallTimes(ring=0.3, duration=3)
    with FakeAsterisk(times=times) as server, ExitStack() as stack:
        env["AMI_NODE1_URL"] = server.url
        worker = stack.enter_context(Program([*PYTHON, "-m", "django", "ami_listen"], **env))
        worker.wait_for_out("ready")
        askers: dict[str, Program] = {}

        def killed_on_arrival(action: ReceivedAction) -> bool:
            if action.get("Channel") == "PJSIP/arrival":
                askers["arrival"].signal(signal.SIGKILL)
            return False

        server.on("Originate").when(killed_on_arrival)
        for moment in MOMENTS:
            command = [*PYTHON, "-m", "tests.calls.asker", f"PJSIP/{moment}", moment]
            askers[moment] = stack.enter_context(Program(command, **env))
        for moment in ("ringing", "answered"):
            askers[moment].wait_for_out(f"state {moment}")
            askers[moment].signal(signal.SIGKILL)
        askers["over"].wait_for_out("state answered")
        askers["over"].signal(signal.SIGSTOP)  # it hears of no end
        for moment in ("commit", "committed", "arrival", "ringing", "answered"):
            assert askers[moment].wait() == -signal.SIGKILL, str(askers[moment])
        assert rows(file)["committed"] == ("unknown", "")
        wanted = {moment: told for moment, (_, told) in MOMENTS.items() if told is not None}
        wait_until(lambda: rows(file) == wanted, what=f"the ends of all: {worker}")
        askers["over"].signal(signal.SIGKILL)
        assert askers["over"].wait() == -signal.SIGKILL
        assert askers["never"].wait() == 0, str(askers["never"])
        assert "answered" in askers["never"].out
        dials = Counter(
            action.get("Channel").removeprefix("PJSIP/")
            for action in server.received
            if action.name == "Originate"
        )
        assert dials == {moment: count for moment, (count, _) in MOMENTS.items() if count}
