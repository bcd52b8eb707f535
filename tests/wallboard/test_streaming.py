"""The stream, as a browser reads it from Django's ASGI application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.wallboard.browsing import browsing
from tests.wallboard.publishing import HEADING, caller, gone, publisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper

    from django_ami.live.feed.publisher import Publisher


@pytest.fixture(autouse=True)
def site(settings: SettingsWrapper) -> None:
    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.MIDDLEWARE = []
    settings.AMI_FEED = "memory"
    settings.AMI_WALLBOARD = {"ACCESS": "tests.wallboard.urls.everybody"}


@pytest.fixture
def listener(site: None) -> Iterator[Publisher]:
    made = publisher()
    made.note("node_1", [HEADING])
    yield made
    made.close()


def test_stream_begins_with_all_and_goes_on_with_changes(listener: Publisher) -> None:
    async def read() -> None:
        async with browsing() as browser:
            await browser.wait_for(lambda: "server:" in browser.objects)
            listener.note("node_1", [caller("eve", 2)])
            await browser.wait_for(lambda: "caller:eve" in browser.objects)
            listener.note("node_1", [caller("eve", 1)])
            await browser.wait_for(lambda: browser.objects["caller:eve"]["position"] == 1)
            listener.note("node_1", [gone("eve")])
            await browser.wait_for(lambda: "caller:eve" not in browser.objects)
            assert browser.chunks[0].startswith(b"retry: ")
            assert browser.status == 200
            assert browser.headers["content-type"] == "text/event-stream"
            assert [
                one.data["patches"] for one in browser.of("change") if "patches" in one.data
            ] == [{"caller:eve": {"position": 1}}]

    asyncio.run(read())
