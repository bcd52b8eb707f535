"""From the live pictures of a listener to a feed: a thread that writes what has changed.

Rule: the thread of the receivers only notes objects. It never waits for the store. Of an object
that changes often it keeps the last state, so it holds no more than the picture has objects. A
store that is away costs readers some news; it heals with the whole picture.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.errors import ConnectionFailed
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.live.feed.codec import encode
from django_ami.live.feed.records import Batch, Position, Whole, new_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_ami.live.feed.backend import Backend

__all__ = ["HEARTBEAT_SECONDS", "Publisher"]

logger = get_logger(__name__)

#: A batch is written at least so often, also if nothing changes: readers see that somebody writes.
HEARTBEAT_SECONDS: Final = 1.0
#: How often the thread looks during a heartbeat, if there is no news.
_LOOKS_A_HEARTBEAT: Final = 4
#: How often the whole picture is written, for readers that begin.
_WHOLE_SECONDS: Final = 10.0
#: How often a store that is away is tried, and how long the last words may take at the end.
_RETRY_SECONDS: Final = 1.0
_END_SECONDS: Final = 2.0
#: A store that stays away is logged so often.
_LOG_SECONDS: Final = 60.0


class _Page:
    """The feed of one server, as its publisher has it. The publishing thread alone writes here."""

    def __init__(self, server: str, token: int) -> None:
        self.server = server
        self.token = token
        #: One life of this page: a reader sees by it that another one has begun.
        self.epoch = new_epoch(token)
        self.number = 0
        self.bodies: dict[str, str] = {}
        self.written_at = self.whole_at = float("-inf")
        #: The last write has failed: readers need the whole picture before they can go on.
        self.broken = True

    def take(self, noted: dict[str, Any]) -> dict[str, str | None]:
        """The bodies of noted objects that are not as they were written last."""
        changed: dict[str, str | None] = {}
        for key, subject in noted.items():
            body = None if subject is None else _json(subject)
            if self.bodies.get(key) == body:
                continue
            changed[key] = body
            if body is None:
                del self.bodies[key]
            else:
                self.bodies[key] = body
        return changed


def _json(subject: Any) -> str:
    return json.dumps(encode(subject), ensure_ascii=False, separators=(",", ":"))


class Publisher:
    """Writes the changes of live pictures to a backend, on a thread of its own.

    The backend's ``failures`` counts the writes that the store refused.
    """

    def __init__(self, backend: Backend) -> None:
        #: By server: the token of the lease under which it is published; 0 if there is none.
        self.tokens: dict[str, int] = {}
        self._backend = backend
        self._pages: dict[str, _Page] = {}
        #: The objects that are still to be written, by server and key. The publishing thread takes
        #: all of them at once.
        self._noted: dict[str, dict[str, Any]] = {}
        #: The servers whose pages end with what is noted, and those whose pages have ended.
        self._over: set[str] = set()
        self._dropped: set[str] = set()
        self._lock = threading.Lock()
        self._end = threading.Event()
        #: Set when something was noted that the thread has not taken.
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._logged_at = float("-inf")
        self._retry_at = 0.0

    def note(self, server: str, objects: Iterable[tuple[str, Any]]) -> None:
        """These objects are now as given; None for one that is gone. Safe from any thread."""
        with self._lock:
            self._noted.setdefault(server, {}).update(objects)
        self._wake()
        if self._thread is None and not self._end.is_set():
            self._begin()

    def end(self, server: str, objects: Iterable[tuple[str, Any]]) -> None:
        """These are the last words on a server: its page is over, and a later one begins anew."""
        with self._lock:
            self._noted[server] = dict(objects)
            self._over.add(server)
        self._wake()

    def drop(self, server: str) -> None:
        """Write no more of a server: another process does. A later page begins anew."""
        with self._lock:
            self._noted.pop(server, None)
            self._dropped.add(server)
        self._wake()

    def _wake(self) -> None:
        """There is something to write. It may be called for each event, so it mostly just looks."""
        if not self._news.is_set():
            self._news.set()

    def _begin(self) -> None:
        try:
            self._thread = start_thread(self._run, "django_ami-publisher")
        except ConnectionFailed as error:
            self._log(f"The live pictures are not published yet: {error.message}")

    def close(self) -> None:
        """Write what is left, for a moment at most."""
        self._end.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                # News behind a silence are written at once, and then no more often than that.
                self._news.wait(HEARTBEAT_SECONDS / _LOOKS_A_HEARTBEAT)
                self._news.clear()
                self._turn()
                self._end.wait(self._backend.write_seconds)
            self._retry_at = 0.0
            self._turn()
        finally:
            self._backend.close()

    def _turn(self) -> None:
        now = time.monotonic()
        with self._lock:
            noted, self._noted = self._noted, {}
            over, self._over = self._over, set()
            dropped, self._dropped = self._dropped, set()
        for server in dropped:
            self._pages.pop(server, None)
        for server, objects in noted.items():
            page = self._pages.setdefault(server, _Page(server, self.tokens.get(server, 0)))
            changed = page.take(objects)
            if changed and not page.broken:
                self._write(page, changed, now)
        for page in self._pages.values():
            if page.broken or now >= page.whole_at + _WHOLE_SECONDS:
                self._write_whole(page, now)
            elif now >= page.written_at + HEARTBEAT_SECONDS:
                self._write(page, {}, now)
        for server in over:
            self._pages.pop(server, None)

    def _write(self, page: _Page, changed: dict[str, str | None], now: float) -> None:
        page.number += 1
        batch = Batch(Position(page.epoch, page.number), time.time(), changed)
        try:
            self._backend.append(page.server, batch)
        except Exception as error:  # noqa: BLE001  (any store's; it is told)
            self._failed(page, error, now)
        else:
            page.written_at = now

    def _write_whole(self, page: _Page, now: float) -> None:
        if now < self._retry_at:
            return
        # A reader that follows sees by the number that it has missed something.
        page.number += page.broken
        position = Position(page.epoch, page.number)
        try:
            self._backend.replace(page.server, Whole(position, time.time(), dict(page.bodies)))
        except Exception as error:  # noqa: BLE001  (any store's; it is told)
            self._failed(page, error, now)
        else:
            page.broken = False
            page.whole_at = page.written_at = now

    def _failed(self, page: _Page, error: Exception, now: float) -> None:
        self._backend.failures += 1
        page.broken = True
        self._retry_at = now + _RETRY_SECONDS
        self._log(
            f"{page.server}: the live picture is not published: {type(error).__name__}: {error}. "
            "It is tried again every second, and other processes show it as stale meanwhile; check "
            "the store of AMI_FEED, and of a database that 'manage.py migrate' has run."
        )

    def _log(self, message: str) -> None:
        now = time.monotonic()
        if now >= self._logged_at + _LOG_SECONDS:
            self._logged_at = now
            logger.warning("%s", message)
