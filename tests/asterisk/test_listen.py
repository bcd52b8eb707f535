"""``ami_listen`` against a real Asterisk: a real process, from its first line to its exit code."""

from __future__ import annotations

import re
import signal
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.asterisk.relay import relay
from tests.asterisk.wire import assert_same_events, originate, recording, wire
from tests.asterisk.worker import connected_users, tell, url
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.asterisk.conftest import Asterisk
    from tests.asterisk.worker import Worker

# --- a good day ---


def test_worker_says_that_it_is_ready_and_delivers_and_logs_off(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    with relay(asterisk.host, asterisk.port) as between:
        worker = listen("--server=pbx", pbx=url(asterisk, between.port))
        ready = worker.wait_for_out("pbx: ready")
        assert ready.startswith(
            f"pbx: ready, 127.0.0.1:{between.port}, Asterisk {asterisk.release}"
        )
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
    assert (summary["dropped"], summary["ignored"], summary["left"], summary["reconnects"]) == (
        0,
        0,
        0,
        0,
    )
    # Everything but the ready line and the summary is in the log, and there is nothing to complain
    # of.
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


def test_worker_gets_the_events_of_asterisk(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    worker = listen(pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    with recording(asterisk) as recorded, wire(asterisk, "admin", Events="off") as it:
        it.ask("UserEvent", UserEvent="Begin")
        recorded.until("Begin")
        for exten in ("510", "511"):
            it.write("Originate", Channel=f"Local/{exten}@default", Application="Wait", Data="5",
                     Async="true", Variable="__WAITSECS=0.1")  # fmt: skip
        wait_until(
            lambda: sum(event["event"] == "Hangup" for event in worker.events) == 4,
            what=str(worker),
        )
        it.ask("UserEvent", UserEvent="End")
        sent = recorded.until("End")
    assert worker.stop() == 0
    marks = {
        dict(event["headers"]).get("UserEvent"): place for place, event in enumerate(worker.events)
    }
    heard = worker.events[marks["Begin"] + 1 : marks["End"]]
    lines = [
        "\r\n".join(f"{key}: {text}" if key else text for key, text in event["headers"])
        for event in heard
    ]
    # An empty value is written with a blank behind the colon, or without.
    assert_same_events(
        [line.replace(": \r\n", ":\r\n").encode() for line in lines],
        [block.replace(b": \r\n", b":\r\n") for block in sent],
    )


def test_events_asks_for_those_classes_alone(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
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


# --- the end ---


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_burst_loses_nothing_that_was_read(
    asterisk: Asterisk, listen: Callable[..., Worker], number: int
) -> None:
    worker = listen("--events=user", pbx=url(asterisk))
    worker.wait_for_out("pbx: ready")
    with wire(asterisk, "admin", Events="off") as it:
        it.ask(
            "Originate", Channel="Local/95000@default", Application="Wait", Data="20", Async="true"
        )
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


def test_a_wrong_secret_ends_it_after_one_attempt(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
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


# --- Asterisk comes and goes ---


def test_worker_comes_back_when_asterisk_is_restarted(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
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


def test_worker_waits_for_an_asterisk_that_is_not_there_yet(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    asterisk.stop()
    worker = listen(pbx=url(asterisk))
    worker.wait_for_err("pbx: not connected")
    asterisk.start()
    worker.wait_for_out("pbx: ready,")
    tell(asterisk, 1)
    worker.wait_for_number(1)
    assert worker.stop() == 0
    assert worker.summary()["reconnects"] == 0


def test_worker_can_be_stopped_while_there_is_no_asterisk(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    with nobody() as port:
        worker = listen(pbx=url(asterisk, port))
        worker.wait_for_err("pbx: not connected")
        started = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - started < 5
    assert worker.summary()["received"] == 0


# --- several servers ---


@contextmanager
def nobody() -> Iterator[int]:
    """A port that is taken, and refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_all_with_one_that_works_beside_some_that_do_not(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
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


def test_two_servers_are_listened_to_at_once(
    asterisk: Asterisk, listen: Callable[..., Worker]
) -> None:
    worker = listen(
        "--server=one", "--server=two", one=url(asterisk), two=url(asterisk), three=url(asterisk)
    )
    for name in ("one", "two"):
        worker.wait_for_out(f"{name}: ready")
    tell(asterisk, *range(100))
    wait_until(lambda: worker.numbers().count(99) == 2, what=str(worker))
    assert worker.stop() == 0
    for name in ("one", "two"):
        mine = [dict(event["headers"]) for event in worker.events if event["server"] == name]
        assert [int(one["Number"]) for one in mine if "Number" in one] == list(range(100))
    assert {event["server"] for event in worker.events} == {"one", "two"}
