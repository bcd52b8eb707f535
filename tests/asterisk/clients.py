"""Clients for these tests: started, and looked at when they end: nothing may be left over."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from django_ami.core.actions import Originate
from django_ami.core.client import Client
from django_ami.core.config import Options, ServerConfig, TLSConfig
from django_ami.core.errors import ActionFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.actions import Action
    from django_ami.core.client import ServerStatus
    from django_ami.core.messages import Response
    from tests.asterisk.conftest import Asterisk

NAME = "pbx"
PATIENCE_SECONDS = 15.0

Found = TypeVar("Found")


def until(
    condition: Callable[[], Found], what: str = "", timeout: float = PATIENCE_SECONDS
) -> Found:
    """Wait until something is true, and say what it is."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what or condition}"
        time.sleep(0.005)
    return found


def never(condition: Callable[[], object], seconds: float) -> None:
    """See that something does not become true in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert not condition()
        time.sleep(0.005)


def secret_of(username: str) -> str:
    return "amp111" if username == "admin" else f"{username}111"


def make(
    asterisk: Asterisk,
    username: str = "admin",
    *,
    role: str = "caller",
    secret: str | None = None,
    host: str | None = None,
    port: int | None = None,
    tls: TLSConfig | None = None,
    **options: Any,
) -> Client:
    """A client of one server, which is not started."""
    config = ServerConfig(
        name=NAME,
        host=host or asterisk.host,
        port=port or (asterisk.port if tls is None else asterisk.tls_port),
        username=username,
        secret=secret or secret_of(username),
        tls=tls,
        options=Options(**options),
    )
    return Client([config], role=role)


@contextmanager
def connected(
    asterisk: Asterisk, username: str = "admin", *, dispatcher: bool = True, **how: Any
) -> Iterator[Client]:
    """A started client that is ready.

    When it ends well, every answer must have found its action.
    """
    client = make(asterisk, username, **how)
    try:
        client.start(dispatcher=dispatcher)
        until(lambda: client.server(NAME).ready, "ready")
        yield client
        until(lambda: status(client).pending_actions == 0, "every action is answered")
        now = status(client)
        assert (
            now.late_answers,
            now.unmatched_answers,
            now.garbage_bytes,
            now.unwritten_bytes,
        ) == (0, 0, 0, 0), now
        assert (now.reconnects, now.dropped) == (0, 0), now
        assert (
            now.received == now.ignored + now.delivered + now.failed + now.dropped + now.queued
        ), now
    finally:
        client.close()


def status(client: Client) -> ServerStatus:
    return client.server(NAME).status()


def call(client: Client, exten: str, seconds: int = 60, **how: Any) -> str:
    """A call that is up: the name of its channel ``;1``, which waits; the dialplan is at ``;2``.

    The channels stay Local: nothing optimises them away.
    """
    how = {"application": "Wait", "data": str(seconds), **how}
    variables = {"__WAITSECS": str(seconds), **how.pop("variables", {})}
    originate = Originate(channel=f"Local/{exten}/n", variables=variables, wait=True, **how)
    outcome = client.send(originate).result(PATIENCE_SECONDS).outcome
    assert outcome is not None
    assert outcome.answered, outcome
    return outcome.channel


def ask(client: Client, action: Action) -> Response:
    return client.send(action).result(PATIENCE_SECONDS)


def refusal(client: Client, action: Action) -> str:
    """The server's message about an action that it refuses."""
    with pytest.raises(ActionFailed) as caught:
        ask(client, action)
    assert caught.value.sent
    return caught.value.response.message


def other_half(channel: str) -> str:
    """The other end of a Local channel."""
    assert channel.endswith(";1"), channel
    return channel[:-1] + "2"
