"""Live calls: a supervisor ends one, sends a party elsewhere, or listens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from django.http import JsonResponse
from django.utils.translation import gettext as _

from django_ami.core.actions import Hangup, Redirect
from django_ami.core.client.originating import plain_call_id
from django_ami.core.log import get_logger
from django_ami.wallboard.commands import placed
from django_ami.wallboard.commands.calls import begin
from django_ami.wallboard.commands.clicks import is_own
from django_ami.wallboard.commands.command import Refused, command, in_thread, send
from django_ami.wallboard.commands.numbers import allowed_number
from django_ami.wallboard.commands.seeing import channel_of, party_of, seen_call
from django_ami.wallboard.options import options

if TYPE_CHECKING:
    from django.http import HttpResponse

    from django_ami.live.snapshots import Call, Party
    from django_ami.wallboard.commands.command import Command

__all__ = ["hangup", "listen", "transfer"]

logger = get_logger(__name__)

_ROLES: Final = ("caller", "callee")
#: The options of ChanSpy (apps/app_chanspy.c): q no announcement, u the Uniqueid names the channel,
#: E end with it; w whisper to it, B speak to both.
_SPY: Final = {"spy": "quE", "whisper": "quEw", "barge": "quEB"}


@command("hangup", "call", "listen")
async def hangup(command: Command, call: str) -> HttpResponse:
    """End a call: a live one that the visitor sees, or one that he has placed."""
    server, own = command.server(), is_own(command.visitor.user, call)
    if not own and "hangup" not in command.visitor.access.may:
        raise Refused(403, _("You may not end the calls of others: ask for the permission."))
    logger.info("%s ends the call %s on %s", command, call, server)
    if own:
        command.own(await in_thread(placed.find, server, call)).hangup()
        return JsonResponse({"call": call, "server": server}, status=202)
    live = await in_thread(seen_call, command.visitor.access, server, call)
    await _hang_up(command, server, live)
    return JsonResponse({"call": call, "server": server})


async def _hang_up(command: Command, server: str, call: Call) -> None:
    """End all channels of those who are in the call. Raises AmiError if none could be ended."""
    parties = [party for party in call.parties if party.left is None]
    channels = [channel for party in parties for channel in party.channels] or [call.id]
    pending = [send(command, server, Hangup(channel)) for channel in channels]
    results = await asyncio.gather(*pending, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    # One that has ended meanwhile is what was wanted.
    for error in errors if len(errors) == len(results) else ():
        raise error


@command("transfer")
async def transfer(command: Command, call: str) -> HttpResponse:
    """Send the ``party`` of a live call (caller, callee) to the number ``to``."""
    server, to = command.server(), allowed_number(command.text("to"))
    role = command.one_of("party", _ROLES, "caller")
    live = await in_thread(seen_call, command.visitor.access, server, call)
    channel = channel_of(live, party_of(live, role))
    context = options().click_to_call.context
    logger.info("%s sends the %s of %s on %s to %s", command, role, call, server, to)
    await send(command, server, Redirect(channel, context=context, exten=to))
    return JsonResponse({"call": call, "server": server, "to": to, "party": role})


@command("listen")
async def listen(command: Command, call: str) -> HttpResponse:
    """Let the visitor hear a live call: ``spy``, ``whisper`` to one ``party``, or ``barge`` in."""
    server, mode = command.server(), command.one_of("mode", tuple(_SPY), "spy")
    live = await in_thread(seen_call, command.visitor.access, server, call)
    party = _heard(live, command.one_of("party", ("", *_ROLES), ""))
    logger.info("%s listens to %s on %s: %s", command, call, server, mode)
    made = await begin(
        command,
        application="ChanSpy",
        # Of no other shape: a comma would begin the options of ChanSpy.
        data=f"{plain_call_id(channel_of(live, party))},{_SPY[mode]}",
        variables={"AMI_WALLBOARD_LISTENS": mode},
    )
    return JsonResponse({**placed.as_json(made), "mode": mode}, status=201)


def _heard(call: Call, role: str) -> Party:
    """The party whose channel is heard: by default the agent, or the callee."""
    if role:
        return party_of(call, role)
    agents = {visit.agent for visit in call.queues if visit.agent}
    for party in call.parties:
        if party.left is None and party.device in agents:
            return party
    try:
        return party_of(call, "callee")
    except Refused:
        return party_of(call, "caller")
