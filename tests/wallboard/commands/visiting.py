"""A site with commands, in front of a simulated Asterisk and beside a listener that publishes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client as Browser
from django.urls import reverse

from django_ami import ami, feeds
from django_ami.conf import load
from django_ami.core.client import Client
from django_ami.dispatch import Dispatcher
from django_ami.feeding import Feeding
from django_ami.wallboard.access import DEEDS, Access
from tests.running import wait_until

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_ami.live.snapshots import Call
    from django_ami.testing import FakeAsterisk, ReceivedAction

EVERYTHING = Access(may=frozenset(DEEDS))


class Site:
    """The commands as a browser sends them, and the actions that a simulated server got."""

    server: FakeAsterisk

    def __init__(self) -> None:
        self.browser = Browser()
        self.user, _ = User.objects.get_or_create(username="visitor")
        self.browser.force_login(self.user)
        #: Of the next visitor.
        self.access: Access | None = EVERYTHING
        self.telephone: str | None = "PJSIP/101"

    def post(self, name: str, call: str = "", query: str = "", **words: Any) -> Any:
        """The answer to a command, sent as a form."""
        place = {"call": call} if call else {}
        return self.browser.post(reverse(f"ami_wallboard:{name}", kwargs=place) + query, words)

    def get(self, url: str, **words: Any) -> Any:
        """The state of a call."""
        return self.browser.get(url, words)

    def sent(self, name: str) -> list[ReceivedAction]:
        """The actions of that name that the server got."""
        return [action for action in self.server.received if action.name == name]

    def seen(self, call_id: str, state: str) -> Call:
        """The call in the live picture, once it is in this state."""
        picture = ami.live("node_1")
        wait_until(lambda: (one := picture.call(call_id)) is not None and one.state == state)
        call = picture.call(call_id)
        assert call is not None
        return call

    def talking(self, **words: Any) -> str:
        """The id of a call of the visitor in which two people talk."""
        call_id: str = self.post("place", number="102", **words).json()["call"]
        self.seen(call_id, "answered")
        return call_id


@contextmanager
def site_of(url: str, settings: Any) -> Iterator[Site]:
    """A site with this server, and a listener beside it."""
    made = Site()

    def access(request: HttpRequest) -> Access | None:
        return made.access

    def telephone(request: HttpRequest) -> str | None:
        return made.telephone

    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.AMI_SERVERS = {"node_1": {"URL": url}}
    settings.AMI_FEED = "memory"
    settings.AMI_WALLBOARD = {
        "ACCESS": access,
        "CLICK_TO_CALL": {"CHANNEL": telephone, "CONTEXT": "default", "NUMBER": "[a-z0-9]+"},
    }
    cache.clear()
    with listening():
        yield made


@contextmanager
def listening() -> Iterator[None]:
    """A listener of the servers publishes their pictures, in a thread of this process."""
    backend = feeds.backend()
    assert backend is not None
    client = Client(load().servers)
    feeding = Feeding(backend, lambda server: client.status()[server].received)
    over = threading.Event()

    def run(ready: Callable[[], None]) -> None:
        with Dispatcher(client, sender=ami.handle, feeding=feeding) as dispatcher:
            client.connect()
            ready()
            while not over.is_set():
                dispatcher.run(0.05)

    begun = threading.Event()
    client.start(connect=False, dispatcher=False)
    thread = threading.Thread(target=run, args=[begun.set])
    thread.start()
    try:
        assert begun.wait(30)
        wait_until(lambda: ami.live("node_1").complete)
        mirror = feeds.mirror()
        assert mirror is not None
        wait_until(lambda: mirror.page("node_1").fresh)
        yield
    finally:
        over.set()
        thread.join(30)
        client.close()
        feeding.close()
