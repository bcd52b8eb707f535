"""From a server through a listener, Redis and consumers to receivers, with faults on the way."""

from __future__ import annotations

import json
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk
from tests.forwarding.test_ami_consume import PARTITIONS, Scene, assert_in_order
from tests.running import PYTHON, Program, wait_until
from tests.servers.redis import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

CALLS = 8


def listener(scene: Scene, server: str, folder: Path) -> Program:
    forward = {
        "OUTLET": "redis", "URL": scene.server.url, "PARTITIONS": PARTITIONS,
        "SPOOL": str(folder / "spool"), "OPTIONS": {"lease_timeout": 1},
    }  # fmt: skip
    return Program(
        (*PYTHON, "-m", "django", "ami_listen", "--server=node_1"),
        DJANGO_SETTINGS_MODULE="tests.forwarding.project.settings",
        TEST_FORWARD=json.dumps(forward), TEST_OUT=scene.file, TEST_SERVER=server,
    )  # fmt: skip


def test_calls_arrive_whole_and_in_order_while_redis_freezes_and_consumers_are_killed(
    tmp_path: Path,
) -> None:
    chance = random.Random(4)
    with (
        RedisServer(tmp_path, appendonly=True) as server,
        FakeAsterisk() as sim,
    ):
        scene = Scene(tmp_path, server)
        with listener(scene, sim.url, tmp_path) as listening:
            listening.wait_for_out("ready")
            consumers = [scene.consume("--workers=2") for _ in range(2)]
            try:
                number = 0
                for turn in range(60):
                    for call in range(CALLS):
                        number += 1
                        some = f"{call}.1"
                        sim.emit("Newexten", Uniqueid=some, Linkedid=some, Number=number)
                    if turn == 20:
                        server.signal(signal.SIGSTOP)
                    elif turn == 40:
                        wait_until(lambda: any("frozen" in line for line in listening.err))
                        server.signal(signal.SIGCONT)
                    elif turn % 10 == 5:
                        victim = consumers.pop(chance.randrange(2))
                        victim.signal(signal.SIGKILL)
                        victim.__exit__()
                        consumers.append(scene.consume("--workers=2"))
                    time.sleep(0.05)
                wait_until(
                    lambda: len({line.number for line in scene.lines}) >= number, 90,
                    what=f"{number}, not {len(set(scene.numbers))}",
                )  # fmt: skip
                listening.signal(signal.SIGTERM)
                assert listening.wait() == 0, str(listening)
            finally:
                for one in consumers:
                    one.__exit__()
        lines = scene.lines
        assert {int(line.number) for line in lines} == set(range(1, number + 1))
        assert_in_order(lines)
        assert len({line.id for line in lines}) == number
        scene.outlet.close(1)
