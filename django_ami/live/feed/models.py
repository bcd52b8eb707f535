"""The tables of the database feed: the whole picture of each server, and its latest batches."""

from __future__ import annotations

from django.db import models

__all__ = ["FeedBatch", "FeedWhole"]


class FeedWhole(models.Model):
    """The picture of a server behind the batch ``number`` of ``epoch``; ``bodies`` is JSON."""

    server = models.CharField(max_length=200, primary_key=True)
    epoch = models.CharField(max_length=32)
    number = models.BigIntegerField()
    at = models.FloatField()
    bodies = models.TextField()

    def __str__(self) -> str:
        return f"{self.server} at {self.epoch}.{self.number}"


class FeedBatch(models.Model):
    """The objects of a server that changed together; ``bodies`` is JSON."""

    server = models.CharField(max_length=200)
    epoch = models.CharField(max_length=32)
    number = models.BigIntegerField()
    at = models.FloatField()
    bodies = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["server", "epoch", "number"], name="ami_feed_batch_position"
            ),
        )

    def __str__(self) -> str:
        return f"{self.server} {self.epoch}.{self.number}"
