"""The tables: a call is one row, as people count; the other rows hold its story.

Times are those of the server's events. An index serves each search of the admin and each report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.db import models, router

from django_ami.accessor import ami
from django_ami.calls.originating import OriginationQuerySet
from django_ami.calls.queries import CallQuerySet
from django_ami.calls.reports import QueueVisitQuerySet
from django_ami.calls.telling import note_end
from django_ami.core.call_outcome import CallOutcome
from django_ami.core.causes import CallResult

if TYPE_CHECKING:
    from django_ami.core.client import OriginatedCall
    from django_ami.core.timeouts import Timeout

__all__ = [
    "PARTS",
    "Call",
    "CallLeg",
    "CallNumber",
    "MergedCall",
    "Origination",
    "Part",
    "QueueVisit",
    "TalkSegment",
]


def _name(characters: int = 80) -> models.CharField[str, str]:
    """A device, a queue, a number: AST_MAX_EXTENSION and AST_CHANNEL_NAME have 80 characters."""
    return models.CharField(max_length=characters, blank=True, default="")


class Call(models.Model):
    """A call that has ended, from its first channel to its last."""

    server = models.CharField(max_length=100)
    #: Uniqueid of the oldest channel, which has 150 characters at most (AST_MAX_UNIQUEID).
    call_id = models.CharField("id on the server", max_length=150)
    direction = _name(20)
    outcome = _name(20)
    started = models.DateTimeField()
    answered = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField()
    talk_seconds = models.FloatField("talk, in seconds", default=0.0)
    caller_number = _name()
    caller_name = _name()
    caller_device = _name()
    #: The number that was dialled first, and the number of the party that answered.
    requested = _name()
    destination = _name()
    answered_by = models.CharField("device that answered", max_length=80, blank=True, default="")
    hung_up_by = models.CharField("device that hung up", max_length=80, blank=True, default="")
    #: Q.850, and the SIP code where Asterisk tells it.
    cause = models.PositiveIntegerField(default=0)
    tech_cause = _name(20)
    account = _name()
    application = _name()
    application_data = _name(255)
    variables = models.JSONField(default=dict, blank=True)
    #: Lists, by these words: parties, holds, transfers, pickups, forwards, parks, conferences.
    episodes = models.JSONField(default=dict, blank=True)
    #: Something of it was not seen but concluded, from a list.
    inferred = models.BooleanField(default=False)
    #: The transaction that made it: it knows its own rows by it.
    batch = models.UUIDField(editable=False)

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("server", "call_id"), name="ami_calls_call_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("started",), name="ami_calls_call_started"),
            models.Index(fields=("outcome", "started"), name="ami_calls_call_outcome"),
        ]
        ordering: ClassVar = ["-started", "-pk"]

    def __str__(self) -> str:
        who = self.caller_number or self.caller_device or "somebody"
        return f"{who} to {self.requested or self.destination or 'nobody'}"

    @property
    def seconds(self) -> float:
        """From its first channel to its last, in seconds."""
        return (self.ended - self.started).total_seconds()


class MergedCall(models.Model):
    """The id of a call that became part of an older one; the older one's row tells all of it."""

    server = models.CharField(max_length=100)
    call_id = models.CharField(max_length=150)
    into = models.CharField(max_length=150)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("server", "call_id"), name="ami_calls_merged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.call_id} merged into {self.into}"


class CallNumber(models.Model):
    """A number that has to do with a call: dialled, calling, rung, sent on to. Searches read it."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="numbers", db_index=False)
    number = _name()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("call", "number"), name="ami_calls_number_once"),
        ]
        indexes: ClassVar = [
            # PostgreSQL finds the beginning of a text by no other index.
            models.Index(
                fields=("number",), name="ami_calls_number", opclasses=("varchar_pattern_ops",)
            ),
        ]

    def __str__(self) -> str:
        return self.number


class _Part(models.Model):
    """An entry of a call's snapshot, and its place among those of its kind."""

    place = models.PositiveSmallIntegerField()

    class Meta:
        abstract = True
        constraints: ClassVar = [
            # Its index serves the foreign key, too.
            models.UniqueConstraint(fields=("call", "place"), name="ami_calls_%(class)s_once"),
        ]
        ordering: ClassVar = ["place"]


class CallLeg(_Part):
    """A channel that was dialled, or rung by the server, and its outcome."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="legs", db_index=False)
    uniqueid = _name(150)
    device = _name()
    number = _name()
    #: The device that dialled; empty if the server did.
    by = _name()
    #: The queue for which it rang.
    queue = _name()
    begin = models.DateTimeField()
    ringing = models.DateTimeField(null=True, blank=True)
    answered = models.DateTimeField(null=True, blank=True)
    end = models.DateTimeField(null=True, blank=True)
    outcome = _name(20)
    cause = models.PositiveIntegerField(default=0)
    tech_cause = _name(20)

    def __str__(self) -> str:
        return f"{self.device}: {self.outcome}"


class TalkSegment(_Part):
    """Two parties who heard each other; a hold ends it."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="talks", db_index=False)
    a = _name()
    b = _name()
    begin = models.DateTimeField()
    end = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.a} with {self.b}"


class QueueVisit(_Part):
    """A visit of a caller to a queue. Reports count visits."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="visits", db_index=False)
    #: That of the call: a report of one server needs no join.
    server = models.CharField(max_length=100)
    queue = _name()
    #: The device of the caller.
    caller = _name()
    joined = models.DateTimeField()
    connected = models.DateTimeField(null=True, blank=True)
    left = models.DateTimeField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0)
    #: A word of ``django_ami.live.snapshots.VisitResult``.
    result = _name(20)
    #: The member's interface.
    agent = _name()
    ring_seconds = models.FloatField(null=True, blank=True)
    wait_seconds = models.FloatField(default=0.0)
    #: With the agent, holds included; None if nobody answered.
    talk_seconds = models.FloatField(null=True, blank=True)

    objects = QueueVisitQuerySet.as_manager()

    class Meta(_Part.Meta):
        indexes: ClassVar = [
            models.Index(fields=("queue", "joined"), name="ami_calls_visit_queue"),
            models.Index(fields=("agent", "joined"), name="ami_calls_visit_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.queue}: {self.result}"


class Origination(models.Model):
    """A call that this project has asked for, stored before it is made: by ``originate``.

    ``state`` says no more than what is certain even if the process that asked is gone.
    """

    class State(models.TextChoices):
        """The part of its fate that is certain."""

        #: It was stored; whether it was made, ended, or goes on, has to be asked.
        UNKNOWN = "unknown", "unknown: ask"
        #: The server had it when it was asked.
        MADE = "made", "made"
        ENDED = "ended", "ended"
        #: It never left, or a listener that heard everything has heard nothing of it.
        NEVER_MADE = "never_made", "never made"
        #: The server does not have it: it was never made, or has ended while nobody listened.
        GONE = "gone", "gone: never made, or ended unseen"

    #: The Uniqueid of its first channel: any process finds the call by it.
    id = models.CharField("id on the server", max_length=150, primary_key=True, editable=False)
    #: The same key is the same call.
    key = models.CharField(max_length=200, unique=True, null=True, blank=True)
    server = models.CharField(max_length=100)
    #: The party that rings first, and where it goes when it picks up.
    destination = _name()
    context = _name()
    exten = _name()
    application = _name()
    asked_by = _name(150)
    state = models.CharField(max_length=20, choices=State, default=State.UNKNOWN)
    #: The outcome, as in ``CallOutcome``; empty as long as it is not known.
    result = _name(20)
    description = _name(255)
    picked_up = models.BooleanField(default=False)
    cause = models.PositiveIntegerField(null=True, blank=True)
    cause_text = _name()
    sip_code = models.PositiveIntegerField(null=True, blank=True)
    talk_seconds = models.FloatField("talk, in seconds", default=0.0)
    #: Its end was not seen but concluded.
    inferred = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    #: When the server was asked last.
    asked = models.DateTimeField("asked for last", null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    objects = OriginationQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=("state", "created"), name="ami_calls_orig_state"),
            models.Index(fields=("created",), name="ami_calls_orig_created"),
        ]
        ordering: ClassVar = ["-created", "-pk"]

    def __str__(self) -> str:
        return f"{self.destination} to {self.exten or self.application}"

    def __getstate__(self) -> dict[str, Any]:
        """A copy, for a cache or another process, looks for the call by itself."""
        state: dict[str, Any] = super().__getstate__()
        state.pop("_call", None)
        return state

    def follow(self, call: OriginatedCall, *, own: bool = True) -> None:
        """Let this be the call of the row, and store its end when that comes.

        ``own``: this process has made it.
        """
        self._call = call
        call.on_change(
            note_end(type(self), router.db_for_write(type(self), instance=self), own=own)
        )

    @property
    def call(self) -> OriginatedCall:
        """The call, as this process follows it; one of another process is looked for."""
        call: OriginatedCall | None = self.__dict__.get("_call")
        if call is None:
            self.follow(call := ami.call(self.id, server=self.server), own=False)
        return call

    @property
    def outcome(self) -> CallOutcome | None:
        """The outcome, as it is stored; None as long as it is not known."""
        if not self.result:
            return None
        return CallOutcome(
            CallResult(self.result),
            self.description,
            self.picked_up,
            self.cause,
            self.cause_text,
            self.sip_code,
            self.talk_seconds,
            self.inferred,
        )

    def wait(self, timeout: Timeout | None = None) -> CallOutcome:
        """Wait until it has ended, and return what became of it, as ``call.wait`` does."""
        known = self.outcome or self.call.wait(timeout)
        if known.result is CallResult.UNKNOWN:  # here; but somebody else may have seen the end
            self.refresh_from_db()
        return self.outcome or known


Part = CallNumber | CallLeg | TalkSegment | QueueVisit
#: The models of all that belongs to a call.
PARTS: Final[tuple[type[Part], ...]] = (CallNumber, CallLeg, TalkSegment, QueueVisit)
