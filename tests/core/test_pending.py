"""An action under way: who waits for it, who is told, and how it is settled."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from django_ami.core.client.sending import Sender
from django_ami.core.errors import (
    ActionCancelled,
    ActionFailed,
    ActionTimeout,
    ConnectionFailed,
    ConnectionLost,
    WouldBlock,
)
from django_ami.core.pending import GRACE, LAST_LOOK_SECONDS
from tests.core.answers import PREFIX, answer, event, pending_action, settle


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

    def expect(self, pending) -> None:
        self.expected.append(pending)

    def before_wait(self, pending, timeout) -> float | None:
        self.waits.append((pending, timeout))
        if self.forbidden:
            raise WouldBlock("write await.")
        return timeout

    def refuse_in_loop(self, pending) -> None:
        Sender.refuse_in_loop(self, pending)

    def holds(self, pending) -> bool:
        return True

    def withdraw(self, pending) -> None:
        self.withdrawn.append(pending)


def test_a_good_answer():
    pending = pending_action()
    assert not pending.done()
    response = settle(pending, answer())
    assert pending.result(timeout=0) is response
    assert pending.exception(timeout=0) is None
    assert response.events == ()


def test_an_action_that_has_not_left_is_cancelled_and_all_who_wait_are_told():
    pending, told = pending_action(owner=(owner := Owner())), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending.reroute = lambda _: True
    assert not pending.sent
    assert pending.cancel()
    (tell,) = owner.queue
    tell()
    with pytest.raises(ActionCancelled, match="node_1: Ping was cancelled; it was not sent") as raised:
        pending.result()
    assert told == [(raised.value, None)]
    assert (pending.cancelled(), pending.sent, raised.value.sent) == (True, False, False)
    assert pending.take_wire() == b""  # so nothing leaves any more
    assert owner.withdrawn == [pending]


def test_an_action_that_is_cancelled_twice_or_without_an_owner():
    pending = pending_action()
    assert pending.cancel()
    assert not pending.cancel()


def test_an_action_that_has_left_is_not_cancelled():
    pending = pending_action()
    assert pending.take_wire() == b"wire"
    assert pending.sent
    assert not pending.cancel()
    assert not pending.cancelled()
    settle(pending, answer())
    assert pending.sent
    assert not pending.cancel()
    assert not pending.cancelled()


def test_an_action_whose_time_is_over_as_it_is_cancelled_is_over():
    pending = pending_action()

    class Late(list):
        def pop(self):
            pending.fail(ActionTimeout("late", sent=False))
            return super().pop()

    pending._wire = Late([b"wire"])
    assert not pending.cancel()
    assert pending.exception().message == "late"
    assert not pending.sent


def test_an_action_that_another_thread_settles_at_this_moment_is_settled_once():
    pending = pending_action()
    assert pending.cancel()
    pending.done = lambda: False  # as it was when the other thread looked
    pending.fail(ActionTimeout("late"))
    del pending.done
    assert pending.cancelled()


def test_in_a_forked_child_an_action_ends_and_only_the_parent_calls_back():
    pending, told = pending_action(), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending.disown(ConnectionLost("the parent's"))
    with pytest.raises(ConnectionLost, match="the parent's"):
        pending.result()
    assert told == []
    pending.disown(ConnectionLost("again"))
    assert pending.exception().message == "the parent's"


def test_in_a_child_that_was_forked_as_the_answer_came_it_ends_too():
    pending = pending_action()
    pending._open.pop()  # the first that the parent does to settle it
    pending.disown(ConnectionLost("the parent's"))
    assert pending.exception().message == "the parent's"


def test_an_error_of_somebody_else_says_nothing_of_the_action():
    pending = pending_action()
    pending.set_exception(KeyError("x"))
    assert pending.sent


DENIED = "Permission denied: write= of the AMI user lacks its class (the CLI's 'manager show command Ping' names it)."


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Message: No such channel\n"], "node_1: Ping refused: No such channel"),
        (["Message: Permission denied"], f"node_1: Ping refused: {DENIED}"),
        (["Message: Command output follows", "Output: ", "Output: no such command"], "Ping refused: no such command"),
        (["Message: Command output follows", "Output: "], "Ping refused: Command output follows"),
        ([], "Ping refused: no message"),
    ],
)
def test_an_error_is_raised_and_carries_the_answer(lines, text):
    pending = pending_action()
    response = settle(pending, answer(1, *lines, status="Error"))
    with pytest.raises(ActionFailed, match=re.escape(text)) as raised:
        pending.result()
    assert raised.value is pending.exception()
    assert raised.value.response is response


def test_it_is_settled_once():
    pending = pending_action()
    first = settle(pending, answer())
    settle(pending, answer(1, "Second: yes"))
    pending.fail(ConnectionLost("gone"))
    assert pending.result() is first


def test_nothing_is_completed_without_a_response():
    pending = pending_action()
    pending.complete()
    assert not pending.done()


def test_a_loss_has_the_items_that_had_arrived():
    pending = pending_action()
    pending.events = [event("Status")]
    pending.fail(ConnectionLost("gone", sent=True))
    assert pending.exception().events == (event("Status"),)
    other = pending_action()
    other.fail(ActionTimeout("late"))
    assert other.exception().message == "late"


@pytest.mark.parametrize(
    ("error", "position", "moved"),
    [
        (ConnectionFailed("no"), None, True),
        (ConnectionLost("no"), None, True),
        (ConnectionLost("no"), 0, False),
        (ActionTimeout("no"), None, False),
    ],
)
def test_only_what_could_not_leave_moves_to_another_server(error, position, moved):
    pending = pending_action()
    pending.position = position
    pending.reroute = lambda _: True
    pending.fail(error)
    assert pending.done() is not moved


def test_what_was_cancelled_moves_to_no_other_server():
    pending, moved = pending_action(), []
    pending.reroute = lambda each: moved.append(each) or True
    assert pending.cancel()
    pending.fail(ConnectionFailed("no"))
    assert moved == []


def test_what_finds_no_other_server_fails():
    pending = pending_action()
    pending.reroute = lambda _: False
    pending.fail(ConnectionFailed("no"))
    assert pending.exception().message == "no"


def test_waiting_ends_but_not_the_action():
    pending = pending_action()
    with pytest.raises(
        ActionTimeout, match=r"no answer to Ping in the 0\.001 s that were waited; it is still"
    ) as raised:
        pending.result(timeout=0.001)
    # It has not left yet, but it still may: who sends it again would send it twice.
    assert (raised.value.sent, raised.value.server, pending.done()) == (True, "node_1", False)
    settle(pending, answer())
    assert pending.result(timeout=0).ok


def test_a_thread_waits_for_the_answer():
    pending = pending_action(owner=(owner := Owner()))
    thread = threading.Timer(0.02, lambda: settle(pending, answer()))
    thread.start()
    assert pending.result().ok
    thread.join()
    assert owner.waits == [(pending, pending.timeout + GRACE - LAST_LOOK_SECONDS)]


def test_no_wait_is_without_an_end(monkeypatch):
    """Whatever has become of the action: its own deadline should have been told long ago."""
    monkeypatch.setattr("django_ami.core.pending.GRACE", 0.01)
    pending = pending_action(timeout=0.01)
    with pytest.raises(ActionTimeout, match=r"in the 0\.02 s that were waited"):
        pending.result()


def test_the_owner_may_forbid_to_wait_but_not_to_look():
    pending = pending_action(owner=(owner := Owner()))
    owner.forbidden = True
    for wait in (pending.result, pending.exception):
        with pytest.raises(WouldBlock):
            wait(timeout=5)
    settle(pending, answer())
    assert pending.result().ok


def test_in_a_running_loop_to_ask_is_refused_whether_it_is_over_or_not():
    async def ask(pending) -> None:
        for wait in (pending.result, pending.exception):
            with pytest.raises(WouldBlock, match="write 'await pending'"):
                wait(5)

    waiting, over = (pending_action(owner=Owner()) for _ in range(2))
    settle(over, answer())
    for pending in (waiting, over):
        asyncio.run(ask(pending))


def test_in_a_running_loop_to_ask_is_refused_though_somebody_else_will_be_told():
    async def ask(pending) -> None:
        other = asyncio.create_task(asyncio.wait_for(pending, 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # now it waits
        pending.on_complete(lambda *_: None)
        settle(pending, answer())
        with pytest.raises(WouldBlock):
            pending.result()
        assert (await other).ok
        assert pending.result().ok

    asyncio.run(ask(pending_action(owner=Owner())))


def test_in_a_running_loop_the_end_that_was_told_can_be_looked_at():
    async def look(pending) -> bool:
        return (await pending) is pending.result() and pending.exception() is None

    pending = pending_action(owner=Owner())
    settle(pending, answer())
    assert asyncio.run(look(pending))

    async def called(pending) -> bool:
        return (await asyncio.wrap_future(pending)).ok

    pending = pending_action(owner=Owner())
    settle(pending, answer())
    assert asyncio.run(called(pending))


@pytest.mark.parametrize(
    ("status", "error", "has_response"),
    [("Success", type(None), True), ("Error", ActionFailed, True), (None, ConnectionLost, False)],
)
def test_on_complete_tells_the_error_and_the_answer(status, error, has_response):
    pending, told = pending_action(), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    if status is None:
        pending.fail(ConnectionLost("gone"))
    else:
        settle(pending, answer(status=status))
    ((got_error, got_response),) = told
    assert type(got_error) is error
    assert (got_response is not None) is has_response


def test_on_complete_knows_our_errors_alone():
    pending, told = pending_action(), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending.set_exception(KeyError("somebody else's"))
    assert told == []


def test_who_waits_without_a_thread_is_told_of_to_the_owner():
    pending = pending_action(owner=(owner := Owner()))

    async def wait():
        return await pending

    waiting = wait()
    with asyncio.Runner() as runner:
        task = runner.get_loop().create_task(waiting)
        runner.get_loop().call_later(0.01, lambda: settle(pending, answer()))
        assert runner.run(asyncio.wait_for(task, 20)) is pending.result(0)
    assert owner.expected == [pending]
    pending.add_done_callback(lambda _: None)  # too late to be told of
    assert owner.expected == [pending]


def test_what_is_settled_is_awaited_without_the_owner():
    pending = pending_action(owner=(owner := Owner()))
    settle(pending, answer())

    async def wait():
        return await pending

    assert asyncio.run(wait()) is pending.result(0)
    assert owner.expected == []


def test_who_reads_the_answer_himself_waits_no_more():
    class Reader(Owner):
        """Its thread reads for all while it waits."""

        def before_wait(self, pending, timeout) -> float | None:
            settle(pending, answer())
            return super().before_wait(pending, timeout)

    pending = pending_action(owner=(owner := Reader()))
    assert pending.result(5).ok
    assert pending.exception(5) is None
    assert owner.waits == [(pending, 5 - LAST_LOOK_SECONDS)]


def test_callbacks_run_where_the_owner_runs_user_code():
    pending, told = pending_action(owner=(owner := Owner())), []
    pending.add_done_callback(told.append)
    pending.on_complete(lambda error, response: told.append(response))
    response = settle(pending, answer())
    assert told == []
    for function in owner.queue:
        function()
    assert told == [pending, response]


def test_a_callback_of_a_settled_action_runs_at_once():
    pending, told = pending_action(owner=(owner := Owner())), []
    settle(pending, answer())
    pending.add_done_callback(told.append)
    assert (told, owner.queue) == ([pending], [])


def test_on_complete_of_a_settled_action_runs_where_the_owner_runs_user_code():
    """Whether the answer is there already is a matter of luck; the thread must not be."""
    pending, told = pending_action(owner=(owner := Owner())), []
    response = settle(pending, answer())
    pending.on_complete(lambda error, response: told.append(response))
    assert told == []
    for function in owner.queue:
        function()
    assert told == [response]


def test_a_callback_without_an_owner_runs_at_once():
    pending, told = pending_action(), []
    pending.add_done_callback(told.append)
    settle(pending, answer())
    assert told == [pending]


def test_a_repr_says_where_it_stands():
    pending = pending_action()
    assert repr(pending) == f"<PendingAction Ping {PREFIX}1 to node_1: waiting>"
    settle(pending, answer())
    assert repr(pending) == f"<PendingAction Ping {PREFIX}1 to node_1: done>"
