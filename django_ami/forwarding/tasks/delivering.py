"""The task that a worker of a task backend runs: the receivers of this project, for one batch.

A worker finds it by its path, so it is made when this module is imported.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Final

from django_ami.conf.forward import needed_forward
from django_ami.core.log import get_logger
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.hosted import consumption
from django_ami.forwarding.tasks.options import read_options, task_framework

__all__ = ["Undelivered", "deliver"]

logger = get_logger(__name__)


_OPTIONS: Final = read_options(needed_forward())


class Undelivered(Exception):
    """Receivers could not take events of a batch; the backend has the task as failed."""


@task_framework().task(backend=_OPTIONS.backend, queue_name=_OPTIONS.queue_name)
def deliver(text: str) -> None:
    """Run the receivers for a batch. Raises Undelivered if one raised in the end."""
    delivered = consumption(_OPTIONS.attempts).deliver(decode(b64decode(text)))
    for dead in delivered.dead:
        logger.error(
            "%s: event %s failed (attempts: %d), and so does its task: %s",
            dead.envelope.id.server,
            dead.envelope.id,
            dead.tries,
            dead.reason,
            extra={"server": dead.envelope.id.server, "attempts": dead.tries},
        )
    if delivered.dead or delivered.left:
        ids = ", ".join(str(dead.envelope.id) for dead in delivered.dead[:10])
        raise Undelivered(
            f"{len(delivered.dead)} events failed ({ids}), {delivered.left} were not begun"
        )
