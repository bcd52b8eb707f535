"""A future of few parts does what ``concurrent.futures`` promises, to threads, to coroutines and to
functions.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from concurrent.futures import (
    FIRST_COMPLETED,
    InvalidStateError,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from functools import partial
from itertools import count
from typing import Any

import pytest

from django_ami.core.promise import Promise, completion
from tests.running import DEADLINE_SECONDS


class Lost(Exception):
    """An error that a promise may end in."""


def settled(value: object = None, error: Exception | None = None) -> Promise:
    promise: Promise = Promise()
    if error is None:
        promise.set_result(value)
    else:
        promise.set_exception(error)
    return promise


def later(function) -> threading.Timer:
    timer = threading.Timer(0.02, function)
    timer.start()
    return timer


# --- by itself ---


def test_settling_passes_no_lock_that_an_exception_from_outside_leaves_acquired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``threading.Condition`` is written in Python: one may come when it has just acquired."""
    promise: Promise = Promise()
    wait([promise], 0)  # it has a condition from now on

    def interrupted(_: threading.Condition) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Condition, "__enter__", interrupted)
        promise.set_result(1)
    assert promise.result(DEADLINE_SECONDS) == 1


def test_promise_is_settled_once():
    for promise, told in ((settled("yes"), "yes"), (settled(error=Lost()), None)):
        for again in (promise.set_result, promise.set_exception):
            with pytest.raises(InvalidStateError, match="is settled already"):
                again(Lost("again"))
        assert (promise.done(), promise.running(), promise.cancelled()) == (True, False, False)
        assert (promise.result(0) if told else type(promise.exception(0))) == (told or Lost)


def test_promise_runs_from_the_beginning_and_cannot_be_cancelled():
    promise: Promise = Promise()
    assert (promise.done(), promise.running(), promise.cancel(), promise.cancelled()) == (
        False,
        True,
        False,
        False,
    )


def test_of_many_threads_that_settle_it_one_does():
    for _ in range(200):
        promise: Promise = Promise()
        told: list[object] = []
        promise.add_done_callback(lambda done: told.append(done.result(0)))  # noqa: B023
        barrier, good = threading.Barrier(3), []

        def settle(number: int) -> None:
            barrier.wait(DEADLINE_SECONDS)  # noqa: B023
            try:
                promise.set_result(number)  # noqa: B023
            except InvalidStateError:
                return
            good.append(number)  # noqa: B023

        threads = [threading.Thread(target=settle, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
        assert good == told == [promise.result(0)]


# --- threads that wait ---


def test_threads_that_wait_without_an_end_get_it():
    promise: Promise = Promise()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(promise.result) for _ in range(3)]
        later(lambda: promise.set_result("yes"))
        assert [one.result(DEADLINE_SECONDS) for one in waiting] == ["yes"] * 3


def test_a_thread_that_waits_gets_it_at_whatever_moment_it_begins():
    """Some rounds hit the moment between the look at the state and the sleep."""
    for _ in range(500):
        promises: list[Promise] = [Promise() for _ in range(8)]
        barrier = threading.Barrier(2)

        def settle() -> None:
            barrier.wait(DEADLINE_SECONDS)  # noqa: B023
            for number, promise in enumerate(promises):  # noqa: B023
                promise.set_result(number)

        thread = threading.Thread(target=settle)
        thread.start()
        barrier.wait(DEADLINE_SECONDS)
        assert [promise.result(DEADLINE_SECONDS) for promise in promises] == list(range(8))
        thread.join(DEADLINE_SECONDS)


def test_many_threads_wait_for_one():
    promise: Promise = Promise()
    got: list[object] = []
    threads = [
        threading.Thread(target=lambda: got.append(promise.result(DEADLINE_SECONDS)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    promise.set_result("yes")
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert got == ["yes"] * 10


def test_a_wait_ends():
    with pytest.raises(TimeoutError):
        Promise().result(0.001)
    with pytest.raises(TimeoutError):
        Promise().exception(0)


def test_an_error_is_raised():
    with pytest.raises(Lost):
        settled(error=Lost()).result(0)


def test_the_functions_of_concurrent_futures_know_it():
    promises: list[Promise] = [Promise() for _ in range(6)]
    promises[0].set_result(0)
    assert wait(promises, 0).done == {promises[0]}

    def settle() -> None:
        promises[1].set_exception(Lost())
        for number in range(2, 6):
            promises[number].set_result(number)

    timer = later(settle)
    assert len(wait(promises[1:], DEADLINE_SECONDS, return_when=FIRST_COMPLETED).done) >= 1
    assert set(as_completed(promises, DEADLINE_SECONDS)) == set(promises)
    assert wait(promises, DEADLINE_SECONDS).not_done == set()
    timer.join()


# --- functions that are called ---


def test_functions_are_called_in_order_each_once_and_after_it_at_once():
    promise: Promise = Promise()
    told: list[object] = []
    for number in range(3):
        promise.add_done_callback(lambda done, number=number: told.append((number, done.result(0))))
    assert told == []
    promise.set_result("yes")
    assert told == [(0, "yes"), (1, "yes"), (2, "yes")]
    promise.add_done_callback(told.append)
    assert told[3:] == [promise]


def test_a_function_that_fails_hinders_no_other(caplog):
    promise: Promise = Promise()
    told: list[object] = []
    promise.add_done_callback(lambda _: 1 / 0)
    promise.add_done_callback(told.append)
    promise.set_result(None)
    assert told == [promise]
    assert [
        (record.levelno, "ZeroDivisionError" in str(record.exc_info)) for record in caplog.records
    ] == [(logging.ERROR, True)]


def test_a_function_that_comes_while_it_is_settled_is_called_once():
    for _ in range(300):
        promise: Promise = Promise()
        calls = count()
        barrier = threading.Barrier(2)

        def settle() -> None:
            barrier.wait(DEADLINE_SECONDS)  # noqa: B023
            promise.set_result(None)  # noqa: B023

        thread = threading.Thread(target=settle)
        thread.start()
        barrier.wait(DEADLINE_SECONDS)
        for _ in range(20):
            promise.add_done_callback(lambda _: next(calls))  # noqa: B023
        thread.join(DEADLINE_SECONDS)
        assert next(calls) == 20


# --- coroutines that await ---


async def wait_for(promise: Promise) -> object:
    return await promise


def test_promise_is_awaitable_from_another_thread():
    async def ask(promise: Promise) -> object:
        later(lambda: promise.set_result("yes"))
        return await promise

    assert asyncio.run(ask(Promise())) == "yes"


def test_await_of_a_settled_action_needs_no_loop_turn():
    async def ask() -> None:
        assert await settled("yes") == "yes"
        with pytest.raises(Lost):
            await settled(error=Lost())

    asyncio.run(ask())


def test_a_loop_is_woken_once_for_all_that_are_settled_together():
    async def ask() -> int:
        loop = asyncio.get_running_loop()
        promises: list[Promise] = [Promise() for _ in range(50)]
        tasks = [asyncio.ensure_future(wait_for(promise)) for promise in promises]
        await asyncio.sleep(0)
        wakes, call = count(), loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *arguments: (next(wakes), call(*arguments))[1]
        for promise in promises:
            promise.set_result("yes")
        assert await asyncio.gather(*tasks) == ["yes"] * 50
        return next(wakes)

    assert asyncio.run(ask()) == 1


def test_every_loop_gets_its_own():
    promises: list[Promise] = [Promise() for _ in range(40)]

    async def ask(number: int) -> list[object]:
        return await asyncio.wait_for(
            asyncio.gather(*map(wait_for, promises[number::4])), DEADLINE_SECONDS
        )

    got: dict[int, list[object]] = {}
    threads = [
        threading.Thread(target=lambda n=n: got.update({n: asyncio.run(ask(n))})) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for number, promise in enumerate(promises):
        promise.set_result(number)
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert got == {number: list(range(number, 40, 4)) for number in range(4)}


def test_awaiting_may_be_given_up_and_the_answer_comes_later(caplog):
    async def ask(promise: Promise) -> None:
        task = asyncio.ensure_future(wait_for(promise))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        promise.set_result("yes")
        await asyncio.sleep(0)  # here the wake-up comes, and nobody waits for it
        assert task.cancelled()
        assert await promise == "yes"

    asyncio.run(ask(Promise()))
    assert caplog.records == []


def test_an_answer_for_a_loop_that_is_closed_by_now(caplog):
    async def give_up(promise: Promise) -> None:
        asyncio.ensure_future(wait_for(promise))  # noqa: RUF006  (cancelled with the loop)
        await asyncio.sleep(0)

    promise: Promise = Promise()
    asyncio.run(give_up(promise))
    promise.set_result("yes")
    assert promise.result(0) == "yes"
    assert caplog.records == []


def test_completion_shows_no_argument_that_a_partial_has_bound():
    def function(secret: str, told: int) -> tuple[str, int]:
        return secret, told

    call = completion(partial(function, "hush"), 7)
    assert call.args == (7,)
    assert call() == ("hush", 7)
    assert completion(print, 7).func is print


class Limit(Exception):
    """An exception from outside: of a signal's handler, or the time limit of a task."""


def is_limited_at(line: int, timeout: float) -> bool:
    """Raise Limit before that line of a wait, or behind it; False if the wait has fewer.

    Another thread settles the promise all the same.
    """
    promise: Promise[str] = Promise()
    lines = 0

    def trace(_frame: object, event: str, _: object) -> Any:
        nonlocal lines
        lines += event in {"line", "return"}
        if lines == line:
            raise Limit
        return trace

    settling = threading.Timer(0.005, promise.set_result, ["settled"])
    settling.start()
    before = sys.gettrace()
    gc.disable()  # a finalizer of somebody else's would be traced, too
    sys.settrace(trace)
    try:
        told = promise.result(timeout)
    except (Limit, TimeoutError) as error:
        told = type(error).__name__
    finally:
        sys.settrace(before)
        gc.enable()
    settling.join(10)
    assert not settling.is_alive(), f"line {line}"
    assert promise.result(0) == "settled"
    return told == "Limit"


@pytest.mark.parametrize("timeout", [0.001, 5])
def test_exception_from_outside_in_a_wait_keeps_no_other_thread_from_settling(
    timeout: float,
) -> None:
    assert sum(is_limited_at(line, timeout) for line in range(1, 100)) > 8
