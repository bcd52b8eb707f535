"""``ami_listen`` against a real Asterisk: a real process, from its first line to its exit code."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.asterisk.relay import relay
from tests.asterisk.wire import originate, recording, wire
from tests.running import PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.asterisk.conftest import Asterisk

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.asterisk.listening.settings")
SUMMARY = re.compile(
    r"Stopped: (\d+) events received, (\d+) delivered, (\d+) dropped, (\d+) ignored \(no receiver\), (\d+) left, "
    r"(\d+) reconnects\."
)


class Worker(Program):
    """A running ``ami_listen`` whose receiver writes down every event."""

    def __init__(self, file: Path, servers: dict[str, str], *arguments: str) -> None:
        self._file = file
        setting = json.dumps({name: {"URL": url} for name, url in servers.items()})
        super().__init__([*COMMAND, *arguments], AMI_TEST_FILE=file, AMI_TEST_SERVERS=setting)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What its receiver has been given so far."""
        lines = self._file.read_text().split("\n")[:-1] if self._file.exists() else []
        return [json.loads(line) for line in lines]

    def numbers(self) -> list[int]:
        """The numbers of the UserEvents that have one."""
        headers = [dict(event["headers"]) for event in self.events if event["event"] == "UserEvent"]
        return [int(one["Number"]) for one in headers if "Number" in one]

    def wait_for_number(self, number: int) -> None:
        wait_until(lambda: self._alive() and number in self.numbers(), what=f"number {number} of {self}")

    def _alive(self) -> bool:
        assert self.process.poll() is None, f"it ended: {self}"
        return True

    def summary(self) -> dict[str, int]:
        found = SUMMARY.fullmatch(self.out[-1])
        assert found is not None, str(self)
        names = ("received", "delivered", "dropped", "ignored", "left", "reconnects")
        return dict(zip(names, map(int, found.groups()), strict=True))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.signal(number)
        return self.wait()


@pytest.fixture
def listen(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """``listen(*arguments, name=url, …)`` starts a worker."""
    workers: list[Worker] = []

    def start(*arguments: str, **servers: str) -> Worker:
        workers.append(Worker(tmp_path / f"events-{len(workers)}.jsonl", servers, *arguments))
        return workers[-1]

    yield start
    for worker in workers:
        with worker:
            pass


def url(asterisk: Asterisk, port: int | None = None, *, secret: str = "amp111") -> str:
    return f"ami://admin:{secret}@{asterisk.host}:{port or asterisk.port}"


def tell(asterisk: Asterisk, *numbers: int) -> None:
    """Have Asterisk send a UserEvent for each number."""
    with wire(asterisk, "admin", Events="off") as it:
        for number in numbers:
            it.ask("UserEvent", UserEvent="Numbered", Number=str(number))


def connected_users(asterisk: Asterisk) -> int:
    with wire(asterisk, "admin", Events="off") as it:
        answer = it.ask("Command", Command="manager show connected")
    # Whoever asks is one of them.
    return int(re.findall(r"(\d+) users? connected", str(answer))[0]) - 1


# --- a good day ----------------------------------------------------------------------------------------------------


def test_it_says_that_it_is_ready_and_delivers_and_logs_off(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen("--server=pbx", pbx=url(asterisk, between.port))
        ready = worker.wait_for_out("pbx: ready")
        assert ready.startswith(f"pbx: ready, 127.0.0.1:{between.port}, Asterisk {asterisk.version}.")
        assert re.search(r", AMI \d+\.\d+\.\d+, no TLS$", ready)
        tell(asterisk, 1, 2, 3)
        worker.wait_for_number(3)
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 5
        assert worker.numbers() == [1, 2, 3]
        assert between.actions()[-1] == "Logoff"
        assert b"Response: Goodbye" in between.received
        assert between.actions().count("Login") == 1
        assert b"amp111" not in between.sent
    wait_until(lambda: connected_users(asterisk) == 0)
    summary = worker.summary()
    assert summary["received"] == summary["delivered"] == len(worker.events)
    assert (summary["dropped"], summary["ignored"], summary["left"], summary["reconnects"]) == (0, 0, 0, 0)
    # Everything but the ready line and the summary is in the log, and there is nothing to complain of.
    assert len(worker.out) == 2
    assert worker.err == []


def test_over_tls(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    address = f"amis://admin:amp111@localhost:{asterisk.tls_port}?ca_file={asterisk.cert}"
    worker = listen("--server=pbx", pbx=address)
    assert worker.wait_for_out("pbx: ready").endswith(", TLS")
    tell(asterisk, *range(20))
    worker.wait_for_number(19)
    assert worker.stop() == 0
    assert worker.numbers() == list(range(20))


def test_it_hears_what_asterisk_sends(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen(pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    with recording(asterisk) as recorded, wire(asterisk, "admin", Events="off") as it:
        it.ask("UserEvent", UserEvent="Begin")
        recorded.until("Begin")
        for exten in ("510", "511"):
            it.write("Originate", Channel=f"Local/{exten}@default", Application="Wait", Data="5", Async="true",
                     Variable="__WAITSECS=0.1")  # fmt: skip
        wait_until(lambda: sum(event["event"] == "Hangup" for event in worker.events) == 4, what=str(worker))
        it.ask("UserEvent", UserEvent="End")
        sent = recorded.until("End")
    assert worker.stop() == 0
    marks = {dict(event["headers"]).get("UserEvent"): place for place, event in enumerate(worker.events)}
    heard = worker.events[marks["Begin"] + 1 : marks["End"]]
    lines = ["\r\n".join(f"{key}: {text}" if key else text for key, text in event["headers"]) for event in heard]
    # An empty value is written with a blank behind the colon, or without.
    assert [line.replace(": \r\n", ":\r\n") for line in lines] == [
        block.decode().replace(": \r\n", ":\r\n") for block in sent
    ]


def test_events_asks_for_those_classes_alone(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen("--events=user", pbx=url(asterisk, between.port))
        worker.wait_for_out("pbx: ready")
        # The mask of the login had "system" in it, too, for FullyBooted.
        wait_until(lambda: b"\r\nEvents: On\r\n" in between.received)
        with wire(asterisk, "admin") as it:
            originate(it, "Local/500@default", Variable="__WAITSECS=0.1")
            it.wait(Event="Hangup")
        tell(asterisk, 1)
        worker.wait_for_number(1)
        assert worker.stop() == 0
    assert b"EventMask: user\r\n" in between.sent
    assert {event["event"] for event in worker.events} <= {"FullyBooted", "UserEvent"}


def test_max_events(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen("--events=user", "--max-events=5", pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    tell(asterisk, *range(50))
    assert worker.wait() == 0
    assert len(worker.events) == worker.summary()["delivered"] == 5
    assert worker.numbers() == list(range(len(worker.numbers())))


def test_run_for(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen("--run-for=2", pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    ready = time.monotonic()
    tell(asterisk, 1)
    assert worker.wait() == 0
    # Python's own end included.
    assert time.monotonic() - ready < 2 + 3
    assert worker.numbers() == [1]
    assert worker.summary()["left"] == 0


# --- the end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_burst_loses_nothing_that_was_read(
    asterisk: Asterisk, listen: Callable[..., Worker], number: int
) -> None:
    worker = listen("--events=user", pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    with wire(asterisk, "admin", Events="off") as it:
        it.ask("Originate", Channel="Local/95000@default", Application="Wait", Data="20", Async="true")
    worker.wait_for_number(500)
    started = time.monotonic()
    assert worker.stop(number) == 0
    assert time.monotonic() - started < 5
    numbers = worker.numbers()
    assert numbers == list(range(1, len(numbers) + 1))
    summary = worker.summary()
    assert summary["received"] == summary["delivered"] == len(worker.events)
    assert (summary["dropped"], summary["left"]) == (0, 0)
    assert not any("Traceback" in line for line in worker.err), str(worker)
    wait_until(lambda: connected_users(asterisk) == 0)


def test_a_wrong_secret_ends_it_after_one_attempt(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen(pbx=url(asterisk, between.port, secret="not-this-one"))
        assert worker.wait() == 3
        assert between.actions().count("Login") == 1
    said = "\n".join(worker.err)
    assert "pbx: Authentication failed for user 'admin'" in said
    assert "Traceback" not in said
    assert "not-this-one" not in "\n".join([*worker.out, *worker.err])


def test_an_unknown_server_is_told(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen("--server=pxb", pbx=url(asterisk))
    assert worker.wait() == 2
    assert "did you mean 'pbx'?" in "\n".join(worker.err)


# --- Asterisk comes and goes ---------------------------------------------------------------------------------------


def test_it_comes_back_when_asterisk_is_restarted(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen(pbx=url(asterisk))
    worker.wait_for_out("pbx: ready,")
    tell(asterisk, 1)
    worker.wait_for_number(1)
    asterisk.restart()
    worker.wait_for_out("pbx: ready again,")
    assert "Shutdown" in [event["event"] for event in worker.events]
    tell(asterisk, 2)
    worker.wait_for_number(2)
    assert worker.stop() == 0
    assert worker.numbers() == [1, 2]
    assert worker.summary()["reconnects"] == 1
    assert "pbx: connection lost" in "\n".join(worker.err)


def test_it_comes_back_when_asterisk_was_killed(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen("--events=user", pbx=url(asterisk))
    worker.wait_for_out("pbx: ready,")
    with wire(asterisk, "admin", Events="off") as it:
        it.ask("Originate", Channel="Local/99999@default", Application="Wait", Data="20", Async="true")
    worker.wait_for_number(300)
    asterisk.kill()
    worker.wait_for_err("pbx: connection lost")
    worker.wait_for_err("pbx: not connected")
    asterisk.start()
    worker.wait_for_out("pbx: ready again,")
    tell(asterisk, 20_000)
    worker.wait_for_number(20_000)
    assert worker.stop() == 0
    *burst, last = worker.numbers()
    assert burst == list(range(1, len(burst) + 1)), "what it had read when Asterisk died is whole"
    assert len(burst) >= 300
    assert last == 20_000
    assert worker.summary()["reconnects"] == 1


def test_it_waits_for_an_asterisk_that_is_not_there_yet(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    asterisk.stop()
    worker = listen(pbx=url(asterisk))
    worker.wait_for_err("pbx: not connected")
    asterisk.start()
    worker.wait_for_out("pbx: ready,")
    tell(asterisk, 1)
    worker.wait_for_number(1)
    assert worker.stop() == 0
    assert worker.summary()["reconnects"] == 0


def test_it_can_be_stopped_while_there_is_no_asterisk(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with nobody() as port:
        worker = listen(pbx=url(asterisk, port))
        worker.wait_for_err("pbx: not connected")
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 5
    assert worker.summary()["received"] == 0


# --- several servers -----------------------------------------------------------------------------------------------


@contextmanager
def nobody() -> Iterator[int]:
    """A port that is taken, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_all_with_one_that_works_beside_some_that_do_not(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    with (
        nobody() as port,
        relay(asterisk.host, asterisk.port) as between,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        worker = listen(
            "--all",
            down=url(asterisk, port),
            refused=url(asterisk, between.port, secret="wrong"),
            silent=url(asterisk, silent.getsockname()[1]),
            good=url(asterisk),
        )
        # The one that takes the connection and says nothing has ten seconds: nobody waits for it.
        worker.wait_for_out("good: ready")
        tell(asterisk, 1)
        worker.wait_for_number(1)
        assert not any("silent" in line for line in worker.err)
        down = worker.wait_for_err("down: not connected")
        assert f"127.0.0.1:{port}" in down
        assert "refused" in down
        assert "Trying again in" in down
        refused = worker.wait_for_err("refused: Authentication failed")
        assert "check USERNAME and SECRET" in refused
        # The one that is down is tried again and again, the one that refuses is not.
        wait_until(lambda: sum("down: not connected" in line for line in worker.err) >= 3)
        tell(asterisk, 2)
        worker.wait_for_number(2)
        assert worker.stop() == 0
        assert between.actions().count("Login") == 1
    assert {event["server"] for event in worker.events} == {"good"}
    assert worker.numbers() == [1, 2]
    assert sum("ready" in line for line in worker.out) == 1


def test_two_servers_are_listened_to_at_once(asterisk: Asterisk, listen: Callable[..., Worker]) -> None:
    worker = listen("--server=one", "--server=two", one=url(asterisk), two=url(asterisk), three=url(asterisk))
    for name in ("one", "two"):
        worker.wait_for_out(f"{name}: ready")
    tell(asterisk, *range(100))
    wait_until(lambda: worker.numbers().count(99) == 2, what=str(worker))
    assert worker.stop() == 0
    for name in ("one", "two"):
        mine = [dict(event["headers"]) for event in worker.events if event["server"] == name]
        assert [int(one["Number"]) for one in mine if "Number" in one] == list(range(100))
    assert {event["server"] for event in worker.events} == {"one", "two"}
