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
from django.db import IntegrityError, router, transaction
from django.utils import timezone

from django_ami.conf.once import MODEL, check_store
from django_ami.core.failures import reason
from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from django.core.cache.backends.base import BaseCache

    from django_ami.conf.once import Once
    from django_ami.core.event_id import EventId

__all__ = ["CacheClaim", "Claim", "RowClaim", "claim_of"]

logger = get_logger(__name__)

#: How long between two looks whether another process has kept its claim.
_LOOK_SECONDS: Final = 0.05
#: How many claims of others are waited for, each for as long as it is held at most.
_PATIENCE_CLAIMS: Final = 3
_DONE: Final = "done"
#: How many characters of an epoch begin the name of a claim: all of ours. Rows are then written in
#: the order of the index.
_EPOCH_CHARACTERS: Final = 26
_DIGEST_BYTES: Final = 12


class Claim(Protocol):
    """``once`` holds one while a receiver is at work. Each is taken once."""

    def take(self) -> bool:
        """False if the event was processed. Waits while another process is at it."""

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


class RowClaim:
    """A row of ``ProcessedEvent``, in a transaction that is open for as long as the receiver works.

    The receiver's own rows in that database are committed with it, or neither is.
    """

    def __init__(self, event_id: EventId, key: str, once: Once) -> None:
        self._id = event_id
        self._key = key
        self._using = once.using
        self._transaction = ExitStack()

    def take(self) -> bool:
        # Without the app there is no such model.
        from django_ami.forwarding.models import ProcessedEvent

        using = self._using or router.db_for_write(ProcessedEvent)
        try:
            with ExitStack() as opened:
                opened.enter_context(transaction.atomic(using))
                ProcessedEvent.objects.using(using).create(
                    claim=_name(self._id, self._key),
                    event=str(self._id)[:300],
                    key=self._key[:200],
                    at=timezone.now(),
                )
                self._transaction = opened.pop_all()
        except IntegrityError:
            return False
        return True

    def keep(self) -> None:
        self._transaction.close()

    def give_back(self, error: BaseException) -> None:
        self._transaction.__exit__(type(error), error, error.__traceback__)


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
        cache, most = self._cache, self._once.claim_seconds
        deadline = time.monotonic() + _PATIENCE_CLAIMS * most
        while not cache.add(self._name, self._mine, most):
            if cache.get(self._name) == _DONE:
                return False
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"the event {self._about} is claimed by other processes, one after the other, "
                    f"for {_PATIENCE_CLAIMS * most} s now: look why its receiver does not end, or "
                    "raise CLAIM_SECONDS of AMI_FORWARD['ONCE']."
                )
            time.sleep(_LOOK_SECONDS)
        return True

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
