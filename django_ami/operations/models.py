"""The tables: the leases, and the listeners that run.

All times are of the database's clock.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["IdempotencyKey", "Lease", "Listener"]


class Lease(models.Model):
    """The right to deliver the events of a server: one row for each.

    One statement of ``leases.py`` decides who gets the lease; ``handover.py`` asks for it.
    """

    server = models.CharField(max_length=200, primary_key=True)
    #: Of the listener that has it, or had it last: an id of its own, and where it runs.
    holder = models.CharField(max_length=32, blank=True, default="")
    holder_name = models.CharField(max_length=200, blank=True, default="")
    #: Grows with each change of the holder.
    token = models.BigIntegerField()
    acquired_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    #: The holder has delivered all events up to then.
    heard_until = models.DateTimeField(null=True, blank=True)
    #: Somebody has asked the holder to give it back, for another listener to take it.
    handover_requested_at = models.DateTimeField(null=True, blank=True)
    handover_requested_by = models.CharField(max_length=150, blank=True, default="")

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("server")
        verbose_name_plural = _("servers")
        permissions: ClassVar = [
            ("hand_over_lease", "Can have a lease handed over"),
            ("send_actions", "Can send actions from the admin"),
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.holder_name or 'nobody'}, token {self.token}"


class Listener(models.Model):
    """A listener as it was when it wrote this row: one for each of its servers.

    It deletes the row at its end. A row that it does not write any more is stale.
    """

    #: The id of the process, as in ``Lease.holder``.
    process = models.CharField(max_length=32)
    server = models.CharField(max_length=200)
    #: The server and the account, as the settings spell them: two with the same hear the same.
    account = models.CharField(max_length=400)
    host = models.CharField(max_length=200)
    pid = models.BigIntegerField()
    version = models.CharField(max_length=50)
    #: A word of ``django_ami.companion.ListenerRole``.
    role = models.CharField(max_length=10)
    #: Whether it was started with ``--allow-others``.
    meant = models.BooleanField(default=False)
    state = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    state_since = models.DateTimeField()
    seen_at = models.DateTimeField()
    token = models.BigIntegerField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True, default="")
    counters = models.JSONField(default=dict, blank=True)
    #: Of Asterisk; empty until it has said so.
    asterisk_version = models.CharField(max_length=100, blank=True, default="")
    ami_version = models.CharField(max_length=20, blank=True, default="")
    #: How long the server took for its last Ping, in seconds.
    ping_seconds = models.FloatField(null=True, blank=True)

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("listener")
        verbose_name_plural = _("listeners")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("process", "server"), name="ami_operations_listener_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.host}, process {self.pid}"


class IdempotencyKey(models.Model):
    """A form that was sent: the first request with a key is done, and each repeated one is not."""

    key = models.CharField(max_length=64, primary_key=True)
    used_at = models.DateTimeField()
    #: How it went, in words; empty while it is under way.
    outcome = models.CharField(max_length=500, blank=True, default="")

    objects: ClassVar = models.Manager()

    def __str__(self) -> str:
        return self.key
