"""What the demo does with events. They arrive in ``manage.py ami_listen``."""

import logging
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from demo_project.calls.models import Call
from django_ami.core import Event
from django_ami.core.client import ServerHandle
from django_ami.errors import AmiError
from django_ami.signals import events, server_lost, server_ready

logger = logging.getLogger(__name__)


def show(event: Event, text: str) -> None:
    """One line of the live log."""
    logger.info("%s  %-20s %-38s %s", event.server, event.name, event.get("Channel", ""), text)


@receiver(server_ready)
def on_ready(sender: ServerHandle, again: bool, **kwargs: Any) -> None:
    logger.info("%s  %s", sender.name, "is back" if again else "is ready")


@receiver(server_lost)
def on_lost(sender: ServerHandle, error: AmiError, **kwargs: Any) -> None:
    logger.warning("%s  is lost: %s", sender.name, error.message)


@receiver(events["Newchannel"])
def on_new_channel(sender: ServerHandle, event: Event, **kwargs: Any) -> None:
    Call.objects.update_or_create(
        uniqueid=event["Uniqueid"],
        defaults={
            "server": event.server,
            "linkedid": event.get("Linkedid", ""),
            "channel": event["Channel"],
            "caller": event.get("CallerIDNum", ""),
            "exten": event.get("Exten", ""),
        },
    )
    show(event, f"{event.get('ChannelStateDesc', '')}, to {event.get('Exten') or 'nowhere'}")


@receiver(events["DialEnd"])
def on_dial_end(sender: ServerHandle, event: Event, **kwargs: Any) -> None:
    show(event, f"{event.get('DestChannel', '')}: {event.get('DialStatus', '')}")


@receiver(events["Hangup"])
def on_hangup(sender: ServerHandle, event: Event, **kwargs: Any) -> None:
    cause = event.get("Cause-txt", "")
    Call.objects.filter(uniqueid=event["Uniqueid"]).update(ended=timezone.now(), cause=cause)
    show(event, cause)


@receiver(events["QueueCallerJoin"])
@receiver(events["QueueCallerAbandon"])
@receiver(events["QueueCallerLeave"])
@receiver(events["AgentConnect"])
@receiver(events["AgentComplete"])
def on_queue(sender: ServerHandle, event: Event, **kwargs: Any) -> None:
    show(event, f"queue {event.get('Queue', '')}, {event.get('MemberName', 'waiting')}")
