"""The table into which receivers write."""

from __future__ import annotations

from django.db import models

__all__ = ["Row"]


class Row(models.Model):
    """An event, as a project may keep it."""

    name = models.CharField(max_length=100)
    uniqueid = models.CharField(max_length=150)
    channel = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.channel}"
