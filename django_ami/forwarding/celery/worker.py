"""A worker of Celery that keeps the events of a call in order.

A worker that serves a queue of events takes one batch at a time, whatever else is set. When it is
told to stop, it finishes the batch in its hand, and leaves without a word. A quorum queue of
RabbitMQ (3.10.8) gives the place of a consumer that *cancels* to the next one while the batch is
still under way, and a batch in the hand of a consumer that *closes* comes behind newer ones. A
batch of a broken connection comes first, from classic and from quorum queues.

Celery's signals ``celeryd_init`` and ``worker_init`` and the steps of its worker ("Extensions and
Bootsteps") are documented for such additions.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from celery import bootsteps
from celery.signals import celeryd_init, worker_init
from celery.worker import state

from django_ami.conf.forward import read_forward
from django_ami.core.failures import reason
from django_ami.core.log import get_logger
from django_ami.forwarding.celery import delivering
from django_ami.forwarding.celery.options import dead_queue, partition_queues, read_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kombu import Queue

__all__ = ["Leaving", "prepare", "restrict"]

logger = get_logger(__name__)

#: RabbitMQ has so long to read what a worker has sent last.
_GOODBYE_SECONDS: Final = 5.0
#: A process of the pool says within this time that it has begun a task.
_BEGIN_SECONDS: Final = 1.0
#: The task is found by its name.
TASK: Final = delivering.deliver


def _queues() -> dict[str, Queue]:
    forward = read_forward()
    if forward is None:
        return {}
    options = read_options(forward)
    queues = [*partition_queues(options, forward.partitions), dead_queue(options)]
    return {queue.name: queue for queue in queues}


def _named(queues: object) -> list[str]:
    """The value of ``-Q``."""
    if isinstance(queues, str):
        return queues.split(",")
    return [str(name) for name in queues] if isinstance(queues, list | tuple) else []


@celeryd_init.connect(dispatch_uid="django_ami.forwarding")
def prepare(instance: Any, options: Mapping[str, Any], **_: object) -> None:
    """Declare the queues of events that this worker serves as the listeners do."""
    ours = _queues()
    served = [name for name in _named(options.get("queues")) if name in ours]
    for name in served:
        instance.app.amqp.queues.add(ours[name])
    if served:
        instance.app.steps["consumer"].add(Leaving)


@worker_init.connect(dispatch_uid="django_ami.forwarding")
def restrict(sender: Any, **_: object) -> None:
    """Have a worker that serves a queue of events take one batch at a time."""
    served = sorted(_queues().keys() & sender.app.amqp.queues.consume_from.keys())
    if not served:
        return
    for name, option in (
        ("concurrency", "-c 1"),
        ("prefetch_multiplier", "--prefetch-multiplier 1"),
    ):
        if getattr(sender, name) != 1:
            logger.warning(
                "This worker serves %s, and so takes one task at a time, not %s: start it with %s",
                served[0],
                getattr(sender, name),
                option,
            )
            setattr(sender, name, 1)
    if sender.options.get("autoscale"):
        raise SystemExit(
            f"This worker serves {served[0]}, where one task at a time keeps the order of events: "
            "start it without --autoscale."
        )


class Leaving(bootsteps.StartStopStep):
    """The end of a worker's connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, c: Any, **_: object) -> None:
        #: Tasks that were received, and are perhaps not yet acknowledged.
        self._in_hand: list[Any] = []
        c.on_task_message.add(self._note)

    def start(self, c: Any) -> None:
        """Nothing begins with it."""

    def stop(self, c: Any) -> None:
        """Finish the batch in hand, and leave. It runs before Celery's own steps."""
        if c.blueprint.state != bootsteps.CLOSE or c.connection is None or c.hub is None:
            return  # only the connection is lost, and Celery connects anew
        if c.connection.transport.driver_type != "amqp":
            c.task_consumer.cancel()
            self._finish(c.hub)
            return
        # A message that comes from now on is left: the loop may read one with the last answer.
        c.task_consumer.on_message = _leave
        try:
            self._finish(c.hub)
            sock = c.connection.connection.sock
            c.hub.remove(sock)
            sock.shutdown(socket.SHUT_WR)
            _read_to_the_end(sock)
        except Exception as error:  # noqa: BLE001  (of a connection that is broken)
            logger.warning(
                "The connection to the broker broke while this worker ended, so the last batch may "
                "be delivered twice: %s",
                reason(error),
            )
        with suppress(Exception):
            c.connection.collect()

    def _note(self, request: Any) -> None:
        self._in_hand = [one for one in self._in_hand if not one.acknowledged]
        self._in_hand.append(request)

    def _finish(self, hub: Any) -> None:
        """Turn the loop until each task is through, and its acknowledgement is sent.

        A task that no process of the pool has begun is left: Celery has just thrown it out of its
        queue, and RabbitMQ gives it to the next worker.
        """
        turn = _Turns(hub)
        none_runs_since = time.monotonic()
        while not all(one.acknowledged for one in self._in_hand):
            if state.active_requests:
                none_runs_since = time.monotonic()
            elif time.monotonic() - none_runs_since > _BEGIN_SECONDS:
                break
            if state.should_terminate is not None and state.should_terminate is not False:
                return
            turn()
        turn()


class _Turns:
    """Turns of the loop of a worker, as ``celery.worker.loops`` has them."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._loop = hub.create_loop()

    def __call__(self) -> None:
        try:
            next(self._loop)
        except StopIteration:
            self._loop = self._hub.create_loop()


def _leave(message: object) -> None:
    """RabbitMQ gives it again, as the first, when the connection is gone."""


def _read_to_the_end(sock: socket.socket) -> None:
    """RabbitMQ closes when it has read everything. It gives again the batches it sent meanwhile."""
    end = time.monotonic() + _GOODBYE_SECONDS
    while (left := end - time.monotonic()) > 0:
        sock.settimeout(left)
        if not sock.recv(65_536):
            return
