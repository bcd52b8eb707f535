"""What is kept of a call."""

from django.db import models


class Call(models.Model):
    """One channel, from its Newchannel to its Hangup."""

    uniqueid = models.CharField(max_length=150, unique=True)
    linkedid = models.CharField(max_length=150, blank=True)
    server = models.CharField(max_length=50)
    channel = models.CharField(max_length=255)
    caller = models.CharField(max_length=255, blank=True)
    exten = models.CharField(max_length=80, blank=True)
    started = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    cause = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-started", "-pk"]

    def __str__(self) -> str:
        return f"{self.channel} to {self.exten or 'nowhere'}"
