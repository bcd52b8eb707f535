"""Whose turn it is: the urgent ones first, and nobody left for long."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING

import pytest

from django_ami.core.reactor import Loop, When
from django_ami.core.reactor import priority as module
from tests.core.io_support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Watched:
    """Sockets that are watched; each is ready once it was told, until it is read."""

    def __init__(self, many: int, stack: contextlib.ExitStack) -> None:
        self.served: list[int] = []
        pairs = [socket.socketpair() for _ in range(many)]
        self.ours = [stack.enter_context(ours) for ours, _ in pairs]
        self._theirs = [stack.enter_context(theirs) for _, theirs in pairs]
        self.loop = Loop()
        stack.callback(self.loop.close)
        for number, ours in enumerate(self.ours):
            self.loop.watch(
                ours.fileno(), EVENT_READ, lambda _, number=number: self.served.append(number)
            )

    def tell(self, *numbers: int) -> None:
        for number in numbers:
            self._theirs[number].send(b"x")

    def await_replies(self, number: int, count: int = 1) -> None:
        self.loop.priority.await_replies(self.ours[number].fileno(), count)

    def turn(self, timeout: float = 0.0, until: Callable[[], bool] = lambda: False) -> list[int]:
        self.served.clear()
        self.loop.run_once(timeout, until=When(until))
        return list(self.served)


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as made:
        yield made


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn has time for one that is not urgent, and it is never long till then."""
    monkeypatch.setattr(module, "LONGEST_TURN_SECONDS", 0)
    monkeypatch.setattr(module, "STAND_BACK_SECONDS", 0)


@pytest.fixture
def all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for an urgent one for as long as it takes."""
    monkeypatch.setattr(module, "LONGEST_TURN_SECONDS", 3600)
    monkeypatch.setattr(module, "STAND_BACK_SECONDS", 3600)


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("urgent", [None, 17, 1])
def test_each_ready_socket_has_its_turn(stack: contextlib.ExitStack, urgent: int | None) -> None:
    many = 20 if urgent != 1 else 2
    watched = Watched(many, stack)
    watched.tell(*range(many))
    first = [] if urgent is None else [urgent]
    for number in first:
        watched.await_replies(number)
    seen: list[int] = []
    for _ in range(many - len(first)):
        served = watched.turn()
        assert served[:-1] == first
        seen += served[-1:]
    assert sorted([*seen, *first]) == list(range(many))


@pytest.mark.usefixtures("all_the_time")
def test_others_wait_while_there_is_an_urgent_one(stack: contextlib.ExitStack) -> None:
    watched = Watched(4, stack)
    watched.await_replies(3)
    watched.tell(0, 1)
    assert watched.turn() == []
    assert watched.loop.deferred
    watched.tell(3)
    assert watched.turn() == [3]
    watched.await_replies(3, 0)
    assert sorted(watched.turn()) == [0, 1, 3]
    assert not watched.loop.deferred


@pytest.mark.usefixtures("all_the_time")
def test_thread_with_its_answer_runs_before_others_are_served(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.loop.watch(watched.ours[1].fileno(), EVENT_READ, lambda _: watched.await_replies(1, 0))
    watched.await_replies(1)
    watched.tell(0, 1)
    assert watched.turn() == []
    assert not watched.loop.priority.awaiting
    assert watched.turn() == [0]


@pytest.mark.usefixtures("all_the_time")
def test_deferred_socket_ends_no_sleep(stack: contextlib.ExitStack) -> None:
    """Else a turn would follow the other until the urgent one comes."""
    watched = Watched(2, stack)
    watched.await_replies(1)
    watched.tell(0)
    assert watched.turn() == []
    threading.Timer(0.2, watched.tell, [1]).start()
    begun = time.process_time()
    assert watched.turn(20) == [1]
    assert time.process_time() - begun < 0.1
    threading.Timer(0.05, watched.loop.wake).start()
    watched.ours[1].recv(1)
    assert watched.turn(20) == []  # a wake-up ends it


def test_other_sockets_wait_for_an_urgent_one_for_a_moment_only(
    stack: contextlib.ExitStack,
) -> None:
    watched = Watched(2, stack)
    watched.await_replies(1)
    watched.tell(0)
    assert watched.turn() == []
    wait_until(lambda: watched.turn(20) == [0])


@pytest.mark.usefixtures("all_the_time")
def test_when_it_is_over_others_are_left(stack: contextlib.ExitStack) -> None:
    watched = Watched(3, stack)
    watched.tell(0, 1, 2)
    assert watched.turn(until=lambda: True) == []
    assert len(watched.turn(until=lambda: bool(watched.served))) == 1
    assert watched.loop.deferred
    assert len(watched.turn()) == 3


@pytest.mark.usefixtures("all_the_time")
def test_one_that_was_left_and_closed_keeps_nobody_awake(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.await_replies(1)
    watched.tell(0)
    assert watched.turn() == []
    watched.loop.unwatch(watched.ours[0].fileno())
    assert watched.turn() == []
    assert not watched.loop.deferred


@pytest.mark.usefixtures("all_the_time")
def test_idle_calls_are_made_one_by_one_when_nobody_waits(stack: contextlib.ExitStack) -> None:
    watched = Watched(1, stack)
    watched.await_replies(0)
    for number in (10, 11):
        watched.loop.call_when_idle(lambda number=number: watched.served.append(number))
    assert watched.turn() == []
    watched.await_replies(0, 0)
    watched.tell(0)
    assert watched.turn(20) == [10, 0]
    assert watched.turn(20) == [11, 0]
    assert not watched.loop.deferred


def test_idle_calls_wait_a_moment_only(stack: contextlib.ExitStack) -> None:
    watched = Watched(1, stack)
    watched.await_replies(0)
    watched.loop.call_when_idle(lambda: watched.served.append(10))
    assert watched.turn() == []
    wait_until(lambda: watched.turn(20) == [10])


def test_a_slow_answer_holds_nobody_up_for_long(stack: contextlib.ExitStack) -> None:
    """One that takes seconds is nothing to wait for.

    The others wait once, and go on until an urgent one comes.
    """
    watched = Watched(2, stack)
    watched.await_replies(1)
    watched.tell(0)
    wait_until(lambda: watched.turn(20) == [0])
    for _ in range(20):
        assert watched.turn(20) == [0]
    watched.tell(1)
    assert watched.turn(20) == [1]


def test_an_urgent_one_that_is_gone_does_no_harm(stack: contextlib.ExitStack) -> None:
    watched = Watched(3, stack)
    watched.await_replies(1)
    watched.await_replies(2)
    watched.tell(0)
    assert watched.turn() == []
    watched.ours[1].close()
    wait_until(lambda: watched.turn(20) == [0])


def test_waiting_for_an_urgent_one_needs_no_descriptor(stack: contextlib.ExitStack) -> None:
    """A process that has none left has many links that come back just then."""
    watched = Watched(2, stack)
    watched.await_replies(1)
    watched.tell(0)
    assert watched.turn() == []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        wait_until(lambda: watched.turn(20) == [0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("all_the_time")
def test_one_that_waits_to_write_may_be_urgent(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.loop.watch(watched.ours[1].fileno(), EVENT_WRITE, lambda _: watched.served.append(1))
    watched.await_replies(1)
    watched.tell(0)
    watched.loop.call_when_idle(lambda: watched.served.append(10))
    assert watched.turn(20) == [1]
    assert watched.turn(20) == [1]
