"""A group of Django Channels as a site, ``tests.benchmarks.streaming.channels:asgi``.

``python -m tests.benchmarks.streaming.channels`` sends the changes to the group.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import django
from django.conf import settings

GROUP = "changes"
settings.configure(
    SECRET_KEY="only-for-benchmarks",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [os.environ["BENCH_REDIS"]]},
        }
    },
)
django.setup()

from channels.generic.http import AsyncHttpConsumer  # noqa: E402
from channels.layers import get_channel_layer  # noqa: E402


class Events(AsyncHttpConsumer):
    """A stream of what the group is told."""

    async def handle(self, body: bytes) -> None:
        layer = self.channel_layer
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        await self.send_headers(headers=[(b"Content-Type", b"text/event-stream")])
        await self.send_body(b"event: whole\ndata: {}\n\n", more_body=True)
        while True:
            change = await layer.receive(channel)
            await self.send_body(change["text"].encode(), more_body=True)


async def publish() -> None:
    """Tell the group of one change after the other, for ever."""
    layer: Any = get_channel_layer()
    number = 0
    while True:
        await asyncio.sleep(1 / float(os.environ["BENCH_CHANGES"]))
        number = (number + 1) % 500
        text = f'event: change\ndata: {{"caller:{number}":{{"name":"t{time.time():.6f}"}}}}\n\n'
        await layer.group_send(GROUP, {"type": "change", "text": text})


if __name__ == "__main__":
    asyncio.run(publish())

asgi = Events.as_asgi()
