"""The URLs of a site that has probes, and nothing else."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("ami/", include("django_ami.operations.urls"))]
