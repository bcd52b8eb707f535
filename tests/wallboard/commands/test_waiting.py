"""A request that waits for a call holds nothing, and ends."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application

from django_ami import ami
from django_ami.core.progress import OriginateState
from django_ami.testing import CallTimes, FakeAsterisk
from django_ami.wallboard.access import DEEDS, Access
from django_ami.wallboard.commands import placed, waiting
from django_ami.wallboard.commands.clicks import call_of_click
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from django_ami.core.client import OriginatedCall

#: Less than a request waits for, if nothing ends it.
SOON_SECONDS = 10.0


@pytest.fixture
def call(settings: Any) -> Iterator[OriginatedCall]:
    """A call of a visitor without an account, that rings for as long as the test lasts."""
    with FakeAsterisk(times=CallTimes(ring=60)) as server:
        settings.AMI_SERVERS = {"node_1": {"URL": server.url}}
        mine = call_of_click(None, "")
        made = placed.originate("node_1", mine, to="PJSIP/101", context="default", exten="102")
        wait_until(lambda: made.state is OriginateState.RINGING)
        yield made
        ami.close()


def test_a_wait_ends_when_the_call_changes_and_when_the_server_is_told_to_end(
    call: OriginatedCall,
) -> None:
    async def ended(*enders: Any) -> float:
        begun = time.monotonic()
        waits = [asyncio.create_task(waiting.until_changed(call, "ringing")) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert not any(wait.done() for wait in waits)
        for end in enders:
            end()
        await asyncio.gather(*waits)
        return time.monotonic() - begun

    assert asyncio.run(ended(waiting._waits.wake_all)) < SOON_SECONDS
    assert asyncio.run(ended(call.hangup)) < SOON_SECONDS
    assert waiting._waits._count == 0


def test_a_wait_without_news_ends_and_one_for_another_state_does_not_begin(
    call: OriginatedCall,
) -> None:
    async def waited() -> float:
        await waiting.until_changed(call, "dialing", 60)
        await waiting.until_changed(call, "ringing", 0.05)
        return time.monotonic()

    begun = time.monotonic()
    assert asyncio.run(waited()) - begun < SOON_SECONDS


def test_a_request_is_answered_at_once_where_too_many_wait(
    call: OriginatedCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_MOST_WAITS", 0)
    begun = time.monotonic()
    asyncio.run(waiting.until_changed(call, "ringing"))
    assert time.monotonic() - begun < SOON_SECONDS


def test_a_request_that_waits_has_no_thread(call: OriginatedCall, settings: Any) -> None:
    used: list[threading.Thread] = []

    def access(request: HttpRequest) -> Access:
        used.append(threading.current_thread())
        return Access(may=frozenset(DEEDS))

    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.MIDDLEWARE = []
    settings.AMI_WALLBOARD = {"ACCESS": access}

    async def ask() -> list[dict[str, Any]]:
        scope = {
            "type": "http", "method": "GET", "path": f"/wallboard/calls/{call.id}/",
            "query_string": b"known=ringing&server=node_1", "headers": [],
        }  # fmt: skip
        asgi = ApplicationCommunicator(get_asgi_application(), scope)
        await asgi.send_input({"type": "http.request"})
        await asyncio.to_thread(wait_until, lambda: waiting._waits._count)
        # Its database connections, which belong to a thread, have ended with it.
        await asyncio.to_thread(wait_until, lambda: not used[0].is_alive())
        call.hangup()
        told = [await asgi.receive_output(SOON_SECONDS) for _ in range(2)]
        await asgi.wait(SOON_SECONDS)
        return told

    start, body = asyncio.run(asyncio.wait_for(ask(), 60))
    assert start["status"] == 200
    assert b'"state": "ended"' in body["body"]
