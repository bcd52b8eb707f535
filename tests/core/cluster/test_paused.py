"""A process that was stopped for longer than its timeouts reads what came meanwhile, asks, and then
judges.

A client without a thread is stopped whenever nobody calls ``tick``: so the test stops it at will.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.testing import FakeAsterisk, Simulator
from tests.core.io_support import config, unread, wait_until
from tests.core.servers import Hoard
from tests.running import Program

pytestmark = pytest.mark.usefixtures("no_bugs")

#: Seconds.
TIMEOUT_SECONDS = 0.6
PAUSE_SECONDS = 1.2


@pytest.fixture(params=["listener", "caller"])
def client(request: pytest.FixtureRequest, sim: Simulator) -> Iterator[Client]:
    where = config(
        sim,
        read_timeout=TIMEOUT_SECONDS,
        heartbeat_interval=TIMEOUT_SECONDS / 2,
        connect_timeout=TIMEOUT_SECONDS,
        idle_timeout=1,
    )
    client = Client([where], role=request.param)
    client.connect()
    yield client
    client.close()


def tick_until(client: Client, condition: object) -> None:
    wait_until(lambda: client.tick(0.01) or condition())


def become_ready(client: Client, sim: Simulator) -> None:
    tick_until(
        client,
        lambda: client.server("node_1").ready and client.status()["node_1"].pending_actions == 0,
    )


def pings(sim: Simulator) -> int:
    return sum(action.name == "Ping" for action in sim.received)


def resume(client: Client) -> None:
    """Go on with something to do at once, as a process has that wakes: so timers come before
    sockets.
    """
    client.subscribe("Hangup", print)
    client.tick(0.01)


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_healthy_link_is_asked_and_kept(
    client: Client, sim: Simulator, *, asked_before: bool
) -> None:
    become_ready(client, sim)
    if asked_before:
        tick_until(client, lambda: pings(sim))
    time.sleep(PAUSE_SECONDS)
    before = pings(sim)
    resume(client)
    tick_until(client, lambda: pings(sim) > before)
    tick_until(client, lambda: client.status()["node_1"].pending_actions == 0)
    status = client.status()["node_1"]
    assert (status.ready, status.reconnects, status.failures, sim.logins) == (True, 0, 0, 1)


def test_an_answer_that_came_in_time_counts(client: Client, sim: Simulator) -> None:
    sim.on("Slow").reply().after(0.1)
    become_ready(client, sim)
    pending = client.send(Action("Slow"), timeout=TIMEOUT_SECONDS)
    tick_until(client, lambda: sim.received[-1].name == "Slow")
    wait_until(lambda: unread(client))
    time.sleep(PAUSE_SECONDS)
    resume(client)
    tick_until(client, pending.done)
    assert pending.result(0).ok
    assert client.status()["node_1"].late_answers == 0


#: Threads of one process that wait for an answer each; one of them leads, and the others sleep.
WAITING = """
import sys, threading
from django_ami.actions import Action
from django_ami.core.client import Client
from tests.core.io_support import config

client = Client([config(int(sys.argv[1]))], role="caller")
client.start()
pendings = [client.send(Action("Slow"), timeout=20) for _ in range(30)]
threads = [threading.Thread(target=lambda one=one: print(one.result(1).ok)) for one in pendings]
for thread in threads:
    thread.start()
print("waiting", flush=True)
for thread in threads:
    thread.join()
print("over", flush=True)
client.close()
"""


def test_stopped_process_gets_an_answer_that_came_meanwhile(sim: Simulator) -> None:
    sim.on("Slow").reply().after(0.02)  # each; one after the other
    with Program((sys.executable, "-c", WAITING, str(sim.port))) as program:
        wait_until(lambda: "waiting" in program.out, str(program.err))
        program.process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        program.process.send_signal(signal.SIGCONT)
        wait_until(lambda: "over" in program.out, str(program.err))
    assert program.out.count("True") == 30, program.err


def test_an_answer_behind_many_events_counts(sim: Simulator) -> None:
    client = Client([config(sim, read_timeout=20)])
    client.connect()
    become_ready(client, sim)
    pending = client.send(Ping(), timeout=TIMEOUT_SECONDS)
    sim.on("Ping").raw(
        lambda action: (
            b"Event: Flood\r\nPrivilege: call,all\r\n\r\n" * 2_000
            + f"Response: Success\r\nActionID: {action.action_id}\r\n\r\n".encode()
        )
    )
    client.tick(0)
    client.tick(0)
    time.sleep(PAUSE_SECONDS)
    resume(client)
    tick_until(client, pending.done)
    assert pending.result(0).ok
    client.close()


def test_an_attempt_that_was_slept_through_is_no_failure(client: Client, sim: Simulator) -> None:
    tick_until(
        client, lambda: client.status()["node_1"].state in ("connecting", "greeting", "login")
    )
    time.sleep(PAUSE_SECONDS)
    resume(client)
    become_ready(client, sim)
    assert (client.status()["node_1"].failures, client.status()["node_1"].last_error) == (0, None)


def test_a_dead_link_is_lost_all_the_same() -> None:
    with FakeAsterisk() as sim:
        client = Client(
            [config(sim, read_timeout=TIMEOUT_SECONDS, heartbeat_interval=TIMEOUT_SECONDS / 2)]
        )
        client.connect()
        become_ready(client, sim)
        sim.on("Ping").hang()
        time.sleep(PAUSE_SECONDS)
        tick_until(client, lambda: client.status()["node_1"].last_error)
        assert "nothing received for" in str(client.status()["node_1"].last_error)
        client.close()


def test_a_server_that_does_not_greet_fails_all_the_same() -> None:
    with Hoard() as mute:
        client = Client([config(mute.port, connect_timeout=TIMEOUT_SECONDS)])
        client.connect()
        tick_until(client, lambda: client.status()["node_1"].state == "greeting")
        time.sleep(PAUSE_SECONDS)
        tick_until(client, lambda: client.status()["node_1"].last_error)
        assert "no AMI greeting" in str(client.status()["node_1"].last_error)
        client.close()


def test_a_caller_that_is_ticked_now_and_then_logs_off_when_it_is_idle(sim: Simulator) -> None:
    client = Client([config(sim, idle_timeout=0.3)], role="caller")
    client.connect()
    become_ready(client, sim)

    def logged_off() -> bool:
        time.sleep(0.4)
        client.tick(0.01)
        return any(action.name == "Logoff" for action in sim.received)

    wait_until(logged_off, timeout=5)
    client.close()
