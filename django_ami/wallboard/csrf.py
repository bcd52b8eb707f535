"""The cookie and the header that scripts need for a request that changes something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http.request import HttpHeaders
from django.middleware.csrf import get_token

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["csrf_of"]


def csrf_of(request: HttpRequest) -> dict[str, str]:
    """The token of the visitor, and the header of the project that takes it."""
    header = HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME)
    return {"header": header or "X-CSRFToken", "token": get_token(request)}
