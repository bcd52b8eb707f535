"""A thread of ``ami_consume`` that runs the receivers of some partitions.

Rule: it goes round its partitions: one command for all acknowledges and reads, then receivers run.
A partition that Redis refuses holds up no other one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import redis

from django_ami.core.bugs import Bugs
from django_ami.core.log import get_logger
from django_ami.core.reports import Sparing
from django_ami.forwarding.redis.burials import Burials
from django_ami.forwarding.redis.cures import cure
from django_ami.forwarding.redis.partition import Partition
from django_ami.forwarding.redis.scripts import run
from django_ami.redis_client import cause

if TYPE_CHECKING:
    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.redis.leases import Leases, Tenure
    from django_ami.forwarding.redis.options import RedisOptions
    from django_ami.forwarding.redis.scripts import Call

__all__ = ["Consumed", "Worker"]

logger = get_logger(__name__)

#: A thread with nothing to do waits so long for new batches, in one command.
_BLOCK_SECONDS: Final = 0.5
#: The pauses between attempts while Redis is away: the first, and the longest.
_RETRY_SECONDS: Final = 0.1
_LONGEST_RETRY_SECONDS: Final = 2.0


@dataclass(slots=True)
class Consumed:
    """The counts of a thread, or of all of them."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0

    def add(self, delivered: int, failed: int, dead: int) -> None:
        self.delivered += delivered
        self.failed += failed
        self.dead += dead


class All(Protocol):
    """The consumer, as one of its threads sees it."""

    leases: Leases

    @property
    def ends(self) -> bool: ...
    def pause(self, seconds: float) -> None: ...
    def away(self, error: Exception) -> None: ...
    def thread_ended(self) -> None: ...


class Worker:
    """A thread that runs the receivers of some partitions."""

    def __init__(
        self, client: Any, options: RedisOptions, receivers: Receivers, consumer: All
    ) -> None:
        self.consumed = Consumed()
        #: Grows with each turn.
        self.turns = 0
        self._redis = client
        self._options = options
        self._receivers = receivers
        self._consumer = consumer
        #: The keeper's thread adds to it, this one takes away.
        self._partitions: dict[Tenure, Partition] = {}
        self._wake = threading.Event()
        self._sparing = Sparing(1)
        self._bugs = Bugs(logger, "the delivery of some events")
        self._burials = Burials()

    @property
    def tenures(self) -> list[Tenure]:
        """Those that this thread has. From any thread."""
        return list(self._partitions)

    def take(self, tenure: Tenure) -> None:
        """Have this thread read a partition."""
        self._partitions[tenure] = Partition(
            self._redis, tenure, self._receivers, self._options, self._burials
        )
        self._wake.set()

    def work(self) -> None:
        """Until the consumer ends, and nothing is in hand."""
        pause = _RETRY_SECONDS
        while not self._consumer.ends or self._partitions:
            self.turns += 1
            self._burials.report()
            try:
                self._turn()
                pause = _RETRY_SECONDS
            except (redis.RedisError, OSError) as error:
                self._consumer.away(error)
                self._redis.connection_pool.disconnect()  # the address may lead elsewhere by now
                self._restart()
                self._consumer.pause(pause)
                pause = min(2 * pause, _LONGEST_RETRY_SECONDS)
            except Exception:  # noqa: BLE001  (it is told)
                # Errors of receivers are handled before: this is our bug, and must not stop the
                # next events.
                self._bugs.tell()
                self._restart()
                self._consumer.pause(pause)
        self._burials.report(everything=True)
        self._redis.connection_pool.disconnect()
        self._consumer.thread_ended()

    def _restart(self) -> None:
        for partition in list(self._partitions.values()):
            partition.restart()
            self._let_go(partition, only_lost=True)

    def _turn(self) -> None:
        partitions = list(self._partitions.values())
        if not partitions:
            self._wake.wait(_BLOCK_SECONDS)
            self._wake.clear()
            return
        for partition in partitions:
            if self._consumer.ends:
                partition.tenure.is_wanted = False
            partition.turn()
        asking = self._ask(partitions)
        answers = run(self._redis, [call for _, call in asking])
        found, refused = False, len(partitions) - len(asking)
        for (partition, _), answer in zip(asking, answers, strict=True):
            try:
                found |= partition.accept(answer)
            except redis.ResponseError as error:
                refused += 1
                self._refused(partition, error)
            self._let_go(partition)
        if refused:
            if refused == len(partitions):
                self._redis.connection_pool.disconnect()  # the address may lead elsewhere by now
            self._consumer.pause(_RETRY_SECONDS)
        elif not found:
            self._wait([one for one in partitions if one.tenure in self._partitions])

    def _ask(self, partitions: list[Partition]) -> list[tuple[Partition, Call]]:
        """The next command of each, but for those that Redis refuses."""
        asking = []
        for partition in partitions:
            try:
                asking.append((partition, partition.request()))
            except redis.ResponseError as error:
                self._refused(partition, error)
        return asking

    def _refused(self, partition: Partition, error: redis.ResponseError) -> None:
        """Redis refuses a command for one partition: the others go on."""
        partition.restart()
        stream = partition.tenure.stream
        if self._sparing.may_say(str(stream), time.monotonic()):
            logger.error(
                "%s: Redis refuses to give or to acknowledge batches: %s. %s It is tried again.",
                stream, cause(error), cure(error, stream.key), extra={"server": stream.server},
            )  # fmt: skip
        if self._consumer.ends:
            self._partitions.pop(partition.tenure, None)  # the keeper gives the lease back

    def _let_go(self, partition: Partition, *, only_lost: bool = False) -> None:
        """Count what it has done; and part with it if it is lost, or over."""
        self.consumed.add(partition.delivered, partition.failed, partition.buried)
        partition.delivered = partition.failed = partition.buried = 0
        tenure = partition.tenure
        if not tenure.valid:
            partition.lose()
            self._consumer.leases.lost(tenure)
        elif only_lost or tenure.is_wanted or not partition.is_idle:
            return
        else:
            partition.give_back()
            self._consumer.leases.drop(tenure)
        self._partitions.pop(tenure, None)

    def _wait(self, partitions: list[Partition]) -> None:
        """Wait for new batches, or until a batch of a receiver is due."""
        due_at = min((one.due_at for one in partitions), default=0.0)
        left = min(_BLOCK_SECONDS, due_at - time.monotonic())
        if self._consumer.ends or left <= 0 or not partitions:
            return
        streams = {one.tenure.stream.key: one.last for one in partitions}
        self._redis.xread(streams, count=1, block=max(1, int(left * 1000)))
