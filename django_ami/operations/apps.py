"""The app: accompanies ``ami_listen``, and registers its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_ami.companion import Companion

__all__ = ["OperationsConfig"]


def _companion(*arguments: Any, **named: Any) -> Companion:
    from django_ami.operations.accompanying import make  # only ami_listen needs it

    return make(*arguments, **named)


class OperationsConfig(AppConfig):
    """django_ami.operations. Its label is not ``operations``: a project may have such an app."""

    name = "django_ami.operations"
    label = "ami_operations"
    verbose_name = _("Operation of Asterisk listeners")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django_ami import acting, companion, listeners
        from django_ami.checks import TAG
        from django_ami.operations import audit
        from django_ami.operations.acting import Book
        from django_ami.operations.checks import ALWAYS
        from django_ami.operations.statuses import statuses

        companion.register(_companion)
        listeners.register(statuses)
        acting.register(Book())
        audit.install()
        for check in ALWAYS:
            register(check, TAG)
