"""Answers find their actions: ActionIDs, and the registry of those unanswered."""

from __future__ import annotations

import re
import threading
import weakref
from itertools import pairwise

import pytest

from django_ami.core.actions import Action, Originate
from django_ami.core.calls import DIAL_END_SECONDS
from django_ami.core.correlation import ActionIds, PendingActions
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    AmiError,
    Backpressure,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.messages import Event, Response
from django_ami.core.request import Request
from tests.core.answers import PREFIX, Asked, answer, asked, event, id_of

# --- ActionIDs ---


def test_action_ids_are_unique_among_all_clients_and_threads():
    ids = [ActionIds() for _ in range(50)]
    assert len({each.prefix for each in ids}) == 50
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(ids[0]() for _ in range(500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 2000


def test_an_action_id_is_short_and_of_harmless_letters():
    ids = ActionIds()
    assert all(
        re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]{16}", each) for each in (ids() for _ in range(200))
    )


def test_action_id_cannot_be_told_from_earlier_ones():
    ids = ActionIds()
    own = [ids() for _ in range(1000)]
    assert all(each.startswith(ids.prefix) for each in own)
    numbers = [int(each.removeprefix(ids.prefix), 16) for each in own]
    steps = [abs(after - before) for before, after in pairwise(numbers)]
    assert len(set(numbers)) == len(numbers)
    # Of 999 differences of random numbers of 64 bits one in ten thousand may be so small: 2^44 is
    # much less than that.
    assert min(steps) > 2**44
    for bit in range(64):
        assert 350 < sum(number >> bit & 1 for number in numbers) < 650


# --- the registry ---


class Registry(PendingActions):
    """Short words for the tests: each action is added and written at once, at the time 0."""

    def __init__(self, *, most: int = 1000, most_items: int = 1000) -> None:
        super().__init__(PREFIX, server="node_1", most=most, most_items=most_items)
        self.numbers = 0

    def send(self, action: Action | None = None, *, timeout: float = 30, now: float = 0) -> Asked:
        self.numbers += 1
        pending = asked(self.numbers, action, timeout=timeout)
        self.add(pending, now)
        pending.position = self.numbers
        self.written.append(pending.action_id)
        return pending

    def match(self, response: Response, now: float = 0) -> bool:
        return super().match(response, now)

    def claim(self, event: Event) -> bool:
        """As the session asks."""
        return super().claim(event) if self.mark in event.raw else self.adopt(event)

    @property
    def odd_answers(self) -> tuple[int, int]:
        """How many were late, and how many were not to us."""
        return self.counters.late_answers, self.counters.unmatched_answers


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
    assert registry.odd_answers == counters


def in_order() -> Registry:
    registry = Registry()
    registry.order.is_kept = True
    return registry


def test_one_that_is_passed_over_has_a_moment_more():
    registry = in_order()
    first, second, third = (registry.send(timeout=timeout) for timeout in (30, 1, 30))
    registry.match(answer(3), now=10)
    assert third.result(0).ok
    assert (first.done(), second.done(), registry.running()) == (False, False, None)
    assert registry.expire(11.9) == 1  # the second, whose own time is over
    assert registry.next_deadline() == 12
    assert registry.expire(12) == 1
    assert str(first.exception(0)).startswith(
        "node_1: no answer to Ping: the server, which answers in order, has"
    )
    assert first.exception(0).sent
    assert registry.next_deadline() is None


def test_one_that_is_answered_after_it_was_passed_over_shows_that_there_is_no_order():
    registry = in_order()
    first, second, third, fourth = (registry.send() for _ in range(4))
    registry.match(answer(4), now=10)
    registry.expire(11)
    registry.match(answer(2), now=11)
    assert (second.result(0).ok, fourth.result(0).ok, registry.order.is_kept) == (True, True, False)
    assert registry.expire(29) == 0
    registry.match(answer(3), now=29)
    assert third.result(0).ok
    assert registry.expire(30) == 1
    assert str(first.exception(0)).startswith("node_1: no answer to Ping within 30 s")
    assert registry.odd_answers == (0, 0)


def test_one_that_is_answered_when_it_had_failed_shows_it_too():
    registry = in_order()
    registry.send()
    registry.send()
    registry.match(answer(2), now=10)
    registry.expire(12)
    registry.match(answer(1), now=13)
    assert (registry.order.is_kept, registry.counters.late_answers) == (False, 1)


def test_a_thousand_answers_backwards_are_matched_all_the_same():
    registry = in_order()
    pendings = [registry.send() for _ in range(1000)]
    for number in (1000, *range(1, 1000)):
        registry.match(answer(number), now=1)
    assert all(pending.result(0).ok for pending in pendings)
    assert (len(registry), registry.order.is_kept, registry.odd_answers) == (0, False, (0, 0))


def test_those_that_were_passed_over_need_no_memory():
    registry = in_order()
    for number in range(1, 1001):
        registry.send()
        if number % 2 == 0:
            registry.match(answer(number), now=number)
            registry.expire(number)
    assert len(registry.order.passed_over) == 256
    assert len(registry.written) <= 1


def test_without_an_order_those_that_are_settled_need_no_memory():
    registry = Registry()
    registry.send()
    for number in range(2, 100):
        registry.send()
        registry.match(answer(number))
    registry.match(answer(1))
    assert registry.running() is None
    assert len(registry.written) == 0


def test_text_without_end_needs_no_memory():
    registry = in_order()
    assert not registry.order.add_text(b"x")
    registry.send()
    for _ in range(100):
        assert registry.order.add_text(b"x" * 2**16)
    assert len(registry.order.text) <= 2**20 + 2**16
    registry.send()
    assert not registry.order.add_text(b"x"), "the next one will be answered, and tell"


def test_an_answer_before_the_action_was_written_is_none():
    registry, pending = Registry(), asked()
    registry.add(pending, 0)
    registry.match(answer(1))
    assert (pending.done(), registry.counters.late_answers) == (False, 1)


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
    assert registry.odd_answers == (0, 0)


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
        event("QueueMember", f"x{id_of(1)}"),
        Event("Hangup", b"Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.2"),
        event("UserEvent", "theirs", broadcast=True),
    ],
)
def test_registry_claims_no_event_of_a_foreign_action(foreign):
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    assert not registry.claim(foreign)
    assert (pending.events, registry.odd_answers) == ((), (0, 0))


@pytest.mark.parametrize(
    "stray",
    [
        event("QueueMember", 1),
        event("QueueStatusComplete", 1, "EventList: Complete"),
        event("QueueMember", 99),
        event("QueueMember", f"{id_of(1)} and more"),
        event("QueueMember", f"{id_of(1)[:-1]}-"),
        event("QueueMember", f"{PREFIX}1"),
    ],
)
def test_items_without_their_answer_are_swallowed_and_counted(stray):
    registry = Registry()
    pending = registry.send()
    assert registry.claim(stray)
    assert (pending.done(), pending.events, registry.odd_answers) == (False, (), (1, 0))
    registry.match(answer(1))
    assert pending.result(0).events == ()


def test_an_item_whose_action_id_only_begins_as_ours_is_no_item():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    assert registry.claim(event("QueueMember", f"{id_of(1)} and more"))
    assert registry.claim(event("QueueMember", 11))
    assert (pending.events, registry.counters.late_answers) == ((), 2)


def test_items_that_come_late_are_swallowed_and_counted():
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    registry.expire(30)
    assert registry.claim(event("QueueMember"))
    assert (pending.events, registry.odd_answers) == ((), (1, 0))


@pytest.mark.parametrize("position", ["second", "last"])
def test_the_action_id_may_stand_anywhere(position):
    registry = Registry()
    pending = registry.send()
    registry.match(answer(1, "EventList: start"))
    line = f"ActionID: {id_of(1)}"
    lines = [line, "Channel: a"] if position == "second" else ["Channel: a", line]
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
        (
            Event(
                "DeviceStateChange", b"Event: DeviceStateChange\r\nPrivilege: call,all\r\nDevice: a"
            ),
            False,
        ),
    ],
)
def test_a_broadcast_with_our_action_id_is_for_the_receivers_an_item_is_not(broadcast, claimed):
    registry = Registry()
    registry.send()
    registry.match(answer(1))
    assert registry.claim(broadcast) is claimed
    assert registry.counters.late_answers == claimed


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
    assert (other.events, registry.odd_answers) == ((), (0, 0))


def test_event_of_a_lost_connection_is_no_item_of_a_list():
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
    assert registry.odd_answers == (0, 0)


def test_an_originate_is_complete_with_its_outcome_which_receivers_see_too():
    registry = Registry()
    pending = registry.send(WAITING)
    registry.match(answer(1, "Message: Originate successfully queued"))
    assert not pending.done()
    assert not registry.claim(event("OriginateResponse", "fedcba9876543210-1", broadcast=True))
    assert not registry.claim(event("UserEvent", 1, broadcast=True))
    assert not pending.done()
    outcome = event("OriginateResponse", 1, "Response: Success", "Reason: 4", broadcast=True)
    assert not registry.claim(outcome)
    registry.expire(DIAL_END_SECONDS)
    assert pending.result(0).outcome.result == "answered"
    assert pending.result(0).final_event is outcome
    assert registry.odd_answers == (0, 0)


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
    assert str(error).startswith(
        "node_1: the list of Ping has more than 2 items (option max_list_items)"
    )
    assert len(pending.events) == 2
    assert (other.done(), len(registry), registry.counters.late_answers) == (False, 1, 2)


def test_an_answer_that_is_too_large_fails_its_action_alone():
    registry = Registry()
    pending, other = registry.send(), registry.send()
    registry.oversized(id_of(1), 4096)
    registry.oversized("theirs", 4096)
    error = pending.exception(0)
    assert isinstance(error, ProtocolError)
    assert "the answer to Ping is larger than 4096 bytes (option max_frame_size)" in str(error)
    assert (error.sent, other.done()) == (True, False)


def test_a_message_too_large_that_says_not_whose_it_is_was_an_item_of_the_list_under_way():
    registry = Registry()
    listing, waiting, call = (
        registry.send(),
        registry.send(),
        registry.send(Originate(channel="a", wait=True)),
    )
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
    pending = asked(timeout=30)
    Registry().add(pending, 100)
    second = Registry()
    second.add(pending, 110)
    assert second.next_deadline() == 130


@pytest.mark.parametrize(
    ("prepare", "text", "sent"),
    [
        ("waiting", "it was never sent, so it is safe to repeat.", False),
        ("written", "it was sent, so it may have been carried out", True),
        (
            "accepted",
            "it was accepted, and it may still be ringing, up to 30 s in all: look for the channel",
            True,
        ),
    ],
)
def test_a_timeout_says_how_far_it_came(prepare, text, sent):
    registry, pending = Registry(), asked(1, WAITING, timeout=5)
    registry.add(pending, 0)
    if prepare != "waiting":
        pending.position = 0
        registry.written.append(pending.action_id)
    if prepare == "accepted":
        registry.match(answer(1))
    registry.expire(5)
    error = pending.exception(0)
    assert isinstance(error, ActionTimeout)
    assert (error.sent, error.server) == (sent, "node_1")
    assert f"no answer to Originate within 5 s; {text}" in str(error)


def test_a_timeout_says_a_time_that_one_can_read():
    registry = Registry()
    pending = registry.send(Action("Ping"), timeout=9.99998)
    registry.expire(10)
    assert str(pending.exception(0)).startswith(
        "node_1: no answer to Ping within 10 s; it was sent, so it may"
    )


def test_a_timeout_does_not_ask_for_rights_if_the_event_needs_none():
    registry = Registry()
    pending = registry.send(FaxStats("FAXStats"), timeout=5)
    registry.match(answer(1))
    registry.expire(5)
    assert str(pending.exception(0)).endswith("within 5 s; it was accepted, but no FAXStats came.")


def test_deadlines_of_settled_actions_are_forgotten_while_others_live():
    registry = Registry()
    registry.send(timeout=900)  # never answered: all others have to wait behind it
    for number in range(2, 2001):
        registry.send(timeout=1000)
        registry.match(answer(number))
        assert len(registry._deadlines) <= 2 * len(registry) + 66
    registry.expire(900)
    assert len(registry._deadlines) == 0


def test_settled_action_is_not_kept_until_its_deadline():
    registry = Registry()
    for number in range(1, 100):
        settled = weakref.ref(registry.send(timeout=1000))
        registry.match(answer(number))
        assert settled() is None
        assert registry.next_deadline() is None
    still = registry.send(timeout=7)
    assert registry.next_deadline() == 7
    registry.expire(7)
    assert still.done()


def test_only_so_many_at_a_time():
    registry = Registry(most=2)
    registry.send()
    registry.send()
    with pytest.raises(
        Backpressure,
        match=r"2 actions are unanswered \(option max_pending_actions\): Ping was not sent",
    ):
        registry.send()
    registry.match(answer(1))
    registry.send()
    assert len(registry) == 2


def test_running_action_is_the_list_in_flight_or_the_oldest_unanswered_one():
    registry = Registry()
    assert registry.running() is None
    queued = asked(77)
    registry.add(queued, 0)
    assert registry.running() is None
    first, second = registry.send(), registry.send()
    assert registry.running() is first
    registry.match(answer(1, "EventList: start"))
    assert registry.running() is first
    registry.claim(event("XComplete", 1, "EventList: Complete"))
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

    def error(pending: Request) -> AmiError:
        return ConnectionLost(pending.action_id, sent=pending is first)

    assert registry.fail_all(error) == 2
    assert first.exception(0).message == id_of(1)
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
