"""A batch as a message of Celery, and back.

Celery documents its messages ("Message Protocol", version 2) for programs that publish tasks
without it. The bytes of a batch are a text of as many characters (Latin-1), since the message is
JSON; people who look at a queue can read them.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from django_ami.core.event_id import EventId

__all__ = ["TASK", "Message", "batch_of", "message"]

#: The name of the task that delivers a batch.
TASK: Final = "django_ami.forward"
#: A property of AMQP is a short text.
_MOST_CHARACTERS: Final = 250


class Message(NamedTuple):
    """A message for a queue; it is too old after ``expiration`` seconds."""

    queue: str
    headers: dict[str, Any]
    properties: dict[str, Any]
    body: Any
    expiration: float | None


def message(
    queue: str,
    data: bytes,
    partition: int,
    first: EventId,
    last: EventId,
    expiration: float | None,
    **headers: object,
) -> Message:
    """The task that delivers the encoded batch ``data``; ``headers`` are further ones.

    The id of the task names the partition and the events: Celery's log tells which they are, and
    a batch that is published twice has one id.
    """
    task_id = f"{partition}:{first}-{last.sequence}"[:_MOST_CHARACTERS]
    body: Any = (
        [data.decode("latin-1"), partition],
        {},
        {"callbacks": None, "errbacks": None, "chain": None, "chord": None},
    )
    return Message(
        queue,
        {
            "lang": "py",
            "task": TASK,
            "id": task_id,
            "root_id": task_id,
            "parent_id": None,
            "group": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": f"({len(data)} bytes)",
            "kwargsrepr": "{}",
            "origin": f"{os.getpid()}@{socket.gethostname()}",
            "ignore_result": True,
            **headers,
        },
        {"correlation_id": task_id},
        body,
        expiration,
    )


def batch_of(text: str) -> bytes:
    """The encoded batch of a message."""
    return text.encode("latin-1")
