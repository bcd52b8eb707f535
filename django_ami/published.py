"""Calls that another process has originated, as the feed of the live picture tells of them.

Rule: a call that the feed does not know, or no longer knows, is asked for at its server.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from django_ami import feeds, testrun
from django_ami.core.errors import AmiError, ConnectionFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.progress import Progress
    from django_ami.live.feed.mirror import Mirror
    from django_ami.live.feed.remote import RemotePicture
    from django_ami.live.snapshots import Call

__all__ = ["find"]


def find(progress: Progress, server: str, seek: Callable[[], None]) -> bool:
    """Tell ``progress`` of a call from the feed; False if there is none, or it lacks the call.

    ``seek`` asks the server. It is called once the feed is stale, or has lost the call. A thread
    waits here for up to two seconds for the first picture of its process; a coroutine does not.
    Raises ConfigurationError if AMI_FEED is wrong.
    """
    if testrun.tests_run() and not feeds.is_read():
        return False  # a test that looks at no picture gets no thread that reads one
    mirror = feeds.mirror()
    if mirror is None:
        return False
    from django_ami.live.feed.remote import RemotePicture  # most projects never need it

    try:
        picture = RemotePicture(mirror, server, time.time)
        call = picture.call(progress.id)
        # An end stays true, however old the picture is.
        if call is None or (call.ended is None and not picture.fresh):
            return False
        _Watch(progress, picture, seek).begin(mirror, server)
    except ConnectionFailed:  # the system refuses the mirror its thread
        return False
    return True


class _Watch:
    """Looks at one call whenever the feed has something new, until its end."""

    def __init__(
        self, progress: Progress, picture: RemotePicture, seek: Callable[[], None]
    ) -> None:
        self._progress = progress
        self._picture = picture
        self._seek = seek
        self._seen: Call | None = None
        self._asked = False
        #: The thread that begins, and that of the mirror.
        self._lock = threading.Lock()

    def begin(self, mirror: Mirror, server: str) -> None:
        """Look now, and whenever something comes."""
        with self._lock:
            self._follower = mirror.follow(server, self._wake)
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            if self._asked:
                return  # the connection's thread tells the progress now
            self._follower.take()
            known = self._look() and self._picture.fresh
            if self._progress.ended or not known:
                self._follower.close()
                self._ask()

    def _look(self) -> bool:
        """False if the picture has lost the call."""
        from django_ami.live.originated import channels_of, outcome_of, state_of

        call = self._picture.call(self._progress.id)
        if call is not None and call is not self._seen:
            self._seen = call
            self._progress.shown(state_of(call), channels_of(call), outcome_of(call))
        return call is not None

    def _ask(self) -> None:
        if self._progress.ended:
            return
        self._asked = True
        try:
            self._seek()
        except AmiError as error:  # the settings name the server no longer
            self._progress.give_up(str(error), time.monotonic())
