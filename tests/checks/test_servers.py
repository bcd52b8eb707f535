"""Servers that do not fit together, or not with themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import WARNING

from tests.checks.support import KEYS, lines, messages


@pytest.mark.parametrize(
    ("shared", "own", "named"),
    [
        ({"heartbeat_interval": 30}, {}, ["node_1", "node_2"]),
        ({"heartbeat_interval": 29.9}, {}, []),
        ({}, {"heartbeat_interval": 40}, ["node_2"]),
        ({}, {"read_timeout": 15}, ["node_2"]),
        ({"heartbeat_interval": 50}, {"read_timeout": 120}, ["node_1"]),
    ],
)
def test_w001_a_heartbeat_that_comes_too_late(
    settings: Any, shared: Any, own: Any, named: list[str]
) -> None:
    settings.AMI_SERVERS = {"node_1": KEYS, "node_2": {**KEYS, "HOST": "other", "OPTIONS": own}}
    settings.AMI_OPTIONS = shared
    found = messages()
    assert [message.id for message in found] == ["django_ami.W001"] * len(named)
    assert all(message.level == WARNING and message.hint for message in found)
    assert [message.msg.split(":")[0] for message in found] == named


@pytest.mark.parametrize(
    ("first", "second", "twins"),
    [
        (KEYS, KEYS, True),
        (KEYS, {"URL": "ami://Admin:other@PBX"}, True),
        (KEYS, {**KEYS, "PORT": "5038"}, True),
        ({**KEYS, "HOST": "localhost"}, {**KEYS, "HOST": "127.0.0.1"}, True),
        (KEYS, {**KEYS, "PORT": 5039}, False),
        (KEYS, {**KEYS, "USERNAME": "somebody"}, False),
        (KEYS, {**KEYS, "HOST": "pbx2"}, False),
    ],
)
def test_w002_the_same_address_and_user(
    settings: Any, first: Any, second: Any, twins: bool
) -> None:
    settings.AMI_SERVERS = {"node_1": first, "node_2": second}
    found = lines("W002")
    assert len(found) == twins
    assert all(
        line.startswith("node_2: it has the address and user of node_1: '") for line in found
    )
    assert {message.id for message in messages()} == ({"django_ami.W002"} if twins else set())


def test_three_of_a_kind_are_two_messages(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": KEYS, "node_2": KEYS, "node_3": KEYS}
    assert [line.split(" at ")[0] for line in lines("W002")] == [
        "node_2: it has the address and user of node_1: 'admin'",
        "node_3: it has the address and user of node_1: 'admin'",
    ]


def test_fault_of_one_server_hides_no_fault_of_others(settings: Any) -> None:
    late = {**KEYS, "OPTIONS": {"heartbeat_interval": 50}}
    settings.AMI_SERVERS = {"node_0": {}, "node_1": late, "node_2": 5, "node_3": KEYS}
    assert len(lines("W001")) == 1
    assert len(lines("W002")) == 1
