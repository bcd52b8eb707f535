"""A site whose views and tasks send in the name of the user ``root``, under real servers.

BROKER is the Redis of its tasks. With SITE_SENDS_FIRST it sends when it is imported, too: in the
master, if the server loads it before it forks.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

from django_ami import ami
from django_ami.actions import Action

if TYPE_CHECKING:
    from django.http import HttpRequest

SECONDS = 30.0
#: Nobody else sends that.
ACTION = "CoreStatus"


def root() -> Any:
    """The user who sends."""
    return get_user_model().objects.get(username="root")


def send(via: str) -> None:
    """Send, and wait for the answer."""
    ami.as_user(root(), view=via).send(Action(ACTION)).result(SECONDS)


def view(request: HttpRequest) -> HttpResponse:
    """Send in a view."""
    send("view")
    return HttpResponse(str(os.getpid()))


async def async_view(request: HttpRequest) -> HttpResponse:
    """Send in a coroutine."""
    await ami.as_user(await sync_to_async(root)(), view="async view").asend(Action(ACTION))
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("view/", view), path("async/", async_view)]
application = get_wsgi_application()
django_application = get_asgi_application()


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Django, and the end of the action log: uvicorn ends by a signal."""
    from django_ami.operations import audit  # its tables are there by now

    if scope["type"] != "lifespan":
        await django_application(scope, receive, send)
        return
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.to_thread(ami.close)
    await asyncio.to_thread(audit.close)
    await send({"type": "lifespan.shutdown.complete"})


if "SITE_SENDS_FIRST" in os.environ:
    send("import")
if "BROKER" in os.environ:
    from celery import Celery

    app = Celery("site", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
    app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)

    @app.task(name="send")
    def task() -> int:
        """Send in a task."""
        ami.as_user(root()).send(Action(ACTION)).result(SECONDS)
        return os.getpid()
