"""The app with the tables of the database feed."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["FeedConfig"]


class FeedConfig(AppConfig):
    """django_ami.live.feed: live pictures of a listener for all processes of the project."""

    name = "django_ami.live.feed"
    label = "ami_feed"
    verbose_name = "Live feed"
    default_auto_field = "django.db.models.BigAutoField"
