"""Assertions about actions, and their messages when they fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.simulator import ReceivedAction
from django_ami.testing.assertions import Sent

if TYPE_CHECKING:
    from collections.abc import Iterable


class Actions(Sent):
    def __init__(self, *actions: str, server: str = "node_1") -> None:
        self.actions = [
            ReceivedAction(tuple(f"Action: {action}".split("|")), server=server)
            for action in actions
        ]

    def _actions(self) -> Iterable[ReceivedAction]:
        return self.actions


CALL = (
    "Originate|ActionID: 1|Channel: PJSIP/101|Async: true|Timeout: 30000|Variable: "
    "A=x|Variable: B=1,C=2"
)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Channel": "PJSIP/101"},
        {"channel": "PJSIP/101"},
        {"Async": True},
        {"Timeout": 30000},
        {"CallerID": None},
        {"Channel": re.compile(r"^PJSIP/\d+$")},
        {"Variable": ["A=x", "B=1,C=2"]},
        {"Variable": "A=x"},
        {"Variable": {"A": "x"}},
        {"Variable": {"C": 2, "A": "x"}},
        {"Channel": "PJSIP/101", "Async": True, "Application": None},
    ],
)
def test_assertion_finds_an_action_with_matching_headers(headers: dict[str, Any]) -> None:
    actions = Actions("Ping", CALL)
    assert actions.assert_action_sent("originate", headers) is actions.actions[1]
    assert actions.assert_action_sent("Originate", **headers) is actions.actions[1]
    with pytest.raises(AssertionError, match="was sent all the same"):
        actions.assert_action_not_sent("Originate", headers)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Channel": "PJSIP/102"}, "Channel is 'PJSIP/101', not 'PJSIP/102'"),
        ({"Channel": "PJSIP/10"}, "Channel is 'PJSIP/101', not 'PJSIP/10'"),
        ({"Channel": "pjsip/101"}, "Channel is 'PJSIP/101', not 'pjsip/101'"),
        ({"Exten": "5"}, "Exten is missing"),
        ({"Async": False}, "Async is 'true', not False"),
        ({"Channel": None}, "Channel is 'PJSIP/101', but should not be there"),
        ({"Channel": re.compile("SIP/1$")}, "Channel is 'PJSIP/101', not /SIP/1$/"),
        ({"Variable": ["A=x"]}, "Variable is ['A=x', 'B=1,C=2'], not ['A=x']"),
        ({"Variable": {"A": "y"}}, "Variable has {'A': 'x', 'B': '1', 'C': '2'}, not {'A': 'y'}"),
        ({"Variable": {"D": "y"}}, "Variable has {'A': 'x', 'B': '1', 'C': '2'}, not {'D': 'y'}"),
    ],
)
def test_assertion_tells_which_header_does_not_match(headers: dict[str, Any], told: str) -> None:
    actions = Actions("Ping", CALL)
    with pytest.raises(AssertionError) as raised:
        actions.assert_action_sent("Originate", headers)
    assert f"\n      {told}" in str(raised.value)
    actions.assert_action_not_sent("Originate", headers)


def test_the_whole_of_a_failure() -> None:
    actions = Actions("Ping|ActionID: 1", "Login|Username: admin|Secret: hush|Key: hush", CALL)
    with pytest.raises(AssertionError) as raised:
        actions.assert_action_sent("Originate", Channel="PJSIP/102", Priority=1)
    assert str(raised.value).splitlines() == [
        "Originate with Channel='PJSIP/102', Priority=1 was not sent. 3 actions were:",
        "  Ping to node_1",
        "  Login to node_1: Username='admin', Secret='***', Key='***'",
        (
            "  Originate to node_1: Channel='PJSIP/101', Async='true', Timeout='30000', "
            "Variable='A=x', Variable='B=1,C=2'"
        ),
        "      Channel is 'PJSIP/101', not 'PJSIP/102'",
        "      Priority is missing",
    ]


def test_assertion_says_that_no_action_was_sent() -> None:
    with pytest.raises(AssertionError, match=r"^Ping was not sent: no action was.$"):
        Actions().assert_action_sent("Ping")
    Actions().assert_action_not_sent("Ping")


def test_one_and_how_many() -> None:
    actions = Actions("Ping", "Ping|Note: 1")
    actions.assert_action_sent("Ping", count=2)
    actions.assert_action_sent("Ping", Note=1, count=1)
    with pytest.raises(
        AssertionError,
        match=r"^Ping was sent 2 times, not 1:\n  Ping to node_1\n  Ping to node_1: Note",
    ):
        actions.assert_action_sent("Ping", count=1)
    with pytest.raises(AssertionError, match=r"^Hangup was not sent. 2 actions were:"):
        actions.assert_action_sent("Hangup", count=1)
    with pytest.raises(AssertionError, match=r"^Hangup was not sent. 1 action was:"):
        Actions("Ping").assert_action_sent("Hangup")


def test_of_many_the_newest_are_shown() -> None:
    with pytest.raises(AssertionError) as raised:
        Actions(*(f"Ping|Note: {number}" for number in range(100)), server="").assert_action_sent(
            "Hangup"
        )
    lines = str(raised.value).splitlines()
    assert lines[1] == "  … and 80 before these"
    assert lines[2] == "  Ping: Note='80'"
    assert len(lines) == 22


def test_find_gives_all_that_fit() -> None:
    actions = Actions("Ping", "Ping|Note: 1", "Hangup")
    assert actions.find("Ping") == actions.actions[:2]
    assert actions.find("Ping", Note="1") == [actions.actions[1]]
    assert actions.find("Ping", Note=None) == [actions.actions[0]]
