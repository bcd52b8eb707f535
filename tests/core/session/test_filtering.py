"""Filters at the source, as one connection sets them: probe, form, refusals and other wishes."""

from __future__ import annotations

import pytest

from django_ami.core.errors import ConnectionFailed, ConnectionLost
from django_ami.core.session import Ready
from tests.core.support import Dialogue


def probed(**options: object) -> Dialogue:
    """A listener for Hangup that has logged in, and asks for the form of filters."""
    talk = Dialogue(server_filters="auto", **options)
    talk.session.set_interest(frozenset({"hangup"}))
    talk.connect()
    talk.greet()
    request = talk.expect("Login")
    assert request["Events"] == "system"  # no other event comes before the filters are set
    talk.answer(request)
    return talk


def refuse(talk: Dialogue, name: str, message: str) -> None:
    talk.answer(talk.expect(name), f"Message: {message}", status="Error")


def test_advanced_server_gets_a_filter_for_each_name() -> None:
    talk = probed()
    refuse(talk, "Filter", "Filter was formatted incorrectly")
    filters = talk.requests()
    wanted = {one["MatchCriteria"] for one in filters}
    assert "action(include),name(Hangup),method(none)" in wanted
    for one in filters:
        assert talk.session.state == "login"
        talk.answer(one)
    assert talk.expect("Events")["EventMask"] == "system,call"


def test_old_server_gets_one_anchored_expression() -> None:
    talk = probed()
    talk.answer(talk.expect("Filter"))
    legacy = talk.expect("Filter")
    assert legacy["Filter"].startswith("^Event: (")
    assert "Hangup" in legacy["Filter"]
    talk.answer(legacy)
    talk.expect("Events")


def test_account_that_may_set_no_filter_gets_all_events_of_the_mask_and_a_warning() -> None:
    talk = probed()
    refuse(talk, "Filter", "Permission denied")
    events = talk.expect("Events")
    assert events["EventMask"] == "system,call"
    talk.answer(events)
    talk.boot()
    talk.answer(talk.expect("CoreSettings"), "AMIversion: 5.0.4")
    [ready] = talk.notices()
    assert isinstance(ready, Ready)
    assert "Event filters (option server_filters) are refused: Permission denied." in ready.warning
    assert "Add system to write=" in ready.warning


def test_connection_of_which_one_filter_is_refused_ends_and_the_next_one_sets_none() -> None:
    talk = probed()
    refuse(talk, "Filter", "Filter was formatted incorrectly")
    first, *others = talk.requests()
    talk.answer(first, "Message: no room", status="Error")
    for one in others:
        assert talk.session.fault is None
        talk.answer(one)
    assert isinstance(talk.session.fault, ConnectionFailed)
    assert "an event filter was refused: no room" in str(talk.session.fault)
    talk.hang_up()
    talk.connect()
    talk.greet()
    assert talk.expect("Login")["Events"] == "on"


def test_filters_without_an_answer_are_no_login() -> None:
    talk = probed()
    refuse(talk, "Filter", "Permission denied")
    talk.expect("Events")
    error = talk.hang_up()
    assert isinstance(error, ConnectionFailed)
    assert "before the login was answered" in str(error)


@pytest.mark.parametrize("wanted", [frozenset({"hangup", "newchannel"}), None], ids=["more", "all"])
def test_wider_interest_asks_for_a_new_login(wanted: frozenset[str] | None) -> None:
    talk = probed()
    talk.session.set_interest(frozenset({"hangup"}))
    assert talk.session.fault is None
    talk.session.set_interest(wanted)
    assert "logging in anew" in str(talk.session.fault)
    assert isinstance(talk.session.fault, ConnectionLost)
