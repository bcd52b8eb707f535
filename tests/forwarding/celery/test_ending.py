"""A worker that is told to end while its broker does not answer, or is gone: it ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.forwarding.celery.project import Project
from tests.servers.redis import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

#: A worker waits for its broker for some seconds, and ends then.
END_SECONDS = 60.0


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_worker_ends_and_says_what_may_come_twice_while_rabbitmq_answers_nothing(
    project, rabbitmq: RabbitMQ, pool: str
) -> None:
    here = project("classic")
    with here.worker("-P", pool) as worker:
        worker.wait_for_err(" ready.")
        with rabbitmq.frozen():
            worker.signal(signal.SIGTERM)
            assert worker.wait(END_SECONDS) == 0, str(worker)
    assert "broke while this worker ended" in str(worker)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_worker_ends_when_its_redis_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    with RedisServer(tmp_path) as server:
        here = Project(server.url, tmp_path, monkeypatch)
        with here.worker("-P", pool) as worker:
            worker.wait_for_err(" ready.")
            server.kill()
            worker.signal(signal.SIGTERM)
            assert worker.wait(END_SECONDS) == 0, str(worker)
