"""The app: registers its checks, and opens nothing."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import Tags, register

__all__ = ["DjangoAmiConfig"]


class DjangoAmiConfig(AppConfig):
    """django_ami."""

    name = "django_ami"
    verbose_name = "Asterisk Manager Interface"

    def ready(self) -> None:
        from django_ami import checks, testrun

        register(testrun.notice_tests, checks.TAG)
        for check in checks.ALWAYS:
            register(check, checks.TAG)
        register(checks.check_table, Tags.database)
        for check in checks.DEPLOYMENT:
            register(check, checks.TAG, deploy=True)
