"""Answers to requests that cannot be fulfilled: JSON with one line that says why."""

from __future__ import annotations

from django.http import JsonResponse
from django.utils.translation import gettext as _

__all__ = ["forbidden", "refusal"]


def refusal(
    status: int, error: str, *, retry_seconds: int | None = None, **more: str
) -> JsonResponse:
    """An answer with that error; the browser may come again in ``retry_seconds``."""
    headers = {} if retry_seconds is None else {"Retry-After": str(retry_seconds)}
    return JsonResponse({"error": error, **more}, status=status, headers=headers)


def forbidden() -> str:
    """The line for a visitor who may see nothing, in the language of the request."""
    return _("You may not see the wallboard: log in, or ask for the permission.")
