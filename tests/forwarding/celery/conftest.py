"""Brokers, one of each kind for all tests of a process."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from tests.forwarding.celery.project import Project
from tests.servers.rabbitmq import rabbitmq_server
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.rabbitmq import RabbitMQ

collect_ignore_glob = [] if importlib.util.find_spec("celery") else ["test_*.py"]


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A node that all tests of this process share: it takes seconds to start."""
    with rabbitmq_server(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that all tests of this process share."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def project(
    request: pytest.FixtureRequest, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Project]:
    """Makes a project on a broker: ``redis``, ``classic`` or ``quorum``."""

    def make(kind: str, **options: object) -> Project:
        if kind == "redis":
            url = request.getfixturevalue("redis_url")
        else:
            url = request.getfixturevalue("rabbitmq").url
            options["QUEUES"] = kind
        return Project(url, tmp_path, monkeypatch, **options)

    return make
