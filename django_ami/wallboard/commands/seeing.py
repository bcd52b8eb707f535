"""The calls and agents that a command is about: those that its visitor sees on the wallboard.

One that exists and may not be seen is answered like one that does not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from django_ami.accessor import ami
from django_ami.core.arguments import shown
from django_ami.wallboard.commands.command import Refused
from django_ami.wallboard.shaping import interface_for

if TYPE_CHECKING:
    from django_ami.live.queue_views import Agent
    from django_ami.live.snapshots import Call, Party
    from django_ami.wallboard.access import Access

__all__ = ["channel_of", "is_seen", "party_of", "seen_agent", "seen_call"]


def seen_call(access: Access, server: str, call_id: str) -> Call:
    """A live call. It may wait for a moment. Raises Refused and ConfigurationError."""
    call = ami.live(server).call(call_id)
    if call is None or not _may_see(access, call):
        raise Refused(404, _("There is no such call on %(server)s.") % {"server": server})
    if call.ended is not None:
        raise Refused(409, _("The call has ended already."))
    return call


def is_seen(access: Access, server: str, call_id: str) -> bool:
    """Whether the visitor sees the call, also one that has just ended. It may wait for a moment."""
    call = ami.live(server).call(call_id)
    return call is not None and _may_see(access, call)


def _may_see(access: Access, call: Call) -> bool:
    """Whether it is of a queue that the visitor sees: the last one that it was in."""
    if access.queues is None:
        return True
    return bool(call.queues) and call.queues[-1].queue in access.queues


def party_of(call: Call, role: str) -> Party:
    """The party that is in the call as ``caller`` or ``callee``. Raises Refused."""
    parties = [party for party in call.parties if party.left is None]
    caller = next((party for party in parties if party.role == "caller"), None)
    if role == "caller":
        found = caller
    else:
        others = [party for party in parties if party is not caller]
        found = max(others, key=lambda party: party.answered or 0.0, default=None)
    if found is None or not found.channels:
        name = _("caller") if role == "caller" else _("person who was called")
        raise Refused(409, _("The call has no %(party)s any more.") % {"party": name})
    return found


def channel_of(call: Call, party: Party) -> str:
    """The Uniqueid of the channel by which a party talks; else of its last one."""
    for talk in call.talks:
        for channel in (talk.a_channel, talk.b_channel):
            if talk.end is None and channel in party.channels:
                return channel
    return party.channels[-1]


def seen_agent(access: Access, server: str, interface: str) -> tuple[Agent, tuple[str, ...]]:
    """An agent by the interface that the visitor sees, and the queues of it that the visitor sees.

    It may wait for a moment. Raises Refused and ConfigurationError.
    """
    for agent in ami.live(server).agents.values():
        if interface_for(access, agent.interface) == interface:
            queues = tuple(
                name for name in agent.queues if access.queues is None or name in access.queues
            )
            if queues:
                return agent, queues
    raise Refused(
        404,
        _("There is no agent %(interface)s on %(server)s.")
        % {"interface": shown(interface), "server": server},
    )
