"""Does ``AMI_FORWARD["ONCE"]`` keep what it promises?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (its name in Django)

from django_ami.conf.forward import read_forward
from django_ami.conf.once import CACHE, Once, check_store, read_once
from django_ami.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_once", "forgetful"]

#: These remember nothing, or for their own process alone.
_FORGETFUL: Final = ("DummyCache", "LocMemCache")


def check_once(**_: Any) -> list[CheckMessage]:
    """django_ami.E009, W009 and W010: repeated events would be processed again."""
    forward = getattr(settings, "AMI_FORWARD", None)
    if not isinstance(forward, dict) or forward.get("ONCE") is None:
        return []
    try:
        once = read_once()
    except ConfigurationError:
        return []  # told by the check of the setting
    try:
        check_store(once)
    except ConfigurationError as error:
        return [Error(error.message, obj="AMI_FORWARD", id="django_ami.E009")]
    return list(_of_cache(once)) if once.store == CACHE else []


def forgetful(alias: str = DEFAULT_CACHE_ALIAS) -> str:
    """The class of a cache that no other process sees, or that keeps nothing; "" if it is not."""
    backend = str(settings.CACHES.get(alias, {}).get("BACKEND", "")).rpartition(".")[2]
    return backend if backend in _FORGETFUL else ""


def _of_cache(once: Once) -> Iterator[CheckMessage]:
    alias = once.using or DEFAULT_CACHE_ALIAS
    if backend := forgetful(alias):
        yield Warning(
            f"'ONCE' keeps processed events in the cache {alias!r}, and no other process sees a "
            f"{backend}: events that another consumer repeats are processed again.",
            hint="Use a cache that all processes share and that evicts nothing, or 'model'.",
            obj="AMI_FORWARD",
            id="django_ami.W009",
        )
    try:
        found = read_forward()
    except ConfigurationError:
        return
    if found is not None and once.seconds <= found.max_age:
        yield Warning(
            f"the cache forgets a processed event after {once.seconds} s (SECONDS of 'ONCE'), and "
            f"the engine may repeat it for {found.max_age:g} s (MAX_AGE).",
            hint="Make SECONDS longer than MAX_AGE.",
            obj="AMI_FORWARD",
            id="django_ami.W010",
        )
