"""One click is one call: a repeated request is answered with the call of the first one.

The id of a call is made of its owner and its click. So any process can tell whose call it is, and
two processes that share no cache ask for the same call: Asterisk refuses the second one while the
first one lives.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = [
    "REMEMBERED_SECONDS",
    "call_of_click",
    "count_call",
    "first_call",
    "forget_click",
    "is_own",
]

logger = get_logger(__name__)

#: For how long a click is the same one.
REMEMBERED_SECONDS: Final = 600
_HOUR_SECONDS: Final = 3600
_PREFIX: Final = "web"
_KNOWN_BY_ITS_CALL: Final = "a click that comes twice is known by its call alone"


def call_of_click(user: Hashable | None, click: str, now: float | None = None) -> str:
    """The id of the call of a click; an empty click is like no other."""
    span = int((time.time() if now is None else now) // REMEMBERED_SECONDS)
    made = _digest(f"{user}\n{click or uuid4().hex}\n{span}", 16)
    # As other ids of calls, it ends so that it is the beginning of no other one.
    return f"{_PREFIX}-{_owner(user)}-{made}.0"


def is_own(user: Hashable | None, call_id: str) -> bool:
    """Whether a call was placed by this user. Visitors without an account are one."""
    return call_id.startswith(f"{_PREFIX}-{_owner(user)}-")


async def first_call(user: Hashable | None, click: str) -> tuple[str, bool]:
    """The id of the call of a click, and whether this is the first request for it."""
    call_id = call_of_click(user, click)
    if not click:
        return call_id, True
    key = _key(user, click)
    try:
        if await cache.aadd(key, call_id, REMEMBERED_SECONDS):
            return call_id, True
        return await cache.aget(key) or call_id, False
    except Exception as error:  # noqa: BLE001  (any cache's)
        _warn(_KNOWN_BY_ITS_CALL, error)
        return call_id, True


async def forget_click(user: Hashable | None, click: str) -> None:
    """Nothing was sent: the same click may be tried again."""
    try:
        await cache.adelete(_key(user, click))
    except Exception as error:  # noqa: BLE001  (any cache's)
        _warn(_KNOWN_BY_ITS_CALL, error)


async def count_call(user: Hashable | None) -> int:
    """Count a call of this user; says how many it is in this hour.

    Over all processes that share the cache. If it does not answer, each process counts for itself,
    since a site without any limit costs money.
    """
    hour = int(time.time() // _HOUR_SECONDS)
    key = f"ami_wallboard:calls:{_owner(user)}:{hour}"
    try:
        await cache.aadd(key, 0, _HOUR_SECONDS)
        return int(await cache.aincr(key))
    except Exception as error:  # noqa: BLE001  (any cache's)
        _warn("each process counts the calls of a user for itself", error)
        return _calls_here.count(hour, _owner(user))


class _CallsHere:
    """How many calls each user has placed in an hour, by this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour = 0
        self._calls: Counter[str] = Counter()

    def count(self, hour: int, owner: str) -> int:
        with self._lock:
            if hour != self._hour:
                self._hour = hour
                self._calls.clear()
            self._calls[owner] += 1
            return self._calls[owner]


_calls_here = _CallsHere()


def _warn(consequence: str, error: Exception) -> None:
    logger.warning(
        "The cache does not answer, so %s: %s: %s", consequence, type(error).__name__, error
    )


def _key(user: Hashable | None, click: str) -> str:
    return "ami_wallboard:click:" + _digest(f"{user}\n{click}", 32)


def _owner(user: Hashable | None) -> str:
    return _digest(f"owner {user}", 12)


def _digest(text: str, characters: int) -> str:
    return salted_hmac(__name__, text, algorithm="sha256").hexdigest()[:characters]
