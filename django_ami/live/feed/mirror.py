"""A feed as one process reads it: one thread for all servers, and all who look or follow.

Rule: a follower has one place for each object. A slow one misses states between, and never the
last, and costs no more memory than the picture has objects.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.live.feed.codec import decode
from django_ami.live.feed.journal import Journal
from django_ami.live.feed.records import Heading, Position, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django_ami.live.feed.backend import Backend
    from django_ami.live.feed.records import Batch

__all__ = ["STALE_SECONDS", "Follower", "Mirror", "News", "Page"]

logger = get_logger(__name__)

#: A feed without a heartbeat for so long is stale: its publisher has ended, or the store is away.
STALE_SECONDS: Final = 3.0
#: How long a first look waits for the picture.
FIRST_LOOK_SECONDS: Final = 2.0
#: How long the thread waits for something new before it looks anyway, and after an error.
_LOOK_SECONDS: Final = 1.0
_LOG_SECONDS: Final = 60.0
#: How many batches before the picture are read at first, for readers of other processes.
_RECALLED_BATCHES: Final = 1000


class News(NamedTuple):
    """Objects for a follower to take over: all of them (``whole``), or those that changed.

    A body of None: the object is gone.
    """

    position: Position | None
    whole: bool
    bodies: dict[str, str | None]
    #: False while nobody publishes.
    fresh: bool


class Follower:
    """One that follows the picture of a server. ``wake()`` is called when there is something new.

    It is called in the thread of the mirror: it must not block, and not raise.
    """

    def __init__(self, page: Page, wake: Callable[[], None]) -> None:
        self._page = page
        self.wake = wake
        self.waiting: dict[str, str | None] = {}
        self.whole = True

    def take(self) -> News:
        """The objects that have changed since the last time; at first, all."""
        page = self._page
        with page.lock:
            whole, self.whole = self.whole, False
            waiting, self.waiting = self.waiting, {}
            bodies: dict[str, str | None] = {**page.bodies} if whole else waiting
            return News(page.position, whole, bodies, page.fresh)

    def close(self) -> None:
        """Follow no longer."""
        with self._page.lock:
            self._page.followers.discard(self)


class Page:
    """The picture of one server, as it was read last. ``lock`` is held for moments alone."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.lock = threading.Lock()
        self.position: Position | None = None
        self.bodies: dict[str, str] = {}
        self.journal = Journal()
        self.followers: set[Follower] = set()
        #: Set once it was read, or looked for in vain.
        self.looked = threading.Event()
        #: ``time.monotonic`` of the last sign of its publisher.
        self.heard_at: float | None = None
        #: True once all was read that had been written before the first look.
        self.is_current = False
        #: Whether the followers know that somebody publishes.
        self.told_fresh = False
        self._listening = False
        self._decoded: dict[str, tuple[str, Any]] = {}

    @property
    def age(self) -> float | None:
        """Seconds since the publisher was heard of last; None if never."""
        return None if self.heard_at is None else time.monotonic() - self.heard_at

    @property
    def heard(self) -> float | None:
        """Unix time of the last sign of the publisher; None if there was none."""
        age = self.age
        return None if age is None else time.time() - age

    @property
    def fresh(self) -> bool:
        """False while nobody publishes, also if the thread that reads hangs in the store."""
        age = self.age
        return self._listening and age is not None and age <= STALE_SECONDS

    def objects(self, kind: str) -> dict[str, Any]:
        """The objects of a kind, by their own names."""
        prefix = f"{kind}:"
        with self.lock:
            found = {key: body for key, body in self.bodies.items() if key.startswith(prefix)}
        return {key[len(prefix) :]: self._object(kind, key, body) for key, body in found.items()}

    def one(self, key: str) -> Any:
        """The object of a key; None if there is none."""
        with self.lock:
            body = self.bodies.get(key)
        return None if body is None else self._object(key.partition(":")[0], key, body)

    def since(self, position: Position | None) -> News:
        """The news for a reader that knows the picture as it was at ``position``.

        It may come from another process, or have been away. All, if it has been away for too long.
        """
        with self.lock:
            keys = None if position is None else self.journal.since(position)
            if keys is None:
                return News(self.position, True, {**self.bodies}, self.fresh)
            changed = {key: self.bodies.get(key) for key in keys}
            return News(self.position, False, changed, self.fresh)

    def changed_since(self, position: Position) -> set[str] | None:
        """The keys of the objects that changed behind ``position``; None if that is not known."""
        with self.lock:
            return self.journal.since(position)

    def _object(self, kind: str, key: str, body: str) -> Any:
        # Objects are looked at more often than they change.
        known = self._decoded.get(key)
        if known is None or known[0] is not body:
            known = self._decoded[key] = (body, decode(kind, json.loads(body)))
        return known[1]

    # --- the thread of the mirror ---

    def take(self, news: Whole | Batch, earlier: Sequence[Batch] = ()) -> bool:
        """Take over what was read. False if it is older than what is known.

        ``earlier`` are the batches up to a first whole picture, as far as they are kept.
        """
        before = self.position
        follows = before is not None and before.epoch == news.position.epoch
        if before is not None and isinstance(news, Whole) and news.position.is_before(before):
            return False
        with self.lock:
            if not isinstance(news, Whole):
                self._change(news.position, news.bodies)
            elif follows:
                self._change(news.position, self._differences(news))
                # A reader of another process may have seen what was lost here.
                self.journal.begin(news.position, ())
            else:
                self._begin(news, earlier)
        # A publisher that is dead has left records: until all of them are read, their own time
        # tells how old they are.
        old = 0.0 if self.is_current else max(0.0, time.time() - news.at)
        self.heard_at = time.monotonic() - old
        self._listening = self._heading().listening
        self.tell()
        return True

    def _begin(self, whole: Whole, earlier: Sequence[Batch]) -> None:
        """Another publisher has begun, or this is the first look."""
        self.bodies = dict(whole.bodies)
        self.position = whole.position
        self.journal.begin(whole.position, earlier)
        self._decoded.clear()
        for follower in self.followers:
            follower.whole = True
            follower.waiting.clear()

    def _differences(self, whole: Whole) -> dict[str, str | None]:
        """The changes that a whole picture makes, behind a hole."""
        changed: dict[str, str | None] = dict.fromkeys(self.bodies.keys() - whole.bodies.keys())
        changed.update(
            (key, body) for key, body in whole.bodies.items() if self.bodies.get(key) != body
        )
        return changed

    def _change(self, position: Position, bodies: Mapping[str, str | None]) -> None:
        for key, body in bodies.items():
            if body is None:
                self.bodies.pop(key, None)
                self._decoded.pop(key, None)
            else:
                self.bodies[key] = body
        self.position = position
        self.journal.note(position, bodies)
        for follower in self.followers:
            if not follower.whole:
                follower.waiting.update(bodies)

    def _heading(self) -> Heading:
        heading = self.one("server:")
        return heading if isinstance(heading, Heading) else Heading(self.server)

    def tell(self) -> None:
        """Wake the followers."""
        self.told_fresh = self.fresh
        for follower in tuple(self.followers):
            follower.wake()


class Mirror:
    """Reads the feeds of the servers that somebody in this process looks at."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pages: dict[str, Page] = {}
        self._lock = threading.Lock()
        self._ended = False
        self._thread: threading.Thread | None = None
        self._logged_at = float("-inf")

    def page(self, server: str) -> Page:
        """The picture of a server, which is read from now on.

        Raises ConnectionFailed if the system refuses the thread: a later attempt may go well.
        """
        page = self._pages.get(server)
        if page is None or self._thread is None:
            with self._lock:
                page = self._pages.setdefault(server, Page(server))
                if self._thread is None and not self._ended:
                    self._thread = start_thread(self._run, "django_ami-mirror")
            self._backend.wake()
        return page

    def follow(self, server: str, wake: Callable[[], None]) -> Follower:
        """Follow a server from now on; see ``Follower``."""
        page = self.page(server)
        follower = Follower(page, wake)
        with page.lock:
            page.followers.add(follower)
        return follower

    def close(self) -> None:
        """Read no longer."""
        self._ended = True
        self._backend.wake()
        if self._thread is not None:
            self._thread.join(_LOOK_SECONDS + 1)

    # --- its thread ---

    def _run(self) -> None:
        try:
            while not self._ended:
                for page in tuple(self._pages.values()):
                    self._read(page)
                    if not page.looked.is_set():
                        self._read(page)  # the batches behind the whole picture
                        page.looked.set()
                        page.tell()
                    elif page.told_fresh and not page.fresh:
                        page.tell()
                self._backend.wait(_LOOK_SECONDS)
        finally:
            self._backend.close()

    def _read(self, page: Page) -> None:
        try:
            news = self._backend.read(page.server, page.position)
            if isinstance(news, Whole):
                page.take(news, self._earlier(page, news.position))
            else:
                for batch in news:
                    page.take(batch)
            page.is_current = page.is_current or (
                page.position is not None and not isinstance(news, Whole)
            )
        except Exception as error:  # noqa: BLE001  (any store's; it is told)
            now = time.monotonic()
            if now >= self._logged_at + _LOG_SECONDS:
                self._logged_at = now
                logger.warning(
                    "%s: the live picture cannot be read: %s: %s. It is tried again every second.",
                    page.server,
                    type(error).__name__,
                    error,
                    extra={"server": page.server, "error": type(error).__name__},
                )

    def _earlier(self, page: Page, position: Position) -> Sequence[Batch]:
        """The batches that led to a first whole picture, as far as they are kept."""
        if page.position is not None and page.position.epoch == position.epoch:
            return ()
        earlier: list[Batch] = []
        number = max(0, position.number - _RECALLED_BATCHES)
        while number < position.number:
            batches = self._backend.after(page.server, Position(position.epoch, number))
            if not batches:
                break
            earlier.extend(batches)
            number = batches[-1].position.number
        return earlier
