"""A session on standby: logged in with its events off; and what it tells when they come."""

from __future__ import annotations

import pytest

from django_ami.core.session import Gap, GapReason, Ready, TookOver
from tests.core.support import Dialogue

HOUR_AGO = -3600.0


def standby(**options: object) -> Dialogue:
    """One that is ready, with its events off."""
    talk = Dialogue(heartbeat_interval=1000, read_timeout=2000, **options)
    talk.session.stand_by(talk.now)
    talk.become_ready()
    talk.notices()
    return talk


def take_over(talk: Dialogue, token: int = 7, heard_until: float | None = HOUR_AGO) -> None:
    talk.session.take_over(TookOver("node_1", token), heard_until, talk.now)


def masks(talk: Dialogue) -> list[str]:
    return [one["EventMask"] for one in talk.requests() if one["Action"] == "Events"]


@pytest.mark.parametrize("events", ["on", "call,agent"])
def test_standby_logs_in_without_events_but_those_of_its_boot(events: str) -> None:
    talk = Dialogue(events=events)
    talk.session.stand_by(talk.now)
    talk.connect()
    talk.greet()
    login = talk.expect("Login")
    assert login["Events"] == "system"
    talk.answer(login)
    request = talk.expect("CoreSettings")
    talk.boot()
    talk.answer(request, "AMIversion: 11.0.0")
    assert masks(talk) == ["off"]


@pytest.mark.parametrize("events", ["on", "call,agent"])
def test_takeover_is_told_when_events_come(events: str) -> None:
    talk = standby(events=events)
    talk.now = 5.0
    take_over(talk)
    request = talk.expect("Events")
    assert request["EventMask"] == events
    assert talk.notices() == []
    talk.now = 6.0
    talk.answer(request)
    taken, gap, ready = talk.notices()
    assert taken == TookOver("node_1", 7)
    assert gap == Gap("node_1", HOUR_AGO, 6.0, GapReason.TAKEOVER)
    assert isinstance(ready, Ready)
    assert (ready.again, ready.words) == (True, "ready to deliver")


def test_takeover_after_nobody_has_no_gap() -> None:
    talk = standby()
    take_over(talk, heard_until=None)
    talk.answer(talk.expect("Events"))
    assert [type(notice) for notice in talk.notices()] == [TookOver, Ready]


def test_takeover_during_a_login_opens_the_events_when_it_is_ready() -> None:
    talk = Dialogue()
    talk.session.stand_by(talk.now)
    talk.connect()
    talk.greet()
    talk.answer(talk.expect("Login"))
    take_over(talk)
    request = talk.expect("CoreSettings")
    talk.boot()
    talk.answer(request, "AMIversion: 11.0.0")
    off, on = [one for one in talk.requests() if one["Action"] == "Events"]
    assert (off["EventMask"], on["EventMask"]) == ("off", "on")
    talk.answer(off)
    assert not any(isinstance(notice, TookOver) for notice in talk.notices())
    talk.answer(on)
    assert [type(notice) for notice in talk.notices()] == [TookOver, Gap, Ready]


def test_takeover_while_it_is_not_connected_is_told_with_the_login() -> None:
    talk = standby()
    talk.hang_up()
    talk.notices()
    take_over(talk)
    talk.now = 20.0
    talk.connect()
    talk.greet()
    login = talk.expect("Login")
    assert login["Events"] == "on"
    talk.answer(login)
    assert talk.notices() == [
        TookOver("node_1", 7),
        Gap("node_1", HOUR_AGO, 20.0, GapReason.TAKEOVER),
    ]


def test_takeover_that_was_taken_back_is_not_told() -> None:
    """Else the events of the first lease would pass for those of the second one."""
    talk = standby()
    take_over(talk, token=7)
    first = talk.expect("Events")
    talk.session.stand_by(talk.now)
    talk.answer(first)
    talk.answer(talk.expect("Events"))
    assert talk.notices() == []
    take_over(talk, token=9)
    second = talk.expect("Events")
    talk.answer(second)
    assert talk.notices()[0] == TookOver("node_1", 9)


def test_answer_to_an_earlier_takeover_does_not_begin_a_later_one() -> None:
    talk = standby()
    take_over(talk, token=7)
    first = talk.expect("Events")
    talk.session.stand_by(talk.now)
    take_over(talk, token=9)
    _, second = talk.requests()
    talk.answer(first)
    assert talk.notices() == []
    talk.answer(second)
    assert talk.notices()[0] == TookOver("node_1", 9)


def test_events_that_cannot_be_turned_on_end_the_connection() -> None:
    talk = standby()
    take_over(talk)
    talk.answer(talk.expect("Events"), "Message: Permission denied", status="Error")
    assert "cannot be turned on" in str(talk.session.fault)


def test_standby_has_no_gaps_and_no_events() -> None:
    talk = standby()
    talk.hang_up()
    talk.become_ready()
    assert not any(isinstance(notice, Gap) for notice in talk.notices())


def test_listener_that_stands_by_turns_its_events_off() -> None:
    talk = Dialogue()
    talk.become_ready()
    talk.notices()
    talk.session.stand_by(talk.now)
    assert masks(talk) == ["off"]
    talk.hang_up()
    talk.become_ready()
    assert not any(isinstance(notice, Gap) for notice in talk.notices())


def test_filters_of_a_standby_are_set_before_it_takes_over() -> None:
    talk = Dialogue(server_filters="auto")
    talk.session.set_interest(frozenset({"hangup"}))
    talk.session.stand_by(talk.now)
    talk.connect()
    talk.greet()
    talk.answer(talk.expect("Login"))
    talk.answer(talk.expect("Filter"))
    talk.answer(talk.expect("Filter"))
    events = talk.expect("Events")
    assert events["EventMask"] == "system"
    talk.answer(events)
    request = talk.expect("CoreSettings")
    talk.boot()
    talk.answer(request, "AMIversion: 5.0.4")
    assert masks(talk) == ["off"]
    take_over(talk)
    assert talk.expect("Events")["EventMask"] == "system,call"


def test_takeover_that_an_unreachable_session_has_not_told_is_told_by_its_successor() -> None:
    """Its settings are corrected: without the notice none of its events would be delivered."""
    before, talk = Dialogue(), Dialogue()
    before.session.stand_by(before.now)
    take_over(before)
    talk.session.standby.succeed(before.session.standby)
    talk.become_ready()
    assert [one for one in talk.notices() if isinstance(one, TookOver)] == [TookOver("node_1", 7)]


@pytest.mark.parametrize("token", [None, 9], ids=["on standby", "taken over again"])
def test_takeover_of_a_predecessor_is_not_told_once_it_is_over(token: int | None) -> None:
    """Another process has had the lease since."""
    before, talk = Dialogue(), Dialogue()
    for one in (before, talk):
        one.session.stand_by(one.now)
    take_over(before, token=7)
    if token is not None:
        take_over(talk, token=token)
    talk.session.standby.succeed(before.session.standby)
    talk.become_ready()
    told = [one for one in talk.notices() if isinstance(one, TookOver)]
    assert told == ([] if token is None else [TookOver("node_1", token)])
