"""``manage.py ami_events``: the events that it shows, and how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from django_ami.core.errors import ConfigurationError
from django_ami.core.messages import Event
from django_ami.testing import FakeAsterisk, Simulator
from django_ami.tools.follower import condition
from tests.management.tools import run, start
from tests.running import PYTHON, ROOT, environment, free_port, wait_until

if TYPE_CHECKING:
    from tests.running import Program

pytestmark = pytest.mark.slow

READY = ": ready"


def listening(sim: Simulator) -> bool:
    """Somebody is logged in and gets events."""
    return any(session.logged_in and session.mask for session in sim.sessions)


def follow(sim: Simulator, *arguments: str) -> Program:
    """A follower that is logged in: it gets all events from now on."""
    tool = start("ami_events", *arguments, servers=(sim,))
    try:
        tool.wait_for_err(READY)
    except BaseException:
        tool.__exit__()
        raise
    return tool


# --- output ---


def test_a_line_for_each_event_until_it_is_stopped(sim: Simulator) -> None:
    with follow(sim) as tool:
        sim.emit(
            "Newchannel",
            {"Channel": "PJSIP/101-1", "CallerIDName": "Zoë Müller", "Exten": ""}.items(),
        )
        sim.emit("Hangup", [("Channel", "PJSIP/101-1"), ("Cause-txt", "Normal Clearing")])
        line = tool.wait_for_out("Hangup")
        assert re.fullmatch(
            r'\d\d:\d\d:\d\d\.\d{3} node_1 Hangup Channel=PJSIP/101-1 Cause-txt="Normal Clearing"',
            line,
        )
        line = tool.wait_for_out("Newchannel")
        assert line.endswith(
            'node_1 Newchannel Channel=PJSIP/101-1 CallerIDName="Zoë Müller" Exten=""'
        )
        tool.signal(signal.SIGINT)
        assert tool.wait() == 0, str(tool)
    assert tool.err == ["node_1: ready (Asterisk 22.10.1, AMI 11.0.0)."]
    sim.wait_for(lambda: sim.logoffs == 1)


def test_only_some(sim: Simulator) -> None:
    arguments = (
        "--only=hangup,Newchannel",
        "--where",
        "Channel~^PJSIP/",
        "--where=Cause!=16",
        "--max-events=2",
    )
    with follow(sim, *arguments, "--fields=Channel,nope") as tool:
        sim.emit("Hangup", Channel="PJSIP/1", Cause=16)
        sim.emit("Hangup", Channel="Local/PJSIP/2", Cause=17)
        sim.emit("Newexten", Channel="PJSIP/3", Cause=17)
        sim.emit("Hangup", Channel="PJSIP/4", Cause=17)
        sim.emit("NEWCHANNEL", Channel="PJSIP/5")
        sim.emit("Hangup", Channel="PJSIP/6", Cause=17)
        assert tool.wait() == 0, str(tool)
    assert [line.partition(" ")[2] for line in tool.out] == [
        "node_1 Hangup Channel=PJSIP/4",
        "node_1 NEWCHANNEL Channel=PJSIP/5",
    ]


def test_json_lines(sim: Simulator) -> None:
    with follow(sim, "--json", "--max-events=2", "--where=Event=UserEvent") as tool:
        sim.emit(
            "UserEvent",
            {"UserEvent": "T", "Variable": ["a=1", "b=2"], "Text": "\x1b[2J \N{SNOWMAN}"}.items(),
        )
        sim.emit("UserEvent", Secret="hush-hush")
        assert tool.wait() == 0, str(tool)
    first, second = map(json.loads, tool.out)
    assert (first["server"], first["event"]) == ("node_1", "UserEvent")
    assert first["headers"]["Variable"] == ["a=1", "b=2"]
    assert first["headers"]["Text"] == "\x1b[2J \N{SNOWMAN}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert second["headers"]["Secret"] == "***"
    assert "\x1b" not in "".join(tool.out)


def test_json_with_some_fields(sim: Simulator) -> None:
    with follow(sim, "--json", "--fields=channel", "--max-events=1", "--only=Hangup") as tool:
        sim.emit("Hangup", Channel="PJSIP/1", Cause=16)
        assert tool.wait() == 0, str(tool)
    assert json.loads(tool.out[0])["headers"] == {"Channel": "PJSIP/1"}


def test_event_steers_no_terminal(sim: Simulator) -> None:
    with follow(sim, "--max-events=1", "--only=Evil\x1b[2J") as tool:
        sim.emit("Evil\x1b[2J", CallerIDName="\x1b]0;x\x07")
        assert tool.wait() == 0, str(tool)
    assert tool.out[0].endswith("node_1 Evil\\x1b[2J CallerIDName=\\x1b]0;x\\x07")


def test_fields_that_an_event_does_not_have(sim: Simulator) -> None:
    with follow(sim, "--max-events=1", "--only=Hangup", "--fields=Nonsense") as tool:
        sim.emit("Hangup", Channel="PJSIP/101")
        assert tool.wait() == 0, str(tool)
    assert re.fullmatch(r"\S+ node_1 Hangup", tool.out[-1])


def test_names_of_events_that_never_come(sim: Simulator) -> None:
    arguments = ("--only=Hangupp,QueueMember,Hangup,DongleNewSMS", "--run-for=0.1")
    done = run(
        "ami_events", *arguments, servers=(sim,), settings={"AMI_CUSTOM_EVENTS": ["DongleNewSMS"]}
    )
    assert done.code == 0
    assert done.err.splitlines()[:2] == [
        "Asterisk has no event 'Hangupp': did you mean 'Hangup'?",
        "QueueMember only comes in the answer to QueueStatus.",
    ]
    assert "DongleNewSMS" not in done.err


def test_in_colour_on_a_terminal(sim: Simulator) -> None:
    command = (
        *PYTHON,
        "-m",
        "django",
        "ami_events",
        "--settings=tests.management.listening.settings",
    )
    ours, theirs = pty.openpty()
    env = environment(AMI_NODE1_URL=sim.url, TERM="xterm-256color", DJANGO_COLORS="dark")
    with (
        subprocess.Popen(
            [*command, "--only=Hangup", "--max-events=1"],
            cwd=ROOT,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as process,
        os.fdopen(ours, "rb", buffering=0) as screen,
    ):
        os.close(theirs)
        said = b""
        try:
            while b"ready" not in said:
                said += screen.read(1000)
            sim.emit("Hangup", Channel="PJSIP/1")
            while b"PJSIP" not in said:
                said += screen.read(1000)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert re.search(rb"node_1 \x1b\[[\d;]+mHangup\x1b\[0m Channel=PJSIP/1", said)


def test_classes_of_events(sim: Simulator) -> None:
    with follow(sim, "--events=agent,user") as tool:
        sim.wait_for(
            lambda: (
                [one.get("EventMask") for one in sim.received if one.name == "Events"]
                == ["agent,user"]
            )
        )
        tool.signal(signal.SIGTERM)
        assert tool.wait() == 0, str(tool)


def test_several_servers() -> None:
    with FakeAsterisk() as one, FakeAsterisk() as two:
        with start("ami_events", "--only=Hangup", "--max-events=2", servers=(one, two)) as tool:
            tool.wait_for_err("node_1: ready")
            tool.wait_for_err("node_2: ready")
            one.emit("Hangup", Channel="A")
            tool.wait_for_out("node_1 Hangup Channel=A")
            two.emit("Hangup", Channel="B")
            assert tool.wait() == 0, str(tool)
        assert tool.out[1].endswith("node_2 Hangup Channel=B")


# --- errors ---


def test_a_connection_that_is_lost_and_back(sim: Simulator) -> None:
    with follow(sim, "--only=Hangup") as tool:
        sim.drop()
        assert tool.wait_for_err("connection lost").startswith(
            "node_1: connection lost: the server closed the conn"
        )
        tool.wait_for_err("node_1: ready again")
        sim.emit("Hangup", Channel="PJSIP/1")
        tool.wait_for_out("PJSIP/1")
        tool.signal(signal.SIGTERM)
        assert tool.wait() == 0, str(tool)


def test_command_waits_for_a_server_that_is_not_there_yet() -> None:
    with FakeAsterisk() as sim:
        sim.stop()
        with start("ami_events", "--only=Hangup", servers=(sim,)) as tool:
            tool.wait_for_err("node_1: not connected: ")
            sim.start()
            tool.wait_for_err("node_1: ready")
            tool.signal(signal.SIGTERM)
            assert tool.wait() == 0, str(tool)


def test_worker_refused_by_every_server_ends_with_3(sim: Simulator) -> None:
    with start("ami_events", servers=(f"ami://admin:wrong@127.0.0.1:{sim.port}",)) as tool:
        assert tool.wait() == 3, str(tool)
    assert "Authentication failed for user 'admin'" in tool.err[0]
    assert len(tool.err) == 1


def test_one_that_is_refused_does_not_hinder_the_other(sim: Simulator) -> None:
    wrong = f"ami://admin:wrong@127.0.0.1:{sim.port}"
    with start("ami_events", "--only=Hangup", "--max-events=1", servers=(wrong, sim)) as tool:
        tool.wait_for_err("Authentication failed")
        tool.wait_for_err("node_2: ready")
        sim.emit("Hangup")
        assert tool.wait() == 0, str(tool)


def test_run_for_has_an_end_without_a_server() -> None:
    done = run(
        "ami_events", "--run-for=0.3", servers=(f"ami://admin:amp111@127.0.0.1:{free_port()}",)
    )
    assert (done.code, done.out) == (0, "")
    assert "connection refused" in done.err


def test_a_reader_that_has_read_enough(sim: Simulator) -> None:
    command = (
        *PYTHON,
        "-m",
        "django",
        "ami_events",
        "--settings=tests.management.listening.settings",
    )
    env = environment(AMI_NODE1_URL=sim.url)
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert READY in process.stderr.readline()
            sim.emit("Hangup")
            while "Hangup" not in process.stdout.readline():
                pass
            process.stdout.close()
            wait_until(lambda: sim.emit("Hangup") or process.poll() is not None, what="its end")
            assert process.returncode == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--where", "Channel"),
            (
                "--where 'Channel' is none of KEY=VALUE, KEY!=VALUE, KEY~REGEX and KEY!~REGEX: "
                "write it as in --where"
            ),
        ),
        (("--where", "Channel~("), "'(' is not a regular expression: "),
        (("--events", "cal"), "'cal' is not a class of events: did you mean 'call'?"),
        (("--server", "node_7"), "unknown server: 'node_7'"),
        (("--max-events", "0"), "give a whole number above 0, not '0'"),
        (("--run-for", "-1"), "give a number of seconds between 0 and 1000000000, not '-1'"),
    ],
)
def test_wrong_usage_connects_to_nobody(
    sim: Simulator, arguments: tuple[str, ...], said: str
) -> None:
    done = run("ami_events", *arguments, servers=(sim,))
    assert done.code in (
        1,
        2,
    )  # call_command gives 1 to what argparse refuses; a process ends with 2
    assert said in done.err
    assert sim.connections == 0


# --- where ---

EVENT = Event("X", b"Event: X\r\nChannel: PJSIP/101-1\r\nVariable: a=1\r\nVariable: b=2\r\nEmpty: ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Channel=PJSIP/101-1", True),
        ("channel=PJSIP/101-1", True),
        ("Channel=PJSIP/101", False),
        ("Channel!=PJSIP/101", True),
        ("Channel!=PJSIP/101-1", False),
        ("Channel~PJSIP", True),
        ("Channel~^SIP", False),
        ("Channel~10[12]-", True),
        ("Channel!~PJSIP", False),
        ("Channel!~Local", True),
        ("Variable=b=2", True),
        ("Variable=b", False),
        ("Variable~^b", True),
        ("Empty=", True),
        ("Missing=", False),
        ("Missing!=x", True),
        ("Missing~.*", False),
        ("Missing!~x", True),
        ("Event=X", True),
        ("Channel~a=b", False),
        ("Channel=~x", False),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert condition(text)(EVENT) is expected


@pytest.mark.parametrize("text", ["", "x", "=x", "~x", "!=x", "Channel~[", "Channel!"])
def test_command_refuses_an_invalid_condition(text: str) -> None:
    with pytest.raises(ConfigurationError):
        condition(text)
