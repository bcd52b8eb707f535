"""Errors and answers as Celery's result backend gives them back.

A real Redis, and a worker in a process of its own.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

from django_ami.core import errors
from django_ami.core.errors import ActionFailed, ActionTimeout, ConnectionFailed
from tests.core.servers import refusing_port
from tests.core.test_errors import REFUSED
from tests.running import Program
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("celery") is None, reason="celery is not installed"
)

#: How long a task may take, the start of its worker included.
PATIENCE_SECONDS = 60

Ask = "Callable[..., Any]"


@pytest.fixture(scope="module", params=["json", "pickle"])
def ask(request, tmp_path_factory) -> Iterator[Ask]:
    """Run a task by its name in a worker; give what the result backend has, or raise it."""
    from celery import Celery

    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "tests.core.celery_app",
            "worker",
            "--pool=solo",
        ]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=INFO"]
        asking = Celery("asking", broker=url, backend=url)
        asking.conf.update(
            result_serializer=request.param, result_accept_content=["json", "pickle"]
        )
        with Program(
            [*command, *quiet], CELERY_REDIS=url, CELERY_SERIALIZER=request.param
        ) as worker:
            worker.wait_for_err(" ready.")
            yield lambda task, *args: asking.send_task(task, args).get(PATIENCE_SECONDS)
        asking.close()


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize("name", errors.__all__)
def test_error_of_a_task_keeps_its_message_from_the_worker(ask, name, sent):
    with pytest.raises(getattr(errors, name)) as raised:
        ask("raise_error", name, sent)
    error = raised.value
    assert type(error).__name__ == name
    assert (error.message, error.server, error.sent) == ("it rains.", "node_1", sent)
    if isinstance(error, ActionFailed):
        assert error.response == REFUSED


def test_an_answer_in_its_plain_form_is_stored(ask):
    assert ask("answer") == REFUSED.as_dict()


def test_an_action_that_never_left_says_so_in_the_process_that_asked(ask):
    with refusing_port() as port, pytest.raises((ConnectionFailed, ActionTimeout)) as raised:
        ask("ping", port)
    assert raised.value.server == "node_1"
    assert not raised.value.sent
