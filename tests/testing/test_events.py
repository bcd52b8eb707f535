"""Events that are made.

The headers of recorded ones, in their order, and a word against those that do not exist.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from django_ami.core import Event, catalog
from django_ami.core.protocol import Parser
from django_ami.testing import EventFactory, events
from django_ami.testing.events.data import TEMPLATES
from tests.recordings import calls

CAPTURES = Path(__file__).parent.parent / "data" / "captures" / "22"
#: Headers that the settings of the recorded server add, and those that only some events of a kind
#: have.
_OPTIONAL = {"Timestamp", "SystemName", "ChanVariable", "BridgeVideoSource", "Variable"}
NOT_RECORDED = {"Registry", "ParkedCallTimeOut"}

FACTORIES = {
    factory.name: factory for factory in vars(events).values() if isinstance(factory, EventFactory)
}


def recorded() -> dict[str, set[tuple[str, ...]]]:
    found = defaultdict(set)
    captured = (
        message for path in CAPTURES.glob("*.txt") for message in Parser().feed(path.read_bytes())
    )
    for message in (*calls(), *captured):
        if isinstance(message, Event):
            keys = (
                key
                for key, _ in message.headers
                if key.partition("(")[0].removeprefix("Dest") not in _OPTIONAL
            )
            found[message.name].add(tuple(keys))
    return found


RECORDED = recorded()


def test_every_template_has_a_factory_and_every_factory_a_name() -> None:
    assert set(FACTORIES) == set(TEMPLATES)
    assert {name for name, value in vars(events).items() if isinstance(value, EventFactory)} <= set(
        events.__all__
    )
    assert len(TEMPLATES) >= 40


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_the_headers_are_those_that_were_recorded(name: str) -> None:
    made = FACTORIES[name]()
    assert made.name == name
    keys = tuple(key for key, _ in made.headers if key not in _OPTIONAL)
    assert len(set(keys)) == len(keys)
    if name in NOT_RECORDED:
        info = catalog.event(name)
        assert info is not None
        documented = {parameter.name for parameter in info.parameters}
        assert set(keys) - {"Event", "Privilege"} <= documented
        return
    # An item of a list has the ActionID where the server puts it, and Status says a class of its
    # own.
    aside = {"ActionID", "Privilege"} if made.get("Privilege") is None else set()
    aside |= {"ActionID"} if name == "UserEvent" else set()
    without = tuple(key for key in keys if key not in aside)
    seen = {tuple(key for key in one if key not in aside) for one in RECORDED[name]}
    assert any(_is_within(without, one) for one in seen), (without, seen)


def _is_within(made: tuple[str, ...], one: tuple[str, ...]) -> bool:
    """Equal.

    Or, of an event that may lack one side of a call, the headers that it has with both.
    """
    if made == one:
        return True
    return tuple(key for key in made if key in one) == one and any(
        key.startswith("Dest") for key in made
    )


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_made_event_is_the_same_behind_the_parser(name: str) -> None:
    made = FACTORIES[name]()
    (parsed,) = Parser(banner=False).feed(made.raw + b"\r\n\r\n")
    assert parsed == made
    assert isinstance(parsed, Event)
    info = catalog.event(name)
    if info is not None and info.broadcast:
        assert made["Privilege"] == ",".join((*info.privileges, "all"))


def test_the_given_headers_stand_where_the_others_stood() -> None:
    made = events.hangup(Channel="PJSIP/7-00000001", Cause=17, server="node_2")
    assert (made["Channel"], made["Cause"], made.server) == ("PJSIP/7-00000001", "17", "node_2")
    assert [key for key, _ in made.headers] == [key for key, _ in events.hangup().headers]


def test_headers_that_follow_from_given_ones() -> None:
    assert events.hangup(Cause=17)["Cause-txt"] == "User busy"
    assert events.hangup(Cause=17, Cause_txt="Mine")["Cause-txt"] == "Mine"
    assert events.hangup(Cause=99)["Cause-txt"] == "Normal Clearing"
    assert events.newstate(ChannelState=5)["ChannelStateDesc"] == "Ringing"
    assert events.dial_end(DestChannelState=6)["DestChannelStateDesc"] == "Up"
    assert events.newchannel(Uniqueid="1.2")["Linkedid"] == "1.2"
    assert events.newchannel(Uniqueid="1.2", Linkedid="1.1")["Linkedid"] == "1.1"


def test_names_in_any_case_and_with_an_underscore() -> None:
    assert (
        events.hangup(channel="x", cause_txt="y").headers
        == events.hangup({"Channel": "x", "Cause-txt": "y"}).headers
    )


def test_a_header_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Hangup has no header 'Chanel': did you mean 'Channel'\?"):
        events.hangup(Chanel="x")
    with pytest.raises(TypeError, match="QueueParams has no header 'MemberName'"):
        events.queue_params(MemberName="x")
    assert events.hangup({"X-Ours": 1})["X-Ours"] == "1"


def test_event_factory_takes_headers_that_only_the_documentation_has() -> None:
    made = events.bridge_enter(BridgeVideoSource="1.1", Timestamp="1.5")
    assert made.headers[-2:] == (("BridgeVideoSource", "1.1"), ("Timestamp", "1.5"))


def test_header_is_left_out_for_none_and_repeated_for_a_list() -> None:
    made = events.hangup(Cause_txt=None, ChanVariable=["a=1", "b=2"])
    assert "Cause-txt" not in made
    assert made.get_all("ChanVariable") == ["a=1", "b=2"]
    assert events.hangup(Cause=None, AccountCode="")["AccountCode"] == ""


def test_user_event_has_the_headers_of_its_sender() -> None:
    made = events.user_event(UserEvent="Order", Number=7)
    assert made.headers == (
        ("Event", "UserEvent"), ("Privilege", "user,all"), ("UserEvent", "Order"), ("Number", "7"),
    )  # fmt: skip


def test_any_event_by_name() -> None:
    assert events.event("hangup", Cause=17) == events.hangup(Cause=17)
    known = events.event("ALARMCLEAR", DAHDIChannel="1")
    assert known.headers == (
        ("Event", "AlarmClear"),
        ("Privilege", "system,all"),
        ("DAHDIChannel", "1"),
    )
    with pytest.raises(
        TypeError, match="AlarmClear has no header 'Channel': did you mean 'DAHDIChannel'"
    ):
        events.event("AlarmClear", Channel="1")
    own = events.event("DongleNewSMS", {"Message-1": "x"}, Device="d0", server="node_2")
    assert own.headers == (
        ("Event", "DongleNewSMS"), ("Privilege", "call,all"), ("Message-1", "x"), ("Device", "d0"),
    )  # fmt: skip
    assert own.server == "node_2"


@pytest.mark.parametrize(
    ("key", "value"), [("Channel", "x\r\nEvent: y"), ("Channel", "x\0"), ("A: b", "c"), ("A\n", "")]
)
def test_a_header_that_would_be_another_one_is_refused(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="no header can be"):
        events.hangup({key: value})


def test_a_line_feed_may_be_in_a_value_as_in_real_ones() -> None:
    assert events.var_set(Value="one\ntwo")["Value"] == "one\ntwo"


def test_the_data_names_no_number_of_a_real_telephone() -> None:
    source = Path(events.__file__).with_name("data.py").read_text()
    texts = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert not [text for text in texts if isinstance(text, str) and text.startswith("+")]
