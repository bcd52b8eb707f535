"""The addresses of the page. Include them where it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from django_ami.wallboard.commands.agents import pause
from django_ami.wallboard.commands.calls import call, place
from django_ami.wallboard.commands.controls import hangup, listen, transfer
from django_ami.wallboard.pages import wallboard
from django_ami.wallboard.polling import state
from django_ami.wallboard.streaming import stream

if TYPE_CHECKING:
    from django.urls import URLPattern

__all__ = ["app_name", "urlpatterns"]

app_name = "ami_wallboard"
urlpatterns: list[URLPattern] = [
    path("", wallboard, name="wallboard"),
    path("stream/", stream, name="stream"),
    path("state/", state, name="state"),
    path("calls/", place, name="place"),
    path("calls/<str:call>/", call, name="call"),
    path("calls/<str:call>/hangup/", hangup, name="hangup"),
    path("calls/<str:call>/transfer/", transfer, name="transfer"),
    path("calls/<str:call>/listen/", listen, name="listen"),
    path("agents/pause/", pause, name="pause"),
]
