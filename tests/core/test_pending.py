"""An action under way: its waiters, its callbacks, and its settling."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import Future

import pytest

from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    ConnectionFailed,
    ConnectionLost,
    WouldBlock,
)
from django_ami.core.pending import GRACE_SECONDS, LAST_LOOK_SECONDS
from django_ami.core.promise import UNSETTLED
from tests.core.answers import answer, asked, event, id_of, settle


class Owner:
    """A client that runs user code when the test says so, and may forbid to wait."""

    def __init__(self) -> None:
        self.queue: list = []
        self.forbidden = False
        self.waits: list = []
        self.expected: list = []
        self.withdrawn: list = []

    def call_user(self, function) -> None:
        self.queue.append(function)

    def expect(self, pending) -> bool:
        self.expected.append(pending)
        return True

    def may_poll(self) -> bool:
        return False

    def poll(self, pending) -> None:
        raise AssertionError(pending)

    def before_wait(self, pending, timeout) -> float | None:
        self.waits.append((pending, timeout))
        if self.forbidden:
            raise WouldBlock("write await.")
        return timeout

    def holds_here(self) -> bool:
        return True

    def withdraw(self, pending) -> None:
        self.withdrawn.append(pending)


def test_a_good_answer():
    pending = (request := asked()).pending
    assert not pending.done()
    response = settle(request, answer())
    assert pending.result(timeout=0) is response
    assert pending.exception(timeout=0) is None
    assert response.events == ()


def test_cancel_of_an_unsent_action_wakes_all_waiting_threads():
    pending, told = (request := asked(owner=(owner := Owner()))).pending, []
    pending.on_complete(lambda *arguments: told.append(arguments))
    request.reroute = lambda _: True
    assert not pending.sent
    assert pending.cancel()
    (tell,) = owner.queue
    tell()
    with pytest.raises(
        ActionCancelled, match="node_1: Ping was cancelled; it was not sent"
    ) as raised:
        pending.result()
    assert told == [(raised.value, None)]
    assert (pending.cancelled(), pending.sent, raised.value.sent) == (True, False, False)
    assert not request.unsent  # so nothing leaves any more
    assert owner.withdrawn == [pending]


def test_an_action_that_is_cancelled_twice_or_without_an_owner():
    pending = asked().pending
    assert pending.cancel()
    assert not pending.cancel()


def test_an_action_that_has_left_is_not_cancelled():
    pending = (request := asked()).pending
    assert request.unsent.pop() == b"wire"
    assert pending.sent
    assert not pending.cancel()
    assert not pending.cancelled()
    settle(request, answer())
    assert pending.sent
    assert not pending.cancel()
    assert not pending.cancelled()


def test_an_action_whose_time_is_over_as_it_is_cancelled_is_over():
    pending = (request := asked()).pending

    class Late(list):
        def pop(self):
            request.fail(ActionTimeout("late", sent=False))
            return super().pop()

    pending._unsent = Late([b"wire"])
    assert not pending.cancel()
    assert pending.exception().message == "late"
    assert not pending.sent


def test_an_action_that_another_thread_settles_at_this_moment_is_settled_once():
    pending = (request := asked()).pending
    assert pending.cancel()
    pending.done = lambda: False  # as it was when the other thread looked
    request.fail(ActionTimeout("late"))
    del pending.done
    assert pending.cancelled()


def test_in_a_forked_child_an_action_ends_and_only_the_parent_calls_back():
    pending, told = asked().pending, []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending._disown_in_child()
    with pytest.raises(ConnectionLost, match="its answer comes there") as raised:
        pending.result()
    assert raised.value.sent
    assert told == []
    pending._disown_in_child()
    assert pending.error is raised.value


class Parent(Owner):
    """The client of the parent, as a forked child has it."""

    def expect(self, pending) -> bool:
        return False

    def before_wait(self, pending, timeout) -> float:
        return -1.0


def test_in_a_forked_child_every_way_to_wait_ends_at_once():
    for wait in (lambda one: one.result(5), lambda one: asyncio.run(awaited(one))):
        with pytest.raises(ConnectionLost, match="in the parent process"):
            wait(asked(owner=Parent()).pending)
    pending, told = asked(owner=(owner := Parent())).pending, []
    pending.on_complete(lambda error, _: told.append(error))
    (tell,) = owner.queue
    tell()
    assert told == [pending.error]


async def awaited(pending):
    return await pending


@pytest.mark.parametrize("prompt", [True, False])
def test_a_coroutine_polls_once_others_have_run_and_is_expected_if_that_was_in_vain(prompt):
    steps = []

    class Polling(Owner):
        def may_poll(self) -> bool:
            return True

        def poll(self, pending) -> None:
            steps.append("polls")
            if prompt:
                settle(request, answer())

        def expect(self, pending) -> bool:
            steps.append("is expected")
            settle(request, answer())
            return True

    request = asked(owner=Polling())

    async def ask() -> None:
        async def other() -> None:
            steps.append("another one")

        beside = asyncio.ensure_future(other())
        assert (await request.pending).ok
        await beside

    asyncio.run(ask())
    assert steps == ["another one", "polls", "is expected"][: 2 if prompt else 3]


def test_in_a_child_that_was_forked_as_the_answer_came_it_ends_too():
    pending = asked().pending
    pending._done_callbacks.remove(UNSETTLED)  # the first that the parent does to settle it
    pending._disown_in_child()
    assert "in the parent process" in pending.error.message


def test_an_error_of_somebody_else_says_nothing_of_the_action():
    pending = asked().pending
    pending.set_exception(KeyError("x"))
    assert pending.sent


DENIED = (
    "Permission denied: write= of the AMI user lacks its class (the CLI's 'manager show command "
    "Ping' names it)."
)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Message: No such channel\n"], "node_1: Ping refused: No such channel"),
        (["Message: Permission denied"], f"node_1: Ping refused: {DENIED}"),
        (
            ["Message: Command output follows", "Output: ", "Output: no such command"],
            "Ping refused: no such command",
        ),
        (["Message: Command output follows", "Output: "], "Ping refused: Command output follows"),
        ([], "Ping refused: no message"),
    ],
)
def test_an_error_is_raised_and_carries_the_answer(lines, text):
    pending = (request := asked()).pending
    response = settle(request, answer(1, *lines, status="Error"))
    with pytest.raises(ActionFailed, match=re.escape(text)) as raised:
        pending.result()
    assert raised.value is pending.exception()
    assert raised.value.response is response


def test_action_is_settled_once():
    pending = (request := asked()).pending
    first = settle(request, answer())
    settle(request, answer(1, "Second: yes"))
    request.fail(ConnectionLost("gone"))
    assert pending.result() is first


def test_action_is_not_completed_without_a_response():
    pending = (request := asked()).pending
    request.complete()
    assert not pending.done()


def test_a_loss_has_the_items_that_had_arrived():
    pending = (request := asked()).pending
    request.events = [event("Status")]
    request.fail(ConnectionLost("gone", sent=True))
    assert pending.exception().events == pending.events == (event("Status"),)


def test_pending_action_shows_its_error_and_answer_without_waiting():
    pending = (request := asked()).pending
    assert (pending.error, pending.response, pending.events) == (None, None, ())
    request.response, request.events = answer(1, "EventList: start"), [event("Status")]
    request.fail(ActionTimeout("late"))
    assert pending.error.message == "late"
    assert pending.response is request.response
    assert pending.events == (event("Status"),)
    good = (request := asked()).pending
    request.events = [event("Status")]
    response = settle(request, answer())
    assert (good.error, good.response) == (None, response)
    assert good.events == response.events == (event("Status"),)
    refused = (request := asked()).pending
    response = settle(request, answer(status="Error"))
    assert refused.error.response is refused.response is response


def test_a_user_sees_nothing_that_only_its_connection_uses():
    names = {name for name in dir(asked().pending) if not name.startswith("_")}
    assert names - {name for name in dir(Future) if not name.startswith("_")} == {
        *("action_id", "name", "server", "timeout"),
        *("error", "events", "on_complete", "over", "response", "sent"),
    }


@pytest.mark.parametrize(
    ("error", "position", "moved"),
    [
        (ConnectionFailed("no"), None, True),
        (ConnectionLost("no"), None, True),
        (ConnectionLost("no"), 0, False),
        (ActionTimeout("no"), None, False),
    ],
)
def test_only_an_action_that_could_not_leave_moves_to_another_server(error, position, moved):
    pending = (request := asked()).pending
    request.position = position
    request.reroute = lambda _: True
    request.fail(error)
    assert pending.done() is not moved


def test_cancelled_action_moves_to_no_other_server():
    pending, moved = (request := asked()).pending, []
    request.reroute = lambda each: moved.append(each) or True
    assert pending.cancel()
    request.fail(ConnectionFailed("no"))
    assert moved == []


def test_action_that_finds_no_other_server_fails():
    pending = (request := asked()).pending
    request.reroute = lambda _: False
    request.fail(ConnectionFailed("no"))
    assert pending.exception().message == "no"


def test_waiting_ends_but_not_the_action():
    pending = (request := asked()).pending
    with pytest.raises(
        ActionTimeout, match=r"no answer to Ping in the 0\.001 s that were waited; it is still"
    ) as raised:
        pending.result(timeout=0.001)
    # It has not left yet, but it still may: a caller that repeats it would send it twice.
    assert (raised.value.sent, raised.value.server, pending.done()) == (True, "node_1", False)
    settle(request, answer())
    assert pending.result(timeout=0).ok


def test_a_thread_waits_for_the_answer():
    pending = (request := asked(owner=(owner := Owner()))).pending
    thread = threading.Timer(0.02, lambda: settle(request, answer()))
    thread.start()
    assert pending.result().ok
    thread.join()
    assert owner.waits == [(pending, pending.timeout + GRACE_SECONDS - LAST_LOOK_SECONDS)]


def test_no_wait_is_without_an_end(monkeypatch):
    """A wait ends even if the action never does: its own deadline should have ended it long ago."""
    monkeypatch.setattr("django_ami.core.pending.GRACE_SECONDS", 0.01)
    pending = asked(timeout=0.01).pending
    with pytest.raises(ActionTimeout, match=r"in the 0\.02 s that were waited"):
        pending.result()


def test_the_owner_may_forbid_to_wait_but_not_to_look():
    pending = (request := asked(owner=(owner := Owner()))).pending
    owner.forbidden = True
    for wait in (pending.result, pending.exception):
        with pytest.raises(WouldBlock):
            wait(timeout=5)
    settle(request, answer())
    assert pending.result().ok


def test_in_a_running_loop_to_ask_is_refused_whether_it_is_over_or_not():
    async def ask(pending) -> None:
        for wait in (pending.result, pending.exception):
            with pytest.raises(WouldBlock, match="write 'await pending'"):
                wait(5)

    waiting, over = asked(owner=Owner()).pending, (request := asked(owner=Owner())).pending
    settle(request, answer())
    for pending in (waiting, over):
        asyncio.run(ask(pending))


def test_in_a_running_loop_to_ask_is_refused_though_somebody_else_will_be_told():
    async def ask(pending) -> None:
        other = asyncio.create_task(asyncio.wait_for(pending, 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # now it waits
        pending.on_complete(lambda *_: None)
        settle(request, answer())
        with pytest.raises(WouldBlock):
            pending.result()
        assert (await other).ok
        assert pending.result().ok

    request = asked(owner=Owner())
    asyncio.run(ask(request.pending))


def test_in_a_running_loop_the_end_that_was_told_can_be_looked_at():
    async def look(pending) -> bool:
        return (await pending) is pending.result() and pending.exception() is None

    pending = (request := asked(owner=Owner())).pending
    settle(request, answer())
    assert asyncio.run(look(pending))

    async def called(pending) -> bool:
        return (await asyncio.wrap_future(pending)).ok

    pending = (request := asked(owner=Owner())).pending
    settle(request, answer())
    assert asyncio.run(called(pending))


@pytest.mark.parametrize(
    ("status", "error", "has_response"),
    [("Success", type(None), True), ("Error", ActionFailed, True), (None, ConnectionLost, False)],
)
def test_on_complete_tells_the_error_and_the_answer(status, error, has_response):
    pending, told = (request := asked()).pending, []
    pending.on_complete(lambda *arguments: told.append(arguments))
    if status is None:
        request.fail(ConnectionLost("gone"))
    else:
        settle(request, answer(status=status))
    ((got_error, got_response),) = told
    assert type(got_error) is error
    assert (got_response is not None) is has_response


def test_on_complete_knows_our_errors_alone():
    pending, told = asked().pending, []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending.set_exception(KeyError("somebody else's"))
    assert told == []


def test_pending_action_tells_its_owner_of_an_awaiting_task():
    pending = (request := asked(owner=(owner := Owner()))).pending

    async def wait():
        return await pending

    waiting = wait()
    with asyncio.Runner() as runner:
        task = runner.get_loop().create_task(waiting)
        runner.get_loop().call_later(0.01, lambda: settle(request, answer()))
        assert runner.run(asyncio.wait_for(task, 20)) is pending.result(0)
    assert owner.expected == [pending]
    pending.add_done_callback(lambda _: None)  # too late to be told of
    assert owner.expected == [pending]


def test_settled_action_is_awaited_without_the_owner():
    pending = (request := asked(owner=(owner := Owner()))).pending
    settle(request, answer())

    async def wait():
        return await pending

    assert asyncio.run(wait()) is pending.result(0)
    assert owner.expected == []


def test_thread_that_reads_its_answer_waits_no_more():
    class Reader(Owner):
        """Its thread reads for all while it waits."""

        def before_wait(self, pending, timeout) -> float | None:
            settle(request, answer())
            return super().before_wait(pending, timeout)

    pending = (request := asked(owner=(owner := Reader()))).pending
    assert pending.result(5).ok
    assert pending.exception(5) is None
    assert owner.waits == [(pending, 5 - LAST_LOOK_SECONDS)]


def test_callbacks_run_where_the_owner_runs_user_code():
    pending, told = (request := asked(owner=(owner := Owner()))).pending, []
    pending.add_done_callback(told.append)
    pending.on_complete(lambda error, response: told.append(response))
    response = settle(request, answer())
    assert told == []
    for function in owner.queue:
        function()
    assert told == [pending, response]


def test_a_callback_of_a_settled_action_runs_at_once():
    pending, told = (request := asked(owner=(owner := Owner()))).pending, []
    settle(request, answer())
    pending.add_done_callback(told.append)
    assert (told, owner.queue) == ([pending], [])


def test_on_complete_of_a_settled_action_runs_where_the_owner_runs_user_code():
    """Whether the answer is there already is a matter of luck; the thread must not be."""
    pending, told = (request := asked(owner=(owner := Owner()))).pending, []
    response = settle(request, answer())
    pending.on_complete(lambda error, response: told.append(response))
    assert told == []
    for function in owner.queue:
        function()
    assert told == [response]


def test_a_callback_without_an_owner_runs_at_once():
    pending, told = (request := asked()).pending, []
    pending.add_done_callback(told.append)
    settle(request, answer())
    assert told == [pending]


def test_a_repr_says_where_it_stands():
    pending = (request := asked()).pending
    assert repr(pending) == f"<PendingAction Ping {id_of(1)} to node_1: waiting>"
    settle(request, answer())
    assert repr(pending) == f"<PendingAction Ping {id_of(1)} to node_1: done>"
