"""A process that is killed makes no call twice, and another one learns what became of its call."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import CallTimes, FakeAsterisk
from tests.core.io_support import PATIENCE_SECONDS, config, started
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("no_bugs")

#: It stores the id before it makes the call, as a program should: here by printing it.
SOURCE = """
import sys
import threading

from django_ami.core import Client
from django_ami.core.config import ServerConfig

client = Client([ServerConfig.from_url("node_1", sys.argv[1])], role="caller")
client.start(connect=False)
call_id = client.new_call_id()
print("stored", call_id, flush=True)
if sys.argv[2] == "before":
    threading.Event().wait(60)
call = client.originate(
    to="PJSIP/101", context="default", exten="102", timeout=5, call_id=call_id
)
call.on_change(lambda _, state: print("state", state, flush=True))
print("made", flush=True)
call.wait()
print("over", flush=True)
"""


def kill(program: Program) -> None:
    program.signal(signal.SIGKILL)


def on_arrival(server: FakeAsterisk, program: Callable[[], Program]) -> None:
    """Kill it when its Originate arrives: nobody is there for the answer."""
    server.on("Originate").when(lambda _: kill(program()) or False)


@pytest.mark.parametrize("moment", ["before", "on arrival", "ringing", "answered"])
def test_no_call_is_made_twice_and_its_state_is_known_afterwards(moment: str) -> None:
    with FakeAsterisk(times=CallTimes(ring=0.2, duration=60)) as server:
        programs: list[Program] = []
        if moment == "on arrival":
            on_arrival(server, lambda: programs[0])
        command = (*PYTHON, "-c", SOURCE, server.url, moment)
        with Program(command, AMI_NODE1_URL=server.url) as program:
            programs.append(program)
            call_id = program.wait_for_out("stored").split()[1]
            if moment in ("ringing", "answered"):
                program.wait_for_out(f"state {moment}")
            if moment != "on arrival":
                kill(program)
            assert program.wait() == -signal.SIGKILL
        with started(config(server), role="caller", connect=False) as restarted:
            call = restarted.call(call_id)
            if moment == "before":
                assert call.wait(PATIENCE_SECONDS).result == "unknown"
            else:
                assert call.answered().result(PATIENCE_SECONDS)
                call.hangup()
                assert call.wait(PATIENCE_SECONDS).answered
        made = [action for action in server.received if action.name == "Originate"]
        assert [action.get("ChannelId") for action in made] == [call_id] * (moment != "before")
