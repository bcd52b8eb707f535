"""The URLs for probes: ``path("ami/", include("django_ami.operations.urls"))``."""

from __future__ import annotations

from django.urls import path

from django_ami.operations import probes

app_name = "ami_operations"
urlpatterns = [
    path("health/live", probes.live, name="live"),
    path("health/ready", probes.ready, name="ready"),
]
