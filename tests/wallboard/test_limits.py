"""The slots of streams, and how they become free."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from django_ami.wallboard.limits import Slot, TooManyStreams, take_slot

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture(autouse=True)
def one_stream(settings: SettingsWrapper) -> None:
    settings.AMI_WALLBOARD = {"MAX_STREAMS": 1}


async def take() -> Slot:
    return take_slot(None)


def test_slot_is_given_back_once() -> None:
    async def use() -> None:
        slot = take_slot(None)
        with pytest.raises(TooManyStreams, match="MAX_STREAMS"):
            take_slot(None)
        slot.close()
        slot.close()
        assert take_slot(None)

    asyncio.run(use())


def test_slot_that_nobody_holds_any_more_is_free() -> None:
    """A server that ends may drop the coroutine of a stream, and run no ``finally`` in it."""

    async def use() -> None:
        slot = take_slot(None)
        del slot
        assert take_slot(None)

    asyncio.run(use())


def test_slots_of_a_loop_that_has_ended_are_free() -> None:
    held = asyncio.run(take())
    assert not held.is_used
    assert asyncio.run(take())
