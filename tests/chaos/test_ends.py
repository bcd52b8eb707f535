"""The end: in any state, a signal ends ``ami_listen`` within its drain timeout and a second, and
all is counted.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.core import Client, Options, ServerConfig
from django_ami.testing import FakeAsterisk, Faults
from tests.chaos.support import LONG, ami_listen, settled
from tests.core.io_support import unacknowledged
from tests.core.servers import Hoard, ScriptedServer, read_action, refusing_port, take_login
from tests.running import DEADLINE_SECONDS, black_hole, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

URL = "ami://admin:amp111@127.0.0.1:{}"
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
#: A drain timeout that nothing here needs, so that a wait for it is seen.
AMPLE_SECONDS = 60.0
BRIEF_SECONDS = 1.0

# The time for a logoff is made an hour, so that a wait for it is seen.
HOUR = {
    "django_ami.core.session.conversation:CLOSE_TIMEOUT_SECONDS": 3600.0,
    "django_ami.core.client.client:Client.begin_close.__defaults__": [3600.0],
    "django_ami.core.client.client:Client.close.__defaults__": [3600.0],
}
NOT_CLOSED = (
    "node_1: the server did not close after Logoff. Events that it writes from now on are not "
    "counted."
)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


# --- under a flood ---


@BOTH
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_a_signal_under_a_flood(sim: Simulator, number: int, policy: str) -> None:
    with ami_listen(sim, receivers={"UserEvent": "note"}, overload_policy=policy) as worker:
        worker.wait_for_out("ready")
        flood = sim.start_flood(count=10_000_000, rate=20_000)
        worker.wait_for_notes(5000)
        assert worker.stop(number, AMPLE_SECONDS) == 0, str(worker)
        sent = settled(sim)
        flood.cancel()
        summary = worker.summary
        assert sim.logoffs == 1
        # Events that the server wrote before its Goodbye were read, and are in the sum.
        assert summary.received == sent + 1
        assert summary.delivered == len(worker.numbers())
        assert summary.left == 0
        assert worker.err == [] or all("dropped" in line for line in worker.err)


def test_a_signal_under_a_flood_and_with_receivers_that_are_too_slow(sim: Simulator) -> None:
    arguments = (f"--drain-timeout={BRIEF_SECONDS}",)
    with ami_listen(sim, receivers={"UserEvent": "sleeps 0.01"}, arguments=arguments) as worker:
        worker.wait_for_out("ready")
        flood = sim.start_flood(count=10_000_000, rate=20_000)
        worker.wait_for_notes(50)
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS) == 4, str(worker)
        sent = settled(sim)
        flood.cancel()
        summary = worker.summary
        assert summary.received == sent + 1
        assert summary.delivered == len(worker.numbers())
        assert summary.left > 0
        assert "did not return" not in worker.out[-1]


def test_events_written_before_the_logoff_was_taken_are_delivered() -> None:
    count = 500

    def serve(sock: socket.socket) -> None:
        stream = take_login(sock)
        while action := read_action(stream):
            if action["Action"] == "Logoff":
                for number in range(count):
                    sock.sendall(
                        b"Event: UserEvent\r\nPrivilege: user,all\r\nNumber: %d\r\n\r\n" % number
                    )
                sock.sendall(
                    f"Response: Goodbye\r\nActionID: {action['ActionID']}\r\n\r\n".encode()
                )
                return

    # A mask without system is what this server's conversation begins with.
    options = {"auth_type": "plain", "events": "user"}
    with ScriptedServer(serve) as server, ami_listen(URL.format(server.port), **options) as worker:
        worker.wait_for_out("ready")
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers() == list(range(count))
        assert worker.summary == (count + 1, count, 0, 1, 0, 0, 0)


#: The part without time for a logoff: the session, or all of the client.
NO_TIME = {
    "session": ({"django_ami.core.session.conversation:CLOSE_TIMEOUT_SECONDS": 0.0}, AMPLE_SECONDS),
    "client": (HOUR, 0.0),
}


@pytest.mark.parametrize("whose", NO_TIME)
def test_events_that_arrived_without_time_for_the_logoff_are_delivered(whose: str) -> None:
    count = 500
    events = b"".join(
        b"Event: UserEvent\r\nPrivilege: user,all\r\nNumber: %05d\r\n\r\n" % one
        for one in range(count)
    )
    begin, arrived = threading.Event(), threading.Event()

    def serve(sock: socket.socket) -> None:
        stream = take_login(sock)
        assert begin.wait(DEADLINE_SECONDS)
        sock.sendall(events)
        wait_until(lambda: unacknowledged(sock.fileno()) == 0)
        arrived.set()
        while read_action(stream):  # a Logoff, and then the end; it answers nothing
            pass

    patches, drain_timeout = NO_TIME[whose]
    # A byte in a turn: it takes seconds to read it all.
    patches = {
        **patches,
        "django_ami.core.transport:READ_BYTES": 1,
        "django_ami.core.transport:READ_BUDGET_BYTES": 1,
    }
    arguments = (f"--drain-timeout={drain_timeout}",)
    options = {"auth_type": "plain", "events": "user"}
    with (
        ScriptedServer(serve) as server,
        ami_listen(
            URL.format(server.port), arguments=arguments, patches=patches, **options
        ) as worker,
    ):
        worker.wait_for_out("ready")
        begin.set()
        assert arrived.wait(DEADLINE_SECONDS)
        assert worker.stop(signal.SIGTERM, drain_timeout) in (0, 4), str(worker)
        # It may have no time to deliver them either; then they are counted as left.
        assert worker.summary.received == count + 1
        assert worker.summary.delivered == len(worker.numbers())
        assert worker.err == [NOT_CLOSED]


def test_a_server_that_floods_and_does_not_let_go(sim: Simulator) -> None:
    sim.on("Logoff").hang()
    with ami_listen(
        sim, receivers={"UserEvent": "note"}, arguments=(f"--drain-timeout={AMPLE_SECONDS}",)
    ) as worker:
        worker.wait_for_out("ready")
        flood = sim.start_flood(count=10_000_000, rate=20_000)
        worker.wait_for_notes(1000)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        flood.cancel()
        assert worker.summary.left == 0
        assert worker.summary.delivered == len(worker.numbers())
        assert NOT_CLOSED in worker.err


# --- while a receiver blocks ---


def test_a_receiver_that_blocks_for_less_than_the_drain_timeout(sim: Simulator) -> None:
    arguments = (f"--drain-timeout={AMPLE_SECONDS}",)
    with ami_listen(
        sim, receivers={"Wait": "sleeps 1.0", "UserEvent": "note"}, arguments=arguments
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call")
        for number in range(100):
            sim.emit("UserEvent", Number=number)
        worker.wait_for_notes(1, "Wait")
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers() == list(range(100))
        assert worker.summary == (102, 101, 0, 1, 0, 0, 0)
        assert settled(sim) == 101


@BOTH
@pytest.mark.parametrize("how", ["blocks", "computes"])
def test_a_receiver_that_blocks_for_more(sim: Simulator, how: str, number: int) -> None:
    arguments = (f"--drain-timeout={BRIEF_SECONDS}",)
    with ami_listen(
        sim, receivers={"Wait": how, "UserEvent": "note"}, arguments=arguments
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call")
        for i in range(100):
            sim.emit("UserEvent", Number=i)
        worker.wait_for_notes(1, "Wait")
        assert worker.stop(number, BRIEF_SECONDS) == 4, str(worker)
        assert settled(sim) == 101
        assert worker.summary == (102, 0, 0, 1, 101, 0, 0)
        assert "Not drained: a receiver did not return (" in worker.out[-1]


@pytest.mark.parametrize("how", ["blocks", "computes"])
def test_a_second_signal(sim: Simulator, how: str) -> None:
    arguments = (f"--drain-timeout={AMPLE_SECONDS}",)
    with ami_listen(sim, receivers={"Wait": how}, arguments=arguments) as worker:
        worker.wait_for_out("ready")
        sim.emit("Wait", privilege="call")
        worker.wait_for_notes(1, "Wait")
        worker.signal(signal.SIGTERM)
        assert settled(sim) == 1
        assert worker.stop(signal.SIGTERM, 0) == 4, str(worker)
        assert worker.summary == (2, 0, 0, 1, 1, 0, 0)
        assert worker.out[-1].endswith("Not drained: stopped by a second signal.")


# --- while there is no server ---


def say_nothing(sock: socket.socket) -> None:
    while sock.recv(65536):
        pass


@BOTH
def test_while_connecting_to_a_black_hole(number: int) -> None:
    with black_hole() as port, ami_listen(URL.format(port), connect_timeout=3600) as worker:
        wait_until(lambda: has_a_socket(worker.process.pid), what=str(worker))
        assert worker.stop(number, 0) == 0, str(worker)
        assert worker.summary == (0, 0, 0, 0, 0, 0, 0)


@BOTH
def test_while_waiting_for_a_greeting(number: int) -> None:
    with Hoard() as mute, ami_listen(URL.format(mute.port), connect_timeout=3600) as worker:
        wait_until(lambda: mute.accepted, what=str(worker))
        assert worker.stop(number, 0) == 0, str(worker)
        assert worker.summary == (0, 0, 0, 0, 0, 0, 0)


@BOTH
def test_while_waiting_for_the_answer_to_the_login(number: int) -> None:
    banner = b"Asterisk Call Manager/11.0.0\r\n"
    with Hoard(banner) as mute, ami_listen(URL.format(mute.port), connect_timeout=3600) as worker:
        wait_until(lambda: mute.accepted, what=str(worker))
        assert worker.stop(number, 0) == 0, str(worker)


@BOTH
def test_during_the_tls_handshake(number: int) -> None:
    hello = threading.Event()

    def listen(sock: socket.socket) -> None:
        if sock.recv(65536).startswith(b"\x16\x03"):
            hello.set()
        say_nothing(sock)

    with ScriptedServer(listen) as mute:
        url = f"amis://admin:amp111@127.0.0.1:{mute.port}"
        with ami_listen(url, connect_timeout=3600) as worker:
            assert hello.wait(DEADLINE_SECONDS), str(worker)
            assert worker.stop(number, 0) == 0, str(worker)
            assert worker.err == []


@BOTH
def test_during_the_backoff(number: int) -> None:
    never = {"reconnect_initial": 3600, "reconnect_max": 3600}
    with refusing_port() as port, ami_listen(URL.format(port), **never) as worker:
        worker.wait_for_err("connection refused")
        assert worker.stop(number, 0) == 0, str(worker)
        assert worker.summary == (0, 0, 0, 0, 0, 0, 0)


def test_while_the_server_is_gone(sim: Simulator) -> None:
    with ami_listen(sim, receivers={"UserEvent": "note"}) as worker:
        worker.wait_for_out("ready")
        sim.emit("UserEvent", Number=1)
        worker.wait_for_notes(1)
        sim.stop()
        worker.wait_for_err("not connected")
        assert worker.stop(signal.SIGTERM, 0) == 0, str(worker)
        assert worker.summary == (2, 1, 0, 1, 0, 0, 0)


def test_while_a_server_boots() -> None:
    never = Faults(login_delay=0.0, boot_delay=float("inf"))
    with (
        FakeAsterisk(faults=never) as sim,
        ami_listen(sim, boot_timeout=3600, boot_grace=3600) as worker,
    ):
        # Its question behind the answer to the login.
        sim.wait_for(
            lambda: any(action.name == "CoreSettings" for action in sim.received),
            timeout=DEADLINE_SECONDS,
        )
        assert worker.stop(signal.SIGTERM, 0) == 0, str(worker)
        settled(sim)


@pytest.mark.parametrize("fault", ["no answer", "silent", "stop_reading"])
def test_a_server_that_does_not_let_go(sim: Simulator, fault: str) -> None:
    """It has as long as the receivers have; and that is no fault of theirs."""
    arguments = (f"--drain-timeout={BRIEF_SECONDS}",)
    with ami_listen(
        sim, receivers={"UserEvent": "note"}, arguments=arguments, patches=HOUR
    ) as worker:
        worker.wait_for_out("ready")
        sim.emit("UserEvent", Number=1)
        worker.wait_for_notes(1)
        if fault == "no answer":
            sim.on("Logoff").hang()
        else:
            setattr(sim.faults, fault, True)
        assert worker.stop(signal.SIGTERM, BRIEF_SECONDS) == 0, str(worker)
        assert worker.summary == (2, 1, 0, 1, 0, 0, 0)


def has_a_socket(pid: int) -> bool:
    """Does it wait for the answer to a SYN?"""
    half_open = {
        row[9]
        for row in map(str.split, Path("/proc/net/tcp").read_text().split("\n"))
        if row[3:4] == ["02"]
    }
    return bool(half_open & {link[8:-1] for link in links(pid) if link.startswith("socket:[")})


def links(pid: int | str = "self") -> list[str]:
    """The targets of its file descriptors."""
    found = []
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(path.readlink()))
        except OSError:
            continue
    return found


# --- at any moment of the start and of the end ---

LISTEN = "django_ami.tools.worker:Worker."
CLIENT = "django_ami.core.client.client:Client."

#: Nothing is connected yet, and nothing was told to do otherwise: the signal does what it always
#: does.
TOO_EARLY = [
    f"{CLIENT}__init__",
    f"{LISTEN}__init__",
    f"{LISTEN}run",
    f"{CLIENT}start",
    f"{CLIENT}start()",
]
IN_TIME = [
    "django_ami.tools.watchdog:Watchdog.__enter__()",
    "django_ami.tools.watchdog:Watchdog._run",
    "django_ami.dispatch:Dispatcher.__enter__",
    f"{CLIENT}connect",
    f"{CLIENT}connect()",
    "django_ami.core.client.inbox:Inbox.take",
    f"{LISTEN}_on_notice()",
]
#: With --run-for, which ends it, too.
TOO_LATE = [
    f"{LISTEN}_drain",
    f"{CLIENT}begin_close",
    f"{CLIENT}begin_close()",
    f"{CLIENT}close",
    f"{CLIENT}close()",
    "django_ami.dispatch:Dispatcher.__exit__",
    f"{LISTEN}_sum_up",
]


def name_of(moment: str) -> str:
    return moment.rpartition(":")[2]


@pytest.mark.parametrize("moment", TOO_EARLY, ids=name_of)
def test_a_signal_before_it_has_begun(sim: Simulator, moment: str) -> None:
    with ami_listen(
        sim, receivers={"UserEvent": "note"}, env={"CHAOS_SIGNAL_AT": moment}
    ) as worker:
        assert worker.wait() == -signal.SIGTERM, str(worker)
        assert (worker.out, worker.err, sim.connections) == ([], [], 0)


@pytest.mark.parametrize("moment", IN_TIME, ids=name_of)
def test_a_signal_while_it_begins(sim: Simulator, moment: str) -> None:
    with ami_listen(
        sim, receivers={"UserEvent": "note"}, env={"CHAOS_SIGNAL_AT": moment}
    ) as worker:
        assert worker.ends() == 0, str(worker)
        assert worker.err == []
        assert worker.summary.left == 0
        sim.wait_for(lambda: not sim.sessions, timeout=DEADLINE_SECONDS)
        # In the middle of a login there is nothing to log off from.
        assert sim.logoffs == 1 or not any("ready" in line for line in worker.out)


@pytest.mark.parametrize("moment", TOO_LATE, ids=name_of)
def test_a_signal_while_it_ends(sim: Simulator, moment: str) -> None:
    arguments = ("--run-for=0.3",)
    env = {"CHAOS_SIGNAL_AT": moment}
    with ami_listen(sim, receivers={"UserEvent": "note"}, arguments=arguments, env=env) as worker:
        assert worker.ends() == 0, str(worker)
        assert worker.err == []
        assert worker.summary.left == 0
        sim.wait_for(lambda: not sim.sessions, timeout=DEADLINE_SECONDS)
        # In the middle of a login there is nothing to log off from.
        assert sim.logoffs == 1 or not any("ready" in line for line in worker.out)


# --- without any end ---


def test_killed_and_started_again(sim: Simulator) -> None:
    with ami_listen(sim, receivers={"UserEvent": "note"}) as worker:
        worker.wait_for_out("ready")
        flood = sim.start_flood(count=10_000_000, rate=20_000)
        worker.wait_for_notes(1000)
        worker.signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
        flood.cancel()
        sim.wait_for(lambda: not sim.sessions, timeout=DEADLINE_SECONDS)
    before = sim.events_sent
    with ami_listen(sim, receivers={"UserEvent": "note"}) as worker:
        worker.wait_for_out("ready")
        sim.flood(count=1000)
        worker.wait_for_notes(1000)
        assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
        assert worker.numbers() == list(range(1000))
        assert worker.summary == (settled(sim) - before + 1, 1000, 0, 1, 0, 0, 0)
        assert worker.err == []


# --- nothing is left behind ---


def test_in_development_mode_there_is_nothing_on_stderr_but_the_log(sim: Simulator) -> None:
    receivers = {"UserEvent": "note", "Boom": "raises", "Ask": "sends"}
    with refusing_port() as port:
        servers = (sim, URL.format(port))
        with ami_listen(
            *servers, receivers=receivers, arguments=("--all",), env={"PYTHONDEVMODE": "1"}
        ) as worker:
            worker.wait_for_out("ready")
            sim.emit("UserEvent", Number=1)
            sim.emit("Ask", privilege="call")
            worker.wait_for_notes(1, "Ask")
            sim.drop()
            worker.wait_for_out("ready again")
            sim.emit("UserEvent", Number=2)
            worker.wait_for_notes(2)
            assert worker.stop(signal.SIGTERM, AMPLE_SECONDS) == 0, str(worker)
            known = ("node_1: connection lost: ", "node_2: not connected: ")
            assert [line for line in worker.err if not line.startswith(known)] == []


def test_a_closed_client_leaves_nothing_behind(sim: Simulator) -> None:
    rounds = 500 if LONG else 50
    urls = [sim.url, sim.url]

    def one_round() -> None:
        options = Options(reconnect_initial=0.02, boot_grace=0.0)
        servers = [
            ServerConfig.from_url(f"node_{number}", url, options) for number, url in enumerate(urls)
        ]
        client = Client(servers)
        ready = threading.Semaphore(0)
        client.subscribe("Hangup", lambda _: None)
        client.on_ready(lambda _: ready.release())
        client.start()
        for _ in urls:
            assert ready.acquire(timeout=DEADLINE_SECONDS)
        client.close()

    one_round()
    sim.wait_for(lambda: not sim.sessions, timeout=DEADLINE_SECONDS)
    threads, before = set(threading.enumerate()), len(links())
    for _ in range(rounds):
        one_round()
    sim.wait_for(lambda: not sim.sessions, timeout=DEADLINE_SECONDS)
    assert set(threading.enumerate()) == threads
    wait_until(lambda: len(links()) <= before, what=f"{before} descriptors of {links()}")
    assert sim.logoffs == 2 * (rounds + 1)


@pytest.mark.parametrize("kind", ["refused", "black hole", "mute"])
def test_a_client_that_is_closed_on_its_way_leaves_nothing_behind(kind: str) -> None:
    where = {"refused": refusing_port, "black hole": black_hole}

    def one_round(port: int) -> None:
        client = Client([ServerConfig.from_url("node_1", URL.format(port))])
        client.start()
        wait_until(lambda: client.status()["node_1"].state != "idle")
        client.close()

    with (
        Hoard() as mute,
        where[kind]() if kind in where else contextlib.nullcontext(mute.port) as port,
    ):
        with socket.create_connection(("127.0.0.1", mute.port)):
            wait_until(lambda: mute.accepted)  # now it has opened all that it needs
        wait_until(lambda: not mute.open)
        threads, before = set(threading.enumerate()), len(links())
        for _ in range(20):
            one_round(port)
        assert set(threading.enumerate()) == threads
        wait_until(lambda: len(links()) <= before, what=f"{before} descriptors of {links()}")
