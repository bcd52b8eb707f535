"""For an ASGI server: ``uvicorn demo_project.asgi:application``."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application

from django_ami import ami

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_project.settings")
django_application = get_asgi_application()


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """Django's application, and a logoff in the end.

    uvicorn ends by a signal, and that runs no exit handlers.
    """
    if scope["type"] != "lifespan":
        await django_application(scope, receive, send)
        return
    await receive()  # startup: there is nothing to do before the first action
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(ami.close)
    await send({"type": "lifespan.shutdown.complete"})
