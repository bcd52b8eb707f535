"""The lanes of a listener together: putting, meeting, waiting, and the end.

Rule: one thread puts, and it never waits for a receiver.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from django_ami.core.errand import Errand
from django_ami.core.log import get_logger
from django_ami.core.refusals import start_thread
from django_ami.parallel.keys import number_of
from django_ami.parallel.lane import AGAIN, Lane, Meeting

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.core.counters import Counts
    from django_ami.core.messages import Event
    from django_ami.core.options import Options
    from django_ami.core.receivers import Receivers
    from django_ami.core.session import Gap
    from django_ami.parallel.lane import Deliver

__all__ = ["Lanes"]

logger = get_logger(__name__)

#: A lane waits so long, at most, for another one whose call becomes one with a call of its own.
MEETING_SECONDS: Final = 10.0
#: How often a thread that waits for lanes looks at them.
_LOOK_SECONDS: Final = 0.02
#: Changes of live pictures that wait in a lane; more are dropped, and counted.
MOST_CHANGES: Final = 5_000
_REPORT_SECONDS: Final = 10.0


class Lanes:
    """Some lanes, and which of them has what. All but ``over`` and what lanes call: one thread.

    ``deliver`` runs receivers on the lane's thread; ``settle`` counts what became of events;
    ``serves`` says whether a server's events may be delivered now; ``tell_gap`` tells that a lane
    has dropped some.
    """

    def __init__(
        self,
        count: int,
        receivers: Receivers,
        *,
        deliver: Deliver,
        settle: Callable[[str, Counts], None],
        serves: Callable[[str], bool],
        tell_gap: Callable[[Gap, Receivers], None],
        wake: Callable[[], object] = lambda: None,
    ) -> None:
        self._wake = wake
        self.deliver, self.settle, self.serves, self.tell_gap = deliver, settle, serves, tell_gap
        #: True once no receiver is to be begun any more.
        self.over = False
        #: Somebody waits until all is through: batches are not to wait for more.
        self.hurry = False
        #: Set when a lane has done something.
        self.progressed = threading.Event()
        self._broken: MemoryError | None = None
        self._receivers = receivers
        self._lanes = [Lane(number, self, receivers.beside()) for number in range(count)]
        self._threads = [
            start_thread(lane.run, f"django_ami-lane-{lane.number}") for lane in self._lanes
        ]
        self._options: dict[str, Options] = {}
        self._dropped_changes = 0
        self._reported_at = float("-inf")

    def __getitem__(self, number: int) -> Lane:
        return self._lanes[number]

    def __len__(self) -> int:
        return len(self._lanes)

    def admit(self, server: str, options: Options) -> None:
        """Make room for the events of a server, if it is new or its options have changed."""
        if self._options.get(server) is not options:
            for lane in self._lanes:
                lane.admit(server, options, len(self._lanes))
            self._options[server] = options

    def knows(self, server: str) -> bool:
        """True if there is room for the events of a server."""
        return server in self._options

    # --- which lane ---

    def of_key(self, key: object) -> int:
        """The lane of a key; of equal ones the same, in every process."""
        return number_of(key, len(self._lanes))

    def loads(self, server: str) -> list[int]:
        """How many events of a server are in each lane."""
        return [lane.waits(server) for lane in self._lanes]

    # --- putting ---

    def put_change(self, server: str, number: int, tell: Callable[[Lane], object]) -> None:
        """Have a lane tell a change, behind the events that it has."""
        lane = self._lanes[number]
        if lane.errands(server) >= MOST_CHANGES:
            self._drop_change(server)
        else:
            lane.put_errand(Errand(server, partial(tell, lane), _nothing))

    def _drop_change(self, server: str) -> None:
        self._dropped_changes += 1
        now = time.monotonic()
        if now - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = now
            logger.error(
                "%s: %d changes of calls, queues or agents reached no receiver, since %d wait. "
                "Make the receivers faster, or connect fewer.",
                server,
                self._dropped_changes,
                MOST_CHANGES,
                extra={"server": server},
            )

    def meet(self, server: str, number: int, beside: set[int], event: Event) -> None:
        """Have a lane deliver an event when it and some others have come to it.

        The others wait until that is over. Nobody waits for longer than ``MEETING_SECONDS``.
        """
        first, others = self._lanes[number], [self._lanes[other] for other in beside]
        arrived, over = threading.Semaphore(0), threading.Event()

        missing = others[:]

        def lead() -> object:
            with first.meeting(server, over):
                end = time.monotonic() + MEETING_SECONDS
                while missing and self._until(arrived.acquire, end, first, server):
                    missing.pop()
                if not first.may_deliver(server):
                    return AGAIN
                if missing:
                    self._tell_missed(server)
                done = True
                try:
                    done = first.deliver_one(server, event)
                finally:
                    if done:
                        over.set()
            return None if done else AGAIN

        def wait(lane: Lane) -> None:
            with lane.meeting(server, over):
                arrived.release()
                self._until(over.wait, time.monotonic() + 2 * MEETING_SECONDS, lane, server)

        # All of them come to meetings in the order in which this thread puts, so none waits in a
        # circle.
        first.put_meeting(over, Meeting(server, lead, lead))
        for lane in others:
            lane.put_meeting(over, Meeting(server, partial(wait, lane), partial(wait, lane)))

    def _until(self, wait: Callable[..., bool], end: float, lane: Lane, server: str) -> bool:
        """Wait, but not beyond that time, the end of the lanes, or the lease of the server."""
        while not wait(timeout=_LOOK_SECONDS):
            if self.over or time.monotonic() >= end or not lane.may_deliver(server):
                return False
        return True

    def _tell_missed(self, server: str) -> None:
        if not self.over:
            logger.warning(
                "%s: two calls have become one, and a receiver of one of them has not returned for "
                "%g s (%s): their events may be out of order.",
                server,
                MEETING_SECONDS,
                self._receivers.slowest() or "none is known to run",
                extra={"server": server, "seconds": MEETING_SECONDS},
            )

    # --- waiting for them ---

    @property
    def busy(self) -> bool:
        """True while receivers run."""
        return any(lane.at_work for lane in self._lanes)

    def is_idle(self, server: str | None = None) -> bool:
        """True if nothing of a server, or of any, is in a lane."""
        servers = tuple(self._options) if server is None else (server,)
        return not any(
            lane.at_work in servers or any(lane.waits(one) or lane.errands(one) for one in servers)
            for lane in self._lanes
        )

    def has_room(self, server: str) -> bool:
        """False if even the lane with the fewest events of a server is half full."""
        capacity = self._options[server].event_queue_capacity // len(self._lanes)
        return min(self.loads(server)) <= capacity // 2

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Wait for so long, at most, until lanes have come so far; says whether they have."""
        self.check()
        end = time.monotonic() + seconds
        try:
            while not until():
                left = end - time.monotonic()
                if left <= 0 or self.over:
                    return False
                self._hasten()
                self.progressed.clear()
                self.progressed.wait(min(left, _LOOK_SECONDS))
                self.check()
        finally:
            self.hurry = False
        return True

    def _hasten(self) -> None:
        """Have lanes give the batches that wait for more events."""
        self.hurry = True
        for lane in self._lanes:
            if len(lane.collector):
                lane.delivery.wake()

    def discard(self, server: str, seconds: float) -> None:
        """The events of a server that wait in lanes reach no receiver: another process has them."""
        for lane in self._lanes:
            lane.discarding.append(server)
        self.wait(lambda: self.is_idle(server), seconds)
        for lane in self._lanes:
            lane.put_errand(_end_of_discarding(lane, server))

    def check(self) -> None:
        """Raises MemoryError if a lane had none left."""
        if self._broken is not None:
            error, self._broken = self._broken, None
            raise error

    def failed(self, error: MemoryError) -> None:
        self._broken = error
        self.progressed.set()
        self._wake()  # perhaps no event comes

    def end(self, deadline: float) -> None:
        """Begin no receiver any more, and wait for those that run until then."""
        self.over = True
        for lane in self._lanes:
            lane.delivery.wake()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self.busy and any(thread.is_alive() for thread in self._threads):
            logger.error(
                "A receiver has not returned, and its event is left: %s.",
                self._receivers.slowest() or "it is not known which one",
            )
        self._receivers.alone()


def _nothing() -> None:
    """A change that nobody is told of."""


def _end_of_discarding(lane: Lane, server: str) -> Errand:
    def end() -> None:
        lane.discarding.remove(server)

    return Errand(server, end, end)
