"""The table of ``once``: a row for each event and key that was processed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["ProcessedEvent"]


class ProcessedEvent(models.Model):
    """An event that was processed, written in the transaction of what was done for it.

    ``claim`` decides: it is unique, and alike for the same event and key. The other columns are for
    people, and for pruning.
    """

    claim = models.CharField(max_length=80, primary_key=True)
    #: The id of the event, as text, and the key: both as far as they fit.
    event = models.CharField(max_length=300)
    key = models.CharField(max_length=200, blank=True)
    #: By the clock of the process.
    at = models.DateTimeField(db_index=True)

    objects: ClassVar = models.Manager()

    def __str__(self) -> str:
        return f"{self.event} {self.key}".rstrip()
