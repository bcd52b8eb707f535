"""The event loop: wake-ups, order, timers, and that it sleeps when there is nothing to do."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import pytest

from django_ami.core.reactor import Loop
from tests.core.io_support import wait_until


class CountingLoop(Loop):
    """Counts its turns."""

    turns = 0

    def run_once(self, timeout: float | None = None, **more: Any) -> bool:
        self.turns += 1
        return super().run_once(timeout, **more)


@pytest.fixture
def loop() -> Iterator[CountingLoop]:
    made = CountingLoop()
    yield made
    made.close()


@contextlib.contextmanager
def turning(loop: Loop) -> Iterator[threading.Thread]:
    """The loop run by a thread of its own."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            loop.run_once()

    thread = threading.Thread(target=run, name="turning")
    thread.start()
    try:
        yield thread
    finally:
        loop.call_soon(stopping.set)
        thread.join()


def test_a_call_from_another_thread_wakes_it(loop: CountingLoop) -> None:
    with turning(loop):
        for _ in range(100):  # asleep or on its way to bed: every time
            called = threading.Event()
            loop.call_soon(called.set)
            assert called.wait(20)


def test_calls_keep_their_order(loop: CountingLoop) -> None:
    seen: list[tuple[str, int]] = []

    def send(name: str) -> None:
        for number in range(1000):
            loop.call_soon(lambda number=number: seen.append((name, number)))

    senders = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    with turning(loop):
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wait_until(lambda: len(seen) == 4000)
    for name in "abcd":
        assert [number for who, number in seen if who == name] == list(range(1000))


def test_a_call_made_by_a_call_has_the_next_turn(loop: CountingLoop) -> None:
    """Else a call that calls again would keep the sockets waiting for ever."""
    seen: list[int] = []

    def again() -> None:
        seen.append(loop.turns)
        loop.call_soon(again)

    loop.call_soon(again)
    for _ in range(3):
        loop.run_once(0)
    assert seen == [1, 2, 3]


def test_timers_run_in_the_order_of_their_times(loop: CountingLoop) -> None:
    seen: list[str] = []
    start = loop.now
    for name, after in (("c", 0.03), ("a", 0.01), ("b", 0.02), ("b2", 0.02)):
        loop.call_at(start + after, lambda name=name: seen.append(name))
    wait_until(lambda: loop.run_once() and len(seen) == 4)
    assert seen == ["a", "b", "b2", "c"]
    assert loop.now >= start + 0.03


def test_a_timer_that_a_call_sets_for_now_has_the_same_turn(loop: CountingLoop) -> None:
    """A waiting thread would otherwise wait for a pause."""
    seen: list[str] = []

    def call() -> None:
        seen.append("call")
        loop.call_at(loop.now, lambda: seen.append("timer"))

    loop.call_soon(call)
    loop.run_once(0)
    assert seen == ["call", "timer"]


def test_a_cancelled_timer_is_not_called(loop: CountingLoop) -> None:
    seen: list[str] = []
    first = loop.call_at(loop.now, lambda: seen.append("cancelled"))
    by_an_earlier_one = loop.call_at(loop.now + 0.002, lambda: seen.append("cancelled"))
    loop.call_at(loop.now + 0.001, by_an_earlier_one.cancel)
    loop.call_at(loop.now + 0.003, lambda: seen.append("kept"))
    first.cancel()
    wait_until(lambda: loop.run_once() and seen)
    assert seen == ["kept"]


@pytest.mark.parametrize("kind", ["call", "timer", "socket"])
def test_a_callback_that_raises_stops_nothing(
    loop: CountingLoop, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(kind)

    seen: list[str] = []
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        if kind == "call":
            loop.call_soon(fail)
        elif kind == "timer":
            loop.call_at(loop.now, fail)
        else:
            loop.watch(right.fileno(), EVENT_READ, fail)
        loop.call_at(loop.now, lambda: seen.append("timer"))
        loop.call_soon(lambda: seen.append("call"))
        with caplog.at_level(logging.ERROR):
            loop.run_once(0)  # the calls
            loop.run_once(0)  # the sockets and the timers
        loop.unwatch(right.fileno())
    assert sorted(seen) == ["call", "timer"]
    assert "ZeroDivisionError" in caplog.text


def test_idle_it_sleeps_and_does_not_turn(loop: CountingLoop) -> None:
    left, right = socket.socketpair()
    done = threading.Event()
    with left, right:
        loop.watch(right.fileno(), EVENT_READ, lambda _: None)  # nothing ever comes
        loop.call_at(loop.now + 0.3, done.set)
        with turning(loop):
            assert done.wait(20)
            turns = loop.turns
        loop.unwatch(right.fileno())
    # One that sleeps until the timer, and one that has just begun; a tick of 10 ms would have made
    # 30.
    assert turns <= 3


def test_a_wake_up_is_used_up(loop: CountingLoop) -> None:
    """A byte left in the wake-up's socket would make every later turn return at once."""
    done = threading.Event()
    with turning(loop):
        woken = threading.Event()
        loop.call_soon(woken.set)
        assert woken.wait(20)
        before = loop.turns
        loop.call_soon(lambda: loop.call_at(loop.now + 0.2, done.set))
        assert done.wait(20)
        assert loop.turns - before <= 6


def test_many_calls_are_one_wake_up(loop: CountingLoop) -> None:
    """Called while nobody sleeps, no byte is written: the socket of the wake-up cannot fill up."""
    seen: list[int] = []
    for number in range(10_000):
        loop.call_soon(lambda number=number: seen.append(number))
    loop.run_once()
    assert seen == list(range(10_000))


def test_watching_again_changes_what_is_waited_for(loop: CountingLoop) -> None:
    seen: list[int] = []
    left, right = socket.socketpair()
    with left, right:
        loop.watch(right.fileno(), EVENT_READ, lambda _: seen.append(EVENT_READ))
        loop.run_once(0)
        assert seen == []
        loop.watch(right.fileno(), EVENT_READ | EVENT_WRITE, seen.append)
        loop.run_once(0)
        assert seen == [EVENT_WRITE]
        loop.unwatch(right.fileno())
        loop.run_once(0)
        assert seen == [EVENT_WRITE]
        loop.unwatch(right.fileno())  # twice is harmless


def test_loop_knows_its_thread(loop: CountingLoop) -> None:
    seen: list[bool] = []
    with turning(loop):
        loop.call_soon(lambda: seen.append(loop.in_thread))
        wait_until(lambda: seen)
        assert not loop.in_thread
    assert seen == [True]


def test_closing_runs_the_calls_that_are_left() -> None:
    loop = Loop()
    seen: list[str] = []
    loop.call_soon(lambda: seen.append("left"))
    loop.close()
    assert seen == ["left"]


def test_a_call_after_the_end_is_harmless() -> None:
    loop = Loop()
    loop.close()
    loop.call_soon(lambda: None)
