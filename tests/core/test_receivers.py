"""Receivers are remembered by a name and a time, and by no reference that would keep them alive."""

from __future__ import annotations

import weakref
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Ping
from django_ami.testing import FakeAsterisk
from tests.core.io_support import config, ready, started, wait_until
from tests.running import hold_pings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.testing import Simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        yield running


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def around(*arguments: Any) -> Any:
        return function(*arguments)

    return around


class Log:
    """Somebody who is told of answers."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def on_answer(self, number: int, *_: Any) -> None:
        self.told.append(number)
        raise ValueError("no")


@pytest.mark.parametrize(
    "around",
    [
        lambda log, number: partial(log.on_answer, number),
        lambda log, number: partial(partial(log.on_answer), number),
        lambda log, number: decorated(partial(log.on_answer, number)),
        lambda log, number: partial(decorated(log.on_answer), number),
    ],
)
def test_many_completions_of_one_function_are_one_receiver(
    sim: Simulator, around: Callable[[Log, int], Callable[..., Any]]
) -> None:
    """However its arguments were given to it; none of them is kept, and its name is told."""
    log, many = Log(), 50
    with started(config(sim)) as client:
        ready(client)
        answer = hold_pings(
            sim
        )  # an action that is settled already calls its function at once, in this thread
        for number in range(many):
            client.send(Ping()).on_complete(around(log, number))
        answer.set()
        wait_until(lambda: sum(client.receivers.failures.values()) == many)
        assert sorted(log.told) == list(range(many))
        assert client.receivers.failures == {f"{__name__}.Log.on_answer": many}
        assert {*client.receivers.times.seconds, *client.receivers.times.seconds_before} == {
            f"{__name__}.Log.on_answer"
        }
        assert client.receivers.slowest().startswith(f"{__name__}.Log.on_answer, ")


def test_a_function_made_for_one_answer_is_let_go(sim: Simulator) -> None:
    """With all that it had at hand: a request, a form, a whole page."""
    gone: list[weakref.ref[Log]] = []

    def ask(client: Client) -> None:
        log = Log()
        gone.append(weakref.ref(log))
        client.send(Ping()).on_complete(lambda *_: log.told.append(1))

    with started(config(sim)) as client:
        ready(client)
        answer = hold_pings(sim)
        for _ in range(50):
            ask(client)
        answer.set()
        wait_until(lambda: not any(one() for one in gone))
        assert client.receivers.slowest().startswith(
            f"{__name__}.{ask.__qualname__}.<locals>.<lambda>, "
        )
