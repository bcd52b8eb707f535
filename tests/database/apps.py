"""The app: connects a receiver of either kind."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.apps import AppConfig
from django.db import connection, transaction


class DatabaseConfig(AppConfig):
    """Receivers that save."""

    name = "tests.database"

    def ready(self) -> None:
        from django_ami.signals import events

        events["UserEvent"].connect(on_event)
        events["UserEvent"].connect(on_event_too)


def on_event(sender: Any, event: Any, **kwargs: Any) -> None:
    save("sync", int(event["Number"]))


async def on_event_too(sender: Any, event: Any, **kwargs: Any) -> None:
    await sync_to_async(save)("async", int(event["Number"]))


def save(kind: str, number: int) -> None:
    """One row."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO seen VALUES (%s, %s)", [kind, number])
