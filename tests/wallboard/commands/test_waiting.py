"""A request that waits for a call holds nothing, and ends."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.test import AsyncClient

from django_ami import ami
from django_ami.core.progress import OriginateState
from django_ami.testing import CallTimes, FakeAsterisk
from django_ami.wallboard.access import DEEDS, Access
from django_ami.wallboard.commands import calls, placed, waiting
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
        place = {"to": "PJSIP/101", "context": "default", "exten": "102"}
        made = asyncio.run(placed.originate(None, "node_1", mine, **place))
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
    assert not waiting._waits._users


def test_a_wait_without_news_ends_and_one_for_another_state_does_not_begin(
    call: OriginatedCall,
) -> None:
    async def waited() -> float:
        await waiting.until_changed(call, "dialing", 60)
        await waiting.until_changed(call, "ringing", 0.05)
        return time.monotonic()

    begun = time.monotonic()
    assert asyncio.run(waited()) - begun < SOON_SECONDS


def refusal_of(call: OriginatedCall, settings: Any, waits: dict[int | None, int]) -> Any:
    """The answer to user 1 who would wait, while so many requests wait of each user."""
    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.MIDDLEWARE = []
    settings.AMI_WALLBOARD = {"ACCESS": as_user_1}

    async def ask() -> Any:
        tasks = [
            asyncio.create_task(waiting.until_changed(call, "ringing", user=user))
            for user, number in waits.items()
            for _ in range(number)
        ]
        await asyncio.sleep(0)
        # It waits if it is not refused, and then this takes too long.
        async with asyncio.timeout(SOON_SECONDS):
            answer = await AsyncClient().get(
                f"/wallboard/calls/{call.id}/", {"known": "ringing", "server": "node_1"}
            )
        call.hangup()
        await asyncio.gather(*tasks)
        return answer

    return asyncio.run(ask())


def as_user_1(request: HttpRequest) -> Access:
    request.user = SimpleNamespace(pk=1)  # type: ignore[assignment]
    return Access(may=frozenset(DEEDS))


@pytest.mark.parametrize(
    ("waits", "status", "why"),
    [
        ({1: 2}, 429, "You wait for 2 calls"),
        ({2: 1, None: 4}, 503, "5 requests wait"),
    ],
)
def test_a_request_is_refused_for_a_moment_where_too_many_wait(
    call: OriginatedCall,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    waits: dict[int | None, int],
    status: int,
    why: str,
) -> None:
    monkeypatch.setattr(waiting, "_MOST_WAITS", 5)
    monkeypatch.setattr(waiting, "_MOST_WAITS_PER_USER", 2)
    monkeypatch.setattr(calls, "is_own", lambda user, call: True)
    answer = refusal_of(call, settings, waits)
    assert (answer.status_code, answer["Retry-After"]) == (status, "10")
    assert why in answer.json()["error"]
    assert not waiting._waits._users


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
        await asyncio.to_thread(wait_until, lambda: waiting._waits._users)
        # Its database connections, which belong to a thread, have ended with it.
        await asyncio.to_thread(wait_until, lambda: not used[0].is_alive())
        call.hangup()
        told = [await asgi.receive_output(SOON_SECONDS) for _ in range(2)]
        await asgi.wait(SOON_SECONDS)
        return told

    start, body = asyncio.run(asyncio.wait_for(ask(), 60))
    assert start["status"] == 200
    assert b'"state": "ended"' in body["body"]
