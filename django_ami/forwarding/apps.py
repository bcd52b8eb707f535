"""The app with the table of ``once``. Nothing else of the package needs it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

__all__ = ["ForwardingConfig"]


class ForwardingConfig(AppConfig):
    """django_ami.forwarding: which events were processed."""

    name = "django_ami.forwarding"
    label = "ami_forwarding"
    verbose_name = _("Forwarded events")
    default_auto_field = "django.db.models.BigAutoField"
