"""The counts of a client for metrics: outcomes of actions, reconnects by reason, round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.session import Role
from django_ami.testing import FakeAsterisk
from tests.core.io_support import config, ready, started, wait_until
from tests.core.servers import refusing_port
from tests.running import black_hole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.client import Client
    from django_ami.testing import Simulator

pytestmark = pytest.mark.usefixtures("no_bugs")


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        yield running


def reconnects(client: Client) -> dict[str, int]:
    by_reason = client.status()["node_1"].reconnects_by_reason
    return {reason: count for reason, count in by_reason.items() if count}


def test_actions_are_counted_by_name_and_outcome(sim: Simulator) -> None:
    sim.on("CoreStatus").hang()
    sim.on("ModuleLoad").fail("No such module.")
    with started(config(sim), role=Role.CALLER, connect=False) as client:
        outcomes = client.meters["node_1"].outcomes
        for _ in range(3):
            client.send(Ping()).result(20)
        client.send(Action("ModuleLoad")).exception(20)
        client.send(Action("CoreStatus"), timeout=0.1).exception(20)
        lost = client.send(Action("CoreStatus"))
        wait_until(lambda: lost.sent)
        sim.drop()
        lost.exception(20)
        expected = {
            ("Ping", "success"): 3,
            ("ModuleLoad", "refused"): 1,
            ("CoreStatus", "timeout"): 1,
            ("CoreStatus", "connection_lost"): 1,
        }
        wait_until(lambda: outcomes == expected, what=str(outcomes))
        durations = client.meters["node_1"].durations
        assert {name: sum(one.counts) for name, one in durations.items()} == {
            "Ping": 3,
            "ModuleLoad": 1,
        }
        assert 0 < durations["Ping"].total < 20


def test_action_that_is_cancelled_before_it_leaves_is_counted_too() -> None:
    with black_hole() as port, started(config(port), role=Role.CALLER, connect=False) as client:
        assert client.send(Ping()).cancel()
        outcomes = client.meters["node_1"].outcomes
        wait_until(lambda: outcomes == {("Ping", "cancelled"): 1})


def test_action_to_a_server_that_is_not_reached_is_counted_too() -> None:
    with (
        refusing_port() as port,
        started(
            config(port, circuit_threshold=1, reconnect_initial=60, reconnect_max=60),
            role=Role.CALLER,
            connect=False,
        ) as client,
    ):
        client.send(Ping(), timeout=0.1).exception(20)
        outcomes = client.meters["node_1"].outcomes
        wait_until(lambda: outcomes == {("Ping", "not_connected"): 1})


def test_action_that_moves_on_is_counted_where_it_ends(sim: Simulator) -> None:
    with refusing_port() as port:
        servers = [
            config(port, "down", circuit_threshold=1, reconnect_initial=60, reconnect_max=60),
            config(sim, "up"),
        ]
        with started(
            *servers, role=Role.CALLER, connect=False, routing=("failover", ["down", "up"])
        ) as client:
            client.send(Ping(), server="down", timeout=0.2).exception(20)
            client.send(Ping(), timeout=20).result(20)
            wait_until(lambda: client.meters["up"].outcomes)
            assert client.meters["up"].outcomes == {("Ping", "success"): 1}
            assert ("Ping", "success") not in client.meters["down"].outcomes


def test_reconnects_are_counted_by_the_end_of_the_connection_before(sim: Simulator) -> None:
    with started(config(sim, heartbeat_interval=0.05, read_timeout=0.3)) as client:
        ready(client)
        assert reconnects(client) == {}
        sim.drop()
        wait_until(lambda: reconnects(client) == {"closed": 1})
        sim.faults.silent = True
        wait_until(lambda: not client.server("node_1").ready)
        sim.faults.silent = False
        sim.drop(reset=True)
        wait_until(lambda: reconnects(client) == {"closed": 1, "silent": 1})
        status = client.status()["node_1"]
        assert sum(status.reconnects_by_reason.values()) == status.reconnects
        gaps = {reason: count for reason, count in status.gaps_by_reason.items() if count}
        assert gaps == {"connection lost": 2}
        assert status.gap_seconds_by_reason["connection lost"] > 0.2


def test_caller_that_was_idle_has_reconnected_for_that_reason(sim: Simulator) -> None:
    with started(config(sim, idle_timeout=0.05), role=Role.CALLER, connect=False) as client:
        for number in (1, 2):
            client.send(Ping()).result(20)
            wait_until(lambda number=number: sim.logoffs == number)
            wait_until(lambda: client.status()["node_1"].state == "idle")
        assert reconnects(client) == {"idle": 1}


def test_text_without_an_end_is_a_reason_of_its_own(sim: Simulator) -> None:
    with started(config(sim, frame_timeout=0.1)) as client:
        ready(client)

        def babble() -> bool:
            sim.send_raw(b"x" * 10)
            return bool(reconnects(client))

        sim.send_raw(b"Event: Hangup\r\nText: ")
        wait_until(babble)
        assert reconnects(client) == {"unreadable": 1}


def test_heartbeat_tells_the_round_trip(sim: Simulator) -> None:
    sim.on("Ping").after(0.2)
    with started(config(sim, heartbeat_interval=0.05)) as client:
        ready(client)
        assert client.status()["node_1"].ping_round_trip is None
        wait_until(lambda: client.status()["node_1"].ping_round_trip)
        assert 0.15 < (client.status()["node_1"].ping_round_trip or 0.0) < 10
        assert client.meters["node_1"].outcomes == {}, "those of the session itself do not count"
