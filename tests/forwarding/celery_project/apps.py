"""Connects the receivers."""

from __future__ import annotations

from django.apps import AppConfig


class Config(AppConfig):
    """The app of the project."""

    name = "tests.forwarding.celery_project"
    label = "celery_project"

    def ready(self) -> None:
        """Connect the receivers."""
        from tests.forwarding.celery_project import receivers  # noqa: F401
