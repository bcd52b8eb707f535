"""The feed of this process: one backend, and one mirror of it that all its readers share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.core.signals import setting_changed

from django_ami.conf.feed import read_feed

if TYPE_CHECKING:
    from django_ami.live.feed.backend import Backend
    from django_ami.live.feed.mirror import Mirror

__all__ = ["backend", "failures", "is_read", "mirror"]


class _Feed:
    """The backend and the mirror of this process; a forked child makes its own."""

    mirror: Mirror | None = None

    def __init__(self) -> None:
        self.backend: Backend | None = read_feed()


#: By process: that of a parent is in a forked child, too. No lock, which a fork could leave locked.
_feeds: dict[int, _Feed] = {}


def _mine() -> _Feed:
    process = os.getpid()
    return _feeds.get(process) or _feeds.setdefault(process, _Feed())


def backend() -> Backend | None:
    """The backend of the setting ``AMI_FEED``; None if nothing is published.

    Raises ConfigurationError.
    """
    return _mine().backend


def mirror() -> Mirror | None:
    """The mirror of this process; None if nothing is published. Raises ConfigurationError."""
    mine = _mine()
    if mine.mirror is None and mine.backend is not None:
        from django_ami.live.feed.mirror import Mirror  # most projects never need it

        # It has no thread until somebody looks: of several that are made at once one wins.
        vars(mine).setdefault("mirror", Mirror(mine.backend))
    return mine.mirror


def failures() -> int:
    """How many writes of this process the store of the feed has refused."""
    mine = _feeds.get(os.getpid())
    return 0 if mine is None or mine.backend is None else mine.backend.failures


def is_read() -> bool:
    """Whether this process reads the feed already."""
    mine = _feeds.get(os.getpid())
    return mine is not None and mine.mirror is not None


def _on_setting_changed(*, setting: str, **_: object) -> None:
    """A test has other settings."""
    if setting in {"AMI_FEED", "INSTALLED_APPS"}:
        before = _feeds.pop(os.getpid(), None)
        if before is not None and before.mirror is not None:
            before.mirror.close()


setting_changed.connect(_on_setting_changed)
