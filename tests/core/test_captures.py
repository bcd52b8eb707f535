"""The recordings of a real server.

Read whole or in pieces, the same messages, and as many as are in them.
"""

from __future__ import annotations

import json

import pytest

from django_ami.core.messages import Event, Response
from django_ami.core.protocol import Parser
from tests.core.support import CAPTURES, feed, pieces, show

COUNTS = json.loads((CAPTURES / "counts.json").read_text())


def read(name: str, size: int | None = None) -> tuple[Parser, list]:
    parser = Parser(server="node_1")
    return parser, feed(parser, pieces((CAPTURES / "22" / f"{name}.txt").read_bytes(), size))


def test_every_recording_is_counted():
    assert {path.stem for path in (CAPTURES / "22").iterdir()} == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_a_recording_gives_the_same_messages_however_it_is_cut(name):
    parser, messages = read(name)
    answers = sum(isinstance(message, Response) for message in messages)
    events = sum(isinstance(message, Event) for message in messages)
    assert (answers, events) == (COUNTS[name]["answers"], COUNTS[name]["events"])
    assert parser.banner == "Asterisk Call Manager/11.0.0"
    assert (
        parser.counters.garbage_bytes,
        parser.skipped,
        parser.counters.oversized_messages,
        len(parser.tail.buffer),
    ) == (0, 0, 0, 0)
    assert parser.counters.suspect_messages == (name == "userevent")  # "Event: Fake"
    for size in (1, 7):
        parser, again = read(name, size)
        assert again == messages
        assert [show(message) for message in again] == [show(message) for message in messages]
        assert (len(parser.tail.buffer), parser.counters.suspect_messages) == (
            0,
            name == "userevent",
        )


@pytest.mark.parametrize("name", COUNTS)
def test_events_that_nobody_wants_are_counted_and_answers_are_not_lost(name):
    wanting, nothing = read(name)[1], Parser(server="node_1")
    nothing.kinds.interest = frozenset()
    data = (CAPTURES / "22" / f"{name}.txt").read_bytes()
    given = nothing.feed(data)
    assert [message for message in given if isinstance(message, Response)] == [
        message for message in wanting if isinstance(message, Response)
    ]
    assert len(given) + nothing.skipped == len(wanting)
    unwanted = [
        message for message in wanting if isinstance(message, Event) and message not in given
    ]
    assert all("Privilege" in message for message in unwanted)


def found(name: str, event: str) -> list[Event]:
    return [
        message for message in read(name)[1] if isinstance(message, Event) and message.name == event
    ]


def test_an_event_with_a_response_header_is_an_event():
    (outcome,) = found("originate-async-ok", "OriginateResponse")
    assert (outcome["Response"], outcome["Reason"]) == ("Success", "4")
    (refused,) = found("pjsip-register", "ChallengeResponseFailed")
    assert len(refused["Response"]) == 32


def test_a_user_event_with_an_event_header_is_one_event():
    assert [event.get_all("Event") for event in found("userevent", "UserEvent")][-1] == [
        "UserEvent",
        "Fake",
    ]
    assert found("userevent", "Fake") == []


def test_a_line_feed_in_a_message_is_part_of_it():
    messages = [
        message.get("Message", "")
        for message in read("pjsip-lists")[1]
        if isinstance(message, Response)
    ]
    assert "No Contacts found\n" in messages


def test_a_list_item_carries_its_action_id():
    items = [event for event in read("queues")[1] if isinstance(event, Event)]
    assert all(event["ActionID"].startswith("queue") for event in items)


def test_reasons_of_calls():
    reasons = {event["Reason"] for event in found("originate-fail-async", "OriginateResponse")}
    assert reasons == {"0", "3", "5", "8"}


def test_a_variable_of_a_channel_has_the_channel_in_its_key():
    (outcome,) = found("chanvariable-dial", "OriginateResponse")
    assert outcome["ChanVariable(Local/520@default-0000004b;1)"] == "CALLTAG="


def test_a_forged_frame_cannot_be_told_from_a_true_one():
    (forged,) = found("values-newline", "Forged")
    assert forged.headers == (("Event", "Forged"), ("Who", "me"))


def test_bytes_that_are_no_utf8():
    values = [message.get("Value", "") for message in read("vars")[1]]
    assert "\\xff\\xfe latin1 \\xe9" in values
