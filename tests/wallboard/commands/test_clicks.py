"""A click has one call, whose owner any process can tell."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.core.cache.backends.base import BaseCache

from django_ami.core.client.originating import plain_call_id
from django_ami.wallboard.commands.clicks import (
    REMEMBERED_SECONDS,
    call_of_click,
    count_call,
    first_call,
    forget_click,
    is_own,
)


class Away(BaseCache):
    """A cache whose server is away."""

    def __init__(self, *_: Any) -> None:
        super().__init__({})

    def _away(self, *_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError("away")

    add = get = set = delete = incr = _away


def test_the_call_of_a_click_is_the_same_in_each_process_and_has_an_owner() -> None:
    one = call_of_click(1, "a", 0.0)
    assert plain_call_id(one) == one
    assert one == call_of_click(1, "a", REMEMBERED_SECONDS - 1)
    others = [
        call_of_click(1, "b", 0.0),
        call_of_click(2, "a", 0.0),
        call_of_click(1, "a", REMEMBERED_SECONDS),
    ]
    assert len({one, *others}) == 4
    assert is_own(1, one)
    assert not is_own(2, one)
    assert not is_own(1, "1690000000.1")


def test_a_click_of_nobody_is_like_no_other() -> None:
    assert call_of_click(1, "") != call_of_click(1, "")


def test_a_forgotten_click_may_come_again() -> None:
    ask = async_to_sync(first_call)
    call_id, is_first = ask(7, "forgotten")
    assert is_first
    assert ask(7, "forgotten") == (call_id, False)
    async_to_sync(forget_click)(7, "forgotten")
    assert ask(7, "forgotten")[1]


def test_a_cache_that_is_away_stops_no_call(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Away"}}
    ask = async_to_sync(first_call)
    assert ask(7, "a")[0] == ask(7, "a")[0]
    async_to_sync(forget_click)(7, "a")


def test_calls_are_counted_by_the_process_while_the_cache_is_away(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Away"}}
    one, other = uuid4(), uuid4()
    count = async_to_sync(count_call)
    assert [count(user) for user in (one, one, other, one)] == [1, 2, 1, 3]


def test_count_of_the_process_begins_anew_with_each_hour(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Away"}}
    user, count = uuid4(), async_to_sync(count_call)
    monkeypatch.setattr("time.time", lambda: 3_600_000.0)
    assert [count(user), count(user)] == [1, 2]
    monkeypatch.setattr("time.time", lambda: 3_603_600.0)
    assert count(user) == 1
