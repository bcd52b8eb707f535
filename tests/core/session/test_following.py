"""A session follows calls: by events behind a filter, and by lists where events cannot tell."""

from __future__ import annotations

import pytest

from django_ami.core.actions import Originate, Status
from django_ami.core.actions.base import encode
from django_ami.core.correlation import ActionIds
from django_ami.core.errors import ActionTimeout, ConnectionFailed
from django_ami.core.messages import Message
from django_ami.core.progress import OriginateState, Progress
from django_ami.core.promise import Promise
from django_ami.core.request import Request
from django_ami.core.session import Role
from django_ami.core.session.followed import FIRST_PAUSE_SECONDS, Followed
from django_ami.core.session.following import AWAY_SECONDS, SILENCE_SECONDS
from tests.core.support import Dialogue

NAMES = "BridgeEnter|BridgeLeave|DialBegin|DialEnd|Hangup|Newchannel|Newstate"
NO_SUCH = "Message: No such channel"


def follow(talk: Dialogue, call_id: str = "", *, search: bool = False) -> tuple[Progress, Request]:
    """A user makes a call, or looks for one."""
    action_id = talk.ids()
    call_id = call_id or f"{talk.ids.prefix}call.0"
    action = (
        Status(call_id)
        if search
        else Originate(
            channel="PJSIP/1", context="x", exten="2", priority=1, channel_id=call_id, wait=True
        )
    )
    state = OriginateState.UNKNOWN if search else OriginateState.DIALING
    progress = Progress(call_id, state=state)
    request = Request(action, action_id, encode(action, action_id), server="node_1", timeout=40)
    request.followed = Followed(progress, search=search)
    Promise.add_done_callback(request.pending, request.followed.settle)
    talk.exchange.send(request, talk.now)
    return progress, request


def answer_all(talk: Dialogue, *names: str) -> list[Message]:
    """These actions arrived, in any order, and are answered with success; gives all of them."""
    requests = talk.requests()
    assert sorted(request["Action"] for request in requests) == sorted(names)
    for request in requests:
        talk.answer(request, "Message: Success")
    return requests


def placed(talk: Dialogue, call_id: str = "") -> tuple[Progress, Message]:
    """A call whose Originate the server has taken."""
    progress, _ = follow(talk, call_id)
    while (sent := talk.requests()) and sent[-1]["Action"] != "Originate":
        for request in sent:
            talk.answer(request, "Message: Success")
    talk.answer(sent[-1], "Message: Originate successfully queued")
    return progress, sent[-1]


def happens(talk: Dialogue, name: str, call_id: str, *lines: str, uniqueid: str = "") -> None:
    talk.event(
        name,
        "Privilege: call,all",
        "Channel: PJSIP/1-1",
        f"Uniqueid: {uniqueid or call_id}",
        f"Linkedid: {call_id}",
        *lines,
    )


def item(talk: Dialogue, request: Message, *lines: str, end: str = "StatusComplete") -> None:
    """The server answers with a list of one item, or of none."""
    talk.answer(request, "EventList: start")
    if lines:
        talk.event(end.removesuffix("Complete"), f"ActionID: {request['ActionID']}", *lines)
    talk.event(end, f"ActionID: {request['ActionID']}", "EventList: Complete", "ListItems: 1")


@pytest.fixture
def talk() -> Dialogue:
    talk = Dialogue(Role.CALLER)
    talk.become_ready()
    return talk


def live(talk: Dialogue, seconds: float) -> list[Message]:
    """Let time pass for a server that answers each Ping; gives what else arrived."""
    others = []
    for _ in range(int(seconds) // 5):
        talk.wait(5)
        for request in talk.requests():
            if request["Action"] == "Ping":
                talk.answer(request)
            else:
                others.append(request)
    return others


def again(talk: Dialogue) -> None:
    """The connection comes back."""
    talk.now = talk.session.retry.at
    talk.session.connecting(talk.now)
    talk.session.connected(talk.now)
    talk.greet()
    talk.answer(talk.expect("Login"), "Message: Authentication accepted")
    core_settings = talk.expect("CoreSettings")
    talk.boot()
    talk.answer(core_settings, "AMIversion: 11.0.0", "AsteriskVersion: 22.10.1")
    assert talk.session.ready


def test_one_filter_lets_the_whole_calls_of_this_process_by(talk):
    progress, _ = follow(talk)
    filters = [request["Filter"] for request in answer_all(talk, "Filter", "Filter")]
    begin = talk.ids.prefix
    assert f"^Event: ({NAMES})[^A-Za-z].*(Linkedid|Uniqueid): {begin}" in filters
    answer_all(talk, "Events", "Originate")
    happens(talk, "Newstate", progress.id, "ChannelState: 5")
    assert progress.state is OriginateState.RINGING
    follow(talk, f"{begin}other.0")
    talk.expect("Originate")


def test_a_filter_takes_no_signs_of_an_id_for_signs_of_an_expression(talk):
    follow(talk, "order.17:a")
    filters = [request["Filter"] for request in talk.requests()]
    assert filters.count(f"^Event: ({NAMES})[^A-Za-z].*(Linkedid|Uniqueid): order.17.a") == 1


def test_an_account_without_filters_makes_the_call_once_and_asks_what_became_of_it(talk):
    progress, _ = follow(talk)
    for request in talk.requests():
        talk.answer(request, "Message: Permission denied", status="Error")
    talk.answer(talk.expect("Originate"), "Message: Originate successfully queued")
    assert "write=system" in progress.note
    assert "wait=False" not in progress.note
    talk.wait(FIRST_PAUSE_SECONDS)
    item(
        talk, talk.expect("Status"),
        f"Uniqueid: {progress.id}", "ChannelState: 6", "BridgeID: b1",
    )  # fmt: skip
    assert progress.state is OriginateState.PICKED_UP
    request = talk.expect("BridgeInfo")
    talk.answer(request, "EventList: start")
    for number in (1, 2):
        talk.event(
            "BridgeInfoChannel", f"ActionID: {request['ActionID']}",
            f"Channel: PJSIP/{number}-1", f"Uniqueid: {number}",
        )  # fmt: skip
    talk.event(
        "BridgeInfoComplete", f"ActionID: {request['ActionID']}", "EventList: Complete",
        "BridgeUniqueid: b1", "BridgeType: basic", "BridgeNumChannels: 2",
    )  # fmt: skip
    assert progress.state is OriginateState.ANSWERED
    talk.wait(2 * FIRST_PAUSE_SECONDS)
    talk.answer(talk.expect("Status"), NO_SUCH, status="Error")
    item(talk, talk.expect("Status"))
    assert progress.outcome is not None
    assert progress.outcome.answered
    assert progress.outcome.inferred
    assert progress.outcome.talk_seconds == 2


def test_a_listener_whose_mask_has_no_calls_makes_the_call_all_the_same():
    talk = Dialogue(Role.LISTENER, events="system")
    talk.become_ready()
    progress, _ = follow(talk)
    talk.expect("Originate")
    assert progress.note == "this listener's events are 'system'; add 'call' to them"


def test_without_an_originate_response_lists_tell(talk):
    progress, _ = placed(talk)
    (request, *_) = live(talk, 45)
    assert "read=call" in progress.note
    assert (request["Action"], request["Channel"]) == ("Status", progress.id)


@pytest.mark.parametrize("answered", [False, True], ids=["before the answer", "behind it"])
def test_a_call_is_found_again_when_the_connection_is(talk, answered):
    progress, _ = follow(talk)
    answer_all(talk, "Filter", "Filter")
    request = talk.requests()[-1]
    if answered:
        talk.answer(request, "Message: Originate successfully queued")
    talk.hang_up()
    assert progress.state is OriginateState.UNKNOWN
    again(talk)
    sent = talk.requests()
    assert [request["Action"] for request in sent] == ["Events", "Filter", "Status"]
    talk.answer(sent[1], "Message: Success")
    item(talk, sent[2], f"Uniqueid: {progress.id}", "ChannelState: 5")
    assert progress.state is OriginateState.RINGING
    talk.expect("Events")
    for name, state in (("Newstate", 6), ("Hangup", 6)):
        happens(talk, name, progress.id, f"ChannelState: {state}", "Cause: 17")
    assert progress.outcome is not None
    assert progress.outcome.result == "busy"
    assert talk.exchange.following.calls == {}


def test_a_call_that_nobody_knows_is_asked_for_twice_since_it_may_be_on_its_way(talk):
    progress, _ = follow(talk)
    answer_all(talk, "Filter", "Filter")
    talk.requests()
    talk.hang_up()
    again(talk)
    for _ in range(2):
        assert not progress.ended
        for request in talk.requests():
            talk.answer(request, NO_SUCH, status="Error")
        item(talk, talk.requests()[-1])
        talk.wait(FIRST_PAUSE_SECONDS)
    assert progress.outcome is not None
    assert progress.outcome.result == "unknown"


def test_phones_of_an_optimised_local_channel_are_found_by_its_linkedid(talk):
    progress, _ = placed(talk)
    happens(talk, "Newstate", progress.id, "ChannelState: 6")
    talk.hang_up()
    again(talk)
    for request in talk.requests():
        talk.answer(request, NO_SUCH, status="Error")
    item(talk, talk.requests()[-1], "Uniqueid: 1.1", f"Linkedid: {progress.id}", "ChannelState: 6")
    assert progress.state is OriginateState.PICKED_UP
    assert progress.channels == ("1.1",)


@pytest.mark.parametrize(
    ("message", "result"),
    [("Extension does not exist.", "not found"), ("Invalid channel", "failed")],
)
def test_call_that_the_server_refuses_was_never_made(talk, message, result):
    progress, _ = follow(talk)
    answer_all(talk, "Filter", "Filter")
    talk.answer(talk.requests()[-1], f"Message: {message}", status="Error")
    assert progress.outcome is not None
    assert progress.outcome.result == result
    assert message in progress.outcome.description
    assert progress.error is not None


def test_a_server_that_is_not_reached_made_no_call():
    talk = Dialogue(Role.CALLER, circuit_threshold=1)
    progress, request = follow(talk)
    talk.session.connecting(talk.now)
    talk.hang_up(ConnectionFailed("refused", server="node_1"))
    talk.wait(50)
    assert progress.outcome is not None
    assert progress.outcome.result == "failed"
    assert request.pending.error is not None
    assert not request.pending.error.sent


def test_an_action_that_was_withdrawn_made_no_call():
    talk = Dialogue(Role.CALLER)
    progress, request = follow(talk)
    assert request.pending.cancel()
    assert progress.outcome is not None
    assert progress.outcome.result == "cancelled"
    assert talk.exchange.following.calls == {}


def test_one_that_no_connection_ever_had_is_told_of_its_end():
    progress = Progress("a")
    followed = Followed(progress)
    action = Originate(channel="PJSIP/1", application="Wait")
    request = Request(action, "1", b"", server="node_1", timeout=1)
    Promise.add_done_callback(request.pending, followed.settle)
    request.fail(ConnectionFailed("closed", server="node_1"))
    assert progress.outcome is not None
    assert progress.outcome.result == "failed"


def test_a_call_of_another_process_is_found_and_followed(talk):
    call_id = f"{ActionIds().prefix}call.0"
    progress, _ = follow(talk, call_id, search=True)
    request = talk.expect("Status")
    assert request["Channel"] == call_id
    item(talk, request, f"Uniqueid: {call_id}", "ChannelState: 5")
    assert progress.state is OriginateState.RINGING
    request = talk.expect("Filter")
    assert request["Filter"].endswith(f": {call_id[:17]}")
    talk.answer(request, "Message: Success")
    talk.expect("Events")
    happens(talk, "Newstate", call_id, "ChannelState: 6")
    assert progress.state is OriginateState.PICKED_UP
    talk.wait(SILENCE_SECONDS / 2)  # events come, so nothing is asked
    assert "Status" not in {request["Action"] for request in talk.requests()}


def test_a_search_that_may_not_ask_says_so(talk):
    progress, _ = follow(talk, "theirs", search=True)
    talk.answer(talk.expect("Status"), "Message: Permission denied", status="Error")
    assert progress.outcome is not None
    assert progress.outcome.result == "unknown"
    assert "Permission denied" in progress.outcome.description


def test_a_search_that_is_not_answered_ends(talk):
    progress, request = follow(talk, "theirs", search=True)
    talk.exchange.pending.discard(request).fail(ActionTimeout("late", server="node_1", sent=True))
    assert progress.outcome is not None
    assert progress.outcome.result == "unknown"
    assert isinstance(progress.error, ActionTimeout)


def test_a_channel_that_is_unwanted_is_hung_up_as_soon_as_it_is_there(talk):
    progress, _ = placed(talk)
    progress.unwanted = True
    happens(talk, "Newchannel", progress.id, "ChannelState: 0")
    assert talk.expect("Hangup")["Channel"] == progress.id


def test_a_call_that_was_silent_for_long_is_asked_for(talk):
    progress, request = placed(talk)
    happens(talk, "Newstate", progress.id, "ChannelState: 6")
    talk.event(
        "OriginateResponse", "Privilege: call,all", f"ActionID: {request['ActionID']}",
        "Response: Success", "Reason: 4", f"Uniqueid: {progress.id}", "Channel: PJSIP/1-1",
    )  # fmt: skip
    assert live(talk, SILENCE_SECONDS - 5) == []
    (request, *_) = live(talk, 10)
    assert (request["Action"], request["Channel"]) == ("Status", progress.id)


def test_a_connection_on_which_a_call_is_followed_is_not_idle():
    talk = Dialogue(Role.CALLER, idle_timeout=5)
    talk.become_ready()
    progress, request = placed(talk)
    happens(talk, "Newstate", progress.id, "ChannelState: 6")
    talk.event(
        "OriginateResponse", "Privilege: call,all", f"ActionID: {request['ActionID']}",
        "Response: Success", "Reason: 4", f"Uniqueid: {progress.id}", "Channel: PJSIP/1-1",
    )  # fmt: skip
    talk.wait(8)
    assert talk.session.ready
    happens(talk, "Hangup", progress.id, "ChannelState: 6", "Cause: 16")
    assert progress.ended
    talk.wait(8)
    assert not talk.session.ready


def test_a_client_that_leaves_tells_nothing_of_the_rest(talk):
    settled, request = placed(talk)
    talk.event(
        "OriginateResponse", "Privilege: call,all", f"ActionID: {request['ActionID']}",
        "Response: Success", "Reason: 4", f"Uniqueid: {settled.id}", "Channel: PJSIP/1-1",
    )  # fmt: skip
    talk.wait(1)
    assert settled.state is OriginateState.PICKED_UP
    under_way, _ = placed(talk, f"{talk.ids.prefix}other.0")
    talk.session.close(talk.now)
    for progress in (settled, under_way):
        assert progress.outcome is not None
        assert progress.outcome.description.endswith("the client was closed.")


def test_a_call_is_given_up_when_its_server_is_away_for_long(talk):
    progress, _ = placed(talk)
    happens(talk, "Newstate", progress.id, "ChannelState: 6")
    talk.hang_up()
    talk.wait(AWAY_SECONDS - 1)
    assert not progress.ended
    talk.wait(1)
    assert progress.outcome is not None
    assert "away" in progress.outcome.description
    assert talk.exchange.following.calls == {}


def test_events_of_other_calls_are_nothing_to_it(talk):
    progress, _ = placed(talk)
    happens(talk, "Newstate", "another", "ChannelState: 6")
    talk.event("DialBegin", "Privilege: call,all")
    assert progress.state is OriginateState.DIALING


def test_an_action_that_moves_on_to_another_server_is_followed_there(talk):
    other = Dialogue(Role.CALLER)
    other.become_ready()
    progress, request = follow(talk)
    other.exchange.following.add(request)
    assert (len(talk.exchange.following.calls), len(other.exchange.following.calls)) == (0, 1)
    assert not progress.ended


def test_a_call_that_waits_for_the_connection_is_made_when_it_is_there():
    talk = Dialogue(Role.CALLER)
    progress, _ = follow(talk)
    request = talk.log_in()
    talk.boot()
    talk.answer(request, "AMIversion: 11.0.0", "AsteriskVersion: 22.10.1")
    filters = [request["Filter"] for request in talk.requests() if request["Action"] == "Filter"]
    assert len(filters) == len(set(filters)) == 2
    assert progress.state is OriginateState.DIALING


def test_a_call_that_comes_while_an_idle_connection_is_closed_is_made_on_the_next_one():
    talk = Dialogue(Role.CALLER, idle_timeout=5)
    talk.become_ready()
    talk.wait(6)
    talk.expect("Logoff")
    progress, _ = follow(talk)
    talk.hang_up()
    assert progress.state is OriginateState.DIALING


def test_an_originate_without_any_answer_is_asked_for(talk):
    progress, request = follow(talk)
    answer_all(talk, "Filter", "Filter")
    talk.requests()
    late = ActionTimeout("late", server="node_1", sent=True)
    talk.exchange.pending.discard(request).fail(late)
    assert (progress.state, progress.error) == (OriginateState.UNKNOWN, late)
    talk.wait(FIRST_PAUSE_SECONDS)
    assert talk.expect("Status")["Channel"] == progress.id


def test_a_link_that_ends_while_a_list_comes_leaves_the_call_unknown(talk):
    progress, _ = placed(talk)
    for denied in (False, True):
        talk.hang_up()
        again(talk)
        *_, request = talk.requests()
        if denied:
            talk.answer(request, NO_SUCH, status="Error")
            talk.expect("Status")
    talk.hang_up()
    assert progress.state is OriginateState.UNKNOWN
    again(talk)  # the list that failed with the link holds up no other one
    for request in talk.requests():
        talk.answer(request, NO_SUCH, status="Error")
    item(talk, talk.expect("Status"), "Uniqueid: 1.1", f"Linkedid: {progress.id}")
    assert progress.channels == ("1.1",)


def test_a_call_that_is_found_and_unwanted_is_hung_up(talk):
    progress, _ = follow(talk, "theirs", search=True)
    progress.unwanted = True
    item(talk, talk.expect("Status"), "Uniqueid: theirs", "ChannelState: 6", "BridgeID: b1")
    sent = talk.requests()
    assert [request["Action"] for request in sent] == ["Hangup", "Filter", "BridgeInfo"]
    talk.answer(sent[-1], "Message: Specified BridgeUniqueid not found", status="Error")
    assert progress.state is OriginateState.PICKED_UP


def test_a_right_that_is_missing_is_no_end_while_events_come(talk):
    progress, _ = placed(talk)
    talk.hang_up()
    again(talk)
    *_, request = talk.requests()
    happens(talk, "Newstate", progress.id, "ChannelState: 5")
    talk.answer(request, "Message: Permission denied", status="Error")
    assert progress.state is OriginateState.RINGING


def test_one_call_may_be_followed_several_times(talk):
    made, _ = placed(talk)
    found, _ = follow(talk, made.id, search=True)
    item(talk, talk.expect("Status"), f"Uniqueid: {made.id}", "ChannelState: 5")
    assert talk.requests() == []  # there is a filter for it already
    happens(talk, "Newstate", made.id, "ChannelState: 6")
    assert made.state is found.state is OriginateState.PICKED_UP
    happens(talk, "Hangup", made.id, "ChannelState: 6", "Cause: 16")
    assert made.ended
    assert found.ended
    assert talk.exchange.following.calls == {}


def test_a_listener_whose_filters_let_few_names_in_lets_in_its_calls_too():
    """The filters of names would keep out the events that tell how far a call is."""
    talk = Dialogue(Role.LISTENER, server_filters="auto")
    talk.session.set_interest(frozenset({"hangup"}))
    talk.connect()
    talk.greet()
    while not talk.session.ready:
        for request in talk.requests():
            more = ("AMIversion: 11.0.0", "AsteriskVersion: 22.10.1")
            talk.answer(request, *(more if request["Action"] == "CoreSettings" else ()))
            if request["Action"] == "CoreSettings":
                talk.boot()
    talk.requests()
    for number in (1, 2):
        progress, _ = follow(talk, f"{talk.ids.prefix}{number}.0")
        sent = talk.requests()
        names = [request["Action"] for request in sent]
        assert names == (["Filter", "Originate"] if number == 1 else ["Originate"])
        happens(talk, "Newstate", progress.id, "ChannelState: 6")
        assert progress.state is OriginateState.PICKED_UP


def test_a_listener_that_hears_all_calls_needs_no_filter_for_its_own():
    talk = Dialogue(Role.LISTENER)
    talk.become_ready()
    progress, _ = follow(talk)
    talk.expect("Originate")
    happens(talk, "Newstate", progress.id, "ChannelState: 5")
    assert progress.state is OriginateState.RINGING


def test_however_many_calls_are_gone_two_lists_tell_of_all(talk):
    """Each list has every channel of the server: one at a time, for all that wait for it."""
    calls = [placed(talk, f"mine-{number}")[0] for number in range(50)]
    for call in calls:
        happens(talk, "Newstate", call.id, "ChannelState: 5")
    talk.hang_up()
    again(talk)
    lists = 0
    while (request := talk.requests()) and not all(call.ended for call in calls):
        for each in request:
            if each["Action"] != "Status":
                talk.answer(each, "Message: Success")
            elif each.get("Channel"):
                talk.answer(each, NO_SUCH, status="Error")
            else:
                lists += 1
                item(talk, each)
    assert all(call.ended for call in calls)
    assert lists == 2


def test_a_search_whose_list_fails_asks_again(talk):
    progress, _ = follow(talk, "theirs", search=True)
    talk.answer(talk.expect("Status"), NO_SUCH, status="Error")
    talk.answer(talk.expect("Status"), "Message: busy", status="Error")
    assert not progress.ended
    talk.wait(FIRST_PAUSE_SECONDS)
    assert talk.expect("Status")["Channel"] == "theirs"


def test_a_call_whose_list_fails_is_asked_for_when_it_would_have_been(talk):
    progress, _ = placed(talk)
    talk.hang_up()
    again(talk)
    for request in talk.requests():
        talk.answer(request, NO_SUCH, status="Error")
    talk.answer(talk.expect("Status"), "Message: busy", status="Error")
    assert progress.state is OriginateState.UNKNOWN
    talk.wait(FIRST_PAUSE_SECONDS)
    assert talk.expect("Status")["Channel"] == progress.id


def test_a_list_says_nothing_of_a_call_that_has_ended_meanwhile(talk):
    progress, _ = placed(talk)
    happens(talk, "Newstate", progress.id, "ChannelState: 5")
    talk.hang_up()
    again(talk)
    for request in talk.requests():
        talk.answer(request, NO_SUCH, status="Error")
    request = talk.expect("Status")
    happens(talk, "Hangup", progress.id, "Cause: 17", "Cause-txt: User busy")
    outcome = progress.outcome
    assert outcome is not None
    item(talk, request)
    assert progress.outcome is outcome
    assert (outcome.result, outcome.inferred) == ("busy", False)


#: Values that a server may write, and that no line of an action can have.
UNSAYABLE = pytest.mark.parametrize("value", ["x" * 3000, "a\0b"], ids=["long", "NUL"])


@UNSAYABLE
def test_a_bridge_that_no_action_can_name_is_not_asked_for(talk, value):
    progress, _ = follow(talk, "theirs", search=True)
    item(talk, talk.expect("Status"), "Uniqueid: theirs", "ChannelState: 6", f"BridgeID: {value}")
    assert progress.state is OriginateState.PICKED_UP
    talk.expect("Filter")  # and no BridgeInfo
    assert talk.session.ready


@UNSAYABLE
def test_a_channel_that_no_action_can_name_is_not_hung_up(talk, value):
    progress, _ = placed(talk)
    progress.unwanted = True
    happens(talk, "Newchannel", progress.id, "ChannelState: 0", uniqueid=value)
    assert talk.requests() == []
    happens(talk, "Newchannel", progress.id, "ChannelState: 0")
    assert talk.expect("Hangup")["Channel"] == progress.id


def test_call_that_was_withdrawn_before_the_connection_had_it_is_not_followed() -> None:
    talk = Dialogue(Role.CALLER)
    talk.become_ready()
    call_id = f"{talk.ids.prefix}call.0"
    action = Originate(
        channel="PJSIP/1", context="x", exten="2", priority=1, channel_id=call_id, wait=True
    )
    action_id = talk.ids()
    request = Request(action, action_id, encode(action, action_id), server="node_1", timeout=40)
    request.followed = Followed(Progress(call_id))
    Promise.add_done_callback(request.pending, request.followed.settle)
    assert request.pending.cancel()
    talk.exchange.send(request, talk.now)
    assert request.followed.progress.ended
    assert talk.exchange.following.calls == {}


def local(talk: Dialogue, name: str, half: int, *lines: str) -> None:
    """An event of half of the Local channel in the place of a phone."""
    talk.event(
        name,
        f"Channel: Local/600@default-1;{half}",
        f"Uniqueid: 5.{half}",
        "Linkedid: 5.1",
        *lines,
    )


def sent_on(talk: Dialogue, call_id: str) -> None:
    """The first phone forwards."""
    happens(talk, "Newchannel", call_id)
    for half in (1, 2):
        local(talk, "Newchannel", half)
    talk.event("DialBegin", "DestChannel: Local/600@default-1;1", "DestUniqueid: 5.1")
    talk.event(
        "DialEnd",
        f"DestUniqueid: {call_id}",
        f"DestLinkedid: {call_id}",
        "DialStatus: CANCEL",
        "Forward: 600",
    )


def test_call_that_its_phone_forwards_is_followed_by_the_channel_in_its_place(talk):
    progress, originate = placed(talk)
    sent_on(talk, progress.id)
    local(talk, "Newstate", 1, "ChannelState: 5")
    assert progress.state == OriginateState.RINGING
    local(talk, "DialEnd", 2, "DestUniqueid: 7.1", "DestLinkedid: 5.1", "DialStatus: ANSWER")
    local(talk, "Newstate", 1, "ChannelState: 6")
    talk.event(
        "OriginateResponse",
        f"ActionID: {originate['ActionID']}",
        "Response: Success",
        "Reason: 4",
        f"Uniqueid: {progress.id}",
        "Channel: PJSIP/1-1",
    )
    happens(talk, "Hangup", progress.id, "Cause: 23")
    assert progress.state == OriginateState.PICKED_UP
    assert progress.channels == ("5.1",)
    live(talk, SILENCE_SECONDS - 10)
    (sought,) = [each for each in live(talk, 20) if each["Action"] == "Status"]
    assert sought["Channel"] == "5.1"
    for half in (1, 2):
        local(talk, "Hangup", half, "Cause: 16")
    assert progress.ended
    assert not talk.exchange.following.calls


def test_call_that_a_phone_of_another_forwards_stays_where_it_is(talk):
    progress, _ = placed(talk)
    happens(talk, "Newchannel", progress.id)
    sent_on(talk, "somebody-else")
    assert progress.channels == (progress.id,)


def test_call_that_its_phone_forwards_as_the_caller_gives_up_is_hung_up_there(talk):
    progress, _ = placed(talk)
    progress.unwanted = True
    sent_on(talk, progress.id)
    hung_up = [each["Channel"] for each in talk.requests() if each["Action"] == "Hangup"]
    assert hung_up[-1] == "5.1"


def test_second_follower_of_a_call_that_was_forwarded_looks_for_it_there(talk):
    progress, _ = placed(talk)
    sent_on(talk, progress.id)
    another, _ = follow(talk, progress.id, search=True)
    assert another.channels == ("5.1",)
    for half in (1, 2):
        local(talk, "Newstate", half, "ChannelState: 6")
    happens(talk, "Hangup", progress.id, "Cause: 23")
    for half in (1, 2):
        local(talk, "Hangup", half, "Cause: 16")
    assert progress.ended
    assert another.ended
    assert not talk.exchange.following.calls
