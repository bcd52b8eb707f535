"""Views for probes: load balancers, orchestrators and monitoring ask them again and again.

Rule: they ask nothing of a session, an account or an Asterisk, and tell nothing secret: anybody may
read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_ami.operations.enquiry import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

__all__ = ["live", "ready"]


def _probe(view: Callable[[HttpRequest], HttpResponse]) -> Any:
    """A view that needs no login and no transaction, and is never answered from a cache."""
    return transaction.non_atomic_requests(login_not_required(never_cache(require_safe(view))))


@_probe
def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001  (each view has one)
    """This web process answers: it need not be started anew. It asks nobody."""
    return JsonResponse({"ok": True})


@_probe
def ready(request: HttpRequest) -> HttpResponse:
    """Every server, or each ``?server=``, has a listener that delivers: 200, else 503."""
    health = ask(request.GET.getlist("server"))
    return JsonResponse(health.as_dict(), status=200 if health.ok else 503)
