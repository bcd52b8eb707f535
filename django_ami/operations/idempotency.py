"""Idempotency keys: a form that is sent twice is carried out once, whichever process gets it.

Rule: the database decides, by the primary key. A key is claimed before anything is done, and never
given back: a request that failed half way may have done its work.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import uuid4

from django.db import IntegrityError, transaction

from django_ami.core.escaping import printable
from django_ami.operations import conf
from django_ami.operations.clock import ago, now
from django_ami.operations.models import IdempotencyKey

__all__ = ["claim", "conclude", "earlier", "new_key"]

#: A form that is open for longer can be sent again.
_KEPT_SECONDS: Final = 86_400.0 * 7
_LONGEST_OUTCOME_CHARACTERS: Final = 500


def new_key() -> str:
    """A key for one form."""
    return uuid4().hex


def claim(key: str) -> bool:
    """True for the first request with this key. Call it outside of a transaction."""
    using = conf.load().database
    _keys().filter(used_at__lt=ago(_KEPT_SECONDS)).delete()
    try:
        with transaction.atomic(using=using):
            _keys().create(key=key, used_at=now())
    except IntegrityError:
        return False
    return True


def conclude(key: str, outcome: str) -> None:
    """Keep how it went, in words without secrets, for a request that is repeated."""
    _keys().filter(key=key).update(outcome=printable(outcome)[:_LONGEST_OUTCOME_CHARACTERS])


def earlier(key: str) -> IdempotencyKey | None:
    """The request that was first with this key."""
    found: IdempotencyKey | None = _keys().filter(key=key).first()
    return found


def _keys() -> Any:
    return IdempotencyKey.objects.using(conf.load().database)
