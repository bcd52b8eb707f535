"""The app: connects the receivers that the environment names."""

from __future__ import annotations

import os

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    """Receivers."""

    name = "tests.management.listening"

    def ready(self) -> None:
        from tests.management.listening import receivers

        for name in os.environ.get("AMI_TEST_RECEIVERS", "usual").split():
            getattr(receivers, f"connect_{name}")()
