"""Connects the receivers of the task that is measured."""

from __future__ import annotations

from django.apps import AppConfig


class ListeningConfig(AppConfig):
    name = "tests.benchmarks.listening"
    label = "listening"

    def ready(self) -> None:
        from tests.benchmarks.listening import receivers

        receivers.connect()
