"""The page: its frame comes from here, and its contents from the stream."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language, get_language_bidi
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from django_ami.wallboard.access import access_of
from django_ami.wallboard.csrf import csrf_of
from django_ami.wallboard.options import options
from django_ami.wallboard.words import figures, strings

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_ami.wallboard.access import Access

__all__ = ["wallboard"]


@never_cache
@require_safe
@ensure_csrf_cookie
def wallboard(request: HttpRequest) -> HttpResponse:
    """The wallboard. A visitor who is not logged in is sent to the login.

    Raises PermissionDenied for another one who may not see it.
    """
    access = access_of(request)
    if access is None:
        user = getattr(request, "user", None)
        if user is None or user.is_authenticated:
            raise PermissionDenied(
                "this visitor may not see the wallboard: give the account the permission "
                "ami_wallboard.view_wallboard, or let the function ACCESS return an Access."
            )
        return redirect_to_login(request.get_full_path())
    shown = figures()
    context = {
        "config": _config(request, access),
        "figures": shown,
        "formulas": {figure["key"]: f"{figure['name']} = {figure['formula']}" for figure in shown},
    }
    return render(request, "ami_wallboard/wallboard.html", context)


def _config(request: HttpRequest, access: Access) -> dict[str, Any]:
    """The configuration of the scripts."""
    chosen = options()
    return {
        "now": time.time(),
        "urls": _urls(request),
        "may": sorted(access.may),
        "thresholds": {
            **asdict(chosen.thresholds),
            "queues": {
                name: asdict(own)
                for name, own in chosen.queues.items()
                if access.queues is None or name in access.queues
            },
        },
        "strings": strings(),
        "language": get_language() or settings.LANGUAGE_CODE,
        "direction": "rtl" if get_language_bidi() else "ltr",
        "time_zone": get_current_timezone_name(),
        "share": _share(request, access),
        "csrf": {"cookie": settings.CSRF_COOKIE_NAME, **csrf_of(request)},
    }


def _urls(request: HttpRequest) -> dict[str, str]:
    login = redirect_to_login(request.get_full_path()).url
    urls = {name: reverse(f"ami_wallboard:{name}") for name in ("stream", "state")}
    return {**urls, "login": login}


def _share(request: HttpRequest, access: Access) -> str:
    """A name for what the page shows: the tabs of a browser with the same one share a stream."""
    sees = [
        sorted(names) if names is not None else None for names in (access.servers, access.queues)
    ]
    user = getattr(request, "user", None)
    parts = [str(user and user.pk), sees, sorted(access.may), access.masks_numbers]
    return salted_hmac(__name__, repr(parts), algorithm="sha256").hexdigest()[:16]
