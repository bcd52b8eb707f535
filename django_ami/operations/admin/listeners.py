"""Listeners: the processes of ``ami_listen``, as each wrote last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_ami.listeners import STALE_BEATS
from django_ami.operations import conf
from django_ami.operations.admin.base import HAND_OVER, ReadOnlyAdmin, may
from django_ami.operations.admin.shown import moment, where
from django_ami.operations.admin.words import COUNTERS, role, state
from django_ami.operations.clock import since
from django_ami.operations.models import Listener

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

__all__ = ["ListenerAdmin"]


@admin.register(Listener)
class ListenerAdmin(ReadOnlyAdmin):
    """Each listener of each server, and a way to have one hand over its lease."""

    list_display = ("server", "where", "part", "said", "counts", "version", "hand_over")
    list_filter = ("server", "role", "state", "host")
    search_fields = ("server", "host", "last_error")
    ordering = ("server", "role", "host", "pid")
    fields = (
        "server", "where", "part", "said", "token", "account", "counts", "asterisk_version",
        "ami_version", "ping_round_trip", "version", "started_at", "last_error",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request).annotate(age=since("seen_at"))
        return found

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return shown if may(request, HAND_OVER) else [one for one in shown if one != "hand_over"]

    @admin.display(description=_("listener"), ordering="host")
    def where(self, listener: Listener) -> str:
        """The machine and the process."""
        return where(listener)

    @admin.display(description=_("role"), ordering="role")
    def part(self, listener: Any) -> str:
        """Whether it delivers."""
        return role(listener.role, stale=self._is_stale(listener))

    @admin.display(description=_("state"), ordering="state")
    def said(self, listener: Any) -> str:
        """Its state, unless it is stale."""
        if self._is_stale(listener):
            return _("not heard of since %(time)s") % {"time": moment(listener.seen_at)}
        return _("%(state)s since %(time)s") % {
            "state": state(listener.state),
            "time": moment(listener.state_since),
        }

    @admin.display(description=_("events"))
    def counts(self, listener: Listener) -> str:
        """Its counters that are not 0."""
        counted = [
            f"{name} {listener.counters[key]}"
            for key, name in COUNTERS.items()
            if listener.counters.get(key)
        ]
        return ", ".join(counted)

    @admin.display(description=_("lease"))
    def hand_over(self, listener: Any) -> str:
        """A button for the holder of a lease."""
        if listener.token is None or self._is_stale(listener):
            return ""
        return format_html(
            '<a class="button" href="{}" aria-label="{}">{}</a>',
            reverse("admin:ami_operations_hand_over", args=[listener.server]),
            _("Hand over the lease of %(server)s") % {"server": listener.server},
            _("Hand over…"),
        )

    def _is_stale(self, listener: Any) -> bool:
        longest_seconds: float = STALE_BEATS * conf.load().heartbeat_interval
        return bool(listener.age.total_seconds() > longest_seconds)
