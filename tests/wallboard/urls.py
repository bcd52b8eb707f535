"""The wallboard where a project may put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import include, path

from django_ami.wallboard.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

urlpatterns = [path("wallboard/", include("django_ami.wallboard.urls"))]


def everybody(request: HttpRequest) -> Access:
    """An access function that asks nobody who they are."""
    return Access()


def by_token(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware that knows who somebody is without a session: always the user ann."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        from django.contrib.auth.models import User

        request.user = User.objects.get(username="ann")
        return get_response(request)

    return middleware
