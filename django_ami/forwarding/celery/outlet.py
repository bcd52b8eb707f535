"""The outlet ``celery``: each batch is a task, in the queue of its partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_ami.forwarding.celery.broker import Broker
from django_ami.forwarding.celery.options import (
    celery_app,
    dead_queue,
    partition_queues,
    read_options,
)
from django_ami.forwarding.celery.wire import message
from django_ami.forwarding.outlet import OutletAway

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_ami.conf.forward import Forward
    from django_ami.forwarding.celery.wire import Message
    from django_ami.forwarding.outlet import Batch

__all__ = ["CeleryOutlet"]


class CeleryOutlet:
    """Publishes batches to the broker of a Celery app.

    Raises ConfigurationError for a wrong option, and if there is no such app.
    """

    def __init__(self, forward: Forward) -> None:
        self._options = options = read_options(forward)
        self._partitions = forward.partitions
        self._max_age = forward.max_age
        app = celery_app(options)
        self._broker = Broker(app, options.confirm_seconds)
        #: Another thread asks how long the queues are.
        self._asking = Broker(app, options.confirm_seconds)

    @staticmethod
    def check(forward: Forward) -> str:
        """Judge the options; see ``Outlet``."""
        read_options(forward)
        return ""

    def open(self) -> None:
        """Connect, and declare the queues. Raises OutletAway."""
        queues = [dead_queue(self._options), *partition_queues(self._options, self._partitions)]
        self._broker.open(queues)

    def publish(self, batches: Sequence[Batch]) -> None:
        """Publish batches in order; the broker has them on return. Raises OutletAway."""
        self._broker.publish([self._message(batch) for batch in batches])

    def lag(self) -> Mapping[int, int] | None:
        """How many batches wait in each queue, without the one in a worker's hand."""
        names = [self._options.queue_name(partition) for partition in range(self._partitions)]
        try:
            if not self._asking.is_open:
                self._asking.open()
            return dict(enumerate(self._asking.sizes(names)))
        except OutletAway:
            return None

    def close(self, timeout: float) -> None:
        """Let go of the broker."""
        self._broker.close(timeout)
        self._asking.drop()

    def _message(self, batch: Batch) -> Message:
        return message(
            self._options.queue_name(batch.partition),
            batch.data,
            batch.partition,
            batch.first,
            batch.last,
            self._max_age,
        )
