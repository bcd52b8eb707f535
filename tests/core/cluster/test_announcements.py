"""The lines of servers that come and go, on a clock that the test moves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from django_ami.core.cluster.announcements import FIRST_LINES, FLAPPING_SECONDS, Announcements
from django_ami.core.errors import AuthenticationFailed, ConnectionLost
from django_ami.core.reactor.timers import Timers
from django_ami.core.session import Lost, Ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.reactor import Timer


class PlayedLoop:
    """A loop whose clock goes on when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._calls: list[Timer] = []
        self._timers = Timers()

    def call_at(self, when: float, function: Callable[[], None]) -> Timer:
        self._calls.append(timer := self._timers.add(when, function))
        return timer

    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self._calls if timer.when <= self.now]
        self._calls = [timer for timer in self._calls if timer not in due]
        for timer in due:
            if timer.callback is not None:
                timer.callback()


class Log:
    """Announcements, and the lines that they have made."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "django_ami")
        self._caplog = caplog
        self.loop = PlayedLoop()
        self.told = Announcements(self.loop)  # type: ignore[arg-type]

    def flap(self, times: int, server: str = "node_1", seconds: float = 0.0) -> None:
        for _ in range(times):
            self.lose(server)
            self.told.tell(Ready(server, again=True, asterisk_version="22.10.1", ami_version="11"))
            self.loop.wait(seconds)

    def lose(self, server: str = "node_1") -> None:
        error = ConnectionLost("the server closed the connection.")
        self.told.tell(Lost(server, error, retry_in=0.5, was_ready=True))

    def take(self) -> list[str]:
        lines = [record.getMessage() for record in self._caplog.records]
        self.records = list(self._caplog.records)
        self._caplog.clear()
        return lines


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def test_change_of_state_is_one_line_with_fields(log: Log) -> None:
    log.flap(1)
    assert log.take() == [
        "node_1: connection lost: the server closed the connection. Trying again in 0.5 s.",
        "node_1: ready again (Asterisk 22.10.1, AMI 11).",
    ]
    lost, ready = (record.__dict__ for record in log.records)
    assert (lost["server"], lost["state"], lost["error"]) == ("node_1", "lost", "ConnectionLost")
    assert lost["retry_in"] == 0.5
    assert (ready["server"], ready["state"]) == ("node_1", "ready")


def test_server_that_flaps_has_its_first_lines_and_then_one_in_an_interval(log: Log) -> None:
    log.flap(60, seconds=1.0)
    lines = log.take()
    assert len(lines) == FIRST_LINES + 1
    untold = 2 * 60 - FIRST_LINES
    assert lines[-1].startswith(f"node_1: {untold} more changes in 60 s: lost or not ")
    assert lines[-1].endswith("times. The last line: ready again (Asterisk 22.10.1, AMI 11).")
    assert log.records[-1].__dict__["lost_count"] == untold // 2
    log.flap(119, seconds=1.0)
    assert len(log.take()) == 1
    log.loop.wait(1.0)
    assert len(log.take()) == 1


def test_server_that_is_lost_in_the_midst_of_flapping_is_told_within_an_interval(log: Log) -> None:
    log.flap(10)
    log.lose()
    log.take()
    log.loop.wait(FLAPPING_SECONDS)
    (line,) = log.take()
    assert "The last line: connection lost: the server closed the connection." in line


def test_server_that_was_calm_for_an_interval_has_lines_again(log: Log) -> None:
    log.flap(10)
    log.loop.wait(FLAPPING_SECONDS)
    log.take()
    log.loop.wait(FLAPPING_SECONDS)
    log.flap(1)
    assert len(log.take()) == 2


def test_server_that_flaps_takes_no_line_of_another(log: Log) -> None:
    log.flap(100)
    log.take()
    log.flap(1, "node_2")
    assert len(log.take()) == 2


def test_end_tells_how_many_lines_are_missing_once(log: Log) -> None:
    log.flap(10)
    log.take()
    log.told.finish()
    (line,) = log.take()
    assert f"not connected {10 - FIRST_LINES // 2} times" in line
    log.told.finish()
    assert log.take() == []


def test_refused_login_is_told_each_time(log: Log) -> None:
    log.flap(100)
    log.take()
    refused = AuthenticationFailed("node_1 refuses the login of 'site'.")
    log.told.tell(Lost("node_1", refused, retry_in=60.0, was_ready=False))
    assert log.take() == ["node_1 refuses the login of 'site'."]
    assert log.records[0].levelno == logging.ERROR
