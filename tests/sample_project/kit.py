"""Tests, with fixtures, with the mixin, and with a simulated Asterisk."""

from collections.abc import Mapping
from typing import assert_type

from django.test import SimpleTestCase

from django_ami import ami
from django_ami.actions import Ping
from django_ami.core import Client
from django_ami.testing import (
    AmiTestMixin,
    FakeAsterisk,
    Faults,
    Outbox,
    ReceivedAction,
    Recording,
    Replay,
    Rule,
    assert_action_sent,
    events,
    override_ami,
    scenarios,
)
from django_ami.types import Event


def test_outbox(ami_outbox: Outbox) -> None:
    assert_type(ami_outbox.on("Originate"), Rule)
    assert_type(ami_outbox.on("Ping").once().after(0.2).reply(Ping="Pong"), Rule)
    ami_outbox.on("QueueStatus").items(events.queue_params(Queue="support", Calls=1))
    ami_outbox.emit("Newchannel", Uniqueid="1.1")
    ami_outbox.play(scenarios.queue_call("support", wait=4))
    sent = ami_outbox.assert_action_sent("Originate", Channel="PJSIP/101", Async=True)
    assert_type(sent, ReceivedAction)
    assert_type(sent["Channel"], str)
    assert_type(ami_outbox[0].server, str)
    assert_type(assert_action_sent("Ping", count=1), ReceivedAction)
    assert_type(events.hangup(Cause=17), Event)
    assert_type(scenarios.busy_call(), Recording)
    assert_type(scenarios.busy_call().names, tuple[str, ...])


def test_servers(
    ami_server: FakeAsterisk, ami_servers: Mapping[str, FakeAsterisk], ami_client: Client
) -> None:
    assert_type(ami_server.url, str)
    ami_server.on("Ping").hang()
    ami_server.drop(reset=True)
    assert_type([action.name for action in ami_server.received], list[str])
    assert_type(ami_client.send(Ping()).result().ok, bool)
    with FakeAsterisk(tls=True, faults=Faults(boot_delay=1.0)) as other:
        assert_type(other, FakeAsterisk)
        other.wait_for(lambda: other.logins == 1)


def test_replay(ami_replay: Replay) -> None:
    assert_type(ami_replay("calls.txt", speed=10), Recording)


class CallTest(AmiTestMixin, SimpleTestCase):
    def test_call(self) -> None:
        assert_type(self.ami_outbox, Outbox)
        assert_type(self.assertActionSent("Originate", count=1), ReceivedAction)
        self.emit("Hangup", Cause=17)

    @override_ami("node_1", AMI_ROUTING="failover", kwarg_name="outbox")
    def test_decorated(self, outbox: Outbox) -> None:
        with override_ami() as inner:
            assert_type(inner, Outbox)
            ami.send(Ping())
