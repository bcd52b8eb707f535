"""The admin of the history: for looking at. Nothing in it can be changed; calls can be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import Q
from django.template.loader import render_to_string

from django_ami import conf
from django_ami.calls.models import Call, Origination, QueueVisit
from django_ami.calls.story import duration, story_of, words
from django_ami.core.errors import ConfigurationError
from django_ami.live.snapshots import Direction, Outcome, VisitResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

__all__ = ["CallAdmin", "OriginationAdmin", "QueueVisitAdmin"]

#: Outcomes that a leg alone has.
_OF_LEGS: Final = frozenset({Outcome.ANSWERED_ELSEWHERE, Outcome.FORWARDED})
#: The filter shows the queues of so many visits.
_LATEST_VISITS: Final = 10_000
#: For how long a request may wait for what the servers say.
_ASK_SECONDS: Final = 5.0


class _ByValue(admin.SimpleListFilter):
    """Rows with one value of a column; no query looks for the values in all rows."""

    def values(self) -> Iterable[str]:
        """The values to choose from."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, words(value)) for value in self.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        return queryset.filter(**{str(self.parameter_name): self.value()})


class _OutcomeFilter(_ByValue):
    title = parameter_name = "outcome"

    def values(self) -> Iterable[str]:
        return [one.value for one in Outcome if one not in _OF_LEGS]


class _DirectionFilter(_ByValue):
    title = parameter_name = "direction"

    def values(self) -> Iterable[str]:
        return [one.value for one in Direction]


class _ResultFilter(_ByValue):
    title = parameter_name = "result"

    def values(self) -> Iterable[str]:
        return [one.value for one in VisitResult if one is not VisitResult.WAITING]


class _ServerFilter(_ByValue):
    title = parameter_name = "server"

    def values(self) -> Iterable[str]:
        try:
            return list(conf.read_servers())
        except ConfigurationError:
            return []


class _VisitQueueFilter(_ByValue):
    title = parameter_name = "queue"

    def values(self) -> Iterable[str]:
        latest = QueueVisit.objects.order_by("-pk").values_list("queue", flat=True)
        return sorted(set(latest[:_LATEST_VISITS]))


class _CallQueueFilter(_VisitQueueFilter):
    """Calls that were in a queue."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        visits = QueueVisit.objects.filter(queue=self.value())
        return queryset.filter(pk__in=visits.values("call_id"))


class _ReadOnly(ModelAdmin):
    """Rows that the listener alone writes."""

    show_full_result_count = False

    def length(self, seconds: float | None) -> str:
        """A number of seconds in words, which stay in one line; a dash if there is none."""
        if seconds is None:
            return str(self.get_empty_value_display())
        return duration(seconds).replace(" ", "\N{NO-BREAK SPACE}")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Call)
class CallAdmin(_ReadOnly):
    """Calls: filters, a search by number, and the story of each."""

    list_display = (
        "started", "direction", "caller", "requested", "answered_by", "how", "talk", "server",
    )  # fmt: skip
    list_filter = (_OutcomeFilter, _DirectionFilter, "started", _CallQueueFilter, _ServerFilter)
    search_fields = ("numbers__number",)
    search_help_text = "A number, or its beginning: who called, was called, or was sent on to."
    fieldsets: ClassVar = [
        (None, {"fields": ("story",)}),
        ("The call", {"fields": (
            "started", "answered", "ended", "direction", "how", "talk", "caller", "requested",
            "destination", "answered_by",
        )}),
        ("On the server", {"fields": (
            "server", "call_id", "cause", "tech_cause", "hung_up_by", "account", "application",
            "application_data", "variables", "inferred",
        )}),
    ]  # fmt: skip

    class Media:
        css: ClassVar = {"all": ["ami_calls/story.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=Call.objects.with_number(search_term).values("pk")), False

    @admin.display(description="caller", ordering="caller_number")
    def caller(self, call: Call) -> str:
        """The caller's number and name."""
        name = "" if call.caller_name == call.caller_number else call.caller_name
        return f"{call.caller_number or call.caller_device} {name}".strip()

    @admin.display(description="outcome", ordering="outcome")
    def how(self, call: Call) -> str:
        """The outcome in words."""
        return words(call.outcome)

    @admin.display(description="talk", ordering="talk_seconds")
    def talk(self, call: Call) -> str:
        """For how long anybody talked."""
        return self.length(call.talk_seconds or None)

    @admin.display(description="story")
    def story(self, call: Call) -> str:
        """The timeline."""
        return render_to_string("ami_calls/story.html", {"story": story_of(call)})


@admin.register(QueueVisit)
class QueueVisitAdmin(_ReadOnly):
    """Visits to queues; each leads to its call."""

    list_display = ("joined", "queue", "how", "wait", "agent", "talk", "call", "server")
    list_filter = (_VisitQueueFilter, _ResultFilter, "joined", _ServerFilter)
    list_select_related = ("call",)
    ordering = ("-joined",)

    @admin.display(description="result", ordering="result")
    def how(self, visit: QueueVisit) -> str:
        """The result in words."""
        return words(visit.result)

    @admin.display(description="wait", ordering="wait_seconds")
    def wait(self, visit: QueueVisit) -> str:
        """For how long the caller waited."""
        return self.length(visit.wait_seconds)

    @admin.display(description="talk", ordering="talk_seconds")
    def talk(self, visit: QueueVisit) -> str:
        """For how long the caller talked with the agent."""
        return self.length(visit.talk_seconds)


@admin.register(Origination)
class OriginationAdmin(_ReadOnly):
    """Calls that this project has asked for; the servers can be asked what became of them."""

    list_display = (
        "created", "destination", "goes_to", "asked_by", "state", "result", "talk", "server",
    )  # fmt: skip
    list_filter = ("state", "created", _ServerFilter)
    search_fields = ("id",)  # so that there is a search
    search_help_text = "The id, the key, or the beginning of where it goes."
    actions = ("ask",)
    fieldsets: ClassVar = [
        (None, {"fields": (
            "created", "asked_by", "key", "destination", "context", "goes_to", "server", "id",
        )}),
        ("The call", {"fields": (
            "state", "asked", "ended", "result", "description", "picked_up", "cause",
            "cause_text", "sip_code", "talk", "inferred",
        )}),
    ]  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        begins = Q(destination__startswith=text) | Q(exten__startswith=text)
        return queryset.filter(Q(pk=text) | Q(key=text) | begins) if text else queryset, False

    @admin.display(description="goes to")
    def goes_to(self, row: Origination) -> str:
        """Where the first party goes when it picks up."""
        return row.exten or row.application

    @admin.display(description="talk", ordering="talk_seconds")
    def talk(self, row: Origination) -> str:
        """For how long two parties talked."""
        return self.length(row.talk_seconds or None)

    @admin.action(description="Ask what became of them", permissions=["view"])
    def ask(self, request: HttpRequest, queryset: QuerySet[Origination]) -> None:
        """Ask the history and the servers; dials nothing."""
        asked = Origination.objects.filter(pk__in=queryset.values("pk"))
        found = asked.reconcile(timeout=_ASK_SECONDS)
        said = ", ".join(
            f"{number} {Origination.State(state).label}" for state, number in found.items()
        )
        self.message_user(request, said or "The end of all of them is known.", messages.INFO)
