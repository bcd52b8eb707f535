"""Click to call: the telephone of the visitor rings, and then the number."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from django_ami.accessor import ami
from django_ami.core.arguments import shown
from django_ami.core.errors import AmiError, ConfigurationError
from django_ami.core.log import get_logger
from django_ami.wallboard.commands import placed
from django_ami.wallboard.commands.clicks import count_call, first_call, forget_click, is_own
from django_ami.wallboard.commands.command import (
    Command,
    Refused,
    answered,
    command,
    in_thread,
    view_of,
)
from django_ami.wallboard.commands.numbers import allowed_number
from django_ami.wallboard.commands.seeing import is_seen
from django_ami.wallboard.commands.waiting import (
    LONGEST_WAIT_SECONDS,
    TooManyWaits,
    until_changed,
)
from django_ami.wallboard.commands.words import text_of
from django_ami.wallboard.limits import RETRY_SECONDS
from django_ami.wallboard.options import options
from django_ami.wallboard.threads import release_thread

if TYPE_CHECKING:
    from collections.abc import Hashable

    from django.http import HttpRequest, HttpResponse

    from django_ami.core.client import OriginatedCall
    from django_ami.wallboard.visitors import Visitor

__all__ = ["begin", "call", "place", "telephone_of"]

logger = get_logger(__name__)

#: For how long a new call is looked at before it is answered: a refusal comes within it.
_FIRST_LOOK_SECONDS = 1.0
#: For how long a request may wait under WSGI, where it keeps a whole worker busy.
_WSGI_WAIT_SECONDS = 1.0
_SECONDS_OF_AN_HOUR = 3600


@command("call")
async def place(command: Command) -> HttpResponse:
    """Place a call to ``number``: 201, or the call of an earlier request for the same ``click``."""
    number = allowed_number(command.text("number"))
    made = await begin(command, context=options().click_to_call.context, exten=number)
    logger.info("%s called %s on %s: %s", command, number, made.server, made.id)
    if _wants_page(command.request):
        return HttpResponseRedirect(placed.address_of(made), status=303)
    return JsonResponse(placed.as_json(made), status=201)


async def begin(command: Command, **call: Any) -> OriginatedCall:
    """Ring the telephone of the visitor, once for each click, and then go on with ``call``.

    Raises Refused and AmiError.
    """
    if not is_logged_in(command.request):
        raise Refused(403, _("Log in first: calls are placed for users with an account alone."))
    server = _server_of(command)
    user, click = command.visitor.user, command.get("click")
    to = await in_thread(telephone_of, command.request)
    call_id, is_first = await first_call(user, click)
    if not is_first:
        return await in_thread(placed.find, server, call_id)
    try:
        await _limit(command)
        timeout = options().click_to_call.timeout_seconds
        made = await placed.originate(
            command.user_ami, server, call_id, to=to, timeout=timeout, **call
        )
        with suppress(TooManyWaits):  # the browser asks for the state
            await until_changed(made, str(made.state), _FIRST_LOOK_SECONDS, user=user)
        if made.error is not None:
            raise made.error
    except (AmiError, Refused) as error:
        if not getattr(error, "sent", False):
            await forget_click(user, click)
        raise
    return made


def is_logged_in(request: HttpRequest) -> bool:
    """Whether the request is of a user with an account, to whom calls can be counted."""
    user = getattr(request, "user", None)
    return user is not None and bool(user.is_authenticated)


def telephone_of(request: HttpRequest) -> str:
    """The telephone of the visitor. It may ask the database.

    Raises Refused for one without, and ConfigurationError for what is no channel.
    """
    find = options().click_to_call.channel
    channel = None if find is None else find(request)
    if not channel:
        raise Refused(
            409,
            _(
                "You have no telephone here: the function CHANNEL in CLICK_TO_CALL of the setting "
                "AMI_WALLBOARD names yours."
            ),
        )
    if not isinstance(channel, str) or "/" not in channel:
        raise ConfigurationError(
            "the function CHANNEL in CLICK_TO_CALL of the setting AMI_WALLBOARD must return a "
            f"channel such as 'PJSIP/101', not {shown(channel)}."
        )
    return channel


def _server_of(command: Command) -> str:
    """The server that calls: as it is asked for, as it is set, or the default one.

    A visitor who may not see that one is not told its name.
    """
    if command.get("server"):
        return command.server()
    name = options().click_to_call.server or ami.choose_server()
    return name if name in command.visitor.servers else command.server()


async def _limit(command: Command) -> None:
    most = options().click_to_call.calls_per_hour
    if await count_call(command.visitor.user) > most:
        raise Refused(
            429,
            _("You have placed %(most)s calls in this hour, which is the limit: wait.")
            % {"most": most},
            retry_seconds=_SECONDS_OF_AN_HOUR // 4,
        )


async def _call(request: HttpRequest, call: str) -> HttpResponse:
    """The state of a call; with ``?known=STATE``, when it is another one, or after 20 seconds."""
    return await answered(request, partial(_tell, request, call))


async def _tell(request: HttpRequest, call_id: str, visitor: Visitor) -> HttpResponse:
    command = Command(request, visitor, request.GET.dict())
    found = await in_thread(_find, command, call_id)
    known = command.get("known")
    if known:
        await release_thread()
        waits_freely = isinstance(request, ASGIRequest)
        longest = LONGEST_WAIT_SECONDS if waits_freely else _WSGI_WAIT_SECONDS
        await _wait(found, known, longest, visitor.user)
    told = placed.as_json(found)
    if _wants_page(request):
        shown = {"call": told, "text": text_of(told)}
        return await in_thread(render, request, "ami_wallboard/call.html", shown)
    return JsonResponse(told)


async def _wait(call: OriginatedCall, known: str, seconds: float, user: Hashable | None) -> None:
    try:
        await until_changed(call, known, seconds, user=user)
    except TooManyWaits as error:
        if error.of_user:
            text = _("You wait for %(most)s calls, which is the limit: close other windows.")
            status = 429
        else:
            text = _("%(most)s requests wait in this process, which is the limit: try again.")
            status = 503
        text %= {"most": error.most}
        raise Refused(status, text, retry_seconds=RETRY_SECONDS) from None


def _find(command: Command, call_id: str) -> OriginatedCall:
    server = _server_of(command)
    if not is_own(command.visitor.user, call_id) and not is_seen(
        command.visitor.access, server, call_id
    ):
        raise Refused(404, _("There is no such call on %(server)s.") % {"server": server})
    return placed.find(server, call_id)


def _wants_page(request: HttpRequest) -> bool:
    """Whether a browser asks that runs no script of ours: a script takes JSON."""
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


call = view_of(_call, "GET")
