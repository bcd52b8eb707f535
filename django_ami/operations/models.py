"""The tables: the leases, the listeners that run, and the actions that were sent.

Times are of the clock of the database, unless a model says otherwise.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

__all__ = ["ActionLog", "IdempotencyKey", "Lease", "Listener", "RecentCalls"]


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
    ping_round_trip = models.FloatField(null=True, blank=True)

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


class ActionLog(models.Model):
    """An action that was sent, or refused: one row for each, written when its outcome is known.

    Times are of the process that sent it.
    """

    class Outcome(models.TextChoices):
        """The outcome of an action."""

        #: The server says Success, Goodbye or Pong.
        SUCCESS = "success"
        #: The server says Error.
        FAILED = "failed"
        #: No answer in time: it may have been carried out.
        TIMEOUT = "timeout"
        #: The connection ended before the answer.
        LOST = "lost"
        #: It has not left: no connection, a bound, a fault in it.
        NOT_SENT = "not_sent"
        #: It was withdrawn before it left.
        CANCELLED = "cancelled"
        #: The user may not send it.
        REFUSED = "refused"
        #: The user has placed too many calls.
        LIMITED = "limited"
        #: The process ended before it was known.
        UNKNOWN = "unknown"

    class Kind(models.TextChoices):
        """The kind of sender in ``who``."""

        #: A user of Django.
        USER = "user"
        #: A user of the operating system, at a command.
        SYSTEM = "system"
        #: The program itself: nobody was named.
        PROGRAM = "program"

    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=10, choices=Kind)
    #: The name of the user, empty for a program and for a visitor who is not logged in.
    who = models.CharField(max_length=200, blank=True, default="")
    #: The primary key of a user of Django, as text: the row outlives the user.
    user_pk = models.CharField(max_length=64, blank=True, default="")
    #: The view, task, command or program that sent it.
    via = models.CharField(max_length=200, blank=True, default="")
    host = models.CharField(max_length=200, blank=True, default="")
    pid = models.BigIntegerField()
    #: Empty for one that was refused before a server was chosen.
    server = models.CharField(max_length=200, blank=True, default="")
    action = models.CharField(max_length=100)
    #: Its headers in their order, as pairs: secrets are ``***``.
    headers = models.JSONField(default=list, blank=True)
    action_id = models.CharField(max_length=200, blank=True, default="")
    outcome = models.CharField(max_length=10, choices=Outcome)
    #: The words of the server, or the reason of a refusal or a failure.
    reason = models.CharField(max_length=500, blank=True, default="")
    #: Whether any of it may have left this process.
    sent = models.BooleanField()
    #: From ``send`` to the answer, in seconds; None if there was none.
    latency = models.FloatField(null=True, blank=True)

    objects: ClassVar = models.Manager()

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        indexes: ClassVar = [
            models.Index(fields=["who", "at"], name="ami_operations_log_who"),
            models.Index(fields=["action", "at"], name="ami_operations_log_action"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%F %T}: {self.who or self.via}: {self.action}: {self.outcome}"


class RecentCalls(models.Model):
    """The calls that a user has placed in the last minute. Only ``throttle.py`` writes here."""

    #: The kind and the primary key of the user.
    user = models.CharField(max_length=100, primary_key=True)
    #: Grows with each change: of two processes that read the same row, one writes.
    version = models.BigIntegerField(default=0)
    #: The Unix times of the calls, by the clock of the database.
    times = models.JSONField(default=list)

    objects: ClassVar = models.Manager()

    def __str__(self) -> str:
        return f"{self.user}: {len(self.times)} calls"
