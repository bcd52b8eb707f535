"""The outlet that appends events to streams of Redis.

Rule: a batch is appended once. Redis keeps, for each source of batches, the position of the last
one, in the same step as the batch itself. So one that is given again, since an answer was lost or a
listener was killed, is not appended again, whichever process gives it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import redis
from redis.exceptions import NoPermissionError, OutOfMemoryError

from django_ami.core.errors import ConfigurationError
from django_ami.core.log import get_logger
from django_ami.core.reports import Sparing
from django_ami.forwarding.outlet import OutletAway
from django_ami.forwarding.redis.cures import cure
from django_ami.forwarding.redis.keys import Stream
from django_ami.forwarding.redis.options import RedisOptions
from django_ami.forwarding.redis.scripts import APPEND, TRIM, Call, run
from django_ami.forwarding.redis.standing import measure
from django_ami.redis_client import address_of, cause, connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django_ami.conf.forward import Forward
    from django_ami.forwarding.outlet import Batch

__all__ = ["RedisOutlet", "client_of"]

logger = get_logger(__name__)

#: The oldest server that has all the commands.
_LEAST_VERSION: Final = 7
#: Streams are trimmed so often, at least and at most, in seconds.
_TRIM_SECONDS: Final = (1.0, 30.0)
#: And this part of ``MAX_AGE``, one in so many, if that is between them.
_TRIMS_PER_AGE: Final = 20
#: A group that is so far behind, as a part of ``MAX_AGE``, is told.
_BEHIND_PART: Final = 0.5
_REPORT_SECONDS: Final = 60.0
#: How long replicas have to confirm.
_REPLICA_SECONDS: Final = 2.0


def client_of(forward: Forward) -> Any:
    """A client of the Redis of ``AMI_FORWARD``. Raises ConfigurationError for a wrong ``URL``."""
    try:
        return connect(forward.url or "redis://127.0.0.1:6379/0")
    except ValueError as error:
        raise ConfigurationError(f"the setting AMI_FORWARD: 'URL': {error}.") from None


class RedisOutlet:
    """Publishes to Redis or Valkey. Raises ConfigurationError for a wrong URL or option."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._options = RedisOptions.of(forward.options)
        self._redis = client_of(forward)
        #: For the thread that asks how far behind consumers are.
        self._asking = client_of(forward)
        self._address = address_of(forward.url)
        #: How far each source is in each stream, as Redis has confirmed.
        self._confirmed: dict[tuple[Stream, str], int] = {}
        self._servers: set[str] = set()
        self._trim_at = 0.0
        self._told: dict[Stream, float] = {}
        self._sparing = Sparing(1)
        #: Events that were trimmed before every group had read them, as far as this outlet trimmed.
        self.trimmed_unread = 0

    @staticmethod
    def check(forward: Forward) -> str:
        """Judge the options; see ``Outlet``."""
        RedisOptions.of(forward.options)
        client_of(forward)
        return ""

    def open(self) -> None:
        """Connect anew: behind a failover the address may lead to another server."""
        self._redis.connection_pool.disconnect()
        try:
            found = str(self._redis.info("server").get("redis_version", ""))
            policy = str(self._redis.info("memory").get("maxmemory_policy", ""))
        except NoPermissionError:
            return  # this user may not ask for it
        except (redis.RedisError, OSError) as error:
            raise self._away(error) from None
        if found.partition(".")[0].isdecimal() and int(found.partition(".")[0]) < _LEAST_VERSION:
            raise OutletAway(
                f"the Redis at {self._address} is version {found}: it must be {_LEAST_VERSION} or "
                "later, or Valkey."
            )
        if policy.startswith("allkeys"):
            logger.error(
                "the Redis at %s has the maxmemory-policy %s: when its memory is full, it throws "
                "away events that nobody has read. Set the policy noeviction: then it refuses new "
                "ones, and they wait in the spool.",
                self._address, policy,
            )  # fmt: skip

    def publish(self, batches: Sequence[Batch]) -> None:
        """Append batches, those of one stream in one step. Raises OutletAway."""
        parts: dict[Stream, list[Batch]] = {}
        for batch in batches:
            parts.setdefault(self._stream(batch.first.server, batch.partition), []).append(batch)
        if time.monotonic() >= self._trim_at:
            self._trim()  # first, since a Redis whose memory is full refuses what follows
        calls = [_append(stream, part) for stream, part in parts.items()]
        replicas = self._options.replicas
        if replicas and calls:
            calls.append(Call(None, ("WAIT", replicas, int(_REPLICA_SECONDS * 1000))))
        answers = self._run(calls)
        if replicas and calls and answers.pop() < replicas:
            raise OutletAway(
                f"the Redis at {self._address} has not {replicas} replicas that follow it (option "
                "'replicas'): start them, or ask for fewer."
            )
        for (stream, part), (_, before) in zip(parts.items(), answers, strict=True):
            self._note(stream, part, before)

    def _stream(self, server: str, partition: int) -> Stream:
        self._servers.add(server)
        return Stream(self._options.prefix, server, partition, self._options.group)

    def _streams(self) -> list[Stream]:
        return [
            self._stream(server, partition)
            for server in tuple(self._servers)
            for partition in range(self._forward.partitions)
        ]

    def _run(self, calls: list[Call], *, every: bool = True) -> list[Any]:
        """Raises OutletAway; unless ``every`` call has to go well, for a lost connection alone."""
        try:
            answers = run(self._redis, calls)
        except (redis.RedisError, OSError) as error:
            raise self._away(error) from None
        for call, answer in zip(calls, answers, strict=True):
            if every and isinstance(answer, Exception):
                raise self._away(answer, call)
        return answers

    def _away(self, error: Exception, call: Call | None = None) -> OutletAway:
        if isinstance(error, OutOfMemoryError):
            self._trim_at = 0.0  # consumers may have finished more by the next attempt
        what_to_do = cure(error, "" if call is None else call.key)
        return OutletAway(f"the Redis at {self._address}: {cause(error)}. {what_to_do}")

    def _note(self, stream: Stream, part: list[Batch], before: int) -> None:
        """Look whether Redis has lost what it had confirmed."""
        known = self._confirmed.get((stream, part[0].source), 0)
        if before < known:
            logger.error(
                "%s: the Redis at %s has lost batches of events that it had confirmed (it was at "
                "%d, and is at %d): it was restarted without its data, a replica has taken over, "
                "or its maxmemory-policy evicts keys. Set appendonly, the option 'replicas', or "
                "the policy noeviction.",
                stream, self._address, known, before,
            )  # fmt: skip
        for batch in part:
            self._confirmed[stream, batch.source] = batch.position

    # --- trimming ---

    def _trim(self) -> None:
        """Forget what is older than ``MAX_AGE``, and tell which group is about to lose events."""
        age, keep = self._forward.max_age, self._options.keep
        self._trim_at = time.monotonic() + min(max(age / _TRIMS_PER_AGE, _TRIM_SECONDS[0]),
                                               _TRIM_SECONDS[1])  # fmt: skip
        todo = self._streams()
        while todo:
            calls = [TRIM((one.key, one.tails, one.lost), int(age), keep) for one in todo]
            found = list(zip(todo, self._run(calls, every=False), strict=True))
            todo = []
            for stream, answer in found:
                if isinstance(answer, Exception):
                    if not self._sparing.may_say("trim", time.monotonic()):
                        continue
                    logger.error(
                        "%s: old batches cannot be removed from the Redis at %s: %s.",
                        stream, self._address, cause(answer),
                    )  # fmt: skip
                    continue
                group, behind, lost = answer
                if lost:
                    self.trimmed_unread += lost
                    self._tell_lost(stream, group, lost)
                    todo.append(stream)
                elif behind >= age * _BEHIND_PART:
                    self._tell_behind(stream, group, behind)

    def _tell_lost(self, stream: Stream, group: bytes, lost: int) -> None:
        logger.error(
            "%s: %d events were older than MAX_AGE (%g s), and went before %s had read them. Start "
            "ami_consume, or more of it; or raise MAX_AGE.",
            stream, lost, self._forward.max_age, _group(group),
        )  # fmt: skip

    def _tell_behind(self, stream: Stream, group: bytes, behind: int) -> None:
        now = time.monotonic()
        if now >= self._told.get(stream, 0.0):
            self._told[stream] = now + _REPORT_SECONDS
            logger.warning(
                "%s: %s is %d s behind, and loses events that are older than %g s (MAX_AGE). Start "
                "ami_consume, or more of it.",
                stream, _group(group), behind, self._forward.max_age,
            )  # fmt: skip

    # --- for those who look ---

    def lag(self) -> Mapping[int, int] | None:
        """The batches that the group has not finished, by partition, of all servers together."""
        streams = self._streams()
        try:
            found = measure(self._asking, streams)
        except (redis.RedisError, OSError):
            return None
        lags: dict[int, int] = {}
        for stream, standing in found.items():
            lags[stream.partition] = lags.get(stream.partition, 0) + standing.behind
        return lags

    def close(self, timeout: float) -> None:  # noqa: ARG002  (nothing here waits)
        for client in (self._redis, self._asking):
            client.connection_pool.disconnect()


def _append(stream: Stream, part: list[Batch]) -> Call:
    words: list[Any] = []
    for batch in part:
        words += (batch.source, batch.position, batch.data)
    return APPEND((stream.key, stream.tails), *words)


def _group(name: bytes) -> str:
    text = name.decode(errors="backslashreplace")
    return f"the group {text!r}" if text else "any group"
