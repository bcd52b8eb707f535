"""The scribe: while a client is started, nobody who logs waits for a handler."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.core import scribe as room
from django_ami.core.actions import Action
from django_ami.core.log import get_logger
from django_ami.core.scribe import scribe
from tests.core.io_support import config, loop_of, ready, started, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

NAME = "django_ami.test_of_the_scribe"


class Gate(logging.Handler):
    """Handles nothing until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.threads: set[str] = set()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.open.wait(30)
        self.threads.add(threading.current_thread().name)
        self.texts.append(record.getMessage())


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Closed; it has all that this package logs."""
    handler, logger = Gate(), logging.getLogger("django_ami")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    handler.open.set()
    wait_until(lambda: "django_ami-log" not in [thread.name for thread in threading.enumerate()])
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_records_are_written_as_ever_when_no_client_has_engaged_the_scribe(gate: Gate) -> None:
    gate.open.set()
    get_logger(NAME).warning("at once")
    assert (gate.texts, gate.threads) == (["at once"], {threading.current_thread().name})


def test_logging_thread_does_not_wait(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_RECORDS", 10)
    before = scribe.lost
    scribe.engage("me")
    scribe.engage("you")
    scribe.engage("me")
    get_logger(NAME).warning("the first one")
    wait_until(lambda: not scribe._spool._waiting)
    for number in range(15):
        get_logger(NAME).warning("%d", number)
    assert scribe.lost == before + 5
    assert scribe.release("you", 0.01), "it is needed"
    assert scribe.release("me", 0.01) is False, "a handler does not return"
    assert scribe.release("me", 0.01), "a second time is none"
    gate.open.set()
    wait_until(lambda: len(gate.texts) == 12)
    assert gate.threads == {"django_ami-log"}
    assert (
        gate.texts[-1] == "5 records of the log were lost: the handlers of LOGGING took too long."
    )
    assert scribe.lost == before + 5


def test_a_client_reads_sends_and_reconnects_while_a_handler_does_not_return(
    gate: Gate, sim: Simulator
) -> None:
    with started(config(sim)) as client:
        ready(client)
        sim.drop()
        sim.wait_for(lambda: sim.logins == 2)
        ready(client)
        assert client.send(Action("Ping")).result(20).ok
        assert gate.texts == []
        gate.open.set()
        wait_until(lambda: any("ready again" in text for text in gate.texts))
        assert client.status()["node_1"].lost_log_records == scribe.lost


def test_a_client_without_a_thread_logs_behind_its_turn(sim: Simulator, gate: Gate) -> None:
    from django_ami.core.client import Client

    gate.open.set()
    client = Client([config(sim)])
    busy: list[bool] = []
    gate.addFilter(lambda _: not busy.append(loop_of(client).busy))
    client.connect()
    while not client.servers["node_1"].ready:
        client.tick(1)
    client.close()
    assert any("ready" in text for text in gate.texts)
    assert gate.threads == {threading.current_thread().name}
    assert not any(busy)


def test_a_child_that_was_forked_begins_anew(gate: Gate) -> None:
    gate.open.set()
    scribe.engage("parent")
    if (child := os.fork()) == 0:
        # No thread is here to take it: it is handled at once.
        get_logger(NAME).warning("in the child")
        at_once = gate.texts == ["in the child"]
        scribe.engage("child")
        get_logger(NAME).warning("by its own thread")
        told = scribe.release("child", 10)
        os._exit(0 if at_once and told and len(gate.texts) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert scribe.release("parent")
    assert gate.texts == []
