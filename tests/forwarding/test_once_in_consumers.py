"""``once`` behind an engine: consumers die, events come twice, and no effect does."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.forwarding.test_ami_consume import Scene
from tests.running import run_python, wait_until
from tests.servers import postgresql
from tests.servers.redis import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 1_000
CONSUMERS = 3
#: For all events, on a machine that does other things.
SECONDS = 90.0


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing())
def test_each_effect_is_there_once_though_consumers_die_behind_it(tmp_path: Path) -> None:
    with postgresql.PostgreSQL() as database, RedisServer(tmp_path) as redis:
        env = {"TEST_DATABASE": json.dumps(database.setting())}
        database.execute("CREATE TABLE bills (number integer)")
        run_python(
            "import django; django.setup(); from django.core.management import call_command; "
            "call_command('migrate', verbosity=0)",
            DJANGO_SETTINGS_MODULE="tests.forwarding.project.settings",
            TEST_FORWARD="null",
            TEST_OUT=tmp_path / "migrate",
            **env,
        )
        scene = Scene(tmp_path, redis)
        for number in range(0, EVENTS, 5):
            scene.publish(*range(number, number + 5), call=number // 5 % 8)
        running = [scene.consume("--workers=2", **env) for _ in range(CONSUMERS)]
        deaths = 0

        def is_through() -> bool:
            nonlocal deaths
            for place, one in enumerate(running):
                if one.process.poll() is not None:
                    assert one.wait() == -signal.SIGKILL, str(one)
                    deaths += 1
                    running[place] = scene.consume("--workers=2", **env)
            return not any((scene.outlet.lag() or {0: 1}).values())

        try:
            wait_until(is_through, SECONDS)
        finally:
            for one in running:
                one.__exit__()
            scene.outlet.close(1)
        ((bills, billed),) = database.execute("SELECT COUNT(*), COUNT(DISTINCT number) FROM bills")
    assert (bills, billed) == (EVENTS, EVENTS), "nothing is lost, and nothing was done twice"
    delivered = [line.id for line in scene.lines]
    assert deaths > 1
    assert len(delivered) - len(set(delivered)) >= deaths, "each death repeats its event at least"
