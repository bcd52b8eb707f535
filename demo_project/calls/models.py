"""What is kept of a call."""

from django.db import models


class Call(models.Model):
    """One call, as people count: from its first channel to its last."""

    server = models.CharField(max_length=50)
    call_id = models.CharField(max_length=150)
    caller = models.CharField(max_length=255, blank=True)
    number = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=20, blank=True)
    started = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    talk_seconds = models.FloatField(default=0)

    class Meta:
        ordering = ["-started", "-pk"]
        unique_together = [("server", "call_id")]

    def __str__(self) -> str:
        ways = f"{self.caller or 'somebody'} to {self.number or 'nowhere'}"
        return f"{ways}: {self.outcome or self.state}"
