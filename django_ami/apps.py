"""The app: registers its checks, and opens nothing."""

from django.apps import AppConfig
from django.core.checks import register


class DjangoAmiConfig(AppConfig):
    """django_ami."""

    name = "django_ami"
    verbose_name = "Asterisk Manager Interface"

    def ready(self) -> None:
        from django_ami import checks

        register(checks.check_settings)
        register(checks.check_heartbeat)
