"""The threads of ``ami_consume``: one keeps the leases, the others run receivers.

Rule: a partition is one thread's, from getting its lease to giving it back. No thread waits without
an end: a Redis that is away or frozen is tried again, and leases end by the clock meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import redis
from redis.exceptions import AuthorizationError

from django_ami.core.bugs import Bugs
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.core.reports import Sparing
from django_ami.forwarding.redis.cures import cure
from django_ami.forwarding.redis.keys import Stream
from django_ami.forwarding.redis.leases import RENEWALS, Leases
from django_ami.forwarding.redis.outlet import client_of
from django_ami.forwarding.redis.standing import measure, strays
from django_ami.forwarding.redis.worker import Consumed, Worker
from django_ami.redis_client import address_of, cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.conf.forward import Forward
    from django_ami.core.receivers import Receivers
    from django_ami.forwarding.redis.options import RedisOptions
    from django_ami.forwarding.redis.standing import Standing

__all__ = ["Consumer"]

logger = get_logger(__name__)

#: A consumer with less than its share looks so often for leases that are given back.
_HUNGRY_SECONDS: Final = 0.2
#: Metrics of partitions are measured so often.
_MEASURE_SECONDS: Final = 10.0
#: Batches in partitions that no consumer has are looked for, and told, so often.
_STRAYS_SECONDS: Final = 60.0
#: At the end, leases are renewed so often.
_LAST_TURN_SECONDS: Final = 0.2
#: The first lines at once that tell of a Redis that is away; then one in a minute.
_LINES_AWAY: Final = 3


class Consumer:
    """Consumes until ``stop``. ``receivers`` is what ``consuming()`` gives.

    ``refused`` is called once if Redis refuses the user. Raises ConfigurationError for a wrong URL.
    """

    def __init__(
        self,
        forward: Forward,
        options: RedisOptions,
        receivers: Receivers,
        *,
        servers: Iterable[str],
        partitions: Iterable[int],
        workers: int,
        refused: Callable[[], object],
    ) -> None:
        self._address = address_of(forward.url)
        self._options = options
        self._refused = refused
        self._redis = client_of(forward)
        self._servers, self._partitions = tuple(servers), tuple(partitions)
        self.leases = Leases(options, self._servers, self._partitions)
        self._ending = threading.Event()
        #: Set when a thread has ended.
        self._ended = threading.Event()
        #: Of all partitions of its servers, some seconds old; for metrics.
        self.standings: dict[Stream, Standing] = {}
        self._measure_at = self._strays_at = 0.0
        self._strays: dict[Stream, Standing] = {}
        self._count = forward.partitions
        self._receivers = receivers
        #: "away" or "refuses"; empty while Redis answers.
        self._state = ""
        #: One thread may be refused, again and again, while others are served.
        self._sparing = Sparing(_LINES_AWAY)
        self._was_told = False
        self._bugs = Bugs(logger, "the renewal of leases")
        self._lock = threading.Lock()
        self._workers = [
            Worker(client_of(forward), options, receivers.beside(), self) for _ in range(workers)
        ]
        self._threads: list[threading.Thread] = []

    def __str__(self) -> str:
        partitions, workers = len(self._partitions), len(self._workers)
        share = "1 partition" if partitions == 1 else f"its share of {partitions} partitions"
        if len(self._servers) == 1:
            servers = self._servers[0]
        else:
            servers, share = f"{len(self._servers)} servers", f"{share} of each"
        return (
            f"events of {servers}, {share}, from the Redis at {self._address}, "
            f"on {workers} thread{'' if workers == 1 else 's'}"
        )

    def start(self) -> None:
        """Raises ConnectionFailed if the system refuses a thread."""
        self._threads = [
            start_thread(worker.work, f"django_ami-consumer-{number}")
            for number, worker in enumerate(self._workers)
        ]
        self._threads.append(start_thread(self._keep, "django_ami-leases"))

    def stop(self) -> None:
        """Finish what is in hand, and give the leases back. From any thread; waits for nothing."""
        self.leases.give_back_all()
        self._ending.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end of the threads; False if they have not ended by then."""
        end = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def consumed(self) -> Consumed:
        """The events so far."""
        total = Consumed()
        for worker in self._workers:
            one = worker.consumed
            total.add(one.delivered, one.failed, one.dead)
        return total

    @property
    def held(self) -> Counter[str]:
        """How many partitions of each server this process has."""
        return Counter(tenure.stream.server for tenure in self.leases.tenures)

    @property
    def steps(self) -> list[int]:
        """A number for each thread that grows while it is alive."""
        return [worker.turns for worker in self._workers]

    # --- the keeper's thread ---

    def _keep(self) -> None:
        while not self.ends:
            pause = self._options.lease_timeout / RENEWALS
            if self._renew():
                pause = min(pause, _HUNGRY_SECONDS)
            self.leases.tell_lost()
            self._receivers.failing.report()
            self._ending.wait(pause)
        self._end()

    def _renew(self) -> bool:
        """Renew the leases; True if this consumer has less than its share."""
        hungry = False
        try:
            hungry = self.leases.turn(self._redis)
            self._assign()
            if time.monotonic() >= self._measure_at:
                self._measure()
            if self.leases.refusal is not None:
                raise self.leases.refusal
            self.back()
        except (redis.RedisError, OSError) as error:
            self.away(error)
            self._redis.connection_pool.disconnect()  # the address may lead elsewhere by now
        except Exception:  # noqa: BLE001  (it is told)
            # This is our bug, and must not cost the leases.
            self._bugs.tell()
        return hungry

    def _measure(self) -> None:
        now = time.monotonic()
        self._measure_at = now + _MEASURE_SECONDS
        if now >= self._strays_at:
            self._strays_at = now + _STRAYS_SECONDS
            prefix, group, last = self._options.prefix, self._options.group, self._count - 1
            self._strays = strays(
                self._redis, [Stream(prefix, server, last, group) for server in self._servers]
            )
            self._tell_strays()
        self.standings = measure(self._redis, self._streams()) | self._strays

    def _tell_strays(self) -> None:
        for server in self._servers:
            numbers = [one.partition for one in self._strays if one.server == server]
            if numbers:
                logger.error(
                    "%s: batches of events wait in partitions up to %d, and no consumer reads "
                    "those from %d on, since PARTITIONS of AMI_FORWARD is %d here: a listener has "
                    "another number, or had. Set the larger one here until nothing waits.",
                    server, max(numbers), self._count, self._count, extra={"server": server},
                )  # fmt: skip

    def _end(self) -> None:
        """Keep the leases until the other threads have given them back."""
        try:
            self.leases.leave(self._redis)
        except (redis.RedisError, OSError) as error:
            self.away(error)
        while any(thread.is_alive() for thread in self._threads[:-1]):
            self._renew()
            self._ended.wait(_LAST_TURN_SECONDS)
            self._ended.clear()
        self.leases.tell_lost()
        with suppress(redis.RedisError, OSError):
            self.leases.give_back_rest(self._redis)
        self._redis.connection_pool.disconnect()

    def _streams(self) -> list[Stream]:
        return [stream for server in self._servers for stream in self.leases.streams(server)]

    def _assign(self) -> None:
        """Give new partitions to the threads with the fewest."""
        if self.ends:
            return
        has = {tenure for worker in self._workers for tenure in worker.tenures}
        for tenure in self.leases.tenures:
            if tenure not in has:
                min(self._workers, key=lambda worker: len(worker.tenures)).take(tenure)

    # --- from all threads ---

    @property
    def ends(self) -> bool:
        return self._ending.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the beginning of the end."""
        self._ending.wait(seconds)

    def thread_ended(self) -> None:
        self._ended.set()

    def away(self, error: Exception) -> None:
        """Redis is away, or refuses."""
        is_refusal = isinstance(error, redis.AuthenticationError | AuthorizationError)
        if self._is_new("refuses" if is_refusal else "away"):
            if is_refusal:
                logger.error(
                    "The Redis at %s refuses the login: %s. Check the user and the password in "
                    "'URL' of AMI_FORWARD.", self._address, cause(error),
                )  # fmt: skip
                self._refused()
                return
            self._was_told = self._sparing.may_say("away", time.monotonic())
            if not self._was_told:
                return
            logger.error(
                "The Redis at %s: %s. %s It is tried again; events wait there, or in the spools "
                "of the listeners.", self._address, cause(error), cure(error),
            )  # fmt: skip

    def back(self) -> None:
        """Redis answers."""
        if self._is_new("") and self._was_told:
            logger.warning("The Redis at %s answers again.", self._address)

    def _is_new(self, state: str) -> bool:
        with self._lock:
            before, self._state = self._state, state
        return state != before
