"""The wire log of a client over real TCP and TLS: all that was said, by whom, on which connection.

And nothing else.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.core import Client, Event
from django_ami.core.actions import Command, Ping
from django_ami.core.config import TLSConfig
from django_ami.testing import FakeAsterisk
from tests.core.io_support import config, ready, started, wait_until
from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("no_bugs")

LOGGER = "django_ami.wire"


class Wire:
    """The lines of the wire log, without the parts that differ from run to run."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records if record.name == LOGGER]

    def of(self, server: str, mark: str) -> list[str]:
        start = f"{server} {mark} "
        return [line.removeprefix(start) for line in self.lines if line.startswith(start)]

    def has(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture
def wire(caplog: pytest.LogCaptureFixture) -> Iterator[Wire]:
    with caplog.at_level(logging.DEBUG, LOGGER):
        yield Wire(caplog)


@pytest.mark.parametrize("auth_type", ["md5", "plain"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_conversation_from_the_greeting_to_the_logoff(
    wire: Wire, auth_type: str, tls: bool
) -> None:
    with FakeAsterisk(tls=tls) as sim:
        settings = TLSConfig(fingerprint=sim.fingerprint) if tls else None
        with started(config(sim, tls=settings, auth_type=auth_type)) as client:
            ready(client)
            assert client.send(Ping()).result(DEADLINE_SECONDS).ok
            sim.emit("Hangup", Channel="PJSIP/101-1")
            wait_until(
                lambda: wire.has("Event: Hangup | Privilege: call,all | Channel: PJSIP/101-1")
            )
        (login,) = [action for action in sim.received if action.name == "Login"]
    sent, received = wire.of("node_1", ">"), wire.of("node_1", "<")
    names = [line.split(" | ")[0].removeprefix("Action: ") for line in sent]
    assert names == [action.name for action in sim.received], "each once, in order"
    assert received[0] == "Asterisk Call Manager/11.0.0"
    assert sum(line.startswith("Response: ") for line in received) == len(names)
    assert wire.of("node_1", "=")[0] == f"connected to 127.0.0.1:{sim.port}"
    assert wire.of("node_1", "=")[1].startswith("disconnected: ")
    secret = login.get("Secret") or login.get("Key")
    assert secret
    assert not wire.has(secret)
    assert not wire.has("amp111")
    assert wire.has("Key: ***" if auth_type == "md5" else "Secret: ***")


def test_each_server_has_its_name_and_a_lost_connection_an_end(wire: Wire) -> None:
    with (
        FakeAsterisk() as one,
        FakeAsterisk() as two,
        started(config(one, "one"), config(two, "two")) as client,
    ):
        ready(client)
        one.drop()
        wait_until(lambda: len(wire.of("one", "=")) >= 3)
        ready(client)
        assert client.send(Command("core show version"), server="two").result(DEADLINE_SECONDS).ok
    assert [line.split(":")[0] for line in wire.of("one", "=")[:3]] == [
        "connected to 127.0.0.1",
        "disconnected",
        "connected to 127.0.0.1",
    ]
    assert any(line.startswith("Action: Command | ") for line in wire.of("two", ">"))
    assert not any(line.startswith("Action: Command | ") for line in wire.of("one", ">"))


def test_wire_log_may_be_turned_on_and_off_while_connected(
    sim: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire(caplog)
    with started(config(sim)) as client:
        ready(client)

        def ping() -> str:
            pending = client.send(Ping())
            assert pending.result(DEADLINE_SECONDS).ok
            return pending.action_id

        def logged_ping() -> str:
            """Handlers have their records later, and the one of the test is to have them before its
            level is back.
            """
            action_id = ping()
            wait_until(lambda: sum(action_id in line for line in wire.lines) == 2)
            return action_id

        unseen = [ping()]
        assert wire.lines == []
        with caplog.at_level(logging.DEBUG, LOGGER):
            seen = [logged_ping()]
        unseen.append(ping())
        with caplog.at_level(logging.DEBUG, LOGGER):
            seen.append(logged_ping())
        unseen.append(ping())
    pings = [line for line in wire.of("node_1", ">") if line.startswith("Action: Ping")]
    assert pings == [f"Action: Ping | ActionID: {action_id}" for action_id in seen]
    for action_id in seen:
        assert any(f"ActionID: {action_id}" in line for line in wire.of("node_1", "<"))
    assert not any(wire.has(action_id) for action_id in unseen)


def test_wire_log_makes_no_record_while_it_is_off(
    sim: FakeAsterisk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("django_ami.core.wire.WireLog.__init__", never)
    caplog.set_level(logging.INFO, LOGGER)
    with started(config(sim)) as client:
        ready(client)
        assert client.send(Ping()).result(DEADLINE_SECONDS).ok
    assert Wire(caplog).lines == []


def test_client_waits_for_no_handler_of_the_wire_log(
    sim: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, stuck = threading.Event(), threading.Event()

    class Stuck(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            stuck.set()
            released.wait(DEADLINE_SECONDS)

    logger = logging.getLogger(LOGGER)
    monkeypatch.setattr(logger, "handlers", [Stuck()])
    monkeypatch.setattr(logger, "propagate", False)
    with started(config(sim)) as client:
        ready(client)
        try:
            logger.setLevel(logging.DEBUG)
            for _ in range(20):
                assert client.send(Ping()).result(2).ok
            assert stuck.wait(DEADLINE_SECONDS)
        finally:
            logger.setLevel(logging.NOTSET)
            released.set()


def test_the_events_are_received_all_the_same(wire: Wire, sim: FakeAsterisk) -> None:
    seen: list[Event] = []
    client = Client([config(sim)])
    client.subscribe("Flood", seen.append)
    client.start()
    try:
        ready(client)
        client.send(Ping()).result(DEADLINE_SECONDS)
        for number in range(500):
            sim.emit("Flood", Number=number)
        wait_until(lambda: len(seen) == 500)
        wait_until(lambda: sum("Event: Flood" in line for line in wire.of("node_1", "<")) == 500)
    finally:
        client.close()
