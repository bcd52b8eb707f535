"""The judgement of listeners, by what they have said of themselves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from django_ami.listeners import ListenerRole, ListenerStatus
from django_ami.operations.health import STANDSTILL_SECONDS, judge

_NOW = datetime.now(UTC)


def listener(role: str = "active", state: str = "ready", **more: Any) -> ListenerStatus:
    values: dict[str, Any] = {
        "server": "node_1", "host": "pbx-a.internal", "pid": 4711, "version": "0.1.0",
        "since": _NOW, "started": _NOW, "seen": _NOW, "age": 1.0, "stale": False, "token": 7,
        "last_error": "10.0.0.5 refused the login of 'site'", "counters": {"standstill": 0},
    }  # fmt: skip
    return ListenerStatus(role=ListenerRole(role), state=state, **{**values, **more})


STUCK = {"counters": {"standstill": STANDSTILL_SECONDS}}
STALE = {"stale": True, "age": 41.2}


@pytest.mark.parametrize(
    ("listeners", "reason"),
    [
        ([listener()], ""),
        ([listener("alone")], ""),
        ([listener(), listener("standby")], ""),
        ([listener(**STALE), listener("active", token=8)], ""),
        ([listener("alone", "waiting"), listener("alone")], ""),
        ([], "no listener"),
        ([listener(server="node_2")], "no listener"),
        ([listener(**STALE)], "not heard of for 41 s"),
        ([listener(**STALE), listener("standby")], "nobody delivers, though there is a standby"),
        ([listener(state="waiting")], "not logged in: waiting"),
        ([listener(state="waiting"), listener("standby")], "not logged in: waiting"),
        ([listener(**STUCK)], "no progress for 60 s"),
        ([listener("alone", "idle")], "not logged in: idle"),
    ],
)
def test_server_is_well_if_somebody_delivers(listeners: list[ListenerStatus], reason: str) -> None:
    health = judge(listeners, ["node_1"])
    (server,) = health.servers
    assert (health.ok, bool(server.reason)) == (not reason, bool(reason))
    assert server.reason.startswith(reason)


@pytest.mark.parametrize(
    ("given", "ready", "live"),
    [
        (listener("standby"), True, True),
        (listener("standby", "idle"), True, True),  # it logs in when it takes over
        (listener("standby", "waiting"), False, True),
        (listener(), True, True),
        (listener(state="refused"), False, True),
        (listener(**STUCK), False, False),
        (listener("standby", **STALE), False, False),
    ],
)
def test_listener_of_a_machine_is_ready_as_what_it_is_and_live_while_it_moves(
    given: ListenerStatus, ready: bool, live: bool
) -> None:
    assert judge([given], ["node_1"], standby_suffices=True).ok is ready
    assert judge([given], ["node_1"], standby_suffices=True, live=True).ok is live


def test_all_servers_have_to_be_well_and_the_role_is_that_of_all() -> None:
    both = [listener(), listener("standby", server="node_2")]
    health = judge(both, ["node_1", "node_2"])
    assert (health.ok, health.role) == (False, "mixed")
    assert str(health) == "node_2: nobody delivers, though there is a standby"
    assert judge(both, ["node_1"]).role == "active"
    assert judge([], ["node_1"]).role == ""
    assert not judge(both, []).ok


def test_judgement_tells_nothing_of_hosts_addresses_and_accounts() -> None:
    told = json.dumps(judge([listener(), listener("standby", **STALE)], ["node_1"]).as_dict())
    for secret in ("pbx-a", "4711", "10.0.0.5", "site"):
        assert secret not in told
