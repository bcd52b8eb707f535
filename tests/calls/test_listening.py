"""The recorder of a process: one, also behind a fork, and closed at the exit."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from django_ami import signals
from django_ami.calls import listening
from django_ami.calls.models import Call
from django_ami.testing import FakeAsterisk, Outbox, scenarios
from tests.calls.support import a_call
from tests.receiving import fresh_registry
from tests.running import PYTHON, Program, wait_until


@pytest.mark.django_db(transaction=True)
def test_a_call_that_ended_is_written() -> None:
    listening.on_call_ended(sender=None, call=a_call(), inferred=False)
    one = listening.recorder()
    assert one is listening.recorder()
    assert one.close(10)
    assert Call.objects.count() == 1
    listening._recorders.clear()


def test_a_call_that_a_test_plays_is_not_written(ami_outbox: Outbox) -> None:
    with fresh_registry():
        signals.call_ended.connect(listening.on_call_ended)
        ami_outbox.play(scenarios.busy_call())
    assert os.getpid() not in listening._recorders


def test_a_forked_child_has_a_recorder_of_its_own() -> None:
    one = listening.recorder()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"another" if listening.recorder() is not one else b"the same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"another"
    os.close(reading)
    os.close(writing)
    listening._recorders.clear()


def test_the_worker_writes_the_calls_that_it_hears(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite3"
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.calls.settings",
        "AMI_TEST_DATABASE": f'{{"ENGINE": "django.db.backends.sqlite3", "NAME": "{file}"}}',
    }
    with Program([*PYTHON, "-m", "django", "migrate", "ami_calls"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    with FakeAsterisk() as server:
        command = [*PYTHON, "-m", "django", "ami_listen"]
        with Program(command, AMI_NODE1_URL=server.url, **env) as worker:
            worker.wait_for_out("ready")
            # Its lists are empty: they contradict a call that lives while they are asked for.
            wait_until(lambda: any(one.name == "DeviceStateList" for one in server.received))
            for _ in range(2):  # with the same ids: the second one is the first, heard again
                server.play(scenarios.queue_call("support"))
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0, str(worker)
    connection = sqlite3.connect(file)
    calls = connection.execute("SELECT server, outcome FROM ami_calls_call").fetchall()
    visits = connection.execute("SELECT queue, result FROM ami_calls_queuevisit").fetchall()
    connection.close()
    assert calls == [("node_1", "answered")], str(worker)
    assert visits == [("support", "answered")]


def test_the_exit_of_the_process_writes_what_waits(tmp_path: Path) -> None:
    file = tmp_path / "calls.sqlite3"
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.calls.settings",
        "AMI_TEST_DATABASE": f'{{"ENGINE": "django.db.backends.sqlite3", "NAME": "{file}"}}',
    }
    with Program([*PYTHON, "-m", "tests.calls.writer", "--exit"], **env) as writer:
        writer.wait_for_out("ready")
        writer.signal(signal.SIGTERM)
        assert writer.wait() == 0, str(writer)
    connection = sqlite3.connect(file)
    ((rows,),) = connection.execute("SELECT count(*) FROM ami_calls_call")
    connection.close()
    assert rows == int(writer.out[-1]) >= 1
