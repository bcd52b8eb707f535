"""The wallboard where a project may put it."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("wallboard/", include("django_ami.wallboard.urls"))]
