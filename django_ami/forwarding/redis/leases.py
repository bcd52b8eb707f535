"""The leases of a consumer: which partitions it may read, shared fairly among all that are there.

Rule: a partition is read by the holder of its lease alone. A lease counts here from the moment at
which its renewal was sent, on a clock that goes on while the machine is suspended; so it ends here
before it ends in Redis. A consumer that has more than its share gives some back when it is through
with the batches that it has read.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4
from zlib import crc32

from django_ami.core.lease import boottime
from django_ami.core.log import get_logger
from django_ami.forwarding.redis.keys import Stream, pool_key
from django_ami.forwarding.redis.scripts import ANNOUNCE, LEASE, RELEASE, RENEW, Call, run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.forwarding.redis.options import RedisOptions

__all__ = ["RENEWALS", "Leases", "Tenure"]

logger = get_logger(__name__)

#: A lease is renewed so often within its time.
RENEWALS: Final = 5


class Tenure:
    """The time in which this process has the lease of a partition, from getting it to losing it."""

    __slots__ = ("_until", "holder", "is_wanted", "stream")

    def __init__(self, stream: Stream, holder: str, until: float) -> None:
        self.stream = stream
        #: The text of the lease, another one at each tenure.
        self.holder = holder
        #: False once it is to be given back.
        self.is_wanted = True
        self._until = until

    @property
    def valid(self) -> bool:
        """False from the moment on in which another consumer may have the lease."""
        return boottime() < self._until

    def renew(self, until: float) -> None:
        """For the keeper alone."""
        if self._until > 0:
            self._until = until

    def end(self) -> None:
        """It is over for good."""
        self._until = 0.0


class Leases:
    """The leases of this process. One thread turns it; others ask, and drop what is over.

    ``partitions`` are those that this consumer may have, by server.
    """

    def __init__(
        self, options: RedisOptions, servers: Iterable[str], partitions: Iterable[int]
    ) -> None:
        self._options = options
        self._servers = tuple(servers)
        self._partitions = tuple(partitions)
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"
        self._tenures: dict[Stream, Tenure] = {}
        #: Those that were lost, and are not told yet.
        self._lost: deque[Stream] = deque()
        self._lock = threading.Lock()
        self._count = 0
        #: False once the process ends: it takes no lease any more, and keeps those that it has.
        self.takes = True
        #: The first error with which Redis refused a lease in the last turn; None if it did not.
        self.refusal: Exception | None = None

    @property
    def tenures(self) -> list[Tenure]:
        """Those that this process has, or is about to give back. From any thread."""
        with self._lock:
            return list(self._tenures.values())

    def streams(self, server: str) -> list[Stream]:
        """The streams of a server that this consumer may have."""
        prefix, group = self._options.prefix, self._options.group
        return [Stream(prefix, server, partition, group) for partition in self._partitions]

    def drop(self, tenure: Tenure) -> bool:
        """It has been given back. From any thread. False if it was gone already."""
        tenure.end()
        with self._lock:
            if self._tenures.get(tenure.stream) is not tenure:
                return False
            del self._tenures[tenure.stream]
            return True

    def lost(self, tenure: Tenure) -> None:
        """It was not renewed in time; ``tell_lost`` says so. From any thread."""
        if self.drop(tenure):
            self._lost.append(tenure.stream)

    def tell_lost(self) -> None:
        """Log the leases that were lost since the last time, in a line for each server."""
        lost = sorted(self._lost.popleft() for _ in range(len(self._lost)))
        for server, streams in groupby(lost, attrgetter("server")):
            logger.error(
                "%s: the lease is lost of partition %s, since it was not renewed in time. Another "
                "consumer may have it; batches that this one has read are delivered again.",
                server,
                ", ".join(str(one.partition) for one in streams),
                extra={"server": server},
            )

    def give_back_all(self) -> None:
        """All are given back once their batches are through, and no other one is taken."""
        self.takes = False
        for tenure in self.tenures:
            tenure.is_wanted = False

    def turn(self, client: Any) -> bool:
        """Renew all, and take or give back some; True if this consumer has less than its share.

        Raises redis.RedisError.
        """
        at, tenures = boottime(), self.tenures
        self.refusal = None
        milliseconds = int(self._options.lease_timeout * 1000)
        calls = [RENEW((one.stream.lease,), one.holder, milliseconds) for one in tenures]
        if self.takes:
            calls += [
                ANNOUNCE((self._pool(server),), self.name, milliseconds) for server in self._servers
            ]
        answers = run(client, calls or [Call(None, ("PING",))])
        for tenure, renewed in zip(tenures, answers, strict=False):
            if renewed == 1:
                tenure.renew(at + self._options.lease_timeout)
            elif renewed == 0:
                self.lost(tenure)
        self._note_refusal(answers[: len(tenures)])
        hungry = False
        for server, members in zip(self._servers, answers[len(tenures) : len(calls)], strict=False):
            if isinstance(members, Exception):
                raise members
            hungry |= self._share(client, server, sorted(members))
        return hungry

    def leave(self, client: Any) -> None:
        """Have the others share the partitions without this consumer. Raises redis.RedisError."""
        run(client, [Call(None, ("ZREM", self._pool(one), self.name)) for one in self._servers])

    def give_back_rest(self, client: Any) -> None:
        """Give back what no thread has. Raises redis.RedisError."""
        run(client, [RELEASE((one.stream.lease,), one.holder) for one in self.tenures])

    def _pool(self, server: str) -> str:
        return pool_key(self._options.prefix, server, self._options.group)

    # --- sharing ---

    def _share(self, client: Any, server: str, members: list[bytes]) -> bool:
        """Take or give back some of a server's leases; True if some are lacking."""
        streams = self.streams(server)
        rank = members.index(self.name.encode())
        # The remainder goes to other consumers for each server.
        place = (rank + crc32(server.encode())) % len(members)
        share = len(streams) // len(members) + (place < len(streams) % len(members))
        mine = [one for one in self.tenures if one.stream.server == server]
        kept = [one for one in mine if one.is_wanted]
        if len(kept) > share:
            for tenure in kept[share:]:
                tenure.is_wanted = False
        elif len(kept) < share:
            own = {one.stream for one in mine}
            others = [one for one in streams if one not in own]
            start = len(others) * rank // len(members)
            taken = self._take(client, [*others[start:], *others[:start]], share - len(kept))
            return taken < share - len(kept)
        return False

    def _take(self, client: Any, streams: list[Stream], count: int) -> int:
        """Take up to so many of the leases that nobody has; says how many it has got."""
        answers = run(client, [Call(None, ("GET", one.lease)) for one in streams])
        self._note_refusal(answers)
        free = [one for one, holder in zip(streams, answers, strict=True) if holder is None]
        at = boottime()
        milliseconds = int(self._options.lease_timeout * 1000)
        asked = []
        for stream in free[:count]:
            self._count += 1
            holder = f"{self.name}:{self._count}"
            asked.append(Tenure(stream, holder, at + self._options.lease_timeout))
        answers = run(
            client,
            [LEASE((one.stream.lease,), one.holder, milliseconds) for one in asked],
        )
        self._note_refusal(answers)
        got = [one for one, answer in zip(asked, answers, strict=True) if answer == 1]
        with self._lock:
            self._tenures.update({tenure.stream: tenure for tenure in got})
        return len(got)

    def _note_refusal(self, answers: list[Any]) -> None:
        errors = (one for one in answers if isinstance(one, Exception))
        self.refusal = self.refusal or next(errors, None)
