"""The live picture for a page that asks every few seconds: for web servers that cannot stream."""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from django_ami.core.errors import AmiError
from django_ami.core.log import get_logger
from django_ami.live.feed.mirror import FIRST_LOOK_SECONDS
from django_ami.wallboard.hub import published
from django_ami.wallboard.limits import RETRY_SECONDS
from django_ami.wallboard.positions import positions_as_text, positions_of
from django_ami.wallboard.refusals import forbidden, refusal
from django_ami.wallboard.visible import Visible, slim_objects
from django_ami.wallboard.visitors import visitor_of

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_ami.live.feed.mirror import Mirror, Page
    from django_ami.live.feed.records import Position
    from django_ami.wallboard.access import Access

__all__ = ["state"]

logger = get_logger(__name__)

#: How long a page waits before it asks again.
_POLL_SECONDS: Final = 2
#: How many pictures are kept between two questions, by access and server.
_KEPT_PICTURES: Final = 64


class _Picture:
    """One server as visitors with one access see it, kept for the next of them."""

    def __init__(self, access: Access, page: Page) -> None:
        self._page = page
        self._lock = threading.Lock()
        self._visible = Visible(access, page.server)
        self._position: Position | None = None

    def since(self, known: Position | None) -> tuple[Position | None, dict[str, Any]]:
        """The server for a page that knows it as it was at a position; and the position now."""
        page = self._page
        with self._lock:
            news = page.since(self._position)
            objects = slim_objects(news.bodies)
            if news.whole:
                present = {key: one for key, one in objects.items() if one is not None}
                self._visible.replace(present, news.position)
            else:
                self._visible.take(objects, news.position)
            self._position = news.position
            changed = None if known is None else page.changed_since(known)
            shown = self._visible.since(known, changed)
            return news.position, {
                "whole": shown is None,
                "fresh": news.fresh,
                "heard": page.heard,
                "objects": dict(self._visible.objects if shown is None else shown),
            }


@lru_cache(_KEPT_PICTURES)
def _picture(mirror: Mirror, access: Access, server: str) -> _Picture:
    return _Picture(access, mirror.page(server))


@require_GET
@never_cache
def state(request: HttpRequest) -> JsonResponse:
    """The live picture of the servers that the visitor may see.

    With ``since``, the id of an earlier answer, it is the changes since then.
    """
    try:
        visitor = visitor_of(request)
        if visitor is None:
            return refusal(403, forbidden())
        mirror = published()
        since = request.GET.get("since", "")
        known = positions_of(visitor.access, visitor.servers, since)
        positions, servers = {}, {}
        for server in visitor.servers:
            mirror.page(server).looked.wait(FIRST_LOOK_SECONDS)
            picture = _picture(mirror, visitor.access, server)
            positions[server], servers[server] = picture.since(known.get(server))
    except AmiError as error:
        logger.warning("The wallboard cannot be shown: %s", error)
        return refusal(503, str(error), retry_seconds=RETRY_SECONDS)
    return JsonResponse(
        {
            "id": positions_as_text(visitor.access, positions),
            "now": round(time.time(), 3),
            "retry_seconds": _POLL_SECONDS,
            "servers": servers,
        }
    )
