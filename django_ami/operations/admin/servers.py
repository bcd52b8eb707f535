"""Servers: their state, versions, lease and listeners; and the handover of a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import transaction
from django.http import Http404, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from django_ami.operations import handover
from django_ami.operations.admin.base import (
    HAND_OVER,
    SEND,
    VIEW,
    Page,
    ReadOnlyAdmin,
    may,
    recorded,
    require,
    tells_faults,
)
from django_ami.operations.admin.sending import send_view
from django_ami.operations.admin.shown import shown, summary, where
from django_ami.operations.admin.words import COUNTERS
from django_ami.operations.audit import Author
from django_ami.operations.models import ActionLog, Lease
from django_ami.operations.overview import overview

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

__all__ = ["ServerAdmin"]

_VIEW: Final = "ami_operations.view_lease"
#: How often the page asks for what is new.
_REFRESH_MILLISECONDS: Final = 2000


@admin.register(Lease)
class ServerAdmin(ReadOnlyAdmin):
    """The page of all servers stands in the place of the list of leases."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("status/", view(self.status_view), name="ami_operations_status"),
            path("send/", view(self.send_view), name="ami_operations_send"),
            path(
                "<path:server>/hand-over/",
                view(self.hand_over_view),
                name="ami_operations_hand_over",
            ),
            *super().get_urls(),
        ]

    @tells_faults
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """All servers. Needs the permission ``view_lease``."""
        require(request, _VIEW)
        servers = overview()
        return Page(self, "servers.html").render(
            request,
            _("Asterisk servers"),
            servers=shown(servers),
            summary=summary(servers),
            counters=COUNTERS,
            columns=len(COUNTERS) + 5,
            refresh_milliseconds=_REFRESH_MILLISECONDS,
            may_hand_over=may(request, HAND_OVER),
            may_send=may(request, SEND),
            may_see_log=may(request, "ami_operations.view_actionlog"),
            **(extra_context or {}),
        )

    @tells_faults
    def status_view(self, request: HttpRequest) -> HttpResponse:
        """The words of the page, as JSON. Needs the permission ``view_lease``."""
        require(request, _VIEW)
        return _status(request)

    # A transaction that is rolled back would give the idempotency key back.
    @transaction.non_atomic_requests
    @tells_faults
    def send_view(self, request: HttpRequest) -> HttpResponse:
        """Send an action. Needs the permission ``send_actions``."""
        return send_view(request, self)

    @tells_faults
    def hand_over_view(self, request: HttpRequest, server: str) -> HttpResponse:
        """Ask before a handover, and then for it. Needs the permission ``hand_over_lease``."""
        return _hand_over(request, self, unquote(server))


@never_cache
@require_GET
def _status(request: HttpRequest) -> HttpResponse:
    servers = overview()
    return JsonResponse({"servers": shown(servers), "summary": summary(servers)})


@never_cache
@require_http_methods(["GET", "POST"])
def _hand_over(request: HttpRequest, model_admin: ServerAdmin, server: str) -> HttpResponse:
    with recorded(request, handover.NAME):
        require(request, _VIEW, HAND_OVER)
    found = {one.name: one for one in overview()}.get(server)
    if found is None or found.lease is None:
        raise Http404(f"the server {server!r} has no lease.")
    back = reverse("admin:ami_operations_lease_changelist")
    if request.method == "POST":
        _request(model_admin, request, server)
        return HttpResponseRedirect(back)
    return Page(model_admin, "hand_over.html").render(
        request,
        _("Hand over the lease of %(server)s?") % {"server": server},
        trail=[(back, model_admin.opts.verbose_name_plural)],
        server=shown([found])[0],
        lease=found.lease,
        successors=[where(one) for one in handover.successors(server)],
        back=back,
    )


def _request(model_admin: ServerAdmin, request: HttpRequest, server: str) -> None:
    user: Any = request.user
    try:
        author = Author(ActionLog.Kind.USER.value, user.get_username(), str(user.pk), VIEW)
        handover.request(server, int(request.POST.get("token", "")), author)
    except (handover.HandoverRefused, ValueError) as refusal:
        messages.error(request, str(refusal))
        return
    text = _(
        "Handover requested: the holder of %(server)s gives the lease back within seconds."
    ) % {"server": server}
    model_admin.log_change(request, Lease(pk=server), text)
    messages.success(request, text)
