"""The action log: every action with its sender, time, server and outcome, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from django_ami import conf
from django_ami.core.errors import ConfigurationError
from django_ami.operations.admin.base import ReadOnlyAdmin
from django_ami.operations.models import ActionLog

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

__all__ = ["ActionLogAdmin"]


class _ServerFilter(admin.SimpleListFilter):
    """Servers of the settings: no query looks for the values in all rows."""

    title = _("server")
    parameter_name = "server"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        try:
            return [(name, name) for name in conf.read_servers()]
        except ConfigurationError:
            return []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(server=self.value()) if self.value() else queryset


@admin.register(ActionLog)
class ActionLogAdmin(ReadOnlyAdmin):
    """Filters by outcome, kind of sender, server and time; a search by sender and action."""

    list_display = ("at", "sender", "via", "action", "server", "outcome", "reason", "took")
    list_filter = ("outcome", "kind", "at", _ServerFilter)
    ordering = ("-at", "-pk")
    search_fields = ("who",)  # so that there is a search
    search_help_text = _("The beginning of a sender's name or of an action, or an ActionID.")
    show_full_result_count = False
    list_per_page = 50
    fields = (
        "at", "sender", "kind", "via", "host", "pid", "action", "sent_headers", "server",
        "outcome", "reason", "sent", "took", "action_id",
    )  # fmt: skip

    class Media:
        css: ClassVar = {"all": ["ami_operations/admin.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        begins = Q(who__startswith=text) | Q(action__istartswith=text)
        return queryset.filter(begins | Q(action_id=text)), False

    @admin.display(description=_("sender"), ordering="who")
    def sender(self, row: ActionLog) -> str:
        """The user, if there is one."""
        if row.who:
            return row.who
        return str(_("nobody")) if row.kind == ActionLog.Kind.USER else ""

    @admin.display(description=_("took"), ordering="latency")
    def took(self, row: ActionLog) -> str:
        """How long the answer took."""
        if row.latency is None:
            return ""
        return _("%(milliseconds)s ms") % {
            "milliseconds": number_format(row.latency * 1000, decimal_pos=1)
        }

    @admin.display(description=_("headers"))
    def sent_headers(self, row: ActionLog) -> str:
        """Its headers; secrets were masked before they were stored."""
        lines = format_html_join("", "<tr><th scope=row>{}</th><td>{}</td></tr>", row.headers)
        return format_html("<table><tbody>{}</tbody></table>", lines) if row.headers else ""
