"""Fixtures of the whole test suite."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from django.apps import apps

from django_ami import acting, ami, companion, listeners, signals
from django_ami.signals import LiveSignal
from django_ami.testing.connections import connections_allowed
from tests.running import DEADLINE_SECONDS, WORKERS

# The parent of this test run may ignore SIGHUP, as nohup does; the workers under test would ignore
# it as well then.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers() -> int:
    """``-n auto``: tests wait for sockets more than they compute, so a small machine takes more
    workers than cores.
    """
    return max(4, os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Keep the ten thousand tests out of every later look for garbage: each took a second then."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _long_ones_apart(request: pytest.FixtureRequest) -> None:
    """The others are not to wait for them, unless they are all wanted."""
    apart = WORKERS > 1 and "AMI_TEST_ALL" not in os.environ
    if apart and request.node.get_closest_marker("long"):
        pytest.skip("takes long: -n0 -m long runs it, and so does AMI_TEST_ALL=1")


@pytest.fixture(autouse=True)
def _slow_ones_apart(request: pytest.FixtureRequest) -> None:
    """Most of them start programs: the others are done in a third of the time."""
    asked_for = "AMI_TEST_ALL" in os.environ or any(
        word in request.config.option.markexpr for word in ("slow", "chaos")
    )
    if WORKERS > 1 and not asked_for:
        for marker in ("slow", "chaos"):
            if request.node.get_closest_marker(marker):
                pytest.skip(f"is {marker}: -m {marker} runs it, and so does AMI_TEST_ALL=1")


@pytest.fixture(autouse=True)
def _browsers_apart(request: pytest.FixtureRequest) -> None:
    """A browser takes more of the machine than all other tests: it runs where it is asked for."""
    asked_for = "browser" in request.config.option.markexpr
    if WORKERS > 1 and not asked_for and request.node.get_closest_marker("browser"):
        pytest.skip("runs a browser: -m browser runs it")


@pytest.fixture(autouse=True)
def _without_operations(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is installed for its own tests; in all others a process is as without it."""
    if not _is_of_operations(request):
        monkeypatch.setattr(companion, "_registered", [])
        monkeypatch.setattr(listeners, "_sources", [])
        monkeypatch.setattr(acting, "_bookkeepers", [])


def _is_of_operations(request: pytest.FixtureRequest) -> bool:
    marked = request.node.get_closest_marker("operations") is not None
    return marked or "operations" in request.path.parts


@pytest.fixture(autouse=True)
def _action_log_is_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Entries of a test are written before its database is emptied, and no thread stays."""
    if not (_is_of_operations(request) and apps.is_installed("django_ami.operations")):
        yield
        return
    has_database = request.node.get_closest_marker("django_db") is not None
    for name in ("transactional_db", "db"):
        if name in request.fixturenames:
            has_database = True
            request.getfixturevalue(name)  # it is to end behind this one
    from django_ami.operations import audit  # not with every settings module

    yield
    ami.close()
    audit.close(None if has_database else 0)
    for thread in threading.enumerate():
        if thread.name == "django_ami-audit":
            thread.join(DEADLINE_SECONDS)


@pytest.fixture(autouse=True)
def _accessor_is_closed() -> Iterator[None]:
    """A look at ``ami`` begins its client: its threads end with the test, not with the process."""
    yield
    ami.close()


@pytest.fixture(autouse=True, scope="session")
def _no_live_picture() -> None:
    """The demo has receivers of calls and queues: with them every listener would keep a picture."""
    if apps.is_installed("demo_project.calls"):
        for function, those in _demo_receivers():
            for one in those:
                one.disconnect(function)


@pytest.fixture(autouse=True)
def _picture_is_not_kept() -> Iterator[None]:
    """A test that looks at the live picture leaves no process that keeps one."""
    yield
    signals._picture_used = False


@pytest.fixture
def demo_receivers() -> Iterator[None]:
    """The demo's receivers of calls and queues are connected."""
    wanted = [(one, function) for function, those in _demo_receivers() for one in those]
    for one, function in wanted:
        one.connect(function)
    yield
    for one, function in wanted:
        one.disconnect(function)


def _demo_receivers() -> tuple[tuple[Callable[..., None], tuple[LiveSignal, ...]], ...]:
    from demo_project.calls import receivers  # not with every settings module

    calls = (signals.call_started, signals.call_answered, signals.call_ended)
    return (receivers.on_call, calls), (receivers.on_queue, (signals.queue_changed,))


@pytest.fixture(autouse=True, scope="session")
def may_connect() -> Iterator[None]:
    """These tests are about connections, to servers of all kinds.

    The permission to connect is tested in other processes.
    """
    with connections_allowed():
        yield
