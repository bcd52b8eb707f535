"""Fixtures for pytest, there wherever django_ami is installed.

Rule: importing this imports nothing but pytest; Django and its settings are looked at by a fixture
that is used, and none is needed.
"""

from __future__ import annotations

import math
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from django_ami.core.client import Client
    from django_ami.testing.fake import FakeAsterisk
    from django_ami.testing.locmem.outbox import Outbox
    from django_ami.testing.recording import Recording

__all__ = [
    "Replay",
    "allow_ami_connections",
    "ami_client",
    "ami_outbox",
    "ami_replay",
    "ami_server",
    "ami_servers",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_unconfigure",
]

#: The variable that says whether this process, and its children, may connect to a server. The core
#: looks at it.
_CONNECTIONS = "DJANGO_AMI_CONNECTIONS"
_set_here: list[pytest.Config] = []

#: How long ``ami_client`` may take to log in, in seconds.
_PATIENCE_SECONDS = 30.0


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Forbid connections before pytest-django sets up the apps, which may send in ``ready``."""
    _forbid_connections(early_config)
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Forbid connections, where a conftest.py names this plugin."""
    _forbid_connections(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The end of the test run; the process may go on."""
    if config in _set_here:
        _set_here.remove(config)
        os.environ.pop(_CONNECTIONS, None)


def _forbid_connections(config: pytest.Config) -> None:
    if _CONNECTIONS not in os.environ:
        os.environ[_CONNECTIONS] = "forbid"
        _set_here.append(config)


@pytest.fixture
def allow_ami_connections() -> Iterator[None]:
    """This test may connect to the servers of the settings.

    Without it only simulated ones can be reached.

    For all tests of a module: ``pytestmark = pytest.mark.usefixtures("allow_ami_connections")``.
    """
    from django_ami.testing.connections import connections_allowed

    with connections_allowed():
        yield


class Replay(Protocol):
    """The type of the fixture ``ami_replay``."""

    def __call__(
        self,
        recording: Recording | str | os.PathLike[str],
        *,
        speed: float = math.inf,
        server: str | None = None,
    ) -> Recording: ...


def _has_settings() -> bool:
    """Is there a Django project around these tests?"""
    configured = sys.modules.get("django.conf")
    return "DJANGO_SETTINGS_MODULE" in os.environ or bool(
        configured and configured.settings.configured
    )


def _set_servers(
    request: pytest.FixtureRequest, stack: ExitStack, servers: Mapping[str, object]
) -> None:
    """Set ``AMI_SERVERS`` until the end of the test.

    Changes of settings have to be taken back in the order in which they were made. A test with
    pytest-django may change others by its fixture, so that fixture makes this change, too.
    """
    if request.config.pluginmanager.hasplugin("django"):
        request.getfixturevalue("settings").AMI_SERVERS = servers
    else:
        from django_ami.testing.override import override_servers

        stack.enter_context(override_servers(servers))


@pytest.fixture
def ami_servers(request: pytest.FixtureRequest) -> Iterator[Mapping[str, FakeAsterisk]]:
    """A simulated Asterisk for every server of ``AMI_SERVERS``, by name.

    The settings lead to them. Without Django, or without that setting, there is one, ``node_1``.
    """
    from django_ami.testing.fake import FakeAsterisk

    with ExitStack() as stack:
        if not _has_settings():
            yield {"node_1": stack.enter_context(FakeAsterisk())}
            return
        from django_ami.testing.override import at, close_ami, server_names

        servers = {name: stack.enter_context(FakeAsterisk()) for name in server_names()}
        _set_servers(request, stack, at({name: server.url for name, server in servers.items()}))
        stack.callback(close_ami)
        yield servers


@pytest.fixture
def ami_server(ami_servers: Mapping[str, FakeAsterisk]) -> FakeAsterisk:
    """A simulated Asterisk in the place of the default server.

    That is the one of ``AMI_DEFAULT_SERVER``, or the first one.
    """
    if _has_settings():
        from django_ami.testing.override import default_name

        return ami_servers[default_name()]
    return next(iter(ami_servers.values()))


@pytest.fixture
def ami_client(ami_server: FakeAsterisk) -> Iterator[Client]:
    """A client of the core that listens to ``ami_server``, logged in and ready.

    It can subscribe and send.
    """
    import time

    from django_ami.core.client import Client
    from django_ami.core.config import ServerConfig
    from django_ami.core.deadline import Deadline

    client = Client([ServerConfig.from_url("node_1", ami_server.url)])
    client.start()
    try:
        deadline = Deadline(_PATIENCE_SECONDS)
        while not client.server("node_1").ready:
            assert not deadline.over, client.status()  # noqa: S101  (of a test)
            time.sleep(0.002)
        yield client
    finally:
        client.close()


@pytest.fixture
def ami_outbox(request: pytest.FixtureRequest) -> Iterator[Outbox]:
    """No server: every action lands here, and the receivers get what is emitted here.

    See ``override_ami``.

    Without Django it is the outbox of every ``django_ami.testing.locmem.Client``.
    """
    from django_ami.testing.locmem.outbox import outbox

    with ExitStack() as stack:
        stack.enter_context(outbox.set_aside())
        if _has_settings():
            from django_ami.testing.override import in_memory

            _set_servers(request, stack, in_memory())
        yield outbox


@pytest.fixture
def ami_replay(request: pytest.FixtureRequest) -> Replay:
    """Deliver a recording to the receivers of ``django_ami.signals``, now and in this thread.

    It may be given by its file, too. ``ami_replay("calls.txt", speed=10)``: ten times as fast as it
    was; by default without pauses. Gives the recording. Actions of a receiver land in
    ``ami_outbox``, or at ``ami_server`` if the test has that.
    """
    if "ami_servers" not in request.fixturenames:
        request.getfixturevalue("ami_outbox")

    def replay(
        recording: Recording | str | os.PathLike[str],
        *,
        speed: float = math.inf,
        server: str | None = None,
    ) -> Recording:
        from django_ami.testing.receivers import play
        from django_ami.testing.recording import Recording

        loaded = recording if isinstance(recording, Recording) else Recording.load(recording)
        play(loaded, speed=speed, server=server)
        return loaded

    return replay
