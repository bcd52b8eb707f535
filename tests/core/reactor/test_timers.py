"""Timers: their order, and that those that were cancelled are forgotten."""

from __future__ import annotations

from math import inf

from django_ami.core.reactor.timers import Timers


def test_the_earliest_is_due_first_and_of_two_the_older() -> None:
    timers, seen = Timers(), []
    assert timers.next == inf
    for name, when in (("c", 3.0), ("a", 1.0), ("b", 2.0), ("b2", 2.0), ("d", 4.0)):
        timers.add(when, lambda name=name: seen.append(name))
    assert timers.next == 1.0
    for call in timers.due(3.0):
        call()
    assert seen == ["a", "b", "b2", "c"]
    assert timers.next == 4.0


def test_one_that_is_due_may_cancel_the_next_and_add_another() -> None:
    timers, seen = Timers(), []
    victim = timers.add(2.0, lambda: seen.append("cancelled"))
    timers.add(1.0, victim.cancel)
    timers.add(1.0, lambda: timers.add(1.5, lambda: seen.append("added")))
    for call in timers.due(2.0):
        call()
    assert seen == ["added"]


def test_a_cancelled_one_is_not_the_next() -> None:
    timers = Timers()
    timers.add(1.0, lambda: None).cancel()
    assert timers.next == inf
    assert list(timers.due(2.0)) == []


def test_cancelled_ones_do_not_pile_up_until_their_time() -> None:
    timers, seen = Timers(), []
    for number in range(10_000):
        if number % 1000 == 0:
            timers.add(-number, lambda number=number: seen.append(number))
        timers.add(86_400, lambda: seen.append(-1)).cancel()
        assert len(timers._heap) < 100
    for call in timers.due(0.0):
        call()
    assert seen == list(range(9000, -1, -1000))
