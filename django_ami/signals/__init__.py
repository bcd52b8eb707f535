"""Django signals: one for each name of an event, one for all, three for the connection.

::

    @receiver(events["Hangup"])  # sender: the server's handle; event: the Event
    def on_hangup(sender, event, **kwargs): ...

    @receiver(ami_event)         # every event
    @receiver(server_ready)      # logged in and booted; again=True after a loss
    @receiver(server_lost)       # a server that was ready is gone; error, retry_in (seconds; None:
                                 # never), last_event_at (a datetime in UTC; None: none came) and
                                 # missing: how many events of that connection are known to have
                                 # reached no receiver
    @receiver(gap)               # events are missing: begin and end (datetimes in UTC), reason (a
                                 # GapReason) and lost (how many; None: nobody knows)
    @receiver(lease_lost)        # another process delivers the server's events from now on; token:
                                 # that of the lease that this one had

and for the live picture of calls, queues, agents and devices, each with ``inferred``: True if a
list says so and nobody saw it::

    @receiver(call_started)      # call: a frozen snapshot; and so for call_ringing, call_answered,
                                 # call_held, call_transferred, call_parked, call_ended
    @receiver(queue_changed)     # queue
    @receiver(agent_changed)     # member: an agent in one of its queues
    @receiver(device_changed)    # device

Many events at once, for ``bulk_create`` or one request::

    @batch_receiver("Newchannel", "Hangup", max_size=500, max_seconds=0.5)
    def on_some(sender, events, **kwargs): ...  # of one server

Django compares a sender by identity, so the name cannot be the sender: there is one Signal per name
instead.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.arguments import shown
from django_ami.live.changes import Kind
from django_ami.signals.batching import BatchReceiver
from django_ami.signals.classes import (
    EventSignal,
    EventSignals,
    LiveSignal,
    RobustSignal,
    interest_changed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.client import ServerHandle
    from django_ami.signals.batching import OnError

__all__ = [
    "EventSignal",
    "LiveSignal",
    "agent_changed",
    "ami_event",
    "batch_receiver",
    "call_answered",
    "call_ended",
    "call_held",
    "call_parked",
    "call_ringing",
    "call_started",
    "call_transferred",
    "device_changed",
    "events",
    "gap",
    "lease_lost",
    "queue_changed",
    "server_lost",
    "server_ready",
]

events = EventSignals()
ami_event = EventSignal()
server_ready = RobustSignal()
server_lost = RobustSignal()
gap = RobustSignal()
lease_lost = RobustSignal()
call_started = LiveSignal("call_started", "call")
call_ringing = LiveSignal("call_ringing", "call")
call_answered = LiveSignal("call_answered", "call")
call_held = LiveSignal("call_held", "call")
call_transferred = LiveSignal("call_transferred", "call")
call_parked = LiveSignal("call_parked", "call")
call_ended = LiveSignal("call_ended", "call")
queue_changed = LiveSignal("queue_changed", "queue")
agent_changed = LiveSignal("agent_changed", "member")
device_changed = LiveSignal("device_changed", "device")

#: The signal of each kind of change that has one.
LIVE: Final = {
    Kind.STARTED: call_started,
    Kind.RINGING: call_ringing,
    Kind.ANSWERED: call_answered,
    Kind.HELD: call_held,
    Kind.TRANSFERRED: call_transferred,
    Kind.PARKED: call_parked,
    Kind.ENDED: call_ended,
    Kind.QUEUE: queue_changed,
    Kind.MEMBER: agent_changed,
    Kind.DEVICE: device_changed,
}

_picture_used = False
#: True once the project has a batch receiver.
batches_used = False


def batch_receiver(
    *names: str,
    max_size: int = 500,
    max_seconds: float = 0.5,
    on_error: OnError = "split",
    sender: ServerHandle | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a function called with lists of events of these names, as ``ami_listen`` gathers them.

    It gets ``sender``, the handle of their server (that alone with ``sender``), and ``events``, in
    their order: when there are ``max_size`` of them, or ``max_seconds`` after the first. Until it
    returns they count as queued. If it raises an error that ``AMI_DISPATCH`` names (the database is
    away), all of it is tried again. At any other error, ``on_error`` says how to go on: ``"split"``
    gives its halves, and theirs, until the events that raise are alone: each is logged with its
    text, counted as failed, and not given again. So write a list as a whole or not at all:
    ``transaction.atomic``. ``"retry"`` gives the whole list again, for as long as ``AMI_DISPATCH``
    says. Returns a decorator, which returns the function as it was.

    Raises ValueError for a size, time or word that cannot be, and TypeError without a name, or for
    what is no name: ``@batch_receiver`` without brackets would connect nothing.
    """
    wrong = [shown(name) for name in names if not isinstance(name, str)]
    if wrong or not names:
        raise TypeError(
            "batch_receiver wants the names of events, as in @batch_receiver('Newchannel', "
            f"'Hangup'){', not ' if wrong else ''}{', '.join(wrong)}."
        )

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        global batches_used
        one = BatchReceiver(function, max_size, max_seconds, on_error)
        batches_used = True
        for name in names:
            events[name].connect(one, sender=sender, weak=False)
        return function

    return decorate


def batched(sender: ServerHandle, name: str) -> list[BatchReceiver]:
    """The batch receivers of events of a name, for a sender."""
    found = [] if (signal := events.get(name)) is None else signal.batched(sender)
    return [*found, *ami_event.batched(sender)]


def interest() -> frozenset[str] | None:
    """The names, in lower case, of the events that have receivers.

    None if there are receivers of every event.
    """
    if ami_event.receivers:
        return None
    names = frozenset(name.lower() for name in events if events[name].receivers)
    return names.union(map(str.lower, picture_events())) if is_picture_wanted() else names


def is_picture_wanted() -> bool:
    """True if anybody wants to know of calls, queues, agents or devices."""
    return _picture_used or any(signal.receivers for signal in LIVE.values())


def want_picture() -> None:
    """Somebody looks at the live picture of this process: it is kept from now on."""
    global _picture_used
    if not _picture_used:
        _picture_used = True
        interest_changed()


@cache
def picture_events() -> frozenset[str]:
    """The names of the events of which a live picture is made."""
    from django_ami.live.tracker import Tracker  # most projects never need it

    return Tracker("").names


def connected() -> dict[str | None, list[Callable[..., Any]]]:
    """The receivers by name of event, those of every event under None."""
    found: dict[str | None, list[Callable[..., Any]]] = {
        name: events[name].functions() for name in events
    }
    found[None] = ami_event.functions()
    return {name: functions for name, functions in found.items() if functions}


def events_have_receivers() -> bool:
    """True if any event would reach anybody."""
    return interest() != frozenset()
