"""A link that flaps: a listener is ready for about as long as it is up.

All is twenty times as fast as in life; with ``AMI_TEST_LONG=1`` it is as in life, for ten minutes.
"""

from __future__ import annotations

import time

import pytest

from django_ami.testing import FakeAsterisk
from tests.chaos.support import LONG
from tests.core.io_support import config, ready, started

#: How many times as fast as in life.
SPEED = 1 if LONG else 20
UP_SECONDS, DOWN_SECONDS = 10 / SPEED, 4 / SPEED
#: The pauses of the default options, at that speed.
OPTIONS = {
    "reconnect_initial": 1 / SPEED,
    "reconnect_max": 30 / SPEED,
    "stable_after": 10 / SPEED,
    "boot_grace": 1 / SPEED,
}
TIMES = 43 if LONG else 8


@pytest.mark.long
@pytest.mark.timeout(700 if LONG else 120)
def test_a_listener_is_ready_while_a_flapping_link_is_up() -> None:
    up = there = 0.0
    with FakeAsterisk() as sim, started(config(sim, **OPTIONS)) as client:
        ready(client)
        server = client.servers["node_1"]
        for _ in range(TIMES):
            sim.stop()
            time.sleep(DOWN_SECONDS)  # the test measures time
            sim.start()
            begun = now = time.monotonic()
            while now < begun + UP_SECONDS:
                before, was_ready = now, server.ready
                time.sleep(0.002)
                now = time.monotonic()
                there += (now - before) * was_ready
            up += now - begun
    print(f"ready for {there:.1f} s of the {up:.1f} s that the link was up")
    assert there > 0.75 * up
