"""Send an action: choose one of the catalogue, fill in its form, read the answer.

Rule: each form has an idempotency key. One that is sent twice, by a second click or by a page that
is loaded again, sends its action once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from django_ami import catalog
from django_ami.accessor import ami
from django_ami.core.arguments import did_you_mean, shown
from django_ami.core.errors import ActionFailed, AmiError
from django_ami.operations import idempotency
from django_ami.operations.admin.answers import answer_of
from django_ami.operations.admin.base import SEND, VIEW, Page, recorded, require
from django_ami.operations.admin.parameters import ActionForm
from django_ami.operations.admin.shown import moment
from django_ami.operations.errors import ActionRefused
from django_ami.operations.permissions import sendable
from django_ami.operations.permissions.risks import DANGERS, Risk, risk_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from django_ami.catalog import ActionInfo
    from django_ami.core.actions import Action

__all__ = ["OF_CONNECTIONS", "send_view"]

#: The client's own: they would change the connection that all users of this process share.
OF_CONNECTIONS: Final = frozenset({"Challenge", "Events", "Filter", "Login", "Logoff", "WaitEvent"})
#: A page waits so long for an answer.
_LONGEST_WAIT_SECONDS: Final = 20.0


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def send_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The form of ``?action=NAME``, or the choice of one. Needs the permission ``send_actions``."""
    name = request.GET.get("action", "")
    info = catalog.action(name) if name else None
    with recorded(request, "" if info is None else info.name):
        require(request, SEND)
        if info is None or info.name in OF_CONNECTIONS:
            return _choose(model_admin, request, _unknown(name) if name else "")
        if info.name not in sendable(request.user):
            raise PermissionDenied(
                f"{info.name} is not granted to this user: see the setting AMI_PERMISSIONS."
            )
    if request.method == "POST":
        return _Sending(model_admin, request, info).post()
    return _Sending(model_admin, request, info).get()


def _unknown(name: str) -> str:
    hint = did_you_mean(name, [one for one in catalog.ACTIONS if one not in OF_CONNECTIONS])
    return _("There is no action %(name)s to send here; %(hint)s") % {
        "name": shown(name),
        "hint": hint,
    }


def _choose(model_admin: Any, request: HttpRequest, error: str = "") -> HttpResponse:
    offered = sendable(request.user) - OF_CONNECTIONS
    choices = [one for one in catalog.ACTIONS.values() if one.name in offered]
    return Page(model_admin, "choose.html").render(
        request,
        _("Send an action"),
        trail=[_servers(model_admin)],
        status=404 if error else 200,
        error=error,
        actions=choices,
    )


def _servers(model_admin: Any) -> tuple[str, object]:
    back = reverse("admin:ami_operations_lease_changelist")
    return back, model_admin.opts.verbose_name_plural


class _Sending:
    """One request for the form of one action."""

    def __init__(self, model_admin: Any, request: HttpRequest, info: ActionInfo) -> None:
        self._admin = model_admin
        self._request = request
        self._info = info

    def get(self) -> HttpResponse:
        """The empty form."""
        return self._page(self._blank())

    def post(self) -> HttpResponse:
        """Send the action of a valid form, once, and show its answer."""
        form = self._form(self._request.POST)
        if not form.is_valid():
            form.data = form.without_secrets()
            return self._page(form, status=400)
        key = form.cleaned_data["key"]
        if not idempotency.claim(key):
            return self._again(form, key)
        return self._send(form, form.action(), key)

    def _send(self, form: ActionForm, action: Action, key: str) -> HttpResponse:
        response, error, status = None, "", 200
        try:
            user_ami = ami.as_user(self._request.user, view=VIEW)
            pending = user_ami.send(action, server=form.cleaned_data["server"])
            response = pending.result(timeout=_LONGEST_WAIT_SECONDS)
        except ActionFailed as failure:
            response = failure.response
        except ActionRefused as refusal:
            error, status = refusal.message, refusal.status
        except AmiError as failure:
            error = _told(failure)
        idempotency.conclude(
            key, error or (response.message or response.status if response else "")
        )
        return self._page(
            self._next(form),
            status=status,
            sent=repr(action),
            error=error,
            answer=None if response is None else answer_of(response),
        )

    def _again(self, form: ActionForm, key: str) -> HttpResponse:
        first = idempotency.earlier(key)
        text = _(
            "This form was sent already, at %(time)s, and its action is not sent again. "
            "How it went: %(outcome)s"
        ) % {
            "time": moment(first.used_at if first else None),
            "outcome": (first.outcome if first else "") or _("there is no answer yet"),
        }
        return self._page(self._next(form), again=text, status=409)

    def _blank(self) -> ActionForm:
        initial = {
            "key": idempotency.new_key(),
            "server": self._request.GET.get("server") or _default_server(),
        }
        return self._form(initial=initial)

    def _form(self, *arguments: Any, **named: Any) -> ActionForm:
        form = ActionForm(self._info, ami.servers, *arguments, **named)
        if risk_of(self._info.name) is Risk.DANGEROUS:
            why = DANGERS.get(self._info.name.lower(), "")
            form.demand_confirmation(_("This action is dangerous: %(why)s.") % {"why": why})
        return form

    def _next(self, form: ActionForm) -> ActionForm:
        """The form with what was sent, to send it once more if that is meant; without secrets."""
        values = {**form.without_secrets(), "key": idempotency.new_key()}
        values.pop("confirm", None)
        return self._form(initial=values)

    def _page(self, form: ActionForm, *, status: int = 200, **more: object) -> HttpResponse:
        back = reverse("admin:ami_operations_send")
        return Page(self._admin, "send.html").render(
            self._request,
            self._info.name,
            trail=[_servers(self._admin), (back, _("Send an action"))],
            status=status,
            info=self._info,
            form=form,
            adminform=form.in_admin(self._admin),
            **more,
        )


def _default_server() -> str:
    try:
        return ami.default.name
    except AmiError:  # there are several, and none is the default
        return ""


def _told(error: AmiError) -> str:
    """The error, and whether the action may have been carried out."""
    if getattr(error, "sent", False):
        return _(
            "%(error)s The action has left, and may be carried out: look before you repeat it."
        ) % {"error": error.message}
    return error.message
