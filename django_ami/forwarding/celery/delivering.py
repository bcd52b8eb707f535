"""The task that a worker of Celery runs: the receivers of this project, for one batch.

Rule: a batch is acknowledged when all of it is through, or is safe in the queue of failed batches.
In all other cases the broker gives it again. Attempts are made here, while the batches behind it
wait: Celery's own ``retry`` publishes anew, and a new message comes behind newer events.
"""

from __future__ import annotations

import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from celery import shared_task
from celery.exceptions import Reject
from celery.signals import worker_process_shutdown, worker_shutdown
from celery.worker import state

from django_ami.conf.forward import needed_forward
from django_ami.core.event_id import EventId
from django_ami.core.failures import reason
from django_ami.core.log import get_logger
from django_ami.core.reports import Level, Reports
from django_ami.forwarding.celery.broker import Broker
from django_ami.forwarding.celery.options import DEAD, Options, dead_queue, read_options
from django_ami.forwarding.celery.wire import TASK, batch_of, message
from django_ami.forwarding.envelope import UnreadableBatch, decode, encode
from django_ami.forwarding.hosted import consumption
from django_ami.forwarding.outlet import OutletAway

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

    from django_ami.forwarding.consuming import Dead
    from django_ami.forwarding.envelope import Envelope

__all__ = ["deliver"]

logger = get_logger(__name__)

#: A worker tries for as long to set a batch apart; then the broker gives the batch again.
_SET_APART_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 1.0
#: An event that this worker has set apart, and that it serves again, waits so long in between.
_AGAIN_SECONDS: Final = 30.0
#: How often an event that waits looks whether the worker ends.
_LOOK_SECONDS: Final = 0.1
#: Names the worker; with prefork it is that of the process whose children do the work.
_WORKER: Final = uuid4().hex

#: The events that were set apart, by server: each has a line while there are few.
_reports: Final[Reports[str]] = Reports()
#: Several threads of a pool report.
_reporting: Final = threading.Lock()


@shared_task(
    name=TASK,
    bind=True,
    acks_late=True,
    reject_on_worker_lost=True,
    retry_on_worker_lost=False,
    acks_on_failure_or_timeout=False,
    acks_on_failure=False,
    acks_on_timeout=False,
    ignore_result=True,
    max_retries=0,
)
def deliver(self: Any, text: str, partition: int) -> None:
    """Run the receivers for a batch."""
    _wait_for_turn(self.request)
    data = batch_of(text)
    try:
        batch = decode(data)
    except UnreadableBatch as error:
        _give_up(self, data, partition, str(error))
        return
    try:
        delivered = consumption(_options().attempts).deliver(batch)
    except Exception as error:
        logger.exception(
            "The batch %s could not be delivered: all of it is set apart", self.request.id
        )
        _give_up(self, data, partition, reason(error))
        return
    for dead in delivered.dead:
        _set_apart(self.app, dead, partition)
    _report(time.monotonic())
    if delivered.left:
        raise Reject(f"{delivered.left} events were not begun", requeue=True)


# --- this process ---


@cache
def _options() -> Options:
    return read_options(needed_forward())


@cache
def _broker(app: Celery) -> Broker:
    return Broker(app, _options().confirm_seconds)


# --- the queue of failed batches ---


def _wait_for_turn(request: Any) -> None:
    """Hold back what this worker has set apart a moment ago: it serves that queue as well.

    Else a receiver that goes on raising would be called without a pause, and all other receivers of
    that event with it. Raises Reject if the worker ends first.
    """
    if request.get("ami_worker") != _WORKER:
        return
    end = time.monotonic() + min(
        _AGAIN_SECONDS, request.get("ami_at", 0) + _AGAIN_SECONDS - time.time()
    )
    if end > time.monotonic():
        logger.warning(
            "%s has failed again, and is tried once in %g s. End this worker, and repair the "
            "receiver.", request.id, _AGAIN_SECONDS,
        )  # fmt: skip
    while time.monotonic() < end:
        if state.should_stop is not None and state.should_stop is not False:  # 0 is an exit code
            raise Reject("the worker ends", requeue=True)
        time.sleep(_LOOK_SECONDS)


def _set_apart(app: Celery, dead: Dead, partition: int) -> None:
    """Publish one event to the queue of those that failed."""
    envelope: Envelope = dead.envelope
    server = envelope.id.server
    with _reporting:
        level = _reports.add(server, time.monotonic(), str(envelope.id))
    if level is not Level.COUNTED:
        logger.error(
            "%s: event %s is set apart in the queue %s (attempts: %d): %s",
            server,
            envelope.id,
            _options().queue_name(DEAD),
            dead.tries,
            dead.reason,
            extra={"server": server, "attempts": dead.tries},
        )
    _publish(app, encode([envelope]), partition, [envelope.id], dead.reason)


def _report(now: float, *, everything: bool = False) -> None:
    """Tell how many had no line, if it is time; ``everything``: even if it is not."""
    with _reporting:
        due = _reports.due(now, everything=everything)
    for one in due:
        logger.error(
            "%s: %d events more are set apart in the queue %s, in %.1f s; the last one is %s",
            one.kind,
            one.count,
            _options().queue_name(DEAD),
            one.seconds,
            one.last,
            extra={"server": one.kind},
        )


@worker_process_shutdown.connect(dispatch_uid="django_ami.forwarding")
@worker_shutdown.connect(dispatch_uid="django_ami.forwarding")
def _report_all(**_: object) -> None:
    """At the end of a process of the pool, or of a worker whose pool is threads."""
    _report(time.monotonic(), everything=True)


def _give_up(task: Any, data: bytes, partition: int, why: str) -> None:
    """Publish a whole batch to the queue of those that failed."""
    task_id = task.request.id
    logger.error(
        "The batch %s is set apart in the queue %s: %s", task_id, _options().queue_name(DEAD), why
    )
    _publish(task.app, data, partition, [EventId("unknown", task_id, 0)], why)


def _publish(app: Celery, data: bytes, partition: int, ids: Sequence[EventId], why: str) -> None:
    """Raises Reject if that is not possible for a long time: the broker gives the batch again."""
    options, broker = _options(), _broker(app)
    queue = dead_queue(options)
    one = message(
        queue.name, data, partition, ids[0], ids[-1], None,
        ami_reason=why, ami_worker=_WORKER, ami_at=time.time(),
    )  # fmt: skip
    end = time.monotonic() + _SET_APART_SECONDS
    while True:
        try:
            if not broker.is_open:
                broker.open([queue])
            broker.publish([one])
        except OutletAway as error:
            if time.monotonic() >= end:
                raise Reject(str(error), requeue=True) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return
