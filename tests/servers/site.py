"""A site in one module.

Its view dials, by ``ami`` and by a handle that was taken when the module was imported.

With SITE_SENDS_FIRST it sends when it is imported, too: in the master, if the server loads it
before it forks.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        SECRET_KEY="only-for-tests",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.servers.site",
        INSTALLED_APPS=["django_ami"],
        AMI_SERVERS={"node_1": {"URL": os.environ["AMI_NODE1_URL"]}},
    )
    django.setup()

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

from django_ami import ami
from django_ami.actions import Originate, Ping

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_ami.core.pending import PendingAction

SECONDS = 30

pbx = ami.server("node_1")
if os.environ.get("SITE_SENDS_FIRST"):
    assert ami.send(Ping()).result(SECONDS).ok


def dial(number: int) -> PendingAction:
    """One call, by one of the two ways to send."""
    action = Originate(
        channel="Local/500@default", context="default", exten=str(number), priority=1
    )
    return (pbx if number % 2 else ami).send(action, timeout=SECONDS)


def call(request: HttpRequest, number: int) -> HttpResponse:
    return JsonResponse({"pid": os.getpid(), "message": dial(number).result().message})


async def call_async(request: HttpRequest, number: int) -> HttpResponse:
    return JsonResponse({"pid": os.getpid(), "message": (await dial(number)).message})


def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


urlpatterns = [
    path("ready/", ready),
    path("call/<int:number>/", call),
    path("async/<int:number>/", call_async),
]
application = get_wsgi_application()
asgi = get_asgi_application()
