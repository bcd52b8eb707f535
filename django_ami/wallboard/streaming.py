"""The stream of a page: server-sent events, for as long as a browser reads them.

Rule: while a stream lasts it holds a coroutine and its place at the hub: no thread, and no database
connection.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from django_ami.core.log import get_logger
from django_ami.errors import AmiError
from django_ami.wallboard.encodings import Chunk, encoding_for
from django_ami.wallboard.hub import end_all_streams, hub_of_this_loop
from django_ami.wallboard.limits import RETRY_SECONDS, TooManyStreams, take_slot
from django_ami.wallboard.messages import message
from django_ami.wallboard.options import options
from django_ami.wallboard.positions import positions_of
from django_ami.wallboard.refusals import forbidden, refusal
from django_ami.wallboard.shutdown import on_shutdown
from django_ami.wallboard.threads import release_thread
from django_ami.wallboard.visitors import ask, may_still

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from django_ami.wallboard.audiences import Stream
    from django_ami.wallboard.encodings import Gzip, Identity
    from django_ami.wallboard.limits import Slot
    from django_ami.wallboard.visitors import Visitor

__all__ = ["stream"]

logger = get_logger(__name__)

#: How often it is asked whether a visitor may still see what is shown.
_ASK_SECONDS: Final = 60.0
#: How long a browser waits before it opens a stream again, and by how much that differs.
_RETRY_MS: Final = 1000
_RETRY_JITTER_MS: Final = 2000
#: By how much the ages of streams differ, so that they do not all end at once.
_AGE_JITTER: Final = 0.2

_HEADERS: Final = {
    "Cache-Control": "no-cache",
    # nginx would collect the messages before it passes them on.
    "X-Accel-Buffering": "no",
    "Vary": "Accept-Encoding",
}
_ENDS: Final = {
    "shutdown": "The web server ends: open the stream again.",
    "age": "The stream has lasted long enough: open it again.",
    "access": "You may no longer see this, or something else: open the stream again.",
    "error": "A message could not be made, see the log of the web server: open the stream again.",
}


# A view that is a coroutine cannot run in a transaction: with ATOMIC_REQUESTS it has to say so.
@transaction.non_atomic_requests
@require_GET
async def stream(request: HttpRequest) -> HttpResponseBase:
    """The live picture of the servers that the visitor may see, and all that changes in it."""
    if not isinstance(request, ASGIRequest):
        text = "This server speaks WSGI, which cannot stream: use an ASGI server, or poll."
        return refusal(501, text, state=reverse("ami_wallboard:state"))
    try:
        visitor = await ask(request)
        if visitor is None:
            return refusal(403, forbidden())
        hub = hub_of_this_loop()
        if hub.reason:
            return refusal(503, _ENDS["shutdown"], retry_seconds=1)
        slot = take_slot(visitor.user)
        await hub.look(visitor.servers)
        seen = request.headers.get("Last-Event-ID") or request.GET.get("since", "")
        known = positions_of(visitor.access, visitor.servers, seen)
        opened = hub.open(visitor.access, visitor.servers, known)
    except TooManyStreams as error:
        return refusal(503, str(error), retry_seconds=RETRY_SECONDS)
    except AmiError as error:
        logger.warning("The wallboard cannot be shown: %s", error)
        return refusal(503, str(error), retry_seconds=RETRY_SECONDS)
    on_shutdown(end_all_streams)
    encoding = encoding_for(request.headers.get("Accept-Encoding", ""))
    return StreamingHttpResponse(
        _messages(request, visitor, opened, slot, encoding),
        content_type="text/event-stream",
        # GZipMiddleware would collect the messages, and leaves alone what has an encoding.
        headers={**_HEADERS, "Content-Encoding": encoding.name},
    )


async def _messages(
    request: HttpRequest,
    visitor: Visitor,
    opened: Stream,
    slot: Slot,
    encoding: Identity | Gzip,
) -> AsyncIterator[bytes]:
    now = time.monotonic()
    jitter = random.uniform(1 - _AGE_JITTER, 1 + _AGE_JITTER)  # noqa: S311  (no secret)
    end_at = now + options().stream_minutes * 60 * jitter
    ask_at = now + _ASK_SECONDS
    try:
        await release_thread()
        retry = _RETRY_MS + random.randrange(_RETRY_JITTER_MS)  # noqa: S311  (no secret)
        yield encoding.encode(Chunk(f"retry: {retry}\n\n".encode()))
        while not opened.reason:
            for chunk in opened.take():
                yield encoding.encode(chunk)
            await opened.wait()
            now = time.monotonic()
            if now >= end_at:
                opened.reason = "age"
            elif now >= ask_at:
                ask_at = now + _ASK_SECONDS
                if not await may_still(request, visitor):
                    opened.reason = "access"
        end = message("end", {"reason": opened.reason, "text": _ENDS[opened.reason]})
        yield encoding.encode(Chunk(end)) + encoding.end()
    finally:
        opened.close()
        slot.close()
