"""The wallboard where a project may put it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import include, path

from django_ami.wallboard.access import Access

if TYPE_CHECKING:
    from django.http import HttpRequest

urlpatterns = [path("wallboard/", include("django_ami.wallboard.urls"))]


def everybody(request: HttpRequest) -> Access:
    """An access function that asks nobody who they are."""
    return Access()
