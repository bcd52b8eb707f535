"""``{% load ami %}``: click to call on the pages of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from django_ami.core.errors import ConfigurationError
from django_ami.wallboard.access import access_of
from django_ami.wallboard.commands.numbers import plain_number
from django_ami.wallboard.commands.words import strings
from django_ami.wallboard.csrf import csrf_of
from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from django.http import HttpRequest

    from django_ami.wallboard.access import Access

__all__ = ["ami_assets", "click_to_call", "register"]

register = template.Library()


@register.simple_tag(takes_context=True)
def ami_assets(context: template.Context) -> str:
    """The scripts and the style of click to call, for the head of a page."""
    request = _request_of(context)
    # In the place of the id, which only the browser knows.
    place = {"call": "CALL"}
    names = ("call", "hangup", "transfer", "listen")
    urls = {name: reverse(f"ami_wallboard:{name}", kwargs=place) for name in names}
    config = {
        "urls": urls | {name: reverse(f"ami_wallboard:{name}") for name in ("place", "pause")},
        "csrf": csrf_of(request),
        "strings": strings(),
    }
    nonce = context.get("csp_nonce")
    return render_to_string(
        "ami_wallboard/assets.html", {"config": config, "nonce": nonce}, request
    )


@register.simple_tag(takes_context=True)
def click_to_call(
    context: template.Context, number: object, label: str = "", server: str = ""
) -> str:
    """A button that calls ``number``: first the telephone of the visitor, and then the number.

    It is empty for a visitor who may not call, and for a number that may not be called. Without
    scripts it leads to a page of the call. ``server`` is the server that calls.
    """
    request = _request_of(context)
    plain = plain_number("" if number is None else str(number))
    access = _access_of(request)
    if access is None or "call" not in access.may:
        return ""
    if options().click_to_call.number.fullmatch(plain) is None:
        return ""
    shown = {
        "number": plain,
        "label": label,
        "spoken": _("Call %(number)s") % {"number": plain},
        "server": server,
        "click": uuid4().hex,
    }
    return render_to_string("ami_wallboard/click_to_call.html", shown, request)


def _request_of(context: template.Context) -> HttpRequest:
    request: HttpRequest | None = getattr(context, "request", None) or context.get("request")
    if request is None:
        raise ConfigurationError(
            "the template tags of {% load ami %} need the request: write "
            "render(request, template, context)."
        )
    return request


def _access_of(request: HttpRequest) -> Access | None:
    """Asked once for each request: a page may have many buttons."""
    cached: dict[str, Any] = request.__dict__
    if "_ami_access" not in cached:
        cached["_ami_access"] = access_of(request)
    access: Access | None = cached["_ami_access"]
    return access
