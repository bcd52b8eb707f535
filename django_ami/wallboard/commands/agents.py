"""Pause an agent with a reason, or let it go on: in one queue, or in all that the visitor sees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from django.http import JsonResponse
from django.utils.translation import gettext as _

from django_ami.core.actions import QueuePause
from django_ami.core.arguments import shown
from django_ami.core.log import get_logger
from django_ami.wallboard.commands.command import Refused, command, in_thread, send
from django_ami.wallboard.commands.seeing import seen_agent

if TYPE_CHECKING:
    from django.http import HttpResponse

    from django_ami.wallboard.commands.command import Command

__all__ = ["pause"]

logger = get_logger(__name__)


@command("pause")
async def pause(command: Command) -> HttpResponse:
    """Pause the agent ``interface`` (``paused``, ``reason``), in ``queue`` or in all."""
    server, interface = command.server(), command.text("interface")
    queue, paused, reason = command.get("queue"), command.flag("paused"), command.get("reason")
    access = command.visitor.access
    agent, queues = await in_thread(seen_agent, access, server, interface)
    if queue and queue not in queues:
        raise Refused(
            404,
            _("%(interface)s is in no queue %(queue)s.")
            % {"interface": interface, "queue": shown(queue)},
        )
    chosen = (queue,) if queue else queues
    # An action without a queue is for all of them, also for those that the visitor may not see.
    meant = (None,) if not queue and access.queues is None else chosen
    logger.info(
        "%s pauses %s on %s in %s: %s %s", command, agent.interface, server, chosen, paused, reason
    )
    await asyncio.gather(
        *(
            send(
                command,
                server,
                QueuePause(agent.interface, paused=paused, queue=name, reason=reason or None),
            )
            for name in meant
        )
    )
    return JsonResponse(
        {"server": server, "interface": interface, "paused": paused, "queues": list(chosen)}
    )
