"""Receivers, by Django's decorator and by ``ami``."""

from datetime import datetime
from typing import assert_type

from django.dispatch import receiver

from django_ami import ami
from django_ami.errors import AmiError
from django_ami.forwarding import once
from django_ami.signals import ami_event, events, server_lost, server_ready
from django_ami.types import Event, EventId, ServerHandle


@receiver(events["Hangup"])
def on_hangup(sender: ServerHandle, event: Event, **kwargs: object) -> None:
    assert_type(event["Channel"], str)
    assert_type(event.get("Cause"), str | None)
    assert_type(event.get("Cause", ""), str)
    assert_type(event.get_all("Variable"), list[str])
    assert_type(event.name, str)
    assert_type(event.server, str)
    assert_type(sender.name, str)
    assert_type(sender.status().ready, bool)


@receiver(events["Cdr"])
@once
def on_cdr(sender: ServerHandle, event: Event, **kwargs: object) -> None:
    assert_type(event.id, EventId)
    assert_type(event.id.sequence, int)
    assert_type(EventId.parse(str(event.id)), EventId)


@once(key="billing", store="cache")
async def bill(event: Event) -> int:
    async with once(event, "other", store="cache") as first:
        assert_type(first, bool)
    with once(event) as first:
        return 1 if first else 0


@receiver(ami_event)
async def on_any(sender: ServerHandle, event: Event, **kwargs: object) -> None:
    assert_type(event.headers, tuple[tuple[str, str], ...])


@receiver(server_ready)
def on_ready(sender: ServerHandle, again: bool, **kwargs: object) -> None: ...


@receiver(server_lost)
def on_lost(
    sender: ServerHandle,
    error: AmiError,
    retry_in: float | None,
    last_event_at: datetime | None,
    missing: int,
    **kwargs: object,
) -> None: ...


@ami.on_event("QueueCallerJoin")
def on_join(sender: ServerHandle, event: Event, **kwargs: object) -> None: ...


def on_leave(sender: ServerHandle, event: Event, **kwargs: object) -> None: ...


def connect(event: Event) -> None:
    # A function stays what it is.
    assert_type(ami.on_event("QueueCallerLeave", on_leave)(ami.default, event), None)
    assert_type(on_join(ami.default, event), None)
