"""Headers of a message: order, repetition, spelling; and what an originated call ended up as."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core import messages
from django_ami.core.messages import Event, Message, Response
from django_ami.core.outcome import CallResult, OriginateOutcome


def event(*lines: str, name: str = "Test") -> Event:
    return Event(name, "\r\n".join([f"Event: {name}", *lines]).encode(), server="node_1")


def response(*lines: str, status: str = "Success") -> Response:
    return Response(status, "\r\n".join([f"Response: {status}", *lines]).encode(), server="node_1")


LINES = [
    ("Key: value", ("Key", "value")),
    ("Key:value", ("Key", "value")),
    ("Key: ", ("Key", "")),
    ("Key:", ("Key", "")),
    ("Key:  two blanks", ("Key", " two blanks")),
    ("Key: trailing  ", ("Key", "trailing  ")),
    ("Note: a: b: c", ("Note", "a: b: c")),
    ("Message: No Contacts found\n", ("Message", "No Contacts found\n")),
    ("CallStarted: 1\nNext: line", ("CallStarted", "1\nNext: line")),
    ("No categories found", ("", "No categories found")),
    ("ChanVariable: A=b", ("ChanVariable", "A=b")),
    ("ChanVariable(chan;1): A=b", ("ChanVariable(chan;1)", "A=b")),
    ("ChanVariable(SIP/10:20-1;1): A=b: c", ("ChanVariable(SIP/10:20-1;1)", "A=b: c")),
    ("Odd(never:closed", ("Odd(never", "closed")),
    ("Variable: CHANNEL(state)=Up", ("Variable", "CHANNEL(state)=Up")),
]


@pytest.mark.parametrize(("line", "header"), LINES)
def test_a_line_is_split_at_the_first_colon_and_one_space(line, header):
    assert Message(line.encode()).headers == (header,)


def test_bytes_that_are_no_utf8_are_kept_as_escapes():
    message = Message(b"Value: \xff\xfe latin1 \xe9 Gr\xc3\xbc\xc3\x9fe")
    assert message["Value"] == "\\xff\\xfe latin1 \\xe9 Grüße"
    assert message.headers == (("Value", "\\xff\\xfe latin1 \\xe9 Grüße"),)


def test_headers_are_in_order_and_repeated_ones_are_kept():
    message = event("Key: 1", "Other: x", "key: 2", "Key: 3")
    assert message.headers == (
        ("Event", "Test"),
        ("Key", "1"),
        ("Other", "x"),
        ("key", "2"),
        ("Key", "3"),
    )
    assert message.get_all("KEY") == ["1", "2", "3"]
    assert message.get_all("nothing") == []
    assert dict(message) == {"Event": "Test", "Key": "1", "Other": "x", "key": "2"}
    assert message.as_dict() == {"Event": "Test", "Key": ["1", "3"], "Other": "x", "key": "2"}
    assert event("Key: 1", "key: 2").as_dict() == {"Event": "Test", "Key": "1", "key": "2"}


REPEATED = ("Key: 1", "Other: x", "Key: 3")


def has_mappings_manners(message):
    """Check the promises of every Mapping."""
    keys = list(message)
    assert (
        len(message) == len(keys) == len(set(keys)) == len(message.keys()) == len(message.items())
    )
    assert list(message.keys()) == keys
    assert list(message.values()) == [message[key] for key in keys]
    assert list(message.items()) == list(zip(keys, message.values(), strict=True))
    assert dict(message) == dict(message.items()) == {**message}
    for key, value in message.items():
        assert key in message
        assert (
            message.get(key)
            == value
            == message.get_all(key)[[*_spellings(message, key)].index(key)]
        )
    assert {key for key, _ in message.headers} == set(keys)


def _spellings(message, key):
    return [found for found, _ in message.headers if found.lower() == key.lower()]


@pytest.mark.parametrize("looked_at", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        event(*REPEATED),
        response(*REPEATED),
        event("Key: 1", "key: 2"),
        event("no colon", "no colon either"),
        event(),
        event("Channel: x", "Uniqueid: 1.2"),
    ],
    ids=repr,
)
def test_a_message_is_a_mapping_of_each_key_to_its_first_value(message, looked_at):
    message = copy.copy(message)
    if looked_at:
        assert message.get_all("Key") is not None
    has_mappings_manners(message)


def test_a_repeated_key_is_one_key_and_all_its_values_are_kept():
    message = event(*REPEATED)
    assert list(message) == ["Event", "Key", "Other"]
    assert len(message) == 3
    assert list(message.items()) == [("Event", "Test"), ("Key", "1"), ("Other", "x")]
    assert list(message.values()) == ["Test", "1", "x"]
    assert message.get_all("Key") == ["1", "3"]
    assert len(message.headers) == 4


def test_views_are_those_of_a_mapping():
    message = event(*REPEATED)
    assert isinstance(message, Mapping)
    assert "KEY" in message.keys()  # noqa: SIM118  (the view itself)
    assert message.keys() & {"Key", "Nothing"} == {"Key"}
    assert ("key", "1") in message.items()
    assert "x" in message.values()


def test_an_event_is_matched_as_a_mapping():
    match event("Channel: PJSIP/101-1", "Cause: 16"):
        case {"Cause": "17"}:
            raise AssertionError
        case {"Channel": channel, "Cause": "16"}:
            assert channel == "PJSIP/101-1"


def test_the_exact_spelling_wins_and_any_other_is_found():
    message = event("UniqueID: 1", "Uniqueid: 2")
    assert message["Uniqueid"] == "2"
    assert message["UniqueID"] == "1"
    assert message["uniqueid"] == "1"
    assert message.get("UNIQUEID") == "1"


@pytest.mark.parametrize(
    ("key", "inside"),
    [("Channel", True), ("cHANNEL", True), ("Chan", False), (7, False)],
)
def test_whether_a_key_is_in_a_message(key, inside):
    assert (key in event("Channel: x")) is inside


@pytest.mark.parametrize("message", [event(), Response("Success", b"Response: Success")])
def test_a_key_that_is_not_there(message):
    assert message.get("Nothing") is None
    assert message.get("Nothing", "") == ""
    with pytest.raises(KeyError) as raised:
        message["Nothing"]
    assert raised.value.args == ("Nothing",)


# A header is searched for in the bytes as long as few are asked for, and looked up in an index
# afterwards.

KEYS = ["Event", "Channel", "channel", "A", "a", "A(b:c)", "A(b", "", "Ä", " A", "\\xff", "\nA"]
part = st.sampled_from([*KEYS, ":", ": ", "\r\n", "\r\n", "\r", "\n", "x", "): "]).map(
    str.encode
) | st.just(b"\xff")


@given(st.lists(part, max_size=20).map(b"".join), st.sampled_from(KEYS))
def test_a_header_is_the_same_whether_it_is_searched_for_or_looked_up(raw, key):
    searched, indexed = Message(raw), Message(raw)
    assert len(indexed.headers) >= 1
    assert searched.get(key) == indexed.get(key)


@given(st.lists(part, max_size=20).map(b"".join))
def test_any_message_has_the_manners_of_a_mapping(raw):
    has_mappings_manners(Message(raw))


def test_the_first_line_comes_first():
    for message in (
        Message(b"Event: UserEvent\r\nEvent: Fake"),
        Event("UserEvent", b"Event: UserEvent\r\nEvent: Fake"),
    ):
        assert message["Event"] == message.get("Event") == message["event"] == "UserEvent"
        assert message.get_all("EVENT") == ["UserEvent", "Fake"]


def test_only_a_few_headers_are_searched_for():
    message = event(*(f"Key-{n}: {n}" for n in range(20)))
    assert [message[f"Key-{n}"] for n in range(20)] == [str(n) for n in range(20)]
    assert message._exact


def test_event_lookup_caches_a_bounded_number_of_keys(monkeypatch):
    monkeypatch.setattr(messages, "_needles", {})
    monkeypatch.setattr(messages, "_MAX_NEEDLES", 3)
    for n in range(10):
        assert event(f"Key-{n}: {n}")[f"Key-{n}"] == str(n)
    assert set(messages._needles) == {"Key-0", "Key-1", "Key-2"}


def test_messages_are_equal_by_their_bytes_their_server_and_their_kind():
    raw = b"Event: X"
    assert Event("X", raw, server="a") == Event("X", raw, server="a")
    assert hash(Event("X", raw)) == hash(Event("X", raw))
    assert Event("X", raw, server="a") != Event("X", raw, server="b")
    assert Event("X", raw) != Event("X", raw + b" ")
    assert Event("X", raw) != Message(raw)
    assert Message(raw) != raw


def test_a_repr_shows_no_value():
    assert repr(event("CallerIDNum: 015112345")) == "<Event Test from node_1>"
    assert repr(Event("X", b"Event: X")) == "<Event X from nowhere>"
    assert repr(response("Secret: x")) == "<Response Success from node_1, 0 events>"
    assert repr(Response("Error", b"")) == "<Response Error from nowhere, 0 events>"


# --- answers ---


@pytest.mark.parametrize(
    ("status", "ok"),
    [("Success", True), ("Follows", True), ("Goodbye", True), ("Error", False), ("error", False)],
)
def test_all_but_an_error_is_good(status, ok):
    assert response(status=status).ok is ok


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Message: No Contacts found\n"], "No Contacts found"),
        (["Message: Pong "], "Pong "),
        ([], ""),
    ],
)
def test_the_message_of_an_answer(lines, message):
    assert response(*lines).message == message


def test_output_is_the_lines_of_a_command():
    assert response("Output:  first", "Output: ", "Output: last").output == " first\n\nlast"
    assert response().output == ""
    assert response("Output: ").output == ""


# --- calls ---


def outcome(*lines: str) -> OriginateOutcome:
    return OriginateOutcome.from_event(event(*lines, name="OriginateResponse"))


@pytest.mark.parametrize(
    ("answer", "reason", "result", "number", "words"),
    [
        ("Success", "4", CallResult.ANSWERED, 4, "answered"),
        ("success", "0", CallResult.ANSWERED, 0, "answered"),
        (
            "Failure",
            "0",
            CallResult.FAILED,
            0,
            "failed; the Hangup of its channel, which says why, was not seen",
        ),
        ("Failure", "1", CallResult.CANCELLED, 1, "hung up before it was answered"),
        ("Failure", "3", CallResult.NO_ANSWER, 3, "nobody answered"),
        ("Failure", "5", CallResult.BUSY, 5, "busy"),
        ("Failure", "8", CallResult.FAILED, 8, "congestion, or not available"),
        ("Failure", "77", CallResult.FAILED, 77, "failed for a reason unknown here (77)"),
        ("Failure", "soon", CallResult.FAILED, None, "failed for a reason unknown here (soon)"),
        ("Failure", "", CallResult.FAILED, None, "failed for a reason unknown here (none given)"),
    ],
)
def test_reasons_of_a_call(answer, reason, result, number, words):
    found = outcome(f"Response: {answer}", f"Reason: {reason}", "Channel: PJSIP/1", "Uniqueid: 1.2")
    assert found == OriginateOutcome(result, number, words, "PJSIP/1", "1.2")
    assert found.answered is (result is CallResult.ANSWERED)


def test_a_failed_call_has_no_unique_id():
    assert outcome("Response: Failure", "Reason: 5", "Uniqueid: <unknown>").uniqueid is None
    assert outcome("Response: Failure").channel == ""


def test_only_an_answer_with_an_originate_response_has_an_outcome():
    answer = response()
    assert answer.outcome is None
    answer.final_event = event("EventList: Complete", name="StatusComplete")
    assert answer.outcome is None
    answer.final_event = event("Response: Failure", "Reason: 5", name="OriginateResponse")
    assert answer.outcome.result == "busy"


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_header_is_found_in_a_message_of_any_size(size):
    raw = b"Event: X\r\nFirst: 1\r\nLong: " + b"x" * size + b"\r\nEmpty:\r\nlast: \xc3\xa9"
    for key, value in (
        ("First", "1"),
        ("LONG", "x" * size),
        ("Empty", ""),
        ("last", "é"),
        ("Last", "é"),
    ):
        assert Event("X", raw)[key] == value
        assert Event("X", raw).get(key) == value
    assert Event("X", raw).get("Irst", "none") == "none"
    with pytest.raises(KeyError, match="'Nothing'"):
        Event("X", raw)["Nothing"]


# --- messages that travel ---


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("looked_at", [False, True])
def test_a_message_survives_a_pickle_and_a_copy(protocol, looked_at):
    item = event("Key: \xff")
    answer = response("Key: 1", "key: 2", status="Follows")
    answer.events, answer.final_event = (
        (item,),
        event("Response: Failure", "Reason: 5", name="OriginateResponse"),
    )
    if looked_at:
        assert answer.as_dict()
        assert item.headers
    for travel in (lambda it: pickle.loads(pickle.dumps(it, protocol)), copy.copy, copy.deepcopy):
        found = travel(answer)
        assert found == answer
        assert (found.status, found.server, found.get_all("Key")) == (
            "Follows",
            "node_1",
            ["1", "2"],
        )
        assert found.events == (item,)
        assert (found.events[0].name, found.final_event, found.outcome) == (
            "Test",
            answer.final_event,
            answer.outcome,
        )
        assert travel(Message(b"Key: 1", "node_1"))["Key"] == "1"


def test_an_answer_is_plain_for_json_with_its_items_and_its_outcome():
    answer = response("Message: Queue status will follow")
    assert answer.as_dict() == {"Response": "Success", "Message": "Queue status will follow"}
    answer.events = (event("Queue: support", "Key: 1", "Key: 2"),)
    answer.final_event = event("EventList: Complete", name="QueueStatusComplete")
    assert json.loads(json.dumps(answer.as_dict())) == {
        "Response": "Success",
        "Message": "Queue status will follow",
        "events": [{"Event": "Test", "Queue": "support", "Key": ["1", "2"]}],
    }


def test_an_outcome_is_plain_for_json():
    answer = response()
    answer.final_event = event(
        "Response: Failure", "Reason: 5", "Channel: Local/5@x", name="OriginateResponse"
    )
    plain = json.loads(json.dumps(answer.as_dict()))["outcome"]
    assert plain == answer.outcome.as_dict()
    assert {"result": "busy", "reason": 5, "channel": "Local/5@x"}.items() <= plain.items()
    assert type(answer.outcome.as_dict()["result"]) is str
