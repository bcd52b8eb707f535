"""What the demo does with calls, queues and events. They arrive in ``manage.py ami_listen``."""

import logging
from datetime import UTC, datetime
from typing import Any

from django.dispatch import receiver

from demo_project.calls.models import Call
from django_ami import ami
from django_ami.errors import AmiError
from django_ami.live.queue_views import Queue
from django_ami.live.snapshots import Call as LiveCall
from django_ami.signals import (
    call_answered,
    call_ended,
    call_started,
    events,
    queue_changed,
    server_lost,
    server_ready,
)
from django_ami.types import Event, ServerHandle

logger = logging.getLogger(__name__)


def show(server: str, what: str, text: str) -> None:
    """One line of the live log."""
    logger.info("%s  %-20s %s", server, what, text)


@receiver(server_ready)
def on_ready(sender: ServerHandle, again: bool, **kwargs: Any) -> None:
    logger.info("%s  %s", sender.name, "is back" if again else "is ready")


@receiver(server_lost)
def on_lost(sender: ServerHandle, error: AmiError, **kwargs: Any) -> None:
    logger.warning("%s  is lost: %s", sender.name, error.message)


@receiver([call_started, call_answered, call_ended])
def on_call(sender: ServerHandle, call: LiveCall, **kwargs: Any) -> None:
    """One row for each call. A call that became part of an older one has none."""
    if call.merged_into:
        Call.objects.filter(server=sender.name, call_id=call.id).delete()
        return
    row, _ = Call.objects.update_or_create(
        server=sender.name,
        call_id=call.id,
        defaults={
            "caller": call.caller.number or call.caller.device if call.caller else "",
            "number": call.requested,
            "state": call.state,
            "ended": datetime.fromtimestamp(call.ended, UTC) if call.ended else None,
            "outcome": call.outcome or "",
            "talk_seconds": call.talk_seconds(call.ended or call.started),
        },
    )
    if call.answered or call.ended:
        show(sender.name, f"call {call.state}", str(row))


@receiver(queue_changed)
def on_queue(sender: ServerHandle, queue: Queue, **kwargs: Any) -> None:
    """The picture has the other queues, too."""
    waiting = ami.live(sender.name).totals.waiting
    show(sender.name, f"queue {queue.name}", f"{queue.waiting} wait, {waiting} in all queues")


@receiver(events["Hangup"])
def on_hangup(sender: ServerHandle, event: Event, **kwargs: Any) -> None:
    """An event as Asterisk sends it: a channel has ended."""
    show(event.server, event.name, f"{event['Channel']}: {event.get('Cause-txt', '')}")
