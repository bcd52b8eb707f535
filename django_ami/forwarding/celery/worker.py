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
from kombu.serialization import prepare_accept_content

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
#: The content of its messages; a worker that does not accept it acknowledges them all the same.
_CONTENT: Final = "application/json"
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
        instance.app.steps["worker"].add(Leaving)


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
    if _CONTENT not in prepare_accept_content(sender.app.conf.accept_content):
        raise SystemExit(
            f"This worker serves {served[0]}, whose batches are JSON, and would throw each of them "
            "away unread: add 'json' to accept_content of the app."
        )


class Leaving(bootsteps.StartStopStep):
    """The end of a worker's connection to the broker.

    A worker closes its steps before its consumer throws those tasks out of which no process of the
    pool has *said* that it has begun: such a task may have been run, and would come twice.
    """

    requires = ("celery.worker.components:Pool",)

    def __init__(self, *_: object, **__: object) -> None:
        #: Tasks that were received, and are perhaps not yet acknowledged.
        self._in_hand: list[Any] = []

    def start(self, w: Any) -> None:
        w.consumer.on_task_message.add(self._note)

    def stop(self, w: Any) -> None:
        """All of it is done by ``close``."""

    def close(self, w: Any) -> None:
        """Finish the batch in hand, and leave. It runs before Celery's own steps stop.

        It raises nothing: the steps behind it would not stop then.
        """
        c = w.consumer
        is_connected = c.blueprint.state == bootsteps.RUN and c.connection and c.task_consumer
        if _is_terminated() or not is_connected or c.hub is None:
            return  # there is nothing to leave in order
        try:
            if c.connection.transport.driver_type == "amqp":
                self._leave_amqp(c)
            else:
                c.task_consumer.cancel()
                self._finish(c.hub)
        except Exception as error:  # noqa: BLE001  (of a connection that is broken)
            logger.warning(
                "The connection to the broker broke while this worker ended, so the last batch may "
                "be delivered twice: %s",
                reason(error),
            )
            # Celery would wait without an end for an answer to its close.
            with suppress(Exception):
                c.event_dispatcher.connection.collect()
        if c.connection.transport.driver_type == "amqp":
            with suppress(Exception):
                c.connection.collect()
            _forget_reads(c.hub)

    def _leave_amqp(self, c: Any) -> None:
        # A message that comes from now on is left: the loop may read one with the last answer.
        c.task_consumer.on_message = _leave
        self._finish(c.hub)
        sock = c.connection.connection.sock
        sock.settimeout(_GOODBYE_SECONDS)
        # RabbitMQ answers behind all acknowledgements, so it has read them.
        c.task_consumer.qos(prefetch_count=1)
        _say_no_more(sock, c.hub)

    def _note(self, request: Any) -> None:
        self._in_hand = [one for one in self._in_hand if not one.acknowledged]
        self._in_hand.append(request)

    def _finish(self, hub: Any) -> None:
        """Turn the loop until each task is through, and its acknowledgement is sent.

        A task that no process of the pool has begun is left: the pool is closed and takes none, and
        RabbitMQ gives it to the next worker.
        """
        turn = _Turns(hub)
        none_runs_since = time.monotonic()
        while not all(one.acknowledged for one in self._in_hand):
            if state.active_requests:
                none_runs_since = time.monotonic()
            elif time.monotonic() - none_runs_since > _BEGIN_SECONDS:
                break
            if _is_terminated():
                return
            turn()
        turn()


def _is_terminated() -> bool:
    """True if the worker was told not to wait for its tasks."""
    return state.should_terminate is not None and state.should_terminate is not False


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


def _say_no_more(sock: socket.socket, hub: Any) -> None:
    """Have RabbitMQ close: it gives again the batches that it has sent meanwhile.

    Its listeners have linger 0 by default (``tcp_listen_options``), so its close is a reset.
    """
    hub.remove(sock)
    end = time.monotonic() + _GOODBYE_SECONDS
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65_536):
                return


def _forget_reads(hub: Any) -> None:
    """Take reads of the connection off the loop, which would raise in Celery's last turn."""

    def end_turn() -> None:
        raise EOFError  # before the loop polls

    hub.call_soon(end_turn)
    with suppress(Exception):
        _Turns(hub)()
