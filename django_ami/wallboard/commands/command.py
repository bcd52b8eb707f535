"""The door of every command: it lets in who may, reads the words, and answers errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeGuard, TypeVar

from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from django_ami import acting
from django_ami.accessor import ami
from django_ami.core.arguments import shown
from django_ami.core.errors import ActionFailed, AmiError, Backpressure, InvalidAction
from django_ami.core.log import get_logger
from django_ami.wallboard.masking import Mask
from django_ami.wallboard.options import options
from django_ami.wallboard.refusals import forbidden, refusal
from django_ami.wallboard.visitors import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from django.http import HttpRequest, HttpResponse, JsonResponse

    from django_ami.acting import UserAmi
    from django_ami.core.actions import Action
    from django_ami.core.client import OriginatedCall
    from django_ami.core.messages import Response
    from django_ami.wallboard.visitors import Visitor

    View = Callable[..., Coroutine[Any, Any, HttpResponse]]

__all__ = [
    "ANSWER_SECONDS", "Command", "Refused", "answered", "command", "in_thread", "send", "view_of"
]  # fmt: skip

P = ParamSpec("P")
Result = TypeVar("Result")

logger = get_logger(__name__)

#: Within how many seconds a server must have answered an action.
ANSWER_SECONDS: Final = 5.0
#: When a browser may try again that was refused for a moment.
_RETRY_SECONDS: Final = 5
_LONGEST_TEXT_CHARACTERS: Final = 200


class Refused(Exception):
    """The command is not carried out. The text is one line with the cure, for the visitor."""

    def __init__(self, status: int, error: str, *, retry_seconds: int | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.retry_seconds = retry_seconds


@dataclass(frozen=True, slots=True)
class Command:
    """A request for a deed, with its visitor and its words."""

    request: HttpRequest
    visitor: Visitor
    words: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A word that must be there. Raises Refused."""
        text = self.get(name)
        if not text:
            raise Refused(400, _("%(name)s is missing: send it with the form.") % {"name": name})
        return text

    def get(self, name: str, default: str = "") -> str:
        """A word that may be missing. Raises Refused for one that is no text."""
        value = self.words.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not _is_text(value) or len(value) > _LONGEST_TEXT_CHARACTERS:
            raise Refused(
                400,
                _("%(name)s must be a text of at most %(most)s characters.")
                % {"name": name, "most": _LONGEST_TEXT_CHARACTERS},
            )
        return value.strip()

    def flag(self, name: str) -> bool:
        """A word that is true or false. Raises Refused."""
        value = self.words.get(name)
        found = value if isinstance(value, bool) else _FLAGS.get(str(value).lower())
        if found is None:
            raise Refused(
                400, _("%(name)s must be true or false, not %(value)s.")
                % {"name": name, "value": shown(value)},
            )  # fmt: skip
        return found

    def one_of(self, name: str, known: tuple[str, ...], default: str) -> str:
        """One of these words. Raises Refused."""
        word = self.get(name, default)
        if word not in known:
            raise Refused(
                400, _("%(name)s must be one of %(known)s, not %(value)s.")
                % {"name": name, "known": ", ".join(known), "value": shown(word)},
            )  # fmt: skip
        return word

    def server(self) -> str:
        """The server that it is for. Raises Refused for one that the visitor may not see."""
        servers = self.visitor.servers
        name = self.get("server") or str(self.request.GET.get("server", ""))
        if not name and len(servers) == 1:
            return servers[0]
        if not name:
            raise Refused(400, _("server is missing: there are several, so name one."))
        if name not in servers:
            raise Refused(404, _("There is no server %(name)s.") % {"name": shown(name)})
        return name

    @property
    def user_ami(self) -> UserAmi | None:
        """``ami`` for the user of the request, if an app knows of users; else None."""
        return acting.in_view(getattr(self.request, "user", None), _view_of(self.request))

    def own(self, call: OriginatedCall) -> OriginatedCall:
        """A call of the visitor, who may end it; an app that keeps a book writes that down."""
        book = acting.bookkeeper()
        if book is None:
            return call
        user = getattr(self.request, "user", None)
        return book.own_call(user, _view_of(self.request), call)

    def __str__(self) -> str:
        return str(getattr(self.request, "user", "") or "a visitor without an account")


def _is_text(value: object) -> TypeGuard[str]:
    """JSON can have half of a surrogate pair in a string, which nothing can write or send."""
    return isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value)


_FLAGS: Final = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def command(*deeds: str) -> Callable[[View], View]:
    """Make a view of ``async def function(command, …)``.

    It takes a POST of visitors who may do one of ``deeds``.
    """

    def decorate(function: View) -> View:
        async def view(request: HttpRequest, **place: str) -> HttpResponse:
            async def carry_out(visitor: Visitor) -> HttpResponse:
                if not visitor.access.may.intersection(deeds):
                    raise Refused(403, _("You may not do this: ask for the permission."))
                return await function(Command(request, visitor, _words(request)), **place)

            return await answered(request, carry_out)

        return view_of(wraps(function)(view), "POST")

    return decorate


def view_of(view: View, method: str) -> View:
    """A view that takes one method alone, with CSRF, outside of any transaction."""

    @wraps(view)
    async def checked(request: HttpRequest, **place: str) -> HttpResponse:
        if request.method != method:
            response = refusal(405, _("Use the method %(method)s.") % {"method": method})
            response.headers["Allow"] = method
            return response
        return await view(request, **place)

    guarded = never_cache(csrf_protect(checked))
    # A coroutine cannot run in a transaction: with ATOMIC_REQUESTS a view has to say so.
    return transaction.non_atomic_requests(guarded)


async def answered(
    request: HttpRequest, function: Callable[[Visitor], Coroutine[Any, Any, HttpResponse]]
) -> HttpResponse:
    """The answer of a function for the visitor; an error becomes an answer with one line."""
    visitor = None
    try:
        visitor = await ask(request)
        if visitor is None:
            raise Refused(403, forbidden())
        return await function(visitor)
    except Refused as error:
        await in_thread(_note, request, error)
        return refusal(error.status, str(error), retry_seconds=error.retry_seconds)
    except AmiError as error:
        return _refusal_of(error, visitor)


def _note(request: HttpRequest, error: Refused) -> None:
    """Have the refusal of a command written down, if an app keeps a book."""
    book = acting.bookkeeper()
    if book is not None and request.method == "POST":
        user, view = getattr(request, "user", None), _view_of(request)
        book.note_refusal(user, view, view.rpartition(":")[2], str(error), status=error.status)


def _view_of(request: HttpRequest) -> str:
    found = request.resolver_match
    return "" if found is None else found.view_name


def _refusal_of(error: AmiError, visitor: Visitor | None) -> JsonResponse:
    status, text = getattr(error, "status", None), str(error)
    if visitor is not None and visitor.access.masks_numbers:
        text = Mask(options().mask).text(text)  # it may quote what the visitor never saw
    if status is not None:  # of an app that knows what users may send
        return refusal(status, text, retry_seconds=getattr(error, "retry_seconds", None))
    if isinstance(error, InvalidAction):
        return refusal(400, text)
    if isinstance(error, ActionFailed):
        return refusal(409, text)
    if isinstance(error, Backpressure):
        return refusal(429, text, retry_seconds=_RETRY_SECONDS)
    logger.warning("A command of the wallboard failed: %s", error)
    maybe = _(" It may have been carried out: look before you try again.") if error.sent else ""
    return refusal(503, f"{text}{maybe}", retry_seconds=_RETRY_SECONDS)


def _words(request: HttpRequest) -> Mapping[str, Any]:
    if request.content_type != "application/json":
        return request.POST.dict()
    try:
        words = json.loads(request.body)
    except (ValueError, RecursionError):
        words = None
    if not isinstance(words, dict):
        raise Refused(400, _("The request must be a form, or a JSON object."))
    return words


async def send(command: Command, server: str, action: Action) -> Response:
    """Send an action for the visitor, and await its answer. Raises AmiError."""
    of_user = command.user_ami
    if of_user is not None:
        return await of_user.asend(action, server=server, timeout=ANSWER_SECONDS)
    return await ami.server(server).send(action, timeout=ANSWER_SECONDS)


async def in_thread(function: Callable[P, Result], *arguments: P.args, **named: P.kwargs) -> Result:
    """Call a function that may ask the database, or wait for the picture, in another thread."""
    return await sync_to_async(function)(*arguments, **named)
