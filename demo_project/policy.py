"""A strict Content-Security-Policy on every page: Django 6 has a setting for it, 5.2 has not."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

#: Scripts, styles and all else come from this site, and nothing of it stands in a page itself.
POLICY = {
    "default-src": ["'self'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "object-src": ["'none'"],
}
_HEADER = "; ".join(f"{name} {' '.join(sources)}" for name, sources in POLICY.items())

Answer = (
    Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
)


@sync_and_async_middleware
def content_security_policy(get_response: Answer) -> Answer:
    """The middleware for Django 5.2."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            return with_policy(await get_response(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        return with_policy(get_response(request))  # type: ignore[arg-type]

    return at_once


def with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response.headers["Content-Security-Policy"] = _HEADER
    return response
