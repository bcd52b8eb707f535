"""Something unexpected in one server's turn, no memory too, ends that connection alone.

It is told and counted.
"""

from __future__ import annotations

import errno
import selectors
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.testing import FakeAsterisk, Simulator
from tests.core.io_support import (
    PATIENCE_SECONDS,
    config,
    loop_of,
    ready,
    started,
    wait_until,
    with_leaders,
)
from tests.fuzz.surroundings import World

UNEXPECTED = {
    "no memory": (MemoryError(), "this process has no memory left: raise its limit"),
    "refused": (OSError(errno.ENOMEM, "Cannot allocate memory"), "the system has no memory left"),
    "a bug": (KeyError("x"), "a bug in django_ami (KeyError), please report it."),
}


@pytest.fixture
def pair() -> Iterator[tuple[Simulator, Simulator]]:
    with FakeAsterisk() as one, FakeAsterisk() as other:
        yield one, other


@pytest.fixture(params=UNEXPECTED.values(), ids=UNEXPECTED)
def unexpected(request: pytest.FixtureRequest) -> tuple[Exception, str]:
    return request.param


class Failing:
    """Stands for a method of one server.

    Raises ``error`` the next ``times`` times, and is as ever else.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: Exception
    ) -> None:
        self.times = 0
        self._real = getattr(owner, name)
        self._error = error
        monkeypatch.setattr(owner, name, self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.times:
            self.times -= 1
            raise self._error
        return self._real(*arguments, **named)


def counted(client: Client) -> list[int]:
    return [status.unexpected_errors for status in client.status().values()]


def reconnects(client: Client) -> list[int]:
    return [status.reconnects for status in client.status().values()]


#: The places: the method of the server that fails, and the cause that calls it.
PLACES: dict[str, Callable[[Client, Simulator], object]] = {
    "receive": lambda client, sim: sim.emit("Hangup"),
    "send": lambda client, sim: client.send(Ping(), server="a"),
    "tick": lambda client, sim: None,
}


@pytest.mark.parametrize("what", PLACES)
def test_unexpected_error_ends_one_connection_alone(
    pair: tuple[Simulator, Simulator],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    unexpected: tuple[Exception, str],
    what: str,
) -> None:
    error, told = unexpected
    pair[0].on("Never").hang()
    with started(
        config(pair[0], "a", heartbeat_interval=0.2), config(pair[1], "b"), default="b"
    ) as client:
        client.subscribe(None, lambda event: None)
        ready(client)
        under_way = client.send(Action("Never"), server="a")
        wait_until(lambda: any(action.name == "Never" for action in pair[0].received))
        session = client._cluster.servers["a"].session
        failing = Failing(monkeypatch, session if what == "tick" else session.exchange, what, error)
        failing.times = 1
        PLACES[what](client, pair[0])
        lost = under_way.exception(PATIENCE_SECONDS)
        assert isinstance(lost, ConnectionLost)
        assert lost.sent
        assert told in str(lost)
        ready(client, "a")
        assert client.send(Ping(), server="a").result(PATIENCE_SECONDS).ok
        assert client.send(Ping(), server="b").result(PATIENCE_SECONDS).ok
        assert (counted(client), reconnects(client)) == ([1, 0], [1, 0])
    assert f"a: connection lost: {told}" in caplog.text
    # Without memory an event that waits may be dropped, which is told without a traceback.
    bugs = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert bugs == ([error] if isinstance(error, KeyError) else [])


def test_an_action_that_meets_it_on_its_way_has_an_end(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, unexpected: tuple[Exception, str]
) -> None:
    with started(config(sim)) as client:
        ready(client)
        exchange = client._cluster.servers["node_1"].session.exchange
        Failing(monkeypatch, exchange, "send", unexpected[0]).times = 1
        error = client.send(Ping()).exception(PATIENCE_SECONDS)
        assert isinstance(error, ConnectionLost)
        assert error.sent  # an action of unknown fate is not safe to repeat
        ready(client)


@with_leaders
def test_a_thread_that_asks_another_server_goes_on(
    pair: tuple[Simulator, Simulator],
    monkeypatch: pytest.MonkeyPatch,
    unexpected: tuple[Exception, str],
) -> None:
    """A waiting thread runs the loop for all: failures of other servers do not reach it."""
    release = threading.Event()
    pair[1].on("Slow").raw(
        lambda action: (release.wait(PATIENCE_SECONDS) and b"") or _success(action)
    )
    with started(config(pair[0], "a"), config(pair[1], "b"), default="b") as client:
        client.subscribe("Hangup", lambda event: None)
        ready(client)
        exchange = client._cluster.servers["a"].session.exchange
        failing = Failing(monkeypatch, exchange, "receive", unexpected[0])
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(client.send(Action("Slow")).exception(PATIENCE_SECONDS))
        )
        asking.start()
        wait_until(lambda: loop_of(client).guest)
        failing.times = 1
        pair[0].emit("Hangup")
        wait_until(lambda: counted(client) == [1, 0])
        release.set()
        asking.join(PATIENCE_SECONDS)
        assert answers == [None]
        ready(client)
        assert reconnects(client) == [1, 0]


def _success(action: Any) -> bytes:
    return f"Response: Success\r\nActionID: {action.action_id}\r\n\r\n".encode()


def test_an_attempt_that_meets_it_is_followed_by_the_next(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, unexpected: tuple[Exception, str]
) -> None:
    with started(config(sim), connect=False) as client:
        session = client._cluster.servers["node_1"].session
        Failing(monkeypatch, session, "connecting", unexpected[0]).times = 1
        Failing(monkeypatch, session, "connected", unexpected[0]).times = 1
        client.connect()
        ready(client)
        assert counted(client) == [2]
        assert isinstance(session.retry.last_error, ConnectionFailed)


def test_client_goes_on_when_even_the_hanging_up_fails(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch, unexpected: tuple[Exception, str]
) -> None:
    monkeypatch.setattr("django_ami.core.cluster.server.RECOVERY_SECONDS", 0.01)
    with started(config(sim)) as client:
        client.subscribe(None, lambda event: None)
        ready(client)
        session = client._cluster.servers["node_1"].session
        Failing(monkeypatch, session, "disconnected", unexpected[0]).times = 3
        sim.emit("Hangup")
        sim.drop()
        wait_until(lambda: sim.logins == 2)
        ready(client)
        assert counted(client) == [3]


def test_a_socket_that_the_system_does_not_watch_is_a_failed_attempt(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    with started(config(sim), connect=False) as client:
        selector = loop_of(client).selector
        assert isinstance(selector, selectors.BaseSelector)
        Failing(monkeypatch, selector, "register", error).times = 1
        client.connect()
        ready(client)
        assert "too many sockets are watched" in str(client.status()["node_1"].last_error)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOBUFS, "No buffer space"), PermissionError(errno.EPERM, "x")]
)
def test_a_write_that_the_system_refuses_ends_the_connection_at_once(
    sim: Simulator, error: OSError
) -> None:
    """Reading would not tell: the other side is well.

    Events that had come by then are delivered.
    """
    world, events = World(), []
    with world.around(), started(config(sim, heartbeat_interval=3600, read_timeout=3600)) as client:
        client.subscribe("Hangup", events.append)
        ready(client)
        written = sim.events_sent
        sim.emit("Hangup")
        sim.wait_for(lambda: sim.events_sent > written)
        world.next["send"] = error
        lost = client.send(Ping()).exception(PATIENCE_SECONDS)
        assert isinstance(lost, ConnectionLost)
        assert not lost.sent
        ready(client)
        assert client.send(Ping()).result(PATIENCE_SECONDS).ok
        assert (reconnects(client), counted(client)) == ([1], [0])
        wait_until(lambda: len(events) == 1)


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(errno.EBADF, "Bad file descriptor"), ValueError("x")]
)
def test_reactor_thread_outlives_failures_between_the_calls(
    sim: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    with started(config(sim)) as client:
        ready(client)
        failing = Failing(monkeypatch, loop_of(client), "select", error)
        failing.times = 1
        sim.emit("Hangup")
        wait_until(lambda: failing.times == 0)
        assert client.send(Ping()).result(PATIENCE_SECONDS).ok
        assert client.status()["node_1"].reconnects == 0  # nothing was under way
        failing = Failing(monkeypatch, loop_of(client), "_run_calls", error)
        failing.times = 1
        sim.emit("Hangup")
        wait_until(
            lambda: client.status()["node_1"].reconnects == 1
        )  # the fate of its actions is unknown
        ready(client)
    assert caplog.text.count("a turn failed on the reactor thread; please report it.") == 2
