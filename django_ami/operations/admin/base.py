"""Tables that only listeners write, as the admin shows them, and pages of our own among its own."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import django
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from django_ami.core.errors import ConfigurationError
from django_ami.operations import conf
from django_ami.operations.acting import Book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

__all__ = [
    "HAND_OVER", "SEND", "VIEW", "Page", "ReadOnlyAdmin", "may", "recorded", "require",
    "tells_faults",
]  # fmt: skip

#: The permissions of the pages, beside those to view a table.
SEND: Final = "ami_operations.send_actions"
HAND_OVER: Final = "ami_operations.hand_over_lease"

#: In the action log.
VIEW: Final = "admin"

#: From Django 6.1 on breadcrumbs are a list.
_HAS_LIST_OF_CRUMBS: Final = django.VERSION >= (6, 1)


def may(request: HttpRequest, permission: str) -> bool:
    """True if the user of a request has a permission, and may enter an admin at all."""
    user: Any = request.user
    return bool(user.is_active and user.is_staff and user.has_perm(permission))


def require(request: HttpRequest, *permissions: str) -> None:
    """Raise PermissionDenied, which names what is missing, unless the user has all of them."""
    missing = [one for one in permissions if not may(request, one)]
    if missing:
        raise PermissionDenied(f"this page needs the permission {' and '.join(missing)}.")


@contextmanager
def recorded(request: HttpRequest, what: str) -> Iterator[None]:
    """A form that is refused inside is in the action log, as one for ``what``; a look is not."""
    try:
        yield
    except PermissionDenied as denied:
        if what and request.method == "POST":
            Book().note_refusal(request.user, VIEW, what, str(denied), status=403)
        raise


class ReadOnlyAdmin(ModelAdmin):
    """Rows of the database with the leases, to look at."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).using(conf.load().database)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Page:
    """A page of ours in the admin of ``model_admin``: its frame, its title, its way back."""

    def __init__(self, model_admin: ModelAdmin, template: str) -> None:
        self._admin = model_admin
        self._template = f"admin/ami_operations/{template}"

    def render(
        self,
        request: HttpRequest,
        title: object,
        *,
        trail: Iterable[tuple[str, object]] = (),
        status: int = 200,
        **context: object,
    ) -> TemplateResponse:
        """The page. ``trail`` has the addresses and names of the pages between it and the app."""
        site, meta = self._admin.admin_site, self._admin.opts
        crumbs = [
            (reverse("admin:index", current_app=site.name), _("Home")),
            (_app_index(site.name, meta.app_label), meta.app_config.verbose_name),
            *trail,
        ]
        return TemplateResponse(
            request,
            self._template,
            {
                **site.each_context(request),
                "title": title,
                "opts": meta,
                "crumbs": crumbs,
                "crumbs_are_list": _HAS_LIST_OF_CRUMBS,
                **context,
            },
            status=status,
        )


def tells_faults(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have a method of a ModelAdmin tell of wrong settings in a page, instead of a traceback."""

    @wraps(view)
    def told(model_admin: ModelAdmin, request: HttpRequest, *args: Any, **named: Any) -> Any:
        try:
            return view(model_admin, request, *args, **named)
        except ConfigurationError as error:
            page = Page(model_admin, "fault.html")
            return page.render(request, _("The settings are wrong"), error=error, status=500)

    return told


def _app_index(site: str, label: str) -> str:
    try:
        return reverse("admin:app_list", kwargs={"app_label": label}, current_app=site)
    except NoReverseMatch:  # none of its tables is in this admin
        return reverse("admin:index", current_app=site)
