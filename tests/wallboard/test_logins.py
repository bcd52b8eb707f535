"""Visitors with an account: the stream asks for their permission, and holds nothing for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client

from django_ami.wallboard import hub, streaming
from tests.wallboard.browsing import browsing, in_loop

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from django_ami.live.feed.publisher import Publisher

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def with_logins(site: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> SettingsWrapper:
    site.AMI_WALLBOARD = {}
    site.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)
    # Django closes no connection to a database in memory, and that of an ended thread stays open.
    wrapper = type(connections["default"])
    monkeypatch.setattr(wrapper, "is_in_memory_db", lambda self: False, raising=False)
    return site


def log_in(*permissions: str) -> str:
    """The cookie of somebody with these permissions, who has just logged in."""
    user = User.objects.create_user("ann")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def of_executors() -> set[threading.Thread]:
    """The threads of requests."""
    return {one for one in threading.enumerate() if one.name.startswith("ThreadPoolExecutor")}


@in_loop
async def test_stream_holds_no_thread_of_its_request(
    with_logins: SettingsWrapper, listener: Publisher
) -> None:
    cookie = await sync_to_async(log_in)("view_wallboard")
    threads = of_executors()
    async with browsing(cookie=cookie) as browser:
        await browser.wait_for(lambda: "server:" in browser.objects)
        for thread in of_executors() - threads:
            thread.join(20)
            assert not thread.is_alive()
        assert not list(SyncToAsync.context_to_thread_executor)


@in_loop
async def test_visitors_without_the_permission_are_refused(
    with_logins: SettingsWrapper, listener: Publisher
) -> None:
    async with browsing() as nobody:
        await nobody.wait_for(lambda: nobody.ended)
        assert nobody.status == 403
    async with browsing(cookie=await sync_to_async(log_in)()) as browser:
        await browser.wait_for(lambda: browser.ended)
        assert browser.status == 403


@in_loop
async def test_stream_ends_when_somebody_has_logged_out(
    with_logins: SettingsWrapper, listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_ASK_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    cookie = await sync_to_async(log_in)("view_wallboard")
    async with browsing(cookie=cookie) as browser:
        await browser.wait_for(lambda: len(browser.of("beat")) > 3)
        await sync_to_async(_log_out)(cookie)
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].data["reason"] == "access"


@in_loop
async def test_stream_ends_when_a_user_of_no_session_has_lost_the_permission(
    with_logins: SettingsWrapper, listener: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_ASK_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_BEAT_SECONDS", 0.0)
    monkeypatch.setattr(hub, "_LOOK_SECONDS", 0.02)
    with_logins.MIDDLEWARE = ["tests.wallboard.urls.by_token"]
    await sync_to_async(log_in)("view_wallboard")
    async with browsing() as browser:
        await browser.wait_for(lambda: len(browser.of("beat")) > 3)
        await sync_to_async(_take_away)("view_wallboard")
        await browser.wait_for(lambda: browser.ended)
        assert browser.messages[-1].data["reason"] == "access"


def _take_away(permission: str) -> None:
    user = User.objects.get(username="ann")
    user.user_permissions.remove(Permission.objects.get(codename=permission))


def _log_out(cookie: str) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.filter(pk=cookie.removeprefix("sessionid=")).delete()
