"""The app of the project."""

from __future__ import annotations

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "tests.forwarding.project"
    label = "forwarding_project"

    def ready(self) -> None:
        from tests.forwarding.project import receivers  # noqa: F401
