"""FakeAsterisk: its additions to the simulator, seen by a real client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from django_ami.core import Client, Options, ServerConfig
from django_ami.core.actions import Originate, Ping
from django_ami.core.errors import ActionFailed, ConnectionLost
from django_ami.simulator.outcomes import RESULTS
from django_ami.testing import FakeAsterisk, Faults, events, scenarios
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core import Event


@pytest.fixture
def server() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as fake:
        yield fake


class Listener:
    """A client and the events that it has got."""

    def __init__(self, url: str, **options: Any) -> None:
        config = ServerConfig.from_url(
            "node_1", url, Options(**{"reconnect_initial": 0.02, **options})
        )
        self.client = Client([config])
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.client.subscribe(None, self.events.append)
        self.client.on_lost(lambda _handle, error: self.lost.append(error.message))

    def __enter__(self) -> Self:
        self.client.start()
        wait_until(lambda: self.client.server("node_1").ready, what=str(self.client.status()))
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def wait_for(self, name: str) -> Event:
        wait_until(
            lambda: any(event.name == name for event in list(self.events)),
            what=f"{name} of {self.events}",
        )
        return next(event for event in self.events if event.name == name)


def test_an_event_by_name_has_just_its_headers(server: FakeAsterisk) -> None:
    with Listener(server.url) as listener:
        server.emit("Hangup", [("Cause-txt", "busy")], Channel="PJSIP/101-1")
        assert listener.wait_for("Hangup").headers == (
            ("Event", "Hangup"), ("Privilege", "call,all"), ("Cause-txt", "busy"),
            ("Channel", "PJSIP/101-1"),
        )  # fmt: skip


def test_an_event_that_was_made_arrives_as_it_is(server: FakeAsterisk) -> None:
    made = events.hangup(Channel="PJSIP/7", CallerIDName="Zoë \udcff")
    with Listener(server.url) as listener:
        server.emit(made)
        assert listener.wait_for("Hangup").raw == made.raw


def test_class_of_an_event_decides_which_sessions_get_it(server: FakeAsterisk) -> None:
    with Listener(server.url, events="agent") as listener:
        server.emit(events.hangup())
        server.emit(events.event("Odd", Privilege="call,nosuchclass,all"))
        server.emit(events.agent_connect())
        server.emit(events.event("Odd", Privilege="agent,nosuchclass,all"))
        listener.wait_for("AgentConnect")
        listener.wait_for("Odd")
        assert "Hangup" not in [event.name for event in listener.events]
        assert listener.wait_for("Odd")["Privilege"] == "agent,nosuchclass,all"


def test_a_scenario_arrives_in_its_order(server: FakeAsterisk) -> None:
    call = scenarios.queue_call()
    with Listener(server.url) as listener:
        server.play(call)
        wait_until(lambda: len(listener.events) >= len(call) + 1)
        assert [event.raw for event in listener.events[-len(call) :]] == [
            event.raw for event in call.events
        ]


def test_a_play_takes_its_time_and_no_more_than_it_may(server: FakeAsterisk) -> None:
    call = scenarios.answered_call(ring=1.0, talk=1.0)
    with Listener(server.url) as listener:
        server.play(call, speed=20)
        listener.wait_for("BridgeDestroy")
        with pytest.raises(TimeoutError):
            server.play(scenarios.answered_call(talk=3600), speed=1, timeout=0.05)
        listener.events.clear()
        assert listener.client.send(Ping()).result(DEADLINE_SECONDS).ok, (
            "it is there, and the rest of the call is not played"
        )
        assert "BridgeCreate" not in [event.name for event in listener.events]


def test_tls_of_its_own(server: FakeAsterisk) -> None:
    with FakeAsterisk(tls=True) as secure:
        assert secure.url.startswith("amis://admin:amp111@127.0.0.1:")
        with Listener(secure.url) as listener:
            assert listener.client.status()["node_1"].tls
            secure.emit("Hangup")
            listener.wait_for("Hangup")
        wrong = secure.url.replace(secure.fingerprint, "0" * 64)
        other = Client([ServerConfig.from_url("node_1", wrong)], role="caller")
        other.start()
        try:
            assert "fingerprint" in str(other.send(Ping()).exception(DEADLINE_SECONDS)).lower()
        finally:
            other.close()
    assert "amis" not in server.url


def test_several_servers_know_nothing_of_each_other(server: FakeAsterisk) -> None:
    with FakeAsterisk() as other:
        configs = [
            ServerConfig.from_url(name, one.url) for name, one in (("a", server), ("b", other))
        ]
        client = Client(configs, role="caller", default="a")
        client.start()
        try:
            other.on("Ping").fail("Permission denied")
            assert client.send(Ping()).result(DEADLINE_SECONDS).ok
            with pytest.raises(ActionFailed):
                client.server("b").send(Ping()).result(DEADLINE_SECONDS)
        finally:
            client.close()
        server.assert_action_sent("Ping", count=1)
        other.assert_action_sent("Ping", count=1)


def test_silence_is_a_loss_and_healing_brings_it_back(server: FakeAsterisk) -> None:
    with Listener(server.url, heartbeat_interval=0.3, read_timeout=1.0) as listener:
        server.silence()
        wait_until(lambda: listener.lost, what="the loss")
        assert "nothing received for" in listener.lost[0]
        server.heal()
        wait_until(lambda: listener.client.server("node_1").ready)


def test_garbage_is_counted_and_does_no_harm(server: FakeAsterisk) -> None:
    with Listener(server.url) as listener:
        server.garbage()
        server.garbage(b"\r\n\r\nnonsense: yes\r\n\r\n")
        server.emit("Hangup")
        listener.wait_for("Hangup")
        assert listener.client.status()["node_1"].garbage_bytes > 0


def test_slow_is_in_pieces(server: FakeAsterisk) -> None:
    with Listener(server.url) as listener:
        server.slow(0.001, size=5)
        server.emit(events.hangup())
        assert listener.wait_for("Hangup").raw == events.hangup().raw
        assert server.faults.split_writes == 5
        server.heal()
        assert (server.faults.split_writes, server.faults.write_pause) == (None, 0.0)


def test_drop_is_a_loss(server: FakeAsterisk) -> None:
    with Listener(server.url) as listener:
        server.on("Ping").hang()
        pending = listener.client.send(Ping())
        server.wait_for_action("Ping")
        server.drop()
        with pytest.raises(ConnectionLost) as raised:
            pending.result(DEADLINE_SECONDS)
        assert raised.value.sent


def test_healing_keeps_the_faults_that_it_was_made_with() -> None:
    with FakeAsterisk(faults=Faults(login_delay=0.25)) as server:
        server.faults.login_delay = 5.0
        server.on("Ping").fail("no")
        server.heal()
        assert server.faults.login_delay == 0.25
        with Listener(server.url) as listener:
            assert listener.client.send(Ping()).result(DEADLINE_SECONDS).ok


def test_fake_server_finds_the_actions_that_it_received(server: FakeAsterisk) -> None:
    with Listener(server.url) as listener:
        listener.client.send(Originate(channel="PJSIP/101", application="Wait", data="1"))
        action = server.wait_for_action("Originate", Channel="PJSIP/101")
        assert action["Application"] == "Wait"
        assert server.find("originate") == [action]
        assert server.assert_action_sent("Originate", count=1) is action
        server.assert_action_not_sent("Originate", Channel="PJSIP/102")
        with pytest.raises(
            AssertionError,
            match=r"Hangup was not received. \d+ actions were:\n(.*\n)*  Originate: Cha",
        ):
            server.wait_for_action("Hangup", timeout=0.01)
        assert "amp111" not in str(server.received)


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("channel", ["PJSIP/101", "Local/101@default"])
def test_outcomes(server: FakeAsterisk, channel: str, result: str) -> None:
    server.on("Originate").outcome(result)
    with Listener(server.url) as listener:
        action = Originate(channel=channel, context="default", exten="5", priority=1, wait=True)
        outcome = listener.client.send(action).result(DEADLINE_SECONDS).outcome
        assert outcome is not None
        assert outcome.result == {"congestion": "failed"}.get(result, result)
        reasons = {"answered": 4, "no answer": 3}
        if channel.startswith("Local/"):
            reasons |= {"busy": 5, "congestion": 8}
        assert outcome.reason == reasons.get(result, 0)
        assert (outcome.cause is None) == outcome.answered
        assert outcome.uniqueid is not None


def test_an_outcome_that_does_not_exist(server: FakeAsterisk) -> None:
    with pytest.raises(ValueError, match="no outcome 'bussy': choose one of answered, busy"):
        server.on("Originate").outcome("bussy")
