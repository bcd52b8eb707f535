"""``manage.py ami_status``: its findings, about which servers, and its exit codes."""

from __future__ import annotations

import math
import re
import signal
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk, Faults, User
from tests.management.tools import run, start
from tests.running import black_hole, free_port, hold_pings

if TYPE_CHECKING:
    from django_ami.testing import Simulator


def test_a_server_that_is_well(sim: Simulator) -> None:
    done = run("ami_status", servers=(sim,))
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == "node_1: well"
    said = {line[2:11].strip(): line[12:] for line in done.lines[1:]}
    assert said["address"] == f"127.0.0.1:{sim.port}"
    assert re.fullmatch(
        r"22\.10\.1, AMI 11\.0\.0, up 0 min \d s, since .* \(the server's time\)", said["Asterisk"]
    )
    assert said["rights"] == "read=all write=all"
    assert re.fullmatch(
        r"[\d.]+ / [\d.]+ / [\d.]+ ms \(least / median / most of 10 pings\)", said["latency"]
    )
    assert re.fullmatch(r"[+-]0\.\d{3} s from ours", said["clock"])
    assert said["calls"] == "0 calls, 0 channels"
    assert said["sessions"] == "1 from 127.0.0.1 (of this account, this one included)"
    assert said["listeners"] == "no ami_listen (of this user, on this machine)"
    sim.wait_for(lambda: sim.logoffs == 1)
    assert (sim.connections, sim.logins) == (1, 1)
    assert [action.name for action in sim.received].count("Ping") == 11  # the first one connects


def test_json_with_live_calls() -> None:
    with FakeAsterisk(call_duration=math.inf, timestampevents=True) as sim:
        assert (
            run(
                "ami_send",
                "Originate",
                "Channel=Local/500@default",
                "Application=Wait",
                servers=(sim,),
            ).code
            == 0
        )
        sim.wait_for(lambda: len(sim.pbx.channels) == 2)
        done = run("ami_status", "--json", servers=(sim,))
    assert (done.code, done.json["ok"]) == (0, True)
    (server,) = done.json["servers"]
    assert (server["ok"], server["reachable"], server["logged_in"], server["error"]) == (
        True,
        True,
        True,
        None,
    )
    assert (server["channels"], server["calls"]) == (2, 1)
    assert (
        0
        <= server["latency"]["least"]
        <= server["latency"]["median"]
        <= server["latency"]["most"]
        < 10
    )
    assert server["uptime"] >= 0
    assert "system" in server["read"]
    assert "command" in server["write"]
    assert abs(server["clock_skew"]) < 1
    assert (server["listeners"], server["sessions"]) == ([], {"127.0.0.1": 1})


@pytest.mark.long
def test_many_at_the_same_time_each_with_its_own_fault(sim: Simulator) -> None:
    wrong = f"ami://admin:wrong@127.0.0.1:{sim.port}"
    with FakeAsterisk() as mute, black_hole() as port:
        released = hold_pings(mute)
        servers = (
            sim,
            wrong,
            f"ami://admin:amp111@127.0.0.1:{free_port()}",
            mute,
            f"ami://a:b@127.0.0.1:{port}",
        )
        done = run("ami_status", "--json", "--timeout=6", servers=servers)
        released.set()
    assert (done.code, done.json["ok"]) == (8, False)
    found = done.json["servers"]
    assert [(one["server"], one["ok"], one["reachable"], one["logged_in"]) for one in found] == [
        ("node_1", True, True, True),
        ("node_2", False, True, False),
        ("node_3", False, False, False),
        ("node_4", False, False, False),
        ("node_5", False, False, False),
    ]
    assert "Authentication failed for user 'admin'" in found[1]["error"]
    assert "connection refused: does Asterisk run" in found[2]["error"]
    assert "no answer to Ping" in found[3]["error"]
    assert found[4]["error"]
    assert "was not sent" not in found[1]["error"] + found[2]["error"]


def test_in_words_what_is_wrong() -> None:
    done = run("ami_status", servers=(f"ami://admin:amp111@127.0.0.1:{free_port()}",))
    assert done.code == 8
    assert done.lines[0].startswith("node_1: 127.0.0.1:")
    assert len(done.lines) == 2


@pytest.mark.parametrize(
    ("read", "write", "rights"),
    [
        ("call,agent", "all", "read=call,agent write=all"),
        ("all", "system,call,originate", "read=unknown write=system,call,originate"),
        ("system", "reporting", "read=unknown write=reporting"),
        ("", "", "read=unknown write=none"),
    ],
)
def test_rights_as_far_as_the_account_may_know_them(read: str, write: str, rights: str) -> None:
    with FakeAsterisk(users={"admin": User(secret="amp111", read=read, write=write)}) as sim:
        done = run("ami_status", servers=(sim,))
    assert done.code == 0
    assert f"  rights    {rights}" in done.lines
    calls = [line for line in done.lines if line.startswith("  calls")]
    assert ("needs write=reporting" in calls[0]) is (write == "")


def test_an_account_without_system_sees_no_uptime() -> None:
    with FakeAsterisk(users={"admin": User(secret="amp111", read="call")}) as sim:
        done = run("ami_status", servers=(sim,))
    assert ", up " not in done.out
    assert "since" in done.out


def test_only_the_named_ones(sim: Simulator) -> None:
    done = run("ami_status", "--server=node_2", servers=("ami://admin:amp111@127.0.0.1:1", sim))
    assert (done.code, done.lines[0]) == (0, "node_2: well")


def test_a_server_that_still_starts_is_waited_for() -> None:
    with FakeAsterisk(faults=Faults(boot_delay=math.inf, login_delay=0.0)) as sim:
        done = run("ami_status", servers=(sim,))
        assert (done.code, done.lines[0]) == (0, "node_1: well")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(sim: Simulator, number: int) -> None:
    sim.on("Ping").hang()
    with start("ami_status", "--timeout=600", servers=(sim,)) as tool:
        sim.wait_for(lambda: any(action.name == "Ping" for action in sim.received), 30)
        tool.signal(number)
        assert tool.wait() == 128 + number, str(tool)
    assert tool.err == [f"CommandError: stopped by {signal.Signals(number).name}."]
    assert tool.out == []
