"""Claims of ``once``: one for an event and a key, held by a row of the database or by a cache.

Rule: of all processes that take a claim at the same time one gets it, and the others wait until it
is kept or given back. A claim that is not kept leaves nothing behind, and no wait is without an
end.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, Protocol
from uuid import uuid4

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.db import IntegrityError, OperationalError, connections, router, transaction
from django.utils import timezone

from django_ami.conf.once import MODEL, check_store
from django_ami.core.failures import reason
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.cache.backends.base import BaseCache

    from django_ami.conf.once import Once
    from django_ami.core.event_id import EventId
    from django_ami.forwarding.models import ProcessedEvent

__all__ = ["CacheClaim", "Claim", "RowClaim", "claim_of"]

logger = get_logger(__name__)

#: How long between two looks whether another process has kept its claim.
_LOOK_SECONDS: Final = 0.05
#: How many claims of others in a cache are waited for, each for as long as it is held at most.
_PATIENCE_CLAIMS: Final = 3
_DONE: Final = "done"
#: How many characters of an epoch begin the name of a claim: all of ours. Rows are then written in
#: the order of the index.
_EPOCH_CHARACTERS: Final = 26
_DIGEST_BYTES: Final = 12


class Claim(Protocol):
    """``once`` holds one while a receiver is at work. Each is taken once."""

    def take(self) -> bool:
        """False if the event was processed. Waits while another process is at it.

        Raises OperationalError if that takes too long.
        """

    def keep(self) -> None:
        """The receiver is through: the event was processed."""

    def give_back(self, error: BaseException) -> None:
        """The receiver raised: the event was not processed."""


def claim_of(event_id: EventId, key: str, once: Once) -> Claim:
    """The claim for an event and a key. Raises ConfigurationError if the store is not there."""
    check_store(once)
    return (RowClaim if once.store == MODEL else CacheClaim)(event_id, key, once)


def _name(event_id: EventId, key: str) -> str:
    """A name that no other event and no other key has, whatever a database makes of capitals."""
    digest = blake2b(f"{event_id}\0{key}".encode(), digest_size=_DIGEST_BYTES).hexdigest()
    epoch = re.sub(r"\W", "", event_id.epoch, flags=re.ASCII)[:_EPOCH_CHARACTERS]
    return f"{epoch}.{event_id.sequence:010}.{digest}"


def _decide(attempt: Callable[[], bool | None], about: str, seconds: int) -> bool:
    """The outcome of the first attempt that has one: it has none while another process works."""
    deadline = time.monotonic() + seconds
    while (decision := attempt()) is None:
        if time.monotonic() >= deadline:
            raise OperationalError(
                f"another process has been at work for the event {about} for {seconds} s, so "
                "nobody knows whether it will be processed: look why its receiver does not end, or "
                "raise CLAIM_SECONDS of AMI_FORWARD['ONCE']."
            )
        time.sleep(_LOOK_SECONDS)
    return decision


class RowClaim:
    """A row of ``ProcessedEvent``, in a transaction that is open for as long as the receiver works.

    The receiver's own rows in that database are committed with it, or neither is. The unique index
    makes others wait for the end of that transaction, as long as the database lets them; PostgreSQL
    would let them wait for ever, so there they ask for a lock of that transaction first.
    """

    def __init__(self, event_id: EventId, key: str, once: Once) -> None:
        self._about = f"{event_id} ({key})"
        self._id = event_id
        self._key = key
        self._once = once
        self._transaction = ExitStack()

    def take(self) -> bool:
        return _decide(self._attempt, self._about, self._once.claim_seconds)

    def _attempt(self) -> bool | None:
        # Without the app there is no such model.
        from django_ami.forwarding.models import ProcessedEvent

        row = ProcessedEvent(
            claim=_name(self._id, self._key),
            event=str(self._id)[:300],
            key=self._key[:200],
            at=timezone.now(),
        )
        using = self._once.using or router.db_for_write(ProcessedEvent)
        try:
            with ExitStack() as opened:
                opened.enter_context(transaction.atomic(using))
                if not _insert(row, using):
                    return None
                self._transaction = opened.pop_all()
        except IntegrityError:
            return False
        return True

    def keep(self) -> None:
        self._transaction.close()

    def give_back(self, error: BaseException) -> None:
        self._transaction.__exit__(type(error), error, error.__traceback__)


def _insert(row: ProcessedEvent, using: str) -> bool:
    """Insert the row in an open transaction.

    False if another open transaction of PostgreSQL is at it. Raises IntegrityError if it is there.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        row.save(using=using, force_insert=True)
        return True
    digest = blake2b(row.claim.encode(), digest_size=8).digest()
    table = connection.ops.quote_name(row._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (claim, event, key, at) SELECT %s, %s, %s, %s::timestamptz "
            "WHERE pg_try_advisory_xact_lock(%s)",
            [row.claim, row.event, row.key, row.at, int.from_bytes(digest, signed=True)],
        )
        return bool(cursor.rowcount == 1)


class CacheClaim:
    """A key of Django's cache: at first for a short time, then, when the receiver is through, long.

    A process that dies in between holds it for that short time.
    """

    def __init__(self, event_id: EventId, key: str, once: Once) -> None:
        self._about = f"{event_id} ({key})"
        self._name = f"ami.once.{_name(event_id, key)}"
        self._once = once
        self._mine = uuid4().hex

    def take(self) -> bool:
        return _decide(self._attempt, self._about, _PATIENCE_CLAIMS * self._once.claim_seconds)

    def _attempt(self) -> bool | None:
        if self._cache.add(self._name, self._mine, self._once.claim_seconds):
            return True
        return False if self._cache.get(self._name) == _DONE else None

    def keep(self) -> None:
        try:
            self._cache.set(self._name, _DONE, self._once.seconds)
        except Exception as error:  # noqa: BLE001  (what is done is done; whatever a cache raises)
            logger.warning(
                "The event %s was processed, and the cache does not keep that: a repeated delivery "
                "will process it again. %s",
                self._about,
                reason(error),
            )

    def give_back(self, _error: BaseException) -> None:
        try:
            if self._cache.get(self._name) == self._mine:
                self._cache.delete(self._name)
        except Exception as error:  # noqa: BLE001  (the error of the receiver is the one to tell)
            logger.warning(
                "The claim of the event %s cannot be given back, and ends in %d s: %s",
                self._about,
                self._once.claim_seconds,
                reason(error),
            )

    @property
    def _cache(self) -> BaseCache:
        return caches[self._once.using or DEFAULT_CACHE_ALIAS]
