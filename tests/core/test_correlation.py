"""Answers find their actions: ActionIDs, the promise of an answer, and the registry of those unanswered."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest

from django_ami.core.actions import Action, Originate, Ping
from django_ami.core.correlation import ActionIds, PendingAction, PendingActions
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AmiError,
    Backpressure,
    ConnectionFailed,
    ConnectionLost,
    ProtocolError,
    WouldBlock,
)
from django_ami.core.messages import Event, Response

PREFIX = "0123456789abcdef-"


def promise(number: int = 1, action: Action | None = None, *, timeout: float = 30, owner=None) -> PendingAction:
    return PendingAction(action or Ping(), f"{PREFIX}{number}", b"wire", server="node_1", timeout=timeout, owner=owner)


def answer(number: int | str = 1, *lines: str, status: str = "Success") -> Response:
    action_id = number if isinstance(number, str) else f"{PREFIX}{number}"
    return Response(status, "\r\n".join([f"Response: {status}", f"ActionID: {action_id}", *lines]).encode())


def event(name: str, number: int | str = 1, *lines: str, broadcast: bool = False) -> Event:
    action_id = number if isinstance(number, str) else f"{PREFIX}{number}"
    head = [f"Event: {name}", *(["Privilege: call,all"] if broadcast else [])]
    return Event(name, "\r\n".join([*head, f"ActionID: {action_id}", *lines]).encode())


# --- ActionIDs ---


def test_action_ids_are_unique_among_all_clients_and_threads():
    ids = [ActionIds() for _ in range(50)]
    assert len({each.prefix for each in ids}) == 50
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend(ids[0]() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2000


def test_an_action_id_is_short_and_of_harmless_letters():
    ids = ActionIds()
    first, second = ids(), ids()
    assert (first, second) == (ids.prefix + "1", ids.prefix + "2")
    assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", ids.prefix + "9" * 20)


# --- the promise ---


class Owner:
    """A client that runs user code when the test says so, and may forbid to wait."""

    def __init__(self) -> None:
        self.queue: list = []
        self.forbidden = False
        self.waits: list = []

    def call_user(self, function) -> None:
        self.queue.append(function)

    def before_wait(self, pending, timeout) -> None:
        self.waits.append((pending, timeout))
        if self.forbidden:
            raise WouldBlock("write await.")


def settle(pending: PendingAction, response: Response) -> Response:
    pending.response = response
    pending.complete()
    return response


def test_a_good_answer():
    pending = promise()
    assert not pending.done()
    response = settle(pending, answer())
    assert pending.result(timeout=0) is response
    assert pending.exception(timeout=0) is None
    assert response.events == ()


def test_an_action_cannot_be_cancelled():
    assert not promise().cancel()


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
    pending = promise()
    response = settle(pending, answer(1, *lines, status="Error"))
    with pytest.raises(ActionFailed, match=re.escape(text)) as raised:
        pending.result()
    assert raised.value is pending.exception()
    assert raised.value.response is response


def test_it_is_settled_once():
    pending = promise()
    first = settle(pending, answer())
    settle(pending, answer(1, "Second: yes"))
    pending.fail(ConnectionLost("gone"))
    assert pending.result() is first


def test_nothing_is_completed_without_a_response():
    pending = promise()
    pending.complete()
    assert not pending.done()


def test_a_loss_has_the_items_that_had_arrived():
    pending = promise()
    pending.events = [event("Status")]
    pending.fail(ConnectionLost("gone", sent=True))
    assert pending.exception().events == (event("Status"),)
    other = promise()
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
    pending = promise()
    pending.position = position
    pending.reroute = lambda _: True
    pending.fail(error)
    assert pending.done() is not moved


def test_what_finds_no_other_server_fails():
    pending = promise()
    pending.reroute = lambda _: False
    pending.fail(ConnectionFailed("no"))
    assert pending.exception().message == "no"


def test_waiting_ends_but_not_the_action():
    pending = promise()
    with pytest.raises(
        ActionTimeout, match=r"no answer to Ping in the 0\.001 s that were waited; it is still"
    ) as raised:
        pending.result(timeout=0.001)
    assert (raised.value.sent, raised.value.server, pending.done()) == (False, "node_1", False)
    pending.position = 0
    with pytest.raises(ActionTimeout) as raised:
        pending.exception(timeout=0)
    assert raised.value.sent
    settle(pending, answer())
    assert pending.result(timeout=0).ok


def test_a_thread_waits_for_the_answer():
    pending = promise(owner=(owner := Owner()))
    thread = threading.Timer(0.02, lambda: settle(pending, answer()))
    thread.start()
    assert pending.result().ok
    thread.join()
    assert owner.waits == [(pending, None)]


def test_the_owner_may_forbid_to_wait_but_not_to_look():
    pending = promise(owner=(owner := Owner()))
    owner.forbidden = True
    for wait in (pending.result, pending.exception):
        with pytest.raises(WouldBlock):
            wait(timeout=5)
    settle(pending, answer())
    assert pending.result().ok


@pytest.mark.parametrize(
    ("status", "error", "has_response"),
    [("Success", type(None), True), ("Error", ActionFailed, True), (None, ConnectionLost, False)],
)
def test_on_complete_tells_the_error_and_the_answer(status, error, has_response):
    pending, told = promise(), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    if status is None:
        pending.fail(ConnectionLost("gone"))
    else:
        settle(pending, answer(status=status))
    ((got_error, got_response),) = told
    assert type(got_error) is error
    assert (got_response is not None) is has_response


def test_on_complete_knows_our_errors_alone():
    pending, told = promise(), []
    pending.on_complete(lambda *arguments: told.append(arguments))
    pending.set_exception(KeyError("somebody else's"))
    assert told == []


def test_callbacks_run_where_the_owner_runs_user_code():
    pending, told = promise(owner=(owner := Owner())), []
    pending.add_done_callback(told.append)
    pending.on_complete(lambda error, response: told.append(response))
    response = settle(pending, answer())
    assert told == []
    for function in owner.queue:
        function()
    assert told == [pending, response]


def test_a_callback_of_a_settled_action_runs_at_once():
    pending, told = promise(owner=(owner := Owner())), []
    settle(pending, answer())
    pending.add_done_callback(told.append)
    assert (told, owner.queue) == ([pending], [])


def test_a_callback_without_an_owner_runs_at_once():
    pending, told = promise(), []
    pending.add_done_callback(told.append)
    settle(pending, answer())
    assert told == [pending]


def test_it_is_awaitable_from_another_thread():
    async def ask(pending: PendingAction) -> Response:
        threading.Timer(0.02, lambda: settle(pending, answer())).start()
        return await pending

    assert asyncio.run(ask(promise())).ok


def test_awaiting_a_settled_action_needs_no_loop_turn():
    async def ask() -> None:
        good, bad = promise(), promise()
        settle(good, answer())
        bad.fail(ConnectionLost("gone"))
        assert (await good).ok
        with pytest.raises(ConnectionLost):
            await bad

    asyncio.run(ask())


async def wait_for(pending: PendingAction) -> Response:
    return await pending


def test_awaiting_may_be_given_up_and_the_answer_comes_later(caplog):
    async def ask(pending: PendingAction) -> None:
        task = asyncio.ensure_future(wait_for(pending))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        settle(pending, answer())
        await asyncio.sleep(0)  # here the wake-up comes, and nobody waits for it
        assert task.cancelled()
        assert (await pending).ok

    asyncio.run(ask(promise()))
    assert caplog.records == []


def test_an_answer_for_a_loop_that_is_closed_by_now(caplog):
    async def give_up(pending: PendingAction) -> None:
        asyncio.ensure_future(wait_for(pending))  # noqa: RUF006  (cancelled with the loop)
        await asyncio.sleep(0)

    pending = promise()
    asyncio.run(give_up(pending))
    assert settle(pending, answer()) is pending.result()
    assert caplog.records == []


def test_a_repr_says_where_it_stands():
    pending = promise()
    assert repr(pending) == f"<PendingAction Ping {PREFIX}1 to node_1: waiting>"
    settle(pending, answer())
    assert repr(pending) == f"<PendingAction Ping {PREFIX}1 to node_1: done>"


# --- the registry ---


class Registry(PendingActions):
    """One with short words for the tests: every action is added and written at once, at the time 0."""

    def __init__(self, *, most: int = 1000, most_items: int = 1000) -> None:
        super().__init__(PREFIX, server="node_1", most=most, most_items=most_items)
        self.numbers = 0

    def send(self, action: Action | None = None, *, timeout: float = 30, now: float = 0) -> PendingAction:
        self.numbers += 1
        pending = promise(self.numbers, action, timeout=timeout)
        self.add(pending, now)
        pending.position = self.numbers
        self.written(pending)
        return pending

    @property
    def counters(self) -> tuple[int, int]:
        return self.late, self.unmatched


WAITING = Originate(channel="Local/1@x", wait=True)


def test_an_answer_settles_its_own_action_and_no_other():
    registry = Registry()
    first, second = registry.send(), registry.send()
    registry.match(answer(2))
    assert (first.done(), second.done(), len(registry)) == (False, True, 1)
    registry.match(answer(1, "Message: no", status="Error"))
    assert isinstance(first.exception(), ActionFailed)
    assert len(registry) == 0


@pytest.mark.parametrize(
    ("response", "counters"),
    [
        (answer(1), (1, 0)),
        (answer(99), (1, 0)),
        (answer("fedcba9876543210-1"), (0, 1)),
        (Response("Error", b"Response: Error\r\nMessage: Missing action in request"), (0, 1)),
    ],
)
def test_an_answer_to_nothing_is_counted(response, counters):
    registry = Registry()
    registry.send()
    registry.match(answer(1))
    registry.match(response)
    assert registry.counters == counters


def test_an_answer_before_the_action_was_written_is_none():
    registry, pending = Registry(), promise()
    registry.add(pending, 0)
    registry.match(answer(1))
    assert (pending.done(), registry.late) == (False, 1)


@pytest.mark.parametrize("start", ["EventList: start", "EventList: Start", "eventlist: start"])
def test_a_list_is_complete_with_its_closing_event(start):
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, start))
    items = [event("QueueParams"), event("QueueMember")]
    assert all(registry.claim(item) for item in items)
    assert not pending.done()
    closing = event("QueueStatusComplete", 1, "EventList: Complete", "ListItems: 2")
    assert registry.claim(closing)
    response = pending.result(0)
    assert (response.events, response.final_event) == (tuple(items), closing)
    assert registry.counters == (0, 0)


EMPTY = {
    "C: a start and a closing event": (
        answer(1, "EventList: start"),
        [event("XComplete", 1, "EventList: Complete", "ListItems: 0")],
        True,
    ),
    "E: an error": (answer(1, "Message: No active conferences.", status="Error"), [], False),
    "S: a plain success": (answer(1, "Message: VoicemailUsersList"), [], True),
}


@pytest.mark.parametrize(("response", "events", "good"), EMPTY.values(), ids=EMPTY)
def test_the_three_kinds_of_empty_list(response, events, good):
    registry = Registry()
    pending = registry.send()
    registry.match(response)
    for each in events:
        registry.claim(each)
    assert pending.done()
    assert (pending.exception(0) is None) is good
    assert response.events == ()


def test_an_error_with_a_list_is_an_error():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start", status="Error"))
    assert isinstance(pending.exception(0), ActionFailed)


@pytest.mark.parametrize(
    "foreign",
    [
        event("QueueMember", "fedcba9876543210-1"),
        event("QueueMember", "1"),
        event("QueueMember", f"x{PREFIX}1"),
        Event("Hangup", b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.2"),
        event("UserEvent", "theirs", broadcast=True),
    ],
)
def test_what_belongs_to_others_is_not_claimed(foreign):
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    assert not registry.claim(foreign)
    assert (pending.events, registry.counters) == ([], (0, 0))


@pytest.mark.parametrize(
    "stray",
    [
        event("QueueMember", 1),
        event("QueueStatusComplete", 1, "EventList: Complete"),
        event("QueueMember", 99),
        event("QueueMember", f"{PREFIX}1 and more"),
        event("QueueMember", f"{PREFIX}x"),
    ],
)
def test_items_without_their_answer_are_swallowed_and_counted(stray):
    registry = Registry()
    pending = registry.send()
    assert registry.claim(stray)
    assert (pending.done(), pending.events, registry.counters) == (False, [], (1, 0))
    registry.match(answer(1))
    assert pending.result(0).events == ()


def test_an_item_whose_action_id_only_begins_as_ours_is_no_item():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    assert registry.claim(event("QueueMember", f"{PREFIX}1 and more"))
    assert registry.claim(event("QueueMember", 11))
    assert (pending.events, registry.late) == ([], 2)


def test_items_that_come_late_are_swallowed_and_counted():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    registry.expire(30)
    assert registry.claim(event("QueueMember"))
    assert (pending.events, registry.counters) == ([], (1, 0))


@pytest.mark.parametrize("position", ["second", "last"])
def test_the_action_id_may_stand_anywhere(position):
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    lines = [f"ActionID: {PREFIX}1", "Channel: a"] if position == "second" else ["Channel: a", f"ActionID: {PREFIX}1"]
    assert registry.claim(Event("X", "\r\n".join(["Event: X", *lines]).encode()))
    assert len(pending.events) == 1


def test_status_items_have_a_privilege_and_are_items_all_the_same():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    assert registry.claim(event("Status", broadcast=True))
    assert registry.claim(event("PeerStatus", broadcast=True))
    assert [item.name for item in pending.events] == ["Status", "PeerStatus"]


@pytest.mark.parametrize(
    ("broadcast", "claimed"),
    [
        (event("UserEvent", broadcast=True), False),
        (event("OriginateResponse", broadcast=True), False),
        (event("Status", broadcast=True), True),
        (event("DeviceStateChange"), True),
        (Event("DeviceStateChange", b"Event: DeviceStateChange\r\nPrivilege: call,all\r\nDevice: a"), False),
    ],
)
def test_a_broadcast_with_our_action_id_is_for_the_receivers_an_item_is_not(broadcast, claimed):
    registry = Registry()
    registry.send()
    registry.match(answer(1))
    assert registry.claim(broadcast) is claimed
    assert registry.late == claimed


PEER = Event("PeerEntry", b"Event: PeerEntry\r\nObjectName: a")


def test_an_item_that_does_not_say_whose_it_is_belongs_to_the_list_under_way():
    registry = Registry()
    pending, other = registry.send(), registry.send()
    assert not registry.claim(PEER)
    registry.match(answer(1, "EventList: start"))
    assert registry.claim(PEER)
    assert not registry.claim(Event("Hangup", b"Event: Hangup\r\nPrivilege: call,all"))
    assert not registry.claim(event("PeerEntry", "fedcba9876543210-1"))
    assert registry.claim(event("PeerlistComplete", 1, "EventList: Complete"))
    assert pending.result(0).events == (PEER,)
    assert not registry.claim(PEER)
    registry.match(answer(2, "EventList: start"))
    registry.expire(30)
    assert not registry.claim(PEER)
    assert (other.events, registry.counters) == ([], (0, 0))


def test_nothing_of_a_lost_connection_is_taken_for_an_item():
    registry = Registry()
    registry.send()
    registry.match(answer(1, "EventList: start"))
    registry.fail_all(lambda _: ConnectionLost("gone"))
    assert not registry.claim(PEER)


class FaxStats(Action):
    final_event = "FAXStats"


def test_an_action_may_be_complete_with_an_event_of_its_own_without_a_list():
    registry = Registry()
    pending = registry.send(FaxStats("FAXStats"))
    registry.match(answer(1, "Message: FAXStats event will follow"))
    assert not pending.done()
    figures = event("FAXStats", 1, "CurrentSessions: 0")
    assert registry.claim(figures)
    assert (pending.result(0).final_event, pending.result(0).events) == (figures, ())
    assert registry.counters == (0, 0)


def test_an_originate_is_complete_with_its_outcome_which_receivers_see_too():
    registry = Registry()
    pending = registry.send(WAITING)
    registry.match(answer(1, "Message: Originate successfully queued"))
    assert not pending.done()
    assert not registry.claim(event("OriginateResponse", "fedcba9876543210-1", broadcast=True))
    assert not registry.claim(event("UserEvent", 1, broadcast=True))
    assert not pending.done()
    outcome = event("OriginateResponse", 1, "Response: Failure", "Reason: 5", broadcast=True)
    assert not registry.claim(outcome)
    assert pending.result(0).outcome.result == "busy"
    assert pending.result(0).final_event is outcome
    assert registry.counters == (0, 0)


def test_an_originate_that_is_refused_waits_for_nothing():
    registry = Registry()
    pending = registry.send(WAITING)
    registry.match(answer(1, "Message: Extension does not exist.", status="Error"))
    assert isinstance(pending.exception(0), ActionFailed)


def test_a_list_that_is_too_long_fails_that_action_alone():
    registry = Registry(most_items=2)
    pending, other = registry.send(), registry.send()
    registry.match(answer(1, "EventList: start"))
    for _ in range(5):
        assert registry.claim(event("QueueMember"))
    error = pending.exception(0)
    assert isinstance(error, ProtocolError)
    assert error.sent
    assert str(error).startswith("node_1: the list of Ping has more than 2 items (option max_list_items)")
    assert len(pending.events) == 2
    assert (other.done(), len(registry), registry.late) == (False, 1, 2)


def test_an_answer_that_is_too_large_fails_its_action_alone():
    registry = Registry()
    pending, other = registry.send(), registry.send()
    registry.oversized(f"{PREFIX}1", 4096)
    registry.oversized("theirs", 4096)
    error = pending.exception(0)
    assert isinstance(error, ProtocolError)
    assert "the answer to Ping is larger than 4096 bytes (option max_frame_size)" in str(error)
    assert (error.sent, other.done()) == (True, False)


def test_a_message_too_large_that_says_not_whose_it_is_was_an_item_of_the_list_under_way():
    registry = Registry()
    listing, waiting, call = registry.send(), registry.send(), registry.send(Originate(channel="a", wait=True))
    registry.oversized(None, 4096)
    registry.match(answer(1, "EventList: start"))
    registry.match(answer(3))
    registry.oversized(None, 4096)
    assert "the answer to Ping is larger than 4096 bytes" in str(listing.exception(0))
    assert (waiting.done(), call.done(), len(registry)) == (False, False, 2)


# --- time ---


def test_actions_expire_each_at_its_own_time():
    registry = Registry()
    slow, fast, good = registry.send(timeout=20), registry.send(timeout=5), registry.send(timeout=4)
    registry.match(answer(3))
    assert registry.next_deadline() == 5
    assert registry.expire(4.9) == 0
    assert registry.expire(5) == 1
    assert (slow.done(), isinstance(fast.exception(0), ActionTimeout)) == (False, True)
    assert good.result(0).ok
    assert registry.next_deadline() == 20
    assert registry.expire(100) == 1
    assert (len(registry), registry.next_deadline(), registry.expire(200)) == (0, None, 0)


def test_a_deadline_is_that_of_the_first_server_it_was_for():
    pending = promise(timeout=30)
    Registry().add(pending, 100)
    second = Registry()
    second.add(pending, 110)
    assert second.next_deadline() == 130


@pytest.mark.parametrize(
    ("prepare", "text", "sent"),
    [
        ("waiting", "it was never sent, so it is safe to repeat.", False),
        ("written", "it was sent, so it may have been carried out", True),
        ("accepted", "it was accepted, but no OriginateResponse came: does the AMI user have read=call?", True),
    ],
)
def test_a_timeout_says_how_far_it_came(prepare, text, sent):
    registry, pending = Registry(), promise(1, WAITING, timeout=5)
    registry.add(pending, 0)
    if prepare != "waiting":
        pending.position = 0
        registry.written(pending)
    if prepare == "accepted":
        registry.match(answer(1))
    registry.expire(5)
    error = pending.exception(0)
    assert isinstance(error, ActionTimeout)
    assert (error.sent, error.server) == (sent, "node_1")
    assert f"no answer to Originate within 5 s; {text}" in str(error)


def test_a_timeout_does_not_ask_for_rights_if_the_event_needs_none():
    registry = Registry()
    pending = registry.send(FaxStats("FAXStats"), timeout=5)
    registry.match(answer(1))
    registry.expire(5)
    assert str(pending.exception(0)).endswith("within 5 s; it was accepted, but no FAXStats came.")


def test_the_heap_of_deadlines_stays_small():
    registry = Registry()
    for number in range(1, 2001):
        registry.send(timeout=1000)
        registry.match(answer(number))
        assert len(registry._deadlines) <= 2 * len(registry) + 66
    still = registry.send(timeout=7)
    assert registry.next_deadline() == 7
    registry.expire(7)
    assert still.done()


def test_only_so_many_at_a_time():
    registry = Registry(most=2)
    registry.send()
    registry.send()
    with pytest.raises(
        Backpressure, match=r"2 actions are unanswered \(option max_pending_actions\): Ping was not sent"
    ):
        registry.send()
    registry.match(answer(1))
    registry.send()
    assert len(registry) == 2


def test_what_the_server_may_be_running_is_the_oldest_without_an_answer():
    registry = Registry()
    assert registry.running() is None
    queued = promise(77)
    registry.add(queued, 0)
    assert registry.running() is None
    first, second = registry.send(), registry.send()
    assert registry.running() is first
    registry.match(answer(1, "EventList: start"))
    assert registry.running() is second
    registry.match(answer(2))
    assert registry.running() is None


def test_when_the_running_one_is_overdue_those_behind_it_are_not_known_to_run():
    registry = Registry()
    registry.send(timeout=10)
    behind = [registry.send(timeout=20), registry.send(timeout=15)]
    registry.expire(10)
    assert registry.running() is None
    registry.expire(15)
    assert registry.running() is None
    registry.match(answer(3))  # late, but the server lives, and has gone on
    assert registry.running() is behind[0]


def test_a_later_one_may_expire_first():
    registry = Registry()
    first = registry.send(timeout=20)
    registry.send(timeout=5)
    registry.expire(5)
    assert registry.running() is first


# --- the end ---


def test_all_fail_each_with_an_error_of_its_own_and_its_items():
    registry = Registry()
    first, second = registry.send(), registry.send()
    registry.match(answer(1, "EventList: start"))
    registry.claim(event("QueueMember"))

    def error(pending: PendingAction) -> AmiError:
        return ConnectionLost(pending.action_id, sent=pending is first)

    assert registry.fail_all(error) == 2
    assert first.exception(0).message == f"{PREFIX}1"
    assert first.exception(0).events == (event("QueueMember"),)
    assert (first.exception(0).sent, second.exception(0).sent) == (True, False)
    assert (len(registry), registry.next_deadline(), registry.running()) == (0, None, None)
    assert registry.fail_all(error) == 0


def test_a_new_connection_begins_with_nothing_overdue():
    registry = Registry()
    registry.send(timeout=1)
    registry.expire(1)
    registry.fail_all(lambda _: ConnectionLost("gone"))
    following = registry.send()
    assert registry.running() is following
