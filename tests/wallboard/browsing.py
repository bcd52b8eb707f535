"""Browsers that read the stream of an ASGI application in this process."""

from __future__ import annotations

import asyncio
import json
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application

from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable

PATH = "/wallboard/stream/"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine, in an event loop of its own."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@dataclass(frozen=True)
class Message:
    """A message of a stream."""

    event: str
    data: dict[str, Any]
    id: str


def parsed(text: bytes) -> list[Message]:
    """The messages in a part of a stream."""
    found = []
    for block in text.decode().split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in block.split("\n"))
        if "event" in fields:
            data = json.loads(fields["data"])
            found.append(Message(fields["event"], data, fields.get("id", "")))
    return found


class Browser:
    """Reads a stream. ``hold`` makes it slow: nothing more is taken until ``go_on``."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self.ended = False
        self.left = asyncio.Event()
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self._news = asyncio.Event()

    def hold(self) -> None:
        self._goes_on.clear()

    def go_on(self) -> None:
        self._goes_on.set()

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode().lower(): value.decode() for name, value in message["headers"]
            }
        elif message.get("body"):
            self.chunks.append(message["body"])
        self.ended = message["type"] == "http.response.body" and not message.get("more_body")
        self._news.set()
        await self._goes_on.wait()

    @property
    def text(self) -> bytes:
        """All that it has read, as far as it can be read by now."""
        read = b"".join(self.chunks)
        if self.headers.get("content-encoding") != "gzip":
            return read
        return zlib.decompressobj(wbits=31).decompress(read)

    @property
    def messages(self) -> list[Message]:
        """The messages in it."""
        return parsed(self.text)

    def of(self, *events: str) -> list[Message]:
        """The messages of these events."""
        return [one for one in self.messages if one.event in events]

    @property
    def id(self) -> str:
        """The last id that it has read."""
        return [one.id for one in self.messages if one.id][-1]

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        """The objects of all servers, as the page would have them now."""
        return picture(self.messages)

    @property
    def answer(self) -> dict[str, Any]:
        """A response that is JSON."""
        return json.loads(b"".join(self.chunks))

    async def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until it has read what is meant."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()


def picture(messages: Iterable[Message], known: dict[str, Any] | None = None) -> dict[str, Any]:
    """The objects that a page has behind these messages."""
    objects = dict(known or {})
    for one in messages:
        if one.event == "whole":
            objects = {key: dict(each) for key, each in one.data["objects"].items()}
        for key, each in one.data.get("objects", {}).items() if one.event == "change" else ():
            if each is None:
                objects.pop(key, None)
            else:
                objects[key] = each
        for key, patch in one.data.get("patches", {}).items():
            objects[key] = merged(objects[key], patch)
    return objects


def merged(target: Any, patch: Any) -> Any:
    """As RFC 7396 has it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@asynccontextmanager
async def browsing(path: str = PATH, *, query: str = "", **headers: str) -> AsyncIterator[Browser]:
    """A browser that reads a stream, and leaves at the end."""
    browser = Browser()
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").lower().encode(), value.encode())
            for name, value in headers.items()
        ],
        "http_version": "1.1",
    }
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b""}
        await browser.left.wait()
        return {"type": "http.disconnect"}

    task = asyncio.create_task(get_asgi_application()(scope, receive, browser.send))
    task.add_done_callback(lambda _: browser._news.set())
    try:
        yield browser
    finally:
        browser.left.set()
        browser.go_on()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await task
