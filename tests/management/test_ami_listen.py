"""``manage.py ami_listen``: the real process against the simulated Asterisk, from its first line to
its exit code.
"""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError

from django_ami.management.commands import ami_listen
from django_ami.testing import FakeAsterisk, Faults, ServerTLS, Simulator, User
from tests.running import DEADLINE_SECONDS, PYTHON, Program, black_hole, environment, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.management.listening.settings")


class Worker(Program):
    """``ami_listen`` with the receivers of ``tests.management.listening``."""

    def __init__(self, file: Path, arguments: tuple[str, ...], env: dict[str, object]) -> None:
        self._file = file
        super().__init__([*COMMAND, *arguments], AMI_TEST_FILE=file, **env)

    @property
    def notes(self) -> list[dict[str, Any]]:
        """The notes of the receivers so far."""
        lines = self._file.read_text().split("\n")[:-1] if self._file.exists() else []
        return [json.loads(line) for line in lines]

    def numbers(self, server: str = "node_1") -> list[int]:
        return [
            note["number"]
            for note in self.notes
            if note["what"] == "UserEvent" and note["server"] == server
        ]

    def wait_for_note(self, what: str, count: int = 1) -> dict[str, Any]:
        wait_until(
            lambda: (
                sum(note["what"] == what for note in self.notes) >= count
                or self.process.poll() is not None
            ),
            what=f"{count} times {what!r} of {self}",
        )
        found = [note for note in self.notes if note["what"] == what]
        assert len(found) >= count, str(self)
        return found[count - 1]

    @property
    def summary(self) -> str:
        return next(line for line in reversed(self.out) if line.startswith("Stopped: "))


Listen = "Callable[..., Worker]"


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Listen]:
    """``listen(*arguments, url or simulators…, **environment)`` starts a worker."""
    workers: list[Worker] = []

    def start(
        *arguments: str,
        servers: tuple[Simulator | str, ...] = (),
        settings: object = None,
        **env: object,
    ):
        for number, server in enumerate(servers, 1):
            env[f"AMI_NODE{number}_URL"] = server.url if isinstance(server, Simulator) else server
        if settings is not None:
            env["AMI_TEST_SETTINGS"] = json.dumps(settings)
        workers.append(Worker(tmp_path / f"notes-{len(workers)}.jsonl", arguments, env))
        return workers[-1]

    yield start
    for worker in workers:
        with worker:
            pass


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


# --- a good day ---


@pytest.mark.slow
def test_worker_names_the_server_delivers_in_order_and_logs_off(
    listen: Listen, sim: Simulator
) -> None:
    worker = listen("--server=node_1", servers=(sim,))
    line = worker.wait_for_out("ready")
    assert line == f"node_1: ready, 127.0.0.1:{sim.port}, Asterisk 22.10.1, AMI 11.0.0, no TLS"
    for number in range(500):
        sim.emit("UserEvent", UserEvent="Test", Number=number)
    worker.wait_for_note("UserEvent", 500)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == list(range(500))
    assert all(note["main"] for note in worker.notes if note["what"] == "UserEvent")
    assert [note for note in worker.notes if note["what"] == "ready"] == [
        {"what": "ready", "server": "node_1", "again": False}
    ]
    sim.wait_for(lambda: sim.logoffs == 1)
    assert (sim.logins, sim.connections) == (1, 1)
    assert worker.summary == (
        "Stopped: 501 events received, 500 delivered, 0 dropped, 1 ignored (no receiver), 0 left, "
        "0 failed, 0 reconnects, 0 gaps."
    )
    assert worker.err == []


@pytest.mark.slow
def test_the_only_server_needs_no_name(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("node_1: ready")


def test_the_default_server_needs_no_name(listen: Listen, sim: Simulator) -> None:
    worker = listen(
        servers=("ami://a:b@127.0.0.1:1", sim), settings={"AMI_DEFAULT_SERVER": "node_2"}
    )
    assert worker.wait_for_out(": ready").startswith("node_2: ready")


@pytest.mark.slow
def test_worker_says_that_tls_is_on(listen: Listen, tmp_path: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    with FakeAsterisk(tls=ServerTLS(str(tmp_path / "server.pem"))) as sim:
        worker = listen(servers=(f"{sim.url}?ca_file={tmp_path / 'ca.pem'}",))
        assert worker.wait_for_out("ready").endswith(", TLS")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_a_receiver_of_every_event(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,), AMI_TEST_RECEIVERS="every")
    worker.wait_for_out("ready")
    for name in ("One", "Two", "Three"):
        sim.emit(name, privilege="call")
    worker.wait_for_note("Three")
    worker.signal(signal.SIGINT)
    assert worker.wait() == 0, str(worker)
    assert [note["what"] for note in worker.notes] == ["FullyBooted", "One", "Two", "Three"]
    assert "4 events received, 4 delivered, 0 dropped, 0 ignored" in worker.summary


@pytest.mark.slow
def test_without_receivers_it_says_so_and_counts(listen: Listen, sim: Simulator) -> None:
    worker = listen("--run-for=60", servers=(sim,), AMI_TEST_RECEIVERS="none")
    worker.wait_for_out("ready")
    (line,) = worker.err
    assert line == (
        "No receivers are connected to django_ami.signals: events will only be counted. Import "
        "their module in the method ready of your AppConfig."
    )
    sim.emit("UserEvent", Number=1)
    sim.wait_for(lambda: sim.events_sent == 1)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert " 0 delivered" in worker.summary
    assert " 0 left" in worker.summary


# --- which events ---


@pytest.mark.slow
def test_the_mask_is_what_was_asked_for(listen: Listen, sim: Simulator) -> None:
    worker = listen("--events=call, user", servers=(sim,))
    worker.wait_for_out("ready")
    # FullyBooted is of class system: it is asked for until it is here, and the rest begins after
    # it.
    sim.wait_for(lambda: any(action.name == "Events" for action in sim.received))
    masks = [
        action.get("Events") or action.get("EventMask")
        for action in sim.received
        if action.name != "Challenge"
    ]
    assert masks[0] == "call,user,system"
    assert masks[-1] == "call,user"
    sim.wait_for(lambda: sim.sessions[0].mask and sim.actions_received >= 4)
    sim.emit("Newchannel")
    sim.emit("AgentCalled", Number=0)
    sim.emit("UserEvent", Number=1)
    sim.emit("Hangup")
    worker.wait_for_note("Hangup")
    assert worker.numbers() == [1]


@pytest.mark.slow
def test_an_account_that_may_not_see_everything(listen: Listen) -> None:
    with FakeAsterisk(users={"admin": User(secret="amp111", read="call", write="")}) as sim:
        worker = listen(servers=(sim,), settings={"AMI_OPTIONS": {"boot_grace": 0.1}})
        worker.wait_for_out("node_1: ready, ")
        warning = worker.wait_for_err("node_1: FullyBooted did not come: ")
        assert "read= of user 'admin' in manager.conf has no system" in warning
        assert "The version is unknown: write= has neither system nor reporting." in warning
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert worker.err == [warning]


@pytest.mark.slow
def test_a_class_that_does_not_exist_is_refused(listen: Listen, sim: Simulator) -> None:
    worker = listen("--events=calls", servers=(sim,))
    assert worker.wait() == 2
    assert len(worker.err) == 1
    assert "'calls' is not a class of events: did you mean 'call'?" in worker.err[0]
    assert sim.connections == 0


# --- until when ---


@pytest.mark.slow
def test_run_for(listen: Listen, sim: Simulator) -> None:
    worker = listen("--run-for=3", servers=(sim,))
    assert worker.wait() == 0, str(worker)
    assert worker.out[0].startswith("node_1: ready")
    assert worker.summary.startswith("Stopped: ")
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_run_for_ends_a_worker_that_never_got_anywhere(listen: Listen) -> None:
    worker = listen("--run-for=0.5", servers=("ami://admin:amp111@127.0.0.1:1",))
    assert worker.wait() == 0, str(worker)
    assert worker.summary.startswith("Stopped: 0 events received")


@pytest.mark.slow
def test_max_events(listen: Listen, sim: Simulator) -> None:
    worker = listen("--max-events=3", servers=(sim,))
    worker.wait_for_out("ready")
    for number in range(10):
        sim.emit("UserEvent", Number=number)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == [0, 1, 2]
    assert " 3 delivered" in worker.summary
    sim.wait_for(lambda: sim.logoffs == 1)


# --- many servers ---


@pytest.mark.slow
def test_one_down_and_one_with_a_wrong_secret_do_not_hinder_the_good_one(listen: Listen) -> None:
    with FakeAsterisk() as good, FakeAsterisk() as strict, FakeAsterisk() as down:
        dead_port = down.port
        down.stop()
        wrong = f"ami://admin:wrong@127.0.0.1:{strict.port}"
        worker = listen("--all", servers=(f"ami://admin:amp111@127.0.0.1:{dead_port}", good, wrong))
        assert worker.wait_for_out(": ready").startswith("node_2: ready")
        refused = worker.wait_for_err("node_3")
        assert "Authentication failed for user 'admin'" in refused
        unreachable = worker.wait_for_err("node_1: not connected")
        assert "connection refused: does Asterisk run" in unreachable
        good.emit("UserEvent", Number=1)
        worker.wait_for_note("UserEvent")
        down.start()
        wait_until(
            lambda: any(line.startswith("node_1: ready") for line in worker.out), what=str(worker)
        )
        down.emit("UserEvent", Number=2)
        worker.wait_for_note("UserEvent", 2)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert worker.numbers("node_2") == [1]
        assert worker.numbers("node_1") == [2]
        assert strict.login_attempts == 1
        assert not [note for note in worker.notes if note["what"] == "lost"], (
            "none was ready before"
        )
        good.wait_for(lambda: good.logoffs == 1)
        down.wait_for(lambda: down.logoffs == 1)
        assert "wrong" not in "".join(worker.out + worker.err).replace("wrong secret", "")


def test_only_the_named_servers(listen: Listen) -> None:
    with FakeAsterisk() as one, FakeAsterisk() as two, FakeAsterisk() as three:
        worker = listen("--server=node_3", "--server=node_1", servers=(one, two, three))
        wait_until(lambda: len(worker.out) == 2, what=str(worker))
        assert sorted(line.split(":")[0] for line in worker.out) == ["node_1", "node_3"]
        assert (one.logins, two.connections, three.logins) == (1, 0, 1)


@pytest.mark.slow
def test_refused_by_all_is_exit_code_3_after_one_attempt(listen: Listen) -> None:
    with FakeAsterisk() as one, FakeAsterisk(users={"other": User(secret="x")}) as two:
        urls = [f"ami://admin:wrong@127.0.0.1:{sim.port}" for sim in (one, two)]
        worker = listen("--all", servers=tuple(urls))
        assert worker.wait() == 3, str(worker)
        assert (one.login_attempts, two.login_attempts) == (1, 1)
        assert (one.logins, two.logins) == (0, 0)
        for name in ("node_1", "node_2"):
            assert sum(name in line and "Authentication failed" in line for line in worker.err) == 1
        assert worker.summary.startswith("Stopped: 0 events received")


@pytest.mark.slow
def test_one_of_several_that_refuses_is_tried_again_and_only_all_of_them_at_a_time_end_the_worker(
    listen: Listen,
) -> None:
    with FakeAsterisk(users={"admin": User(secret="later")}) as late, FakeAsterisk() as other:
        worker = listen(
            "--all",
            servers=(f"ami://admin:later2@127.0.0.1:{late.port}", other),
            settings={"AMI_OPTIONS": {"reconnect_initial": 0.05, "auth_retry_interval": 0.5}},
        )
        worker.wait_for_out("node_2: ready")
        worker.wait_for_err("node_1: Authentication failed")
        late.users["admin"] = User(secret="later2")
        worker.wait_for_out("node_1: ready")
        other.users["admin"] = User(secret="changed")
        other.drop()
        worker.wait_for_err("node_2: Authentication failed")
        late.emit("UserEvent", Number=1)
        worker.wait_for_note("UserEvent")
        late.users["admin"] = User(secret="changed")
        late.drop()
        assert worker.wait() == 3, str(worker)


# --- configuration ---

KEYS = {"HOST": "pbx", "USERNAME": "admin", "SECRET": "hush"}
TWO = {"node_1": KEYS, "node_2": KEYS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "settings", "text"),
    [
        ((), {"AMI_SERVERS": {}}, "the setting AMI_SERVERS is missing or empty"),
        (
            (),
            {"AMI_SERVERS": {"node_1": {**KEYS, "HOSTS": "x"}}},
            "node_1: unknown key 'HOSTS': did you mean 'HOST'?",
        ),
        (
            (),
            {"AMI_SERVERS": {"node_1": {**KEYS, "PORT": "abc"}}},
            "node_1: 'PORT' must be a whole number",
        ),
        (
            (),
            {"AMI_SERVERS": {"node_1": {**KEYS, "TLS": {"CA_FILE": "/does/not/exist"}}}},
            "CA_FILE",
        ),
        ((), {"AMI_OPTIONS": {"read_timout": 3}}, "did you mean 'read_timeout'?"),
        (
            ("--server=node_9",),
            {"AMI_SERVERS": TWO},
            "unknown server: 'node_9'; did you mean 'node_",
        ),
        (("--server=zzzzzzzz",), {"AMI_SERVERS": TWO}, "known are 'node_1', 'node_2'."),
        (
            (),
            {"AMI_SERVERS": TWO},
            "which server? Give --server=NAME (known are node_1, node_2), or --all.",
        ),
        (("--all", "--server=node_1"), {}, "--all and --server are both given"),
        (("--events=",), {}, "'' is not a class of events"),
        (
            (),
            {"AMI_DISPATCH": {"retry_limt": 1}},
            "AMI_DISPATCH: unknown option 'retry_limt': did you mean 'retry_limit'?",
        ),
        (
            (),
            {"AMI_DISPATCH": {"retry_errors": ["django.db.Error_"]}},
            "names 'django.db.Error_', which cannot be",
        ),
    ],
)
def test_a_wrong_configuration_is_one_line_and_exit_code_2(
    listen: Listen, arguments: tuple[str, ...], settings: dict[str, object], text: str
) -> None:
    worker = listen(*arguments, servers=("ami://admin:hush@127.0.0.1:1",), settings=settings)
    assert worker.wait() == 2, str(worker)
    assert worker.out == []
    assert len(worker.err) == 1
    assert text in worker.err[0]
    assert "hush" not in worker.err[0]


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (
            "--drain-timeout=-5",
            "argument --drain-timeout: give a number from 0 to 1000000000, not '-5'",
        ),
        (
            "--drain-timeout=inf",
            "argument --drain-timeout: give a number from 0 to 1000000000, not 'inf'",
        ),
        (
            "--drain-timeout=nan",
            "argument --drain-timeout: give a number from 0 to 1000000000, not 'nan'",
        ),
        (
            "--drain-timeout=1e400",
            "argument --drain-timeout: give a number from 0 to 1000000000, not '1e400'",
        ),
        (
            "--workers=0",
            "argument --workers: give a whole number from 1 to 256, not '0'",
        ),
        (
            "--run-for=-1",
            "argument --run-for: give a number of seconds between 0 and 1000000000, not '-1'",
        ),
        (
            "--run-for=0",
            "argument --run-for: give a number of seconds between 0 and 1000000000, not '0'",
        ),
        (
            "--run-for=1e99",
            "argument --run-for: give a number of seconds between 0 and 1000000000, not '1e99'",
        ),
        ("--max-events=0", "argument --max-events: give a whole number above 0, not '0'"),
        ("--max-events=1.5", "argument --max-events: give a whole number above 0, not '1.5'"),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused(argument: str, said: str) -> None:
    parser = ami_listen.Command().create_parser("manage.py", "ami_listen")
    with pytest.raises(CommandError, match=re.escape(said)):
        parser.parse_args([argument])


def test_a_refused_option_is_exit_code_2(listen: Listen, sim: Simulator) -> None:
    worker = listen("--drain-timeout=-5", servers=(sim,))
    assert (worker.wait(), worker.out, sim.connections) == (2, [], 0), str(worker)
    assert worker.err[-1].endswith(
        "error: argument --drain-timeout: give a number from 0 to 1000000000, not '-5'"
    )


# --- stopping ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_all_delivered(listen: Listen, sim: Simulator, number: int) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    for i in range(10):
        sim.emit("UserEvent", Number=i)
    worker.wait_for_note("UserEvent", 10)
    worker.signal(number)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == list(range(10))
    assert "10 delivered, 0 dropped" in worker.summary
    assert worker.err == []
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_events_read_before_the_signal_are_delivered_after_it(
    listen: Listen, sim: Simulator
) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Stop", privilege="call", Queued=301)
    for number in range(300):
        sim.emit("UserEvent", Number=number)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == list(range(300))
    assert (
        "302 events received, 301 delivered, 0 dropped, 1 ignored (no receiver), 0 left"
        in worker.summary
    )
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_a_receiver_that_does_not_return_is_left_behind_with_exit_code_4(
    listen: Listen, sim: Simulator
) -> None:
    worker = listen("--drain-timeout=0.2", servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("UserEvent", Number=0)
    sim.emit("Block", privilege="call", Queued=8)
    for number in range(1, 8):
        sim.emit("UserEvent", Number=number)
    worker.wait_for_note("blocked")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 4, str(worker)
    assert worker.numbers() == [0]
    assert " 1 delivered, 0 dropped" in worker.summary
    assert " 8 left" in worker.summary
    assert "Not drained: a receiver did not return (" in worker.summary
    assert "on_block" in worker.summary
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_receivers_too_slow_for_the_drain_timeout_leave_the_rest_with_exit_code_4(
    listen: Listen, sim: Simulator
) -> None:
    worker = listen("--drain-timeout=0.3", servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Stop", privilege="call", Queued=201)
    for _ in range(200):
        sim.emit("Slow", privilege="call", Seconds=0.02)
    assert worker.wait() == 4, str(worker)
    done = sum(note["what"] == "Slow" for note in worker.notes)
    assert 1 <= done < 200
    assert (
        f"{done + 1} delivered, 0 dropped, 1 ignored (no receiver), {200 - done} left"
        in worker.summary
    )
    assert "did not return" not in worker.summary
    sim.wait_for(lambda: sim.logoffs == 1)


def test_receivers_on_several_threads_are_drained(listen: Listen, sim: Simulator) -> None:
    worker = listen("--workers=4", servers=(sim,))
    worker.wait_for_out("ready")
    for number in range(60):
        sim.emit("Slow", privilege="call", Seconds=0.02, Device=number)
    worker.wait_for_note("Slow")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert sum(note["what"] == "Slow" for note in worker.notes) == 60
    assert " 60 delivered, 0 dropped" in worker.summary


def test_receiver_of_several_threads_that_does_not_return_is_left_behind_with_exit_code_4(
    listen: Listen, sim: Simulator
) -> None:
    worker = listen("--drain-timeout=0.2", "--workers=4", servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Block", privilege="call", Queued=1, Device="x")
    worker.wait_for_note("blocked")
    for number in range(8):
        sim.emit("UserEvent", Number=number, Device=number)
    worker.wait_for_note("UserEvent", 6)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 4, str(worker)
    assert "3 left" in worker.summary
    worker.wait_for_err("A receiver has not returned, and its event is left: ")
    worker.wait_for_err("tests.management.listening.receivers.on_block")


@pytest.mark.slow
def test_a_second_signal_ends_it_now_with_exit_code_4(listen: Listen, sim: Simulator) -> None:
    worker = listen("--drain-timeout=3600", servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Block", privilege="call", Queued=3)
    for number in range(2):
        sim.emit("UserEvent", Number=number)
    worker.wait_for_note("blocked")
    worker.signal(signal.SIGTERM)
    sim.wait_for(lambda: sim.logoffs == 1, timeout=DEADLINE_SECONDS)
    assert worker.process.poll() is None
    worker.signal(signal.SIGINT)
    assert worker.wait() == 4, str(worker)
    assert " 3 left" in worker.summary
    assert worker.summary.endswith("Not drained: stopped by a second signal.")


@pytest.mark.slow
def test_a_signal_while_the_server_is_unreachable(listen: Listen) -> None:
    worker = listen(
        servers=("ami://admin:amp111@127.0.0.1:1",),
        settings={"AMI_OPTIONS": {"reconnect_initial": 600, "reconnect_max": 600}},
    )
    worker.wait_for_err("not connected")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert worker.summary.startswith("Stopped: 0 events received")


NEVER = {"AMI_OPTIONS": {"connect_timeout": 3600}}


def is_connecting(worker: Worker) -> bool:
    """Has it sent a SYN that nobody has answered?"""
    half_open = {
        row[9]
        for row in map(str.split, Path("/proc/net/tcp").read_text().split("\n"))
        if row[3:4] == ["02"]
    }
    own = set()
    for path in Path(f"/proc/{worker.process.pid}/fd").iterdir():
        with suppress(OSError):
            own.add(str(path.readlink()).removeprefix("socket:[").removesuffix("]"))
    return bool(half_open & own)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks into /proc/net/tcp")
def test_a_signal_while_connecting_to_a_black_hole(listen: Listen) -> None:
    with black_hole() as port:
        worker = listen(servers=(f"ami://admin:amp111@127.0.0.1:{port}",), settings=NEVER)
        wait_until(lambda: is_connecting(worker), what=str(worker))
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)


@pytest.mark.slow
def test_a_signal_while_waiting_for_a_greeting(listen: Listen) -> None:
    with FakeAsterisk(faults=Faults(banner=None)) as sim:
        worker = listen(servers=(sim,), settings=NEVER)
        sim.wait_for(lambda: sim.connections == 1, timeout=DEADLINE_SECONDS)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, str(worker)
        assert sim.login_attempts == 0


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("--drain-timeout=0.01",)])
def test_a_server_that_does_not_answer_the_logoff_is_no_fault_of_the_receivers(
    listen: Listen, sim: Simulator, arguments: tuple[str, ...]
) -> None:
    worker = listen(*arguments, servers=(sim,))
    worker.wait_for_out("ready")
    sim.on("Logoff").hang()
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)


# --- a terminal that goes away ---


def test_a_worker_whose_terminal_is_closed_drains(sim: Simulator, tmp_path: Path) -> None:
    """The window of an ssh session.

    SIGHUP from the kernel, and a stdout that can no longer be written.
    """
    terminal, inside = pty.openpty()
    # The leader of a new session that opens a terminal has it as its own.
    command = ["sh", "-c", f'exec "$@" <{os.ttyname(inside)} >{os.ttyname(inside)}', "sh", *COMMAND]
    env = environment(AMI_NODE1_URL=sim.url, AMI_TEST_FILE=tmp_path / "notes.jsonl")
    with subprocess.Popen(
        command, env=env, start_new_session=True, stderr=subprocess.PIPE, text=True
    ) as process:
        said = b""
        while b"ready" not in said:
            said += os.read(terminal, 1024)
        os.close(inside)
        os.close(terminal)
        _, errors = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, errors) == (0, "")
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_under_nohup_it_stays(sim: Simulator, listen: Listen) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        worker = listen(servers=(sim,))
    finally:
        signal.signal(signal.SIGHUP, before)
    worker.wait_for_out("ready")
    worker.signal(signal.SIGHUP)
    sim.emit("UserEvent", Number=1)
    worker.wait_for_note("UserEvent")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == [1]


# --- while the database is away ---

AWAY = 10**6


def hold(worker: Worker, sim: Simulator, attempts: int = AWAY) -> None:
    """Let it wait for the database with an event, and three behind that."""
    worker.wait_for_out("ready")
    sim.emit("Save", privilege="call", Number=0, Attempts=attempts)
    for number in range(3):
        sim.emit("UserEvent", Number=number)
    worker.wait_for_note("attempt", 3)


@pytest.mark.slow
def test_worker_waits_for_the_database_and_loses_nothing(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,), settings={"AMI_DISPATCH": {"retry_initial": 0.01}})
    hold(worker, sim, attempts=4)
    worker.wait_for_note("UserEvent", 3)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert [note["what"] for note in worker.notes if note["what"] != "ready"] == (
        ["attempt"] * 5 + ["saved"] + ["UserEvent"] * 3
    )
    assert " 4 delivered, 0 dropped, 1 ignored (no receiver), 0 left, 0 failed" in worker.summary


@pytest.mark.slow
def test_a_signal_while_it_waits(listen: Listen, sim: Simulator) -> None:
    worker = listen("--drain-timeout=0.3", servers=(sim,))
    hold(worker, sim)
    worker.signal(signal.SIGTERM)
    began = time.monotonic()
    assert worker.wait() == 4, str(worker)
    assert time.monotonic() - began < 10
    assert " 0 delivered, 0 dropped, 1 ignored (no receiver), 4 left, 0 failed" in worker.summary
    assert "did not return" not in worker.summary
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_a_second_signal_while_it_waits(listen: Listen, sim: Simulator) -> None:
    worker = listen("--drain-timeout=3600", servers=(sim,))
    hold(worker, sim)
    worker.signal(signal.SIGTERM)
    sim.wait_for(lambda: sim.logoffs == 1, timeout=DEADLINE_SECONDS)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 4, str(worker)
    assert " 4 left" in worker.summary
    assert worker.summary.endswith("Not drained: stopped by a second signal.")


@pytest.mark.slow
def test_run_for_ends_while_it_waits(listen: Listen, sim: Simulator) -> None:
    worker = listen("--run-for=2", "--drain-timeout=0.1", servers=(sim,))
    hold(worker, sim)
    assert worker.wait() == 4, str(worker)
    assert " 4 left" in worker.summary


@pytest.mark.slow
def test_max_events_counts_events_that_have_waited(listen: Listen, sim: Simulator) -> None:
    worker = listen(
        "--max-events=2", servers=(sim,), settings={"AMI_DISPATCH": {"retry_initial": 0.01}}
    )
    hold(worker, sim, attempts=4)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == [0]
    assert " 2 delivered" in worker.summary


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), [((), 0), (("--fail-on-failed",), 4)])
def test_failures_are_an_exit_code_by_option(
    listen: Listen, sim: Simulator, arguments: tuple[str, ...], code: int
) -> None:
    worker = listen(
        "--max-events=2", *arguments, servers=(sim,), settings={"AMI_DISPATCH": {"retry_limit": 0}}
    )
    worker.wait_for_out("ready")
    sim.emit("Save", privilege="call", Number=0, Attempts=AWAY, Uniqueid="1.2")
    sim.emit("UserEvent", Number=0)
    assert worker.wait() == code, str(worker)
    assert " 1 delivered, 0 dropped, 1 ignored (no receiver), 0 left, 1 failed" in worker.summary
    worker.wait_for_err(
        "receivers.on_save raised OperationalError at Save of node_1 (Uniqueid 1.2); the others "
        "go on."
    )


# --- trouble on the way ---


@pytest.mark.slow
def test_a_receiver_that_raises_stops_nobody(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    for number in range(3):
        sim.emit("Boom", privilege="call", Number=number)
        sim.emit("UserEvent", Number=number)
    worker.wait_for_note("UserEvent", 3)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == [0, 1, 2]
    name = "tests.management.listening.receivers.on_boom"
    assert sum(f"The receiver {name} raised ValueError" in line for line in worker.err) == 3
    assert sum("ValueError: boom" in line for line in worker.err) == 1, "one traceback"
    assert " 3 delivered" in worker.summary
    assert " 3 failed" in worker.summary


@pytest.mark.slow
def test_a_receiver_that_wants_to_exit_does_not_end_it(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Exit", privilege="call")
    sim.emit("UserEvent", Number=1)
    worker.wait_for_note("UserEvent")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert sum("receivers.on_exit raised" in line for line in worker.err) == 1
    assert " 1 delivered" in worker.summary
    assert " 1 failed" in worker.summary


@pytest.mark.slow
def test_worker_comes_back_after_a_loss(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("UserEvent", Number=1)
    worker.wait_for_note("UserEvent")
    sim.drop()
    assert worker.wait_for_out("ready again").startswith(
        f"node_1: ready again, 127.0.0.1:{sim.port}, Asterisk 22"
    )
    sim.emit("UserEvent", Number=2)
    worker.wait_for_note("UserEvent", 2)
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert worker.numbers() == [1, 2]
    assert [note for note in worker.notes if note["what"] in ("ready", "lost")] == [
        {"what": "ready", "server": "node_1", "again": False},
        {"what": "lost", "server": "node_1", "error": "ConnectionLost", "tries_again": True},
        {"what": "ready", "server": "node_1", "again": True},
    ]
    assert worker.summary.endswith(" 1 reconnects, 1 gaps.")
    assert sum("node_1: connection lost" in line for line in worker.err) == 1
    assert sim.logins == 2


@pytest.mark.slow
def test_log_line_of_a_server_that_is_ready_has_server_and_state(
    listen: Listen, sim: Simulator
) -> None:
    of_the_readme = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "fields": {"()": "tests.management.listening.log_lines.FieldsFormatter"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "fields"}},
        "loggers": {
            "django_ami": {"handlers": ["console"], "level": "WARNING"},
            "django_ami.listen": {"level": "INFO"},
        },
    }
    worker = listen(servers=(sim,), settings={"LOGGING": of_the_readme})
    worker.wait_for_err(": ready, ")
    sim.drop()
    worker.wait_for_err(": ready again, ")
    states = [
        (line["server"], line["state"])
        for line in map(json.loads, worker.err)
        if re.match("node_1: (ready|connection lost)", line["message"])
    ]
    assert states == [("node_1", "ready"), ("node_1", "lost"), ("node_1", "ready")]
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)


@pytest.mark.slow
def test_receivers_send_over_the_login_of_the_listener(listen: Listen, sim: Simulator) -> None:
    worker = listen(servers=(sim,))
    worker.wait_for_out("ready")
    sim.emit("Ask", privilege="call")
    assert worker.wait_for_note("waited") == {"what": "waited", "ping": "Pong", "same": True}
    assert worker.wait_for_note("answer") == {
        "what": "answer",
        "error": "None",
        "ping": "Pong",
        "main": True,
    }
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0, str(worker)
    assert (sim.logins, sim.connections) == (1, 1)
