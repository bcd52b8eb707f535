"""Where this process finds live pictures: its own listener lends them, or a feed has them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from django_ami import feeds, signals
from django_ami.core.errors import ConfigurationError
from django_ami.core.process import mark_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.live.feed.remote import RemotePicture
    from django_ami.live.picture import Picture

__all__ = ["lend", "picture_of", "published_picture"]


class Gallery(Protocol):
    """Has the live pictures."""

    def picture(self, name: str) -> Picture: ...


class _Loan:
    """A gallery of this process, made when somebody wants to see it."""

    def __init__(self, gallery: Callable[[], Gallery]) -> None:
        self.gallery = gallery
        self.is_here = mark_process()


#: The last one counts.
_loans: list[_Loan] = []


def lend(gallery: Callable[[], Gallery]) -> Callable[[], None]:
    """This process has live pictures: ``gallery`` makes or gives them.

    Returns a function that ends it.
    """
    loan = _Loan(gallery)
    _loans.append(loan)
    return lambda: _loans.remove(loan)


def picture_of(server: str) -> Picture:
    """The live picture of a server: that of a listener in this process, or else the published one.

    Raises ConfigurationError in a process that has neither.
    """
    if _loans and _loans[-1].is_here():
        signals.want_picture()
        return _loans[-1].gallery().picture(server)
    return published_picture(server)


def published_picture(server: str) -> RemotePicture:
    """The live picture of a server as it was published last, also in the process of its listener.

    Raises ConfigurationError if nothing is published.
    """
    published = feeds.mirror()
    if published is None:
        raise ConfigurationError(
            "its live picture is in the process of ami_listen alone: add 'django_ami.live.feed' "
            "to INSTALLED_APPS and run migrate, so that the listener publishes it; or call "
            "ami.live in a receiver there.",
            server=server,
        )
    from django_ami.live.feed.remote import RemotePicture  # most projects never need it

    return RemotePicture(published, server, time.time)
