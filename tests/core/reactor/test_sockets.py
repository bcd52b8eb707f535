"""Whose turn it is: the urgent ones first, and nobody left for long."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.reactor import sockets as module
from django_ami.core.reactor.sockets import Sockets
from tests.core.io_support import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _call(function: Callable[..., None], *arguments: Any) -> None:
    function(*arguments)


class Watched:
    """Sockets that are watched; each is ready once it was told, until it is read."""

    def __init__(self, many: int, stack: contextlib.ExitStack) -> None:
        self.served: list[int] = []
        pairs = [socket.socketpair() for _ in range(many)]
        self.ours = [stack.enter_context(ours) for ours, _ in pairs]
        self._theirs = [stack.enter_context(theirs) for _, theirs in pairs]
        wakee, waker = (stack.enter_context(one) for one in socket.socketpair())
        self.wakee = wakee.fileno()
        self.wake: Callable[[], Any] = lambda: waker.send(b"x")
        self.sockets = Sockets(
            lambda function, *arguments: function(*arguments), wakee.fileno(), lambda _: wakee.recv(9)
        )
        stack.callback(self.sockets.close)
        for number, ours in enumerate(self.ours):
            self.sockets.watch(ours.fileno(), EVENT_READ, lambda _, number=number: self.served.append(number))

    def tell(self, *numbers: int) -> None:
        for number in numbers:
            self._theirs[number].send(b"x")

    def hurry(self, number: int, answers: int = 1) -> None:
        self.sockets.hurry(self.ours[number].fileno(), answers)

    def turn(self, timeout: float = 0.0, is_over: Callable[[], bool] = lambda: False) -> list[int]:
        self.served.clear()
        self.sockets.serve(self.sockets.select(timeout), is_over)
        return list(self.served)


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as made:
        yield made


@pytest.fixture
def no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn has time for one that is not urgent, and it is never long till then."""
    monkeypatch.setattr(module, "LONGEST_TURN", 0)
    monkeypatch.setattr(module, "DEFERENCE", 0)


@pytest.fixture
def all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for an urgent one for as long as it takes."""
    monkeypatch.setattr(module, "LONGEST_TURN", 3600)
    monkeypatch.setattr(module, "DEFERENCE", 3600)


@pytest.mark.usefixtures("no_time")
@pytest.mark.parametrize("urgent", [None, 17, 1])
def test_none_is_left_for_long(stack: contextlib.ExitStack, urgent: int | None) -> None:
    many = 20 if urgent != 1 else 2
    watched = Watched(many, stack)
    watched.tell(*range(many))
    first = [] if urgent is None else [urgent]
    for number in first:
        watched.hurry(number)
    seen: list[int] = []
    for _ in range(many - len(first)):
        served = watched.turn()
        assert served[:-1] == first
        seen += served[-1:]
    assert sorted([*seen, *first]) == list(range(many))


@pytest.mark.usefixtures("all_the_time")
def test_others_wait_while_there_is_an_urgent_one(stack: contextlib.ExitStack) -> None:
    watched = Watched(4, stack)
    watched.hurry(3)
    watched.tell(0, 1)
    assert watched.turn() == []
    assert watched.sockets.deferred
    watched.tell(3)
    assert watched.turn() == [3]
    watched.hurry(3, 0)
    assert sorted(watched.turn()) == [0, 1, 3]
    assert not watched.sockets.deferred


@pytest.mark.usefixtures("all_the_time")
def test_who_got_his_answer_is_to_run_before_others_are_served(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.sockets.watch(watched.ours[1].fileno(), EVENT_READ, lambda _: watched.hurry(1, 0))
    watched.hurry(1)
    watched.tell(0, 1)
    assert watched.turn() == []
    assert not watched.sockets.urgent
    assert watched.turn() == [0]


@pytest.mark.usefixtures("all_the_time")
def test_what_waits_ends_no_sleep(stack: contextlib.ExitStack) -> None:
    """Else a turn would follow the other until the urgent one comes."""
    watched = Watched(2, stack)
    watched.hurry(1)
    watched.tell(0)
    assert watched.turn() == []
    threading.Timer(0.2, watched.tell, [1]).start()
    begun = time.process_time()
    assert watched.turn(20) == [1]
    assert time.process_time() - begun < 0.1
    threading.Timer(0.05, watched.wake).start()
    watched.ours[1].recv(1)
    assert watched.turn(20) == []  # a wake-up ends it


def test_they_wait_a_moment_only(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.hurry(1)
    watched.tell(0)
    assert watched.turn() == []
    wait_until(lambda: watched.turn(20) == [0])


@pytest.mark.usefixtures("all_the_time")
def test_when_it_is_over_others_are_left(stack: contextlib.ExitStack) -> None:
    watched = Watched(3, stack)
    watched.tell(0, 1, 2)
    assert watched.turn(is_over=lambda: True) == []
    assert len(watched.turn(is_over=lambda: bool(watched.served))) == 1
    assert watched.sockets.deferred
    assert len(watched.turn()) == 3


@pytest.mark.usefixtures("all_the_time")
def test_one_that_was_left_and_closed_keeps_nobody_awake(stack: contextlib.ExitStack) -> None:
    watched = Watched(2, stack)
    watched.hurry(1)
    watched.tell(0)
    assert watched.turn() == []
    watched.sockets.unwatch(watched.ours[0].fileno())
    assert watched.turn() == []
    assert not watched.sockets.deferred


@pytest.mark.usefixtures("all_the_time")
def test_what_is_done_at_leisure_is_done_one_by_one_when_nobody_waits(stack: contextlib.ExitStack) -> None:
    watched = Watched(1, stack)
    watched.hurry(0)
    for number in (10, 11):
        watched.sockets.call_at_leisure(lambda number=number: watched.served.append(number))
    assert watched.turn() == []
    watched.hurry(0, 0)
    watched.tell(0)
    assert watched.turn(20) == [10, 0]
    assert watched.turn(20) == [11, 0]
    assert not watched.sockets.deferred


def test_what_is_done_at_leisure_waits_a_moment_only(stack: contextlib.ExitStack) -> None:
    watched = Watched(1, stack)
    watched.hurry(0)
    watched.sockets.call_at_leisure(lambda: watched.served.append(10))
    assert watched.turn() == []
    wait_until(lambda: watched.turn(20) == [10])


def test_a_slow_answer_holds_nobody_up_for_long(stack: contextlib.ExitStack) -> None:
    """One that takes seconds is nothing to wait for: the others wait once, and go on until an urgent one comes."""
    watched = Watched(2, stack)
    watched.hurry(1)
    watched.tell(0)
    wait_until(lambda: watched.turn(20) == [0])
    for _ in range(20):
        assert watched.turn(20) == [0]
    watched.tell(1)
    assert watched.turn(20) == [1]


def test_an_urgent_one_that_is_gone_does_no_harm(stack: contextlib.ExitStack) -> None:
    watched = Watched(3, stack)
    watched.hurry(1)
    watched.hurry(2)
    watched.tell(0)
    assert watched.turn() == []
    watched.ours[1].close()
    wait_until(lambda: watched.turn(20) == [0])


def test_waiting_for_an_urgent_one_needs_no_descriptor(stack: contextlib.ExitStack) -> None:
    """A process that has none left has many links that come back just then."""
    watched = Watched(2, stack)
    watched.hurry(1)
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
    watched.sockets.watch(watched.ours[1].fileno(), EVENT_WRITE, lambda _: watched.served.append(1))
    watched.hurry(1)
    watched.tell(0)
    watched.sockets.call_at_leisure(lambda: watched.served.append(10))
    assert watched.turn(20) == [1]
    assert watched.turn(20) == [1]


class TestLooking:
    """Who waits for one answer, and had the last one soon, looks for it a while before he sleeps."""

    @pytest.fixture
    def watched(self, stack: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch) -> Watched:
        monkeypatch.setattr(module, "EAGERNESS", 3600)
        return Watched(2, stack)

    @staticmethod
    def wait(watched: Watched, come: Callable[[], None], *, eager: bool = True) -> tuple[set[int], bool]:
        """Wait for what comes after a while: which sockets are ready, and whether he slept."""
        selector = watched.sockets._selector
        timeouts: list[float] = []

        class Spy:
            def select(self, timeout: float) -> Any:
                timeouts.append(timeout)
                return selector.select(timeout)

        watched.sockets._selector = Spy()
        threading.Timer(0.01, come).start()
        ready = watched.sockets.select(20, eager=eager)
        watched.sockets._selector = selector
        return {key.fd for key, _ in ready}, bool(timeouts[-1])

    def slept(self, watched: Watched, *, eager: bool = True) -> bool:
        """Whether he slept till an answer came."""
        ready, slept = self.wait(watched, lambda: watched.tell(1), eager=eager)
        assert ready == {watched.ours[1].fileno()}
        watched.ours[1].recv(1)
        return slept

    @staticmethod
    def be_prompt(watched: Watched, number: int = 1) -> None:
        watched.hurry(number)
        watched.hurry(number, 0)

    def test_the_first_time_he_sleeps(self, watched: Watched) -> None:
        watched.hurry(1)
        assert self.slept(watched)

    def test_he_looks_after_a_prompt_answer(self, watched: Watched) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        assert not self.slept(watched)
        assert self.slept(watched, eager=False), "not a thread that only reads for others"

    def test_he_sleeps_after_a_slow_one(self, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        monkeypatch.setattr(module, "EAGERNESS", 0)
        watched.hurry(1, 0)
        monkeypatch.setattr(module, "EAGERNESS", 3600)
        watched.hurry(1)
        assert self.slept(watched)

    def test_each_socket_has_its_own_pace(self, watched: Watched) -> None:
        self.be_prompt(watched, 0)
        watched.hurry(1)
        assert self.slept(watched)
        watched.hurry(1, 0)
        assert watched.sockets._prompt == {one.fileno() for one in watched.ours}

    def test_a_new_link_has_a_pace_of_its_own(self, watched: Watched) -> None:
        self.be_prompt(watched)
        watched.sockets.unwatch(watched.ours[1].fileno())
        watched.sockets.watch(watched.ours[1].fileno(), EVENT_READ, lambda _: None)
        watched.hurry(1)
        assert self.slept(watched)

    def test_he_looks_for_a_while_only(self, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        monkeypatch.setattr(module, "EAGERNESS", 0.001)
        assert self.slept(watched)

    def test_what_comes_meanwhile_makes_it_no_longer(self, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() > begun + 0.2)
        monkeypatch.setattr(module, "EAGERNESS", 0.2)
        watched.hurry(1)  # as after each read
        _, slept = self.wait(watched, lambda: watched.tell(1))
        assert slept

    def test_he_does_not_look_if_he_is_not_to_wait(self, watched: Watched) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        assert watched.sockets.select(0, eager=True) == []

    @pytest.mark.parametrize("answers", [(0, 1), (1, 1), (0, 2)])
    def test_he_sleeps_if_not_one_answer_is_awaited(self, watched: Watched, answers: tuple[int, int]) -> None:
        self.be_prompt(watched)
        for number, many in enumerate(answers):
            watched.hurry(number, many)
        assert self.slept(watched) == (answers != (0, 1))

    def test_a_wake_up_ends_it(self, watched: Watched) -> None:
        self.be_prompt(watched)
        watched.hurry(1)
        ready, slept = self.wait(watched, watched.wake)
        assert ready == {watched.wakee}
        assert not slept
