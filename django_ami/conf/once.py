"""``AMI_FORWARD["ONCE"]``: where ``once`` keeps which events have been processed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.apps import apps
from django.conf import settings

from django_ami.conf.reading import MOST_NAMES, check_known
from django_ami.core.arguments import shown
from django_ami.core.errors import ConfigurationError

__all__ = ["APP", "CACHE", "MODEL", "Once", "check_store", "once_of", "read_once"]

#: The app with the table.
APP: Final = "django_ami.forwarding"
MODEL: Final = "model"
CACHE: Final = "cache"
_STORES: Final = (MODEL, CACHE)
_KEYS: Final = ("STORE", "USING", "SECONDS", "CLAIM_SECONDS")
_KEPT_SECONDS: Final = 7 * 86_400
_CLAIM_SECONDS: Final = 60
#: Ten years, which is for ever to a cache.
_MOST_SECONDS: Final = 315_360_000


@dataclass(frozen=True, slots=True)
class Once:
    """Where ``once`` keeps which events have been processed.

    * ``store``: ``"model"``, a row in the transaction of the receiver; or ``"cache"``, a key in
      Django's cache
    * ``using``: the alias of a database or of a cache; empty for the usual one
    * ``seconds``: for how long the cache keeps the key of a processed event
    * ``claim_seconds``: how long a receiver may take, before the cache lets another one begin; and
      before one that waits in PostgreSQL gives up
    """

    store: str = MODEL
    using: str = ""
    seconds: int = _KEPT_SECONDS
    claim_seconds: int = _CLAIM_SECONDS


def read_once() -> Once:
    """``AMI_FORWARD["ONCE"]``, or the usual one. Raises ConfigurationError."""
    forward = getattr(settings, "AMI_FORWARD", None)
    value = forward.get("ONCE") if isinstance(forward, Mapping) else None
    try:
        return once_of(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"the setting AMI_FORWARD: {error.message}") from None


def once_of(value: object) -> Once:
    """The value of ``ONCE``, the name of a store or a mapping, read. Raises ConfigurationError."""
    given = {} if value is None else {"STORE": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"'ONCE' must be {MODEL!r}, {CACHE!r}, or a mapping with STORE, not {shown(value)}."
        )
    for key in islice(given, MOST_NAMES):
        check_known("key of 'ONCE'", key, _KEYS)
    store = given.get("STORE", MODEL)
    check_known("store of 'ONCE'", store, _STORES)
    return Once(
        store=store,
        using=_using(given, store),
        seconds=_seconds(given, "SECONDS", _KEPT_SECONDS),
        claim_seconds=_seconds(given, "CLAIM_SECONDS", _CLAIM_SECONDS),
    )


def check_store(once: Once) -> None:
    """Raises ConfigurationError if the store is not there."""
    if once.store == MODEL and not apps.is_installed(APP):
        raise ConfigurationError(
            f"once keeps processed events in a table: add {APP!r} to INSTALLED_APPS and run "
            "migrate, or set AMI_FORWARD['ONCE'] to 'cache'."
        )


def _using(given: Mapping[str, Any], store: str) -> str:
    using = given.get("USING", "")
    if using != "":
        known = settings.DATABASES if store == MODEL else settings.CACHES
        check_known(f"USING of 'ONCE', which has the store {store!r}", using, known)
    return str(using)


def _seconds(given: Mapping[str, Any], key: str, default: int) -> int:
    found = given.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= _MOST_SECONDS:
        raise ConfigurationError(
            f"{key!r} of 'ONCE' must be a whole number of seconds from 1 to {_MOST_SECONDS}, not "
            f"{shown(found)}."
        )
    return found
