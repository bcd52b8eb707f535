"""Calls that wait for their turn: one alarm for all of them, and none that was withdrawn leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django_ami.core.client.dialling import Dialler
from django_ami.core.config import ServerConfig
from django_ami.core.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(eq=False)
class Target:
    """A server, as far as its limits go."""

    config: ServerConfig
    name: str = "node_1"


@dataclass(eq=False)
class Call:
    """A request, as far as it may be over before it leaves."""

    is_over: bool = False
    followed: None = None

    def done(self) -> bool:
        return self.is_over


@dataclass
class Site:
    """A dialler, what it has sent, and the alarms that it waits for."""

    options: Options
    sent: list[Any] = field(default_factory=list)
    alarms: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target = Target(
            ServerConfig(
                name="node_1", host="pbx", username="me", secret="amp111", options=self.options
            )
        )
        self.dialler: Dialler[Any] = Dialler(
            lambda _, request: self.sent.append(request),
            lambda _, function: self.alarms.append(function),
        )

    def dial(self, count: int) -> list[Call]:
        calls = [Call() for _ in range(count)]
        for call in calls:
            self.dialler.dial(self.target, call, may_wait=True)  # type: ignore[arg-type]
        return calls


def test_waiting_calls_share_one_alarm() -> None:
    site = Site(Options(max_originates_per_second=0.001))
    first, *_ = site.dial(1_000)
    assert site.sent == [first]
    assert len(site.alarms) == 1
    site.alarms.pop()()  # too early: it is set again, once
    assert site.sent == [first]
    assert len(site.alarms) == 1


def test_withdrawn_calls_take_no_turn_however_many_they_are() -> None:
    site = Site(Options(max_concurrent_originates=1))
    first, *withdrawn, last = site.dial(5_000)
    for call in withdrawn:
        call.is_over = True
    site.dialler.over(first)  # type: ignore[arg-type]
    assert site.sent == [first, last]


def test_withdrawn_calls_leave_room_for_others_to_wait() -> None:
    site = Site(Options(max_concurrent_originates=1, max_pending_actions=20))
    _, *waiting = site.dial(21)
    for call in waiting[:-1]:
        call.is_over = True
    (late,) = site.dial(1)
    site.dialler.over(site.sent[0])
    site.dialler.over(waiting[-1])  # type: ignore[arg-type]
    assert site.sent[1:] == [waiting[-1], late]
