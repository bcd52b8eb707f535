"""From a server to a receiver: ``ami_listen``, a broker that goes away, and a worker."""

from __future__ import annotations

import signal

import pytest

from django_ami.testing import FakeAsterisk
from tests.forwarding.celery.project import Project
from tests.servers.rabbitmq import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EVENTS = 120


def emit(simulator, begin: int, end: int) -> None:
    for number in range(begin, end):
        call = number % 3
        simulator.emit(
            "UserEvent",
            Uniqueid=f"1.{call}",
            Linkedid=f"1.{call}",
            Call=call,
            Number=number // 3,
        )


def test_events_of_a_server_reach_the_workers_through_an_outage_of_the_broker(project, rabbitmq):
    here = project("quorum", CONFIRM_SECONDS=2)
    with FakeAsterisk() as simulator, here.listener(simulator.url) as listener:
        with here.worker() as worker:
            worker.wait_for_err(" ready.")
            listener.wait_for_out("node_1: ready")
            emit(simulator, 0, EVENTS // 3)
            here.wait_for(EVENTS // 3, listener, worker)
            rabbitmq.stop()
            emit(simulator, EVENTS // 3, EVENTS)
            listener.wait_for_err("of Celery")
            rabbitmq.start()
            here.wait_for(EVENTS, listener, worker)
        listener.signal(signal.SIGTERM)
        assert listener.wait() == 0, str(listener)
    assert here.disorder(outage=True) == []
    said = "\n".join([*listener.out, *listener.err])
    assert f"{EVENTS} delivered" in said
    assert SECRET.replace("%2F", "/") not in said
    assert SECRET not in said


def test_listener_without_its_celery_app_ends_with_one_line(project):
    here: Project = project("redis", APP="nowhere.celery:app")
    with here.listener("ami://admin:a@127.0.0.1:1") as listener:
        assert listener.wait() == 2, str(listener)
    (line,) = [line for line in listener.err if "nowhere" in line]
    assert "no Celery app at 'nowhere.celery:app'" in line
    assert "{'APP': 'proj.celery:app'}" in line
    assert "Traceback" not in str(listener)
