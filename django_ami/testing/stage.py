"""A world that is told, not played: scripts in a time of their own, which takes none.

The scripts are those of the simulated Asterisk.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django_ami.core.messages import Event
from django_ami.simulator.behaviour import Behaviour
from django_ami.simulator.bridging import join
from django_ami.simulator.channels import RING, Bridge, Channel, Pairs, Step
from django_ami.simulator.clock import Clock
from django_ami.simulator.dialling import ANSWER, Outcome
from django_ami.simulator.events import Event as Broadcast
from django_ami.simulator.options import CallTimes
from django_ami.simulator.pbx import Endpoint, Pbx
from django_ami.simulator.profiles import get_profile
from django_ami.simulator.queues import Member, Queue
from django_ami.testing.recording import Moment, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

__all__ = ["EPOCH_SECONDS", "Stage"]

#: When everything begins, in seconds since 1970.
EPOCH_SECONDS: Final = 1795459569.0
_NAMES: Final = {"101": "Alice", "102": "Bob", "103": "Carol"}


@dataclass(eq=False, slots=True)
class _Wait:
    """A script waits: until one of the channels is asked for something, or until a time."""

    channels: list[Channel]
    until: float | None

    def __await__(self) -> Generator[_Wait, bool, bool]:
        return (yield self)

    @property
    def is_signalled(self) -> bool:
        return any(channel.signal.is_set() for channel in self.channels)


class _Told(Clock):
    """A time that passes when everybody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return EPOCH_SECONDS + self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await self.first_signal([], seconds)

    async def first_signal(self, channels: list[Channel], seconds: float | None) -> bool:
        wait = _Wait(channels, None if seconds is None else self.now + seconds)
        return wait.is_signalled or await wait


class _Directed(Behaviour):
    """Telephones whose outcomes are told beforehand."""

    def __init__(self, times: CallTimes, outcomes: dict[str, Outcome]) -> None:
        super().__init__(times)
        self._outcomes = outcomes

    def outcome(self, dialed: str) -> Outcome:
        return self._outcomes.get(dialed.partition("/")[2], ANSWER)


class Stage:
    """A world of its own, whose scripts run without a loop.

    A coroutine is taken up again when its wait is over.
    """

    def __init__(self, *, ring: float = 3.0, talk: float = 60.0, asterisk: str = "22") -> None:
        self.outcomes: dict[str, Outcome] = {}
        #: All events so far.
        self.moments: list[Moment] = []
        self._clock = _Told()
        self._ready: deque[tuple[Coroutine[Any, Any, None], bool | None]] = deque()
        self._waiting: list[tuple[_Wait, Coroutine[Any, Any, None]]] = []
        times = CallTimes(ring=ring, duration=talk, queue_patience=3600.0)
        self.pbx = Pbx(
            self._emit, self._spawn, get_profile(asterisk), times, seed=7, clock=self._clock
        )
        self.pbx.behaviour = _Directed(times, self.outcomes)
        self.pbx.reset()

    def _emit(self, name: str, headers: Pairs) -> None:
        made = Broadcast(name, headers, self.pbx.profile.class_of_event(name))
        self.moments.append(
            Moment(self._clock.now, Event(name, made.data.removesuffix(b"\r\n\r\n")))
        )

    def _spawn(self, script: Coroutine[Any, Any, None]) -> None:
        self._ready.append((script, None))

    # --- its channels ---

    def enter(self, number: str, to: str) -> Channel:
        """Somebody's channel, as it comes in."""
        for one in (number, to):
            contact = f"{one}/sip:{one}@127.0.0.1:5060"
            self.pbx.endpoints[one] = Endpoint(one, _NAMES.get(one, ""), contact)
        name = f"PJSIP/{number}-{self.pbx.numbering.serial()}"
        title = _NAMES.get(number, "")
        return self.pbx.add_channel(
            name, state=RING, exten=to, caller_num=number, caller_name=title
        )

    def call(self, caller: str, to: str) -> Channel:
        """Somebody calls an extension, and goes where the dialplan leads."""
        channel = self.enter(caller, to)
        self._spawn(self.pbx.calls.run(channel, Step(exten=to)))
        return channel

    async def connect(self, channel: Channel, number: str) -> tuple[Channel, Bridge]:
        """Dial a number for a channel, and put both into a bridge.

        Returns the other channel, and the bridge.
        """
        calls = self.pbx.calls
        calls.new_exten(channel, "Dial", f"PJSIP/{number},20")
        leg, _ = await calls.call(channel, f"PJSIP/{number}")
        if leg is None:
            raise ValueError(f"PJSIP/{number} cannot be dialled.")
        return leg, join(self.pbx, channel, leg)

    def staff(self, queue: str, agent: str) -> Member:
        """The one member that a queue has."""
        member = Member(
            f"PJSIP/{agent}", _NAMES.get(agent, agent), login_time=int(EPOCH_SECONDS) - 3600
        )
        self.pbx.queues = {queue: Queue(queue, members=[member])}
        return member

    def hang_up(self, channel: Channel, cause: int | None = 16) -> None:
        """The far end of a channel hangs up."""
        self.pbx.request_hangup(channel, cause)
        channel.signal_hangup(cause or 0)

    # --- its course ---

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self._clock.sleep(seconds)

    def at(self, seconds: float, do: Callable[[], object]) -> None:
        """Do something at a time."""

        async def script() -> None:
            await self.wait(seconds)
            do()

        self._spawn(script())

    def tell(self, until: float = math.inf) -> Recording:
        """Run everything to its end, or to a time."""
        while (self._ready or self._waiting) and self._clock.now <= until:
            while self._ready:
                script, value = self._ready.popleft()
                with suppress(StopIteration):
                    self._waiting.append((script.send(value), script))
                self._wake(lambda wait: wait.is_signalled, value=True)
            self._clock.now = min(
                (wait.until for wait, _ in self._waiting if wait.until is not None), default=0.0
            )
            self._wake(
                lambda wait: wait.until is not None and wait.until <= self._clock.now, value=False
            )
        return Recording(self.moments)

    def _wake(self, is_over: Callable[[_Wait], bool], *, value: bool) -> None:
        over = [entry for entry in self._waiting if is_over(entry[0])]
        if over:
            self._ready += [(script, value) for _, script in over]
            self._waiting = [entry for entry in self._waiting if entry not in over]
