"""No table: the permissions of the page."""

from __future__ import annotations

from django.db import models

__all__ = ["Wallboard"]


class Wallboard(models.Model):
    """The subject of the permissions."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("view_wallboard", "Can see the wallboard"),
            ("place_calls", "Can place calls"),
            ("end_calls", "Can end calls"),
            ("transfer_calls", "Can transfer calls"),
            ("pause_agents", "Can pause agents"),
            ("listen_in", "Can listen in on calls"),
        )

    def __str__(self) -> str:
        return "wallboard"
