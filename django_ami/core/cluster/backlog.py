"""The backlog of one server: events that were read and not handed on.

Some gather, others wait for room.

Rule: nothing is dropped while receivers make progress and the burst is short; and all that a server
writes is read in time, so that it does not cut us. Everything keeps its order.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from django_ami.core.cluster.containment import contained
from django_ami.core.cluster.drops import Drops
from django_ami.core.event_queue import size_of
from django_ami.core.session import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.config import ServerConfig
    from django_ami.core.delivery import Delivery
    from django_ami.core.messages import Event
    from django_ami.core.reactor import Loop, Timer
    from django_ami.core.session import Notice

__all__ = ["Backlog"]


#: How many events of a flood make a batch, and how long the first of them waits at most for the
#: others. A pause of the reactor thread ends a batch, too. A batch is less than one read of a flood
#: has, so that receivers get the events while they are in the caches.
ENOUGH_EVENTS: Final = 200
LONGEST_HOLD_SECONDS: Final = 0.005
#: While the queue is full, reading pauses, but never so long that it gets slower than this. A busy
#: Asterisk writes 4.5 MB/s to one reader, so its buffers do not fill meanwhile; and no pause is
#: longer than half of its shortest ``writetimeout`` (100 ms), since one read has 256 KB.
READ_BYTES_PER_SECOND: Final = 5_000_000
#: How many seconds of the receivers' work may wait for room while it gets more, and which part (one
#: in so many) of the queue's bytes.
PATIENCE_SECONDS: Final = 10.0
WAITING_PART: Final = 4
#: How often the pace of the receivers is measured. A shorter time would be that of reading the
#: burst, or of a receiver that pauses once, since it connects to its database again.
PACE_SECONDS: Final = 2.0
#: How long between two looks whether the queue has room.
LOOK_SECONDS: Final = 0.005


class _Pace:
    """The pace of the receivers, and whether what waits for them still gets more."""

    def __init__(self) -> None:
        self._since = 0.0
        #: How many events the receivers had done with, and when that was.
        self._done = 0
        self._done_at = 0.0
        #: How many have waited at most, and since when it is no more than that.
        self._most = 0
        self._grown_at = 0.0

    def begin(self, done: int, now: float) -> None:
        """The first events wait."""
        self._most = 0
        self._done, self._done_at = done, now
        self._since = now

    def notice(self, waiting: int, now: float) -> None:
        """More have come, and this number waits."""
        if waiting > self._most:
            self._most, self._grown_at = waiting, now

    def suffices(self, waiting: int, done: int, now: float) -> bool:
        """True while the receivers are quick enough for what waits, or the burst is over.

        It is over when what waits gets less: the receivers then come to its end.
        """
        span = now - self._done_at
        if span < PACE_SECONDS:
            return True
        pace = (done - self._done) / span
        self._done, self._done_at = done, now
        if waiting <= pace * PATIENCE_SECONDS:
            return True
        is_over = self._grown_at < now - PACE_SECONDS / 2
        has_just_begun = self._since > now - 2 * PACE_SECONDS
        return pace > 0 and (is_over or has_just_begun)


class Backlog:
    """The events and notices of one server on their way to its queue.

    ``look`` is called while some wait for room; ``contain`` with what goes wrong in a timer.
    """

    def __init__(
        self,
        config: ServerConfig,
        loop: Loop,
        delivery: Delivery,
        slowest_receiver: Callable[[], str],
        *,
        look: Callable[[], None],
        contain: Callable[[Exception], None],
    ) -> None:
        self._name = config.name
        self._options = config.options
        self._loop = loop
        self._delivery = delivery
        self._drops = Drops(config, loop, delivery, slowest_receiver, contain)
        self._look = look
        self._contain = contain
        self._events: list[Event] = []
        self._ignored = self._bytes = 0
        #: When the first of those came that are held back until there are more; None if there are
        #: none.
        self.gathering_since: float | None = None
        self._hold_timer: Timer | None = None
        #: Events that wait for room, and when they came; and notices behind them.
        self._waiting: deque[tuple[list[Event] | Notice, float]] = deque()
        self._waiting_events = self._waiting_bytes = 0
        self._look_timer: Timer | None = None
        self._read_again_at = 0.0
        self._pace = _Pace()
        #: True while receivers are too slow: events that do not fit are dropped, until all do.
        self._overloaded = False
        #: Of the server's connections before this one.
        self._dropped_before = 0

    @property
    def waiting(self) -> bool:
        """True if something waits for room."""
        return bool(self._waiting)

    @property
    def pausing(self) -> bool:
        """True if there is no room for more events, and the server can stay unread for a moment."""
        return bool(self._waiting) and self._loop.now < self._read_again_at

    # --- from the server ---

    def add(self, events: list[Event], ignored: int, size: int, *, read: int, more: bool) -> bool:
        """Take the events of one read of ``read`` bytes, which hold at most ``size`` bytes.

        True if some wait for room.

        They are handed on when all that had come is read (there is not ``more``), or there are
        enough, or some are held for too long. A thread that waits for an answer, and reads events
        meanwhile, is not to share the interpreter with receivers.
        """
        if events:
            self._events += events
            self._bytes += size
        self._ignored += ignored
        now = self._loop.now
        if self.gathering_since is None:
            self.gathering_since = now
        gathering = more or (self._loop.guest and self._events)
        if (
            not gathering
            or len(self._events) >= ENOUGH_EVENTS
            or now >= self.gathering_since + LONGEST_HOLD_SECONDS
        ):
            self.hand_on()
        elif self._hold_timer is None:
            # More to read is no more than likely; and the waiting thread may have its answer by
            # now.
            self._hold_timer = self._loop.call_at(now + LONGEST_HOLD_SECONDS, self._hold_no_longer)
        if not self._waiting:
            return False
        self._read_again_at = now + read / READ_BYTES_PER_SECOND
        return True

    def add_notice(self, notice: Notice) -> None:
        """Hand on a notice, behind the events that came before it."""
        self.hand_on()
        if self._waiting:
            self._waiting.append((notice, self._loop.now))
        else:
            self._put_notice(notice)

    def hand_on(self) -> None:
        """Give those who wait for events what was held back, as far as there is room."""
        self.gathering_since = None
        if not self._events and not self._ignored:
            return
        events, ignored, size = self._events, self._ignored, self._bytes
        self._events, self._ignored, self._bytes = [], 0, 0
        if self._overloaded:
            dropped = self._delivery.put_events(self._name, events, ignored, size, self._loop.now)
            if dropped:
                self._drops.report(dropped)
            elif events:
                self._overloaded = False
            return
        if self._waiting:
            self._delivery.put_events(self._name, [], ignored)
        else:
            events = self._put(events, ignored, size, self._loop.now)
        if events:
            self._wait(events)

    def hand_on_all(self) -> None:
        """Hand on all events; drop those that find no room, as no later call hands them on."""
        self.hand_on()
        self._go_on(patient=False)

    def start_afresh(self) -> None:
        """A timer may be gone without having done what it was for."""
        for timer in (self._hold_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._hold_timer = self._look_timer = None
        self._drops.start_afresh()
        self.hand_on()
        if self._waiting:
            self._look_again()

    @contained
    def _hold_no_longer(self) -> None:
        self._hold_timer = None
        self.hand_on()

    def relieve(self) -> None:
        """This process has no memory left."""
        self._delivery.relieve()

    # --- waiting for room ---

    def _put(self, events: list[Event], ignored: int, size: int, at: float) -> list[Event]:
        """Queue as many as there is room for; returns the others.

        Drops those that can never have room.
        """
        left, dropped = self._delivery.offer(self._name, events, ignored, size, at)
        if dropped:
            self._drops.report(dropped)
        return left

    def _put_notice(self, notice: Notice) -> None:
        """Queue a notice.

        A loss also counts the events that were dropped since the loss before it.
        """
        if isinstance(notice, Lost) and notice.was_ready:
            dropped = self._delivery.counts(self._name).dropped
            more, self._dropped_before = dropped - self._dropped_before, dropped
            notice = notice._replace(missing=notice.missing + more)
        self._delivery.put_notice(notice)

    def _wait(self, events: list[Event]) -> None:
        if not self._waiting:
            self._waiting_events = self._waiting_bytes = 0
            self._pace.begin(self._count_done(), self._loop.now)
            self._look_again()
        self._waiting.append((events, self._loop.now))
        self._waiting_events += len(events)
        self._waiting_bytes += size_of(events)
        self._pace.notice(self._waiting_events, self._loop.now)
        if self._waiting_bytes > self._options.event_queue_bytes // WAITING_PART:
            self._go_on(patient=False)

    def _look_again(self) -> None:
        self._look_timer = self._loop.call_at(self._loop.now + LOOK_SECONDS, self._look_for_room)

    @contained
    def _look_for_room(self) -> None:
        self._look_timer = None
        self._go_on(
            patient=self._pace.suffices(self._waiting_events, self._count_done(), self._loop.now)
        )
        if self._waiting:
            self._look_again()
        self._look()

    def _go_on(self, *, patient: bool) -> None:
        """Hand on what waits: as far as there is room, or all of it."""
        while self._waiting:
            first, at = self._waiting.popleft()
            if not isinstance(first, list):
                self._put_notice(first)
            elif patient:
                size = size_of(first)
                left = self._put(first, 0, size, at)
                self._waiting_events -= len(first) - len(left)
                self._waiting_bytes -= size - size_of(left)
                if left:
                    self._waiting.appendleft((left, at))
                    return
            elif dropped := self._delivery.put_events(self._name, first, 0, size_of(first), at):
                self._overloaded = True
                self._drops.report(dropped)

    def _count_done(self) -> int:
        counts = self._delivery.tally[self._name]
        return counts.delivered + counts.failed
