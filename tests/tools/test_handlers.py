"""Handlers that stay: code of others has its own beside them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from django_ami.tools.handlers import Handlers

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER = signal.SIGUSR1
set_handler = signal.signal


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Two pipes that do not block: where ours is read and written, and where theirs is."""
    ends = (*os.pipe(), *os.pipe())
    for end in ends:
        os.set_blocking(end, False)
    yield ends
    for end in ends:
        os.close(end)


@pytest.fixture
def told() -> list[int]:
    return []


@pytest.fixture
def handlers(pipes: tuple[int, int, int, int], told: list[int]) -> Iterator[Handlers]:
    before = signal.getsignal(NUMBER)
    held = Handlers([NUMBER], pipes[1], told.append)
    held.take()
    yield held
    held.give_back()
    assert signal.getsignal(NUMBER) == before
    assert signal.signal is set_handler
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("default", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_default_is_not_set(handlers: Handlers, told: list[int], default: int) -> None:
    signal.signal(NUMBER, default)
    signal.raise_signal(NUMBER)
    assert told == [NUMBER]
    assert not handlers.take_back()


def test_a_handler_of_others_is_called_too_until_it_is_left(
    handlers: Handlers, told: list[int]
) -> None:
    theirs: list[int] = []
    before = signal.signal(NUMBER, lambda number, _: theirs.append(number))
    signal.raise_signal(NUMBER)
    assert (told, theirs) == ([NUMBER], [NUMBER])
    signal.signal(NUMBER, before)
    assert not handlers.take_back(), "they have put it back themselves"
    signal.signal(NUMBER, lambda number, _: theirs.append(number))
    assert handlers.take_back()
    signal.raise_signal(NUMBER)
    assert (told, theirs) == ([NUMBER, NUMBER], [NUMBER])


def test_a_descriptor_of_others_is_written_to_until_it_is_taken_away(
    handlers: Handlers, pipes: tuple[int, int, int, int]
) -> None:
    ours, _, reading, writing = pipes
    assert signal.set_wakeup_fd(writing) == -1
    signal.raise_signal(NUMBER)
    assert os.read(ours, 9) == bytes([NUMBER])
    handlers.pass_on(NUMBER)
    assert os.read(reading, 9) == bytes([NUMBER])
    assert signal.set_wakeup_fd(-1) == writing
    handlers.pass_on(NUMBER)
    with pytest.raises(BlockingIOError):
        os.read(reading, 9)
    assert not handlers.take_back()


def test_wrong_arguments_are_refused_as_ever(handlers: Handlers) -> None:
    with pytest.raises((OSError, ValueError)):
        signal.set_wakeup_fd(9999)
    with pytest.raises(TypeError):
        signal.signal(NUMBER, "no handler")  # type: ignore[arg-type]
    assert not handlers.take_back()


def test_a_change_that_goes_past_it_is_undone(handlers: Handlers, told: list[int]) -> None:
    set_handler(NUMBER, signal.SIG_IGN)
    assert handlers.take_back()
    signal.raise_signal(NUMBER)
    assert told == [NUMBER]


def test_others_signals_are_not_ours(handlers: Handlers, told: list[int]) -> None:
    before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.raise_signal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, before)
    assert told == []
