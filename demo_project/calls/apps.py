"""The app: connects its receivers."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    """Calls."""

    name = "demo_project.calls"

    def ready(self) -> None:
        from demo_project.calls import receivers  # noqa: F401  (importing it connects them)
