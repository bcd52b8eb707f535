"""The option ``server_filters``: a listener has its server send only what somebody wants."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core import Client
from django_ami.core.actions import Action, Originate, Ping
from django_ami.core.errors import ConnectionLost
from django_ami.core.session import widening
from django_ami.testing import FakeAsterisk, User
from tests.core.io_support import PATIENCE_SECONDS, Recorder, config, ready, wait_until
from tests.running import hold_pings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

pytestmark = pytest.mark.usefixtures("no_bugs")


@contextmanager
def listening(
    sim: Simulator, *names: str | None, **options: Any
) -> Iterator[tuple[Client, Recorder]]:
    """A client that has subscribed to these events before it connects."""
    options = {"server_filters": "auto", "reconnect_initial": 0.02, **options}
    client, heard = Client([config(sim, **options)]), Recorder()
    try:
        for name in names:
            client.subscribe(name, heard)
        client.start()
        ready(client)
        yield client, heard
    finally:
        client.close()


def names(heard: Recorder) -> list[str]:
    return [event.name for event in heard.firsts]


def order(sim: Simulator) -> list[str]:
    return [action.name for action in sim.received if action.name not in ("Challenge", "Ping")]


@pytest.mark.parametrize("profile", ["13", "16", "22"])
def test_the_server_sends_what_is_wanted_and_no_more(profile: str) -> None:
    with FakeAsterisk(profile=profile) as sim, listening(sim, "Hangup") as (client, heard):
        login, probe, *filters, events, _ = (
            action for action in sim.received if action.name not in ("Challenge", "Ping")
        )
        assert (login.name, login.get("Events")) == ("Login", "system")
        assert probe.get("MatchCriteria") == "method(probe)"
        assert {one.name for one in filters} == {"Filter"}
        assert len(filters) == (5 if profile == "22" else 1)
        assert (events.name, events.get("EventMask")) == ("Events", "system,call")
        before = client.status()["node_1"].received
        for name in ("Newchannel", "HangupRequest", "VarSet", "Hangup", "QueueCallerJoin"):
            sim.emit(name, Uniqueid="1")
        wait_until(lambda: len(heard) == 1)
        client.server("node_1").send(Ping()).result(10)
        assert names(heard) == ["Hangup"]
        assert client.status()["node_1"].received == before + 1


def test_by_default_nothing_is_filtered(caplog: pytest.LogCaptureFixture) -> None:
    with (
        FakeAsterisk() as sim,
        listening(sim, "Hangup", server_filters="off") as (client, heard),
    ):
        assert "Filter" not in order(sim)
        sim.emit("Newchannel")
        sim.emit("Hangup")
        wait_until(lambda: len(heard) == 1)
        assert client.status()["node_1"].ignored >= 1


def test_receivers_of_every_event_get_every_event() -> None:
    with FakeAsterisk() as sim, listening(sim, None) as (_, heard):
        assert "Filter" not in order(sim)
        sim.emit("Newchannel")
        wait_until(lambda: "Newchannel" in names(heard))


def test_later_receivers_make_a_new_login(caplog: pytest.LogCaptureFixture) -> None:
    with FakeAsterisk() as sim, listening(sim, "Hangup") as (client, heard):
        end = client.subscribe("DialEnd", heard)  # comes anyway
        end()
        client.server("node_1").send(Ping()).result(10)
        assert sim.logins == 1
        client.subscribe("Newchannel", heard)
        wait_until(lambda: sim.logins == 2)
        ready(client)
        assert "other events are wanted now, which its filters keep out" in caplog.text
        sim.emit("Newchannel")
        sim.emit("Hangup")
        wait_until(lambda: names(heard) == ["Newchannel", "Hangup"])
        assert client.status()["node_1"].gaps == 1


def test_action_under_way_is_answered_before_a_new_login() -> None:
    with FakeAsterisk() as sim, listening(sim, "Hangup") as (client, heard):
        released = hold_pings(sim)
        slow = client.server("node_1").send(Ping())
        sim.wait_for_action("Ping", timeout=PATIENCE_SECONDS)
        client.subscribe("Newchannel", heard)
        released.set()
        assert slow.result(PATIENCE_SECONDS)
        # A heartbeat, ten seconds later, would have it look, too.
        wait_until(lambda: sim.logins == 2, timeout=5)
        wait_until(lambda: client.status()["node_1"].gaps == 1)


def test_action_that_comes_while_a_new_login_is_due_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(widening, "PATIENT_SECONDS", 0.0)
    with FakeAsterisk() as sim, listening(sim, "Hangup") as (client, heard):
        released = hold_pings(sim)
        slow = client.server("node_1").send(Ping())
        sim.wait_for_action("Ping", timeout=PATIENCE_SECONDS)
        client.subscribe("Newchannel", heard)
        late = client.server("node_1").send(Action("CoreStatus"))
        released.set()
        assert slow.result(PATIENCE_SECONDS)
        assert late.result(PATIENCE_SECONDS)
        assert order(sim)[-1] == "CoreStatus"
        assert (sim.logins, order(sim).count("CoreStatus")) == (2, 1)


def test_action_without_an_answer_does_not_hold_up_a_new_login_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(widening, "LONGEST_SECONDS", 0.2)
    with FakeAsterisk() as sim, listening(sim, "Hangup") as (client, heard):
        sim.on("QueueStatus").hang()
        hung = client.server("node_1").send(Action("QueueStatus"))
        client.subscribe("Newchannel", heard)
        error = hung.exception(PATIENCE_SECONDS)
        assert isinstance(error, ConnectionLost)
        assert (error.sent, sim.logins) == (True, 1)
        wait_until(lambda: sim.logins == 2)


def test_receiver_that_goes_again_needs_no_new_login() -> None:
    with FakeAsterisk() as sim, listening(sim, "Hangup") as (client, heard):
        released = hold_pings(sim)
        slow = client.server("node_1").send(Ping())
        sim.wait_for_action("Ping", timeout=PATIENCE_SECONDS)
        client.subscribe("Newchannel", heard)()
        released.set()
        assert slow.result(PATIENCE_SECONDS)
        client.server("node_1").send(Ping()).result(PATIENCE_SECONDS)
        assert sim.logins == 1


def test_outcomes_of_calls_come_through() -> None:
    with FakeAsterisk(call_duration=0.05) as sim, listening(sim, "QueueCallerJoin") as (client, _):
        action = Originate(channel="PJSIP/101", application="Echo", wait=True)
        result = client.server("node_1").send(action).result(20)
        assert result.outcome is not None
        assert "Newchannel" not in {event.name for event in result.events}


def test_an_account_that_may_set_no_filter_gets_all_of_the_mask(
    caplog: pytest.LogCaptureFixture,
) -> None:
    user = {"admin": User(secret="amp111", write="call,reporting")}
    with FakeAsterisk(users=user) as sim, listening(sim, "Hangup") as (client, heard):
        assert order(sim).count("Filter") == 1
        client.subscribe("Newchannel", heard)  # of a class that comes
        sim.emit("Hangup")
        wait_until(lambda: names(heard) == ["Hangup"])
        sim.drop()
        wait_until(lambda: sim.logins == 2)
        ready(client)
    assert caplog.text.count("Event filters (option server_filters) are refused: ") == 1
    assert "Add system to write= of user 'admin' in manager.conf" in caplog.text


def test_a_filter_that_is_refused_behind_others_costs_no_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with FakeAsterisk() as sim:
        third = iter([False, False, False, True])
        sim.on("Filter").fail("No room").when(lambda _: next(third, False))
        with listening(sim, "Hangup", "Newchannel") as (_, heard):
            assert sim.logins == 2
            assert "an event filter was refused: No room" in caplog.text
            for name in ("Hangup", "Newchannel"):
                sim.emit(name)
            wait_until(lambda: names(heard) == ["Hangup", "Newchannel"])
            assert order(sim).count("Login") == 2


@pytest.mark.parametrize("which", [1, 3, None])
def test_a_link_that_is_lost_amid_the_filters_is_made_anew(which: int) -> None:
    with FakeAsterisk() as sim:
        number = iter(range(1, 100))
        sim.on("Filter").drop().when(lambda _: next(number) == which).once()
        if which is None:
            sim.on("Events").drop().once()
        with listening(sim, "Hangup") as (client, heard):
            assert sim.logins == 2
            sim.emit("Hangup")
            wait_until(lambda: names(heard) == ["Hangup"])
            assert client.status()["node_1"].gaps == 0, "it had listened to nothing"
