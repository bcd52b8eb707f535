"""override_ami, the mixin, and the events that go straight to receivers, as a Django project's
tests use them.
"""

from __future__ import annotations

import asyncio
import inspect
import unittest
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.dispatch import receiver
from django.test import SimpleTestCase, override_settings

from django_ami import ami
from django_ami.actions import Action, Originate, Ping
from django_ami.errors import ActionFailed, ConfigurationError, InvalidAction
from django_ami.signals import ami_event
from django_ami.signals import events as signals_of
from django_ami.testing import (
    AmiTestMixin,
    ami_outbox,
    assert_action_sent,
    events,
    override_ami,
    scenarios,
)
from tests.receiving import fresh_registry
from tests.running import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Outbox

TWO = {"node_1": {"URL": "ami://u:s@one"}, "node_2": {"URL": "ami://u:s@two"}}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Receivers and outbox of this test alone: others of this process may have left something."""
    with fresh_registry(), ami_outbox.set_aside():
        yield


# --- the settings ---


def test_every_server_of_the_settings_is_in_memory() -> None:
    with override_settings(AMI_SERVERS=TWO, AMI_DEFAULT_SERVER="node_2"):
        before = django_settings.AMI_SERVERS
        with override_ami() as outbox:
            assert list(ami.servers) == ["node_1", "node_2"]
            assert ami.send(Ping()).result().ok
            assert ami.server("node_1").send(Ping()).result().ok
            assert ami.default.name == "node_2"
            assert [action.server for action in outbox] == ["node_2", "node_1"]
            assert {one.address for one in ami.status().values()} == {"memory"}
        assert django_settings.AMI_SERVERS is before
        assert len(ami_outbox) == 0


def test_other_servers_and_settings() -> None:
    with override_ami("a", "b") as outbox:
        assert ami.default.name == "a"
        ami.server("b").send(Ping())
        assert outbox[0].server == "b"
    with override_ami(
        "a", "b", AMI_ROUTING="round_robin", AMI_OPTIONS={"action_timeout": 7}
    ) as outbox:
        assert ami.send(Ping()).timeout == 7
        ami.send(Ping())
        assert [action.server for action in outbox] == ["a", "b"]
    with override_settings(AMI_SERVERS={}), override_ami():
        assert list(ami.servers) == ["node_1"]


def test_overrides_nest() -> None:
    with override_ami() as outer:
        ami.send(Ping())
        outer.on("Ping").fail("no")
        with override_ami() as inner:
            assert ami.send(Ping()).result().ok
            assert len(inner) == 1
            ami.send(Ping())
        assert len(outer) == 1
        with pytest.raises(ActionFailed):
            ami.send(Ping()).result()


def test_an_action_that_cannot_be_sent_is_refused_as_ever() -> None:
    with override_ami() as outbox:
        with pytest.raises(InvalidAction):
            ami.send(Action("Ping", Note="x\r\nAction: Originate"))
        assert len(outbox) == 0


@pytest.mark.slow
def test_settings_alone_are_enough() -> None:
    """BACKEND and nothing else."""
    source = """
import sys
opened = []
sys.addaudithook(lambda event, _: opened.append("socket") if event == "socket.__new__" else None)
import django
from django.conf import settings
servers = {"node_1": {"BACKEND": "django_ami.testing.locmem"}}
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS=servers)
django.setup()
from django.core.management import call_command
from django_ami import ami
from django_ami.actions import Ping
call_command("check")
is_loaded = "django_ami.testing" in sys.modules
print(is_loaded, ami.send(Ping()).result()["Ping"], ami.status()["node_1"].state)
from django_ami.testing import ami_outbox
print(opened, ami_outbox, "django.test" in sys.modules)
"""
    out = run_python(source)
    assert out.endswith("True Pong ready\n[] <Outbox of Ping> False"), out


def test_the_kit_is_not_imported_unless_it_is_asked_for() -> None:
    source = """
import sys, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS={"node_1": {"URL": "ami://u:s@127.0.0.1:1"}})
django.setup()
from django_ami import ami
ami.status()
import django_ami.management.commands.ami_listen
print([name for name in sys.modules if "testing" in name and "ami" in name])
"""
    assert run_python(source) == "[]"


# --- as a decorator ---


def test_a_function() -> None:
    @override_ami(kwarg_name="sent")
    def decorated(sent: Outbox) -> list[str]:
        ami.send(Ping())
        return [action.name for action in sent]

    assert decorated() == ["Ping"]  # type: ignore[call-arg]
    assert decorated() == ["Ping"]  # type: ignore[call-arg]
    assert len(ami_outbox) == 0


def test_a_coroutine_function() -> None:
    @override_ami(kwarg_name="sent")
    async def decorated(sent: Outbox) -> int:
        assert (await ami.send(Ping())).ok
        return len(sent)

    assert inspect.iscoroutinefunction(decorated)
    assert asyncio.run(decorated()) == 1  # type: ignore[call-arg]
    assert len(ami_outbox) == 0


@override_ami("node_7")
class DecoratedClassTest(SimpleTestCase):
    ami_outbox: Outbox

    def test_one(self) -> None:
        ami.send(Ping())
        assert [action.server for action in self.ami_outbox] == ["node_7"]

    def test_two(self) -> None:
        assert len(self.ami_outbox) == 0
        ami.send(Ping())
        assert_action_sent("Ping", count=1)


# --- the mixin ---


class MixinTest(AmiTestMixin, SimpleTestCase):
    def test_actions(self) -> None:
        ami.send(Originate(channel="PJSIP/101", application="Wait", data="1"))
        action = self.assertActionSent("Originate", Channel="PJSIP/101", count=1)
        assert action["Application"] == "Wait"
        self.assertActionNotSent("Originate", Channel="PJSIP/102")
        with pytest.raises(AssertionError, match=r"Hangup was not sent\. 1 action was:"):
            self.assertActionSent("Hangup")
        with pytest.raises(AssertionError, match="Originate was sent all the same"):
            self.assertActionNotSent("Originate")

    def test_each_test_has_an_outbox_of_its_own(self) -> None:
        assert len(self.ami_outbox) == 0

    def test_events(self) -> None:
        seen: list[str] = []
        ami.on_event("Hangup", lambda event, **_: seen.append(event["Channel"]))
        self.emit("Hangup", Channel="PJSIP/1")
        self.emit(events.hangup(Channel="PJSIP/2"))
        self.play(scenarios.busy_call("103", "104"))
        assert seen == ["PJSIP/1", "PJSIP/2", "PJSIP/104-00000001", "PJSIP/103-00000000"]


class PlainMixinTest(AmiTestMixin, unittest.TestCase):
    def test_without_the_test_cases_of_django(self) -> None:
        assert ami.send(Ping()).result().ok
        self.assertActionSent("Ping")


# --- events ---


def test_events_reach_the_receivers_of_their_name_and_those_of_every_event() -> None:
    seen: list[Any] = []

    @receiver(signals_of["Hangup"])
    def on_hangup(sender: Any, event: Any, **_: Any) -> None:
        seen.append((sender.name, event.server, event["Channel"], event["Cause-txt"]))
        ami.send(Ping()).result()

    @receiver(ami_event)
    def on_any(sender: Any, event: Any, **_: Any) -> None:
        seen.append(event.name)

    with override_ami("node_1", "node_2") as outbox:
        outbox.emit("hangup", Channel="PJSIP/1", Cause=17)
        outbox.emit("Newchannel", server="node_2")
        outbox.emit(events.hangup(server="node_2"))
        outbox.emit(events.hangup(server="node_2"), server="node_1")
        outbox.emit("Custom", {"X-1": "y"})
        assert seen == [
            ("node_1", "node_1", "PJSIP/1", "User busy"), "Hangup", "Newchannel",
            ("node_2", "node_2", "PJSIP/101-00000001", "Normal Clearing"), "Hangup",
            ("node_1", "node_1", "PJSIP/101-00000001", "Normal Clearing"), "Hangup",
            "Custom",
        ]  # fmt: skip
        assert [action.name for action in outbox] == ["Ping"] * 3


def test_exception_of_a_receiver_is_raised() -> None:
    @receiver(signals_of["Hangup"])
    def on_hangup(**_: Any) -> None:
        raise LookupError("of the receiver")

    with override_ami() as outbox, pytest.raises(LookupError, match="of the receiver"):
        outbox.emit("Hangup")


def test_events_that_cannot_be_emitted() -> None:
    with override_ami() as outbox:
        with pytest.raises(TypeError, match="has no header 'Chanel': did you mean 'Channel'"):
            outbox.emit("Hangup", Chanel="x")
        with pytest.raises(TypeError, match="one that is made has its own"):
            outbox.emit(events.hangup(), Channel="x")
        with pytest.raises(ConfigurationError, match="unknown server 'node_9'"):
            outbox.emit("Hangup", server="node_9")


def test_a_play_in_the_time_that_it_took() -> None:
    times: list[str] = []
    ami.on_any_event(lambda event, **_: times.append(event.name))
    call = scenarios.answered_call(ring=0.5, talk=0.5)
    with override_ami() as outbox:
        outbox.play(call, speed=10)
    assert tuple(times) == call.names


# --- the worker ---


def test_there_is_nothing_to_listen_to() -> None:
    with (
        override_ami(),
        pytest.raises(
            CommandError, match=r"node_1: its BACKEND 'django_ami.testing.locmem' has no ser"
        ),
    ):
        call_command("ami_listen")
    with override_ami(), pytest.raises(CommandError, match=r"node_1: its BACKEND .* remove it"):
        call_command("ami_send", "Ping")
