"""The visitor behind a request: asked once when a stream begins, and again while it lasts."""

from __future__ import annotations

import asyncio
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY, get_user
from django.db.models import Model
from django.utils.functional import SimpleLazyObject

from django_ami import conf
from django_ami.core.arguments import did_you_mean
from django_ami.core.log import get_logger
from django_ami.wallboard.access import access_of
from django_ami.wallboard.threads import close_connections

if TYPE_CHECKING:
    from collections.abc import Hashable

    from django.http import HttpRequest

    from django_ami.wallboard.access import Access

__all__ = ["Visitor", "ask", "may_still", "visitor_of"]

logger = get_logger(__name__)

#: How many visitors are asked about at the same time: after a restart all of them come at once, and
#: each needs a database connection for a moment.
_MOST_ASKED: Final = 8
#: How many names of servers that there are not are remembered.
_REMEMBERED: Final = 256
#: By event loop, to which a semaphore belongs.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


class Visitor(NamedTuple):
    """Somebody who may see something: the servers that are meant, and the account, if any."""

    access: Access
    servers: tuple[str, ...]
    user: Hashable | None


def visitor_of(request: HttpRequest) -> Visitor | None:
    """The visitor of a request; None for one who may see nothing. It may ask the database.

    Raises ConfigurationError.
    """
    access = access_of(request)
    if access is None:
        return None
    names = tuple(server.name for server in conf.load().servers)
    servers = tuple(name for name in names if access.servers is None or name in access.servers)
    for name in (access.servers or frozenset()).difference(names):
        _warn_of_unknown(name, names)
    user = getattr(request, "user", None)
    return Visitor(access, servers, user.pk if user is not None else None)


@lru_cache(_REMEMBERED)
def _warn_of_unknown(name: str, names: tuple[str, ...]) -> None:
    """Once: without a word of it the page is empty, which looks like a calm day."""
    logger.warning(
        "The function ACCESS of AMI_WALLBOARD names a server %r that is not in AMI_SERVERS; %s "
        "Its visitors see nothing of it.",
        name,
        did_you_mean(name, names),
    )


async def ask(request: HttpRequest) -> Visitor | None:
    """The visitor of a request, in a coroutine. No database connection stays open for it."""
    async with _turn():
        return await sync_to_async(_asked)(request, anew=False)


async def may_still(request: HttpRequest, visitor: Visitor) -> bool:
    """Whether the visitor would be the same if the request came now.

    True if that cannot be told: a database that is away ends no stream.
    """
    async with _turn():
        try:
            # The thread of the request is gone, and shall not come back.
            return (
                await sync_to_async(_asked, thread_sensitive=False)(request, anew=True) == visitor
            )
        except Exception as error:  # noqa: BLE001  (any database's, or of the project's function)
            logger.warning(
                "It cannot be told whether a visitor may still see the wallboard: %s: %s. It is "
                "tried again in a minute.",
                type(error).__name__,
                error,
            )
            return True


def _turn() -> asyncio.Semaphore:
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_MOST_ASKED))


def _asked(request: HttpRequest, *, anew: bool) -> Visitor | None:
    try:
        return visitor_of(_with_fresh_user(request) if anew else request)
    finally:
        close_connections()


def _with_fresh_user(request: HttpRequest) -> HttpRequest:
    """The same request, as if it came now: its session and its user are read anew.

    A request whose user is of no table is given as it is.
    """
    session = getattr(request, "session", None)
    user: Any = getattr(request, "user", None)
    fresh = copy(request)
    if session is not None and SESSION_KEY in session:
        fresh.__dict__.pop("_cached_user", None)
        fresh.__dict__.pop("_acached_user", None)
        fresh.session = type(session)(session.session_key)
        fresh.user = SimpleLazyObject(lambda: get_user(fresh))  # type: ignore[assignment]
    elif _is_in_a_table(user):  # known by a token, say
        from django.contrib.auth.models import AnonymousUser  # a table: once the apps are ready

        table = user._meta.default_manager
        fresh.user = table.filter(pk=user.pk).first() or AnonymousUser()
    return fresh


def _is_in_a_table(user: Any) -> bool:
    return isinstance(user, Model) and not user._state.adding  # noqa: SLF001  (it is documented)
