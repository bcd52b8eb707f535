"""The app of the page."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["WallboardConfig"]


class WallboardConfig(AppConfig):
    """django_ami.wallboard: live calls, queues and agents in a browser."""

    name = "django_ami.wallboard"
    label = "ami_wallboard"
    verbose_name = "Wallboard"
    default_auto_field = "django.db.models.BigAutoField"
