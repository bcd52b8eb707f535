"""Queues: their state and their members."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action
from django_ami.simulator.queues import UNAVAILABLE, Member, Queue

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange, Pairs

__all__ = [
    "agents",
    "queue_add",
    "queue_log",
    "queue_pause",
    "queue_penalty",
    "queue_reload",
    "queue_remove",
    "queue_reset",
    "queue_rule",
    "queue_status",
    "queue_summary",
]


def _chosen(x: Exchange) -> list[Queue]:
    wanted = x.get("Queue").lower()
    return [queue for name, queue in x.pbx.queues.items() if not wanted or name.lower() == wanted]


@action("QueueStatus", module=True)
def queue_status(x: Exchange) -> bytes:
    """Show queues with members and callers. An unknown queue is an empty list."""
    items: list[Pairs] = []
    for queue in _chosen(x):
        items.append(x.item_id_last("QueueParams", *queue.params()))
        items += [
            x.item_id_last("QueueMember", *member.as_item(queue.name))
            for member in queue.members
            if x.get("Member") in {"", member.interface}
        ]
        items += [
            x.item_id_last("QueueEntry", *entry) for entry in queue.entries(x.pbx.clock.time())
        ]
    return x.listing("Queue status will follow", items, "QueueStatusComplete")


@action("QueueSummary", module=True)
def queue_summary(x: Exchange) -> bytes:
    """Show queues in one line each."""
    items = [
        x.item_id_last("QueueSummary", *queue.summary(x.pbx.clock.time())) for queue in _chosen(x)
    ]
    return x.listing("Queue summary will follow", items, "QueueSummaryComplete")


@action("QueueRule", module=True)
def queue_rule(x: Exchange) -> bytes:
    """Show the rules: there are none.

    The answer ends in one empty line too many, as in app_queue.
    """
    return x.answer("Success") + b"\r\n"


@action("QueueAdd", "agent", module=True)
def queue_add(x: Exchange) -> bytes:
    """Add a member to a queue."""
    if not x.get("Queue"):
        return x.error("'Queue' not specified.")
    interface = x.get("Interface")
    if not interface:
        return x.error("'Interface' not specified.")
    queue = x.pbx.queues.get(x.get("Queue"))
    if queue is None:
        return x.error("Unable to add interface to queue: No such queue")
    if queue.member(interface) is not None:
        return x.error("Unable to add interface: Already there")
    member = Member(
        interface,
        x.get("MemberName") or interface,
        membership="dynamic",
        penalty=int(x.get("Penalty") or 0) if x.get("Penalty", "0").isdecimal() else 0,
        state_interface=x.get("StateInterface"),
        paused=_is_true(x.get("Paused")),
        paused_reason=x.get("Reason"),
    )
    if x.pbx.device_state(interface) == "UNAVAILABLE":
        member.status = UNAVAILABLE
    queue.members.append(member)
    x.server.emit("QueueMemberAdded", member.as_event(queue.name))
    return x.ok("Added interface to queue")


@action("QueueRemove", "agent", module=True)
def queue_remove(x: Exchange) -> bytes:
    """Remove a member from a queue."""
    if not x.get("Queue") or not x.get("Interface"):
        return x.error("Need 'Queue' and 'Interface' parameters.")
    queue = x.pbx.queues.get(x.get("Queue"))
    if queue is None:
        return x.error("Unable to remove interface from queue: No such queue")
    member = queue.member(x.get("Interface"))
    if member is None:
        return x.error("Unable to remove interface: Not there")
    queue.members.remove(member)
    x.server.emit("QueueMemberRemoved", member.as_event(queue.name))
    return x.ok("Removed interface from queue")


@action("QueuePause", "agent", module=True)
def queue_pause(x: Exchange) -> bytes:
    """Pause a member or let it work again, in one queue or in all."""
    if not x.get("Interface") or not x.get("Paused"):
        return x.error("Need 'Interface' and 'Paused' parameters.")
    paused = _is_true(x.get("Paused"))
    found = [
        (queue, member) for queue in _chosen(x) if (member := queue.member(x.get("Interface")))
    ]
    if not found:
        return x.error("Interface not found")
    for queue, member in found:
        x.pbx.pause(queue, member, paused=paused, reason=x.get("Reason"))
    return x.ok(f"Interface {'paused' if paused else 'unpaused'} successfully")


@action("QueuePenalty", "agent", module=True)
def queue_penalty(x: Exchange) -> bytes:
    """Set the penalty of a member."""
    if not x.get("Interface") or not x.get("Penalty").isdecimal():
        return x.error("Need 'Interface' and 'Penalty' parameters.")
    found = [
        (queue, member) for queue in _chosen(x) if (member := queue.member(x.get("Interface")))
    ]
    if not found:
        return x.error("Invalid interface, queuename or penalty")
    for queue, member in found:
        member.penalty = int(x.get("Penalty"))
        x.server.emit("QueueMemberPenalty", member.as_event(queue.name))
    return x.ok("Interface penalty set successfully")


@action("QueueReset", module=True)
def queue_reset(x: Exchange) -> bytes:
    """Set the counters of queues to nothing."""
    for queue in _chosen(x):
        queue.completed = queue.abandoned = queue.hold_time = queue.talk_time = 0
    return x.ok("Queue stats reset successfully")


@action("QueueReload", module=True)
def queue_reload(x: Exchange) -> bytes:
    """Read the queues' configuration again."""
    return x.ok("Queue reloaded successfully")


@action("QueueLog", "agent", module=True)
def queue_log(x: Exchange) -> bytes:
    """Write a line into queue_log."""
    if not x.get("Queue") or not x.get("Event"):
        return x.error("Need 'Queue' and 'Event' parameters.")
    return x.ok("Event added successfully")


@action("Agents", "agent", module=True)
def agents(x: Exchange) -> bytes:
    """List the agents.

    CallStarted ends in a bare LF, so that the next header shares its line, as in app_agent_pool.
    """
    now = int(time.time())
    one = [
        ("Agent", "1001"),
        ("Name", "Agent One"),
        ("Status", "AGENT_ONCALL"),
        ("TalkingToChan", "n/a"),
    ]
    item = x.item("Agents", *one, ("CallStarted", f"{now}\nLoggedInTime: {now}"))
    return x.listing("Agents will follow", [item], "AgentsComplete")


def _is_true(text: str) -> bool:
    return text.lower() in {"yes", "true", "y", "t", "1", "on"}
