"""``manage.py ami_doctor``: the step at which the way to a server ends, and its advice."""

from __future__ import annotations

import math
import re
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from django_ami import signals
from django_ami.management.commands import ami_doctor
from django_ami.testing import PROFILES, FakeAsterisk, Faults, ServerTLS, User
from django_ami.tools import sampling
from django_ami.tools.examination import clock
from django_ami.tools.needs import Needs, Wanted, gather
from django_ami.tools.usage import Usage
from tests.core.io_support import resolving
from tests.core.servers import Hoard
from tests.management.tools import run, start
from tests.running import black_hole, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django_ami.testing import Simulator
    from tests.management.tools import Where

STEPS = [
    "dns",
    "tcp",
    "tls",
    "greeting",
    "login",
    "actions",
    "events",
    "receivers",
    "listeners",
    "clock",
    "latency",
]


@pytest.fixture(autouse=True)
def needs(monkeypatch: pytest.MonkeyPatch) -> list[Needs]:
    """The needs of the project: at first none."""
    box = [Needs()]
    monkeypatch.setattr(ami_doctor, "gather", lambda actions: box[0])
    return box


def examine(
    server: Where, *arguments: str, **settings: Any
) -> tuple[int, dict[str, dict[str, str]]]:
    done = run(
        "ami_doctor", "--json", "--timeout=5", *arguments, servers=(server,), settings=settings
    )
    (found,) = done.json["servers"]
    assert done.json["ok"] is (done.code == 0)
    assert [step["step"] for step in found["steps"]] == STEPS
    assert all(
        (step["verdict"] in ("warning", "failed")) is bool(step["cure"]) for step in found["steps"]
    )
    return done.code, {step["step"]: step for step in found["steps"]}


def verdicts(steps: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: step["verdict"] for name, step in steps.items() if step["verdict"] != "ok"}


def ends_at(steps: dict[str, dict[str, str]], last: str) -> bool:
    """The step failed, and those behind it were not reached."""
    behind = STEPS[STEPS.index(last) + 1 :]
    return steps[last]["verdict"] == "failed" and all(
        steps[step]["said"] == "not reached" for step in behind
    )


# --- a good day ---


def test_all_is_well(sim: Simulator) -> None:
    done = run("ami_doctor", servers=(sim,))
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == f"node_1 (127.0.0.1:{sim.port})"
    assert [line.split()[1] for line in done.lines[1:]] == STEPS
    said = {line.split()[1]: " ".join(line.split()[2:]) for line in done.lines[1:]}
    assert said["dns"] == "127.0.0.1 is an address already"
    assert said["tls"] == "plain TCP: 'TLS' is not set"
    assert said["greeting"] == "Asterisk Call Manager/11.0.0"
    assert said["login"] == "as 'admin': Asterisk 22.10.1, AMI 11.0.0"
    assert said["events"] == "the option events is 'on', the server turns them on; read=all"
    assert said["receivers"] == "none are connected: this process sends actions only"
    assert said["listeners"] == (
        "no process of ami_listen here, of this user; sessions of 'admin', this one included: 1 "
        "from 127.0.0.1"
    )
    sim.wait_for(lambda: sim.logoffs == 1)
    assert sim.logins == 1


def test_a_name_is_looked_up(sim: Simulator) -> None:
    code, steps = examine(sim.url.replace("127.0.0.1", "localhost"))
    assert code == 0
    assert steps["dns"]["said"].startswith("localhost is ")


@pytest.mark.slow
def test_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    with FakeAsterisk(tls=ServerTLS(str(tmp_path / "server.pem"))) as sim:
        code, steps = examine(f"{sim.url}?ca_file={tmp_path / 'ca.pem'}")
        assert (code, verdicts(steps)) == (0, {})
        assert steps["tls"]["said"].startswith(
            f"127.0.0.1:{sim.port} has a certificate that is trusted ("
        )
        code, steps = examine(sim.url)
        assert code == 8
        assert ends_at(steps, "tls")
        assert "set the TLS key CA_FILE to the authority that signed it" in steps["tls"]["said"]
        code, steps = examine(f"{sim.url}?verify=false")
        assert (code, verdicts(steps)) == (0, {"tls": "warning"})
        code, steps = examine(sim.url.replace("amis:", "ami:"), "--timeout=1.5")
        assert ends_at(steps, "greeting")


# --- the way there ---


def test_no_such_name() -> None:
    code, steps = examine("ami://admin:amp111@nosuch.invalid:5038")
    assert code == 8
    assert ends_at(steps, "dns")


def test_doctor_names_the_cure_when_no_server_listens() -> None:
    code, steps = examine(f"ami://admin:amp111@127.0.0.1:{free_port()}")
    assert code == 8
    assert ends_at(steps, "tcp")
    assert "connection refused: does Asterisk run" in steps["tcp"]["said"]


def test_a_firewall_that_says_nothing() -> None:
    with black_hole() as port:
        code, steps = examine(f"ami://admin:amp111@127.0.0.1:{port}", "--timeout=0.5")
    assert code == 8
    assert ends_at(steps, "tcp")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"banner": None}, "no AMI greeting from 127.0.0.1:"),
        (
            {"refuse_connections": True},
            "the server closed the connection before the login: is it stopping",
        ),
    ],
)
def test_no_greeting(faults: dict[str, Any], said: str) -> None:
    with FakeAsterisk(faults=Faults(**faults)) as sim:
        code, steps = examine(sim, "--timeout=1.5")
    assert code == 8
    assert ends_at(steps, "greeting")
    assert said in steps["greeting"]["said"]


@pytest.mark.slow
@pytest.mark.parametrize("first", ["mute", "a black hole", "of something else"])
def test_second_address_is_tried_if_the_first_fails(
    first: str, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a client would find: it tries the next address, too."""
    with black_hole() as hole, Hoard() as mute, Hoard(b"SSH-2.0-OpenSSH_9.2\r\n") as other:
        ports = {"mute": mute.port, "a black hole": hole, "of something else": other.port}
        found = [("127.0.0.1", ports[first]), ("127.0.0.1", sim.port)]
        resolving(monkeypatch, {"pbx.test": lambda: found})
        code, steps = examine("ami://admin:amp111@pbx.test:1", "--timeout=2")
    assert code == 0, verdicts(steps)
    assert steps["greeting"]["said"] == "Asterisk Call Manager/11.0.0"


def test_doctor_says_that_another_kind_of_server_greets() -> None:
    with FakeAsterisk(faults=Faults(banner="220 mail ESMTP")) as sim:
        _, steps = examine(sim)
    assert steps["greeting"]["verdict"] == "warning"
    assert "'220 mail ESMTP'" in steps["greeting"]["said"]
    assert steps["login"]["verdict"] == "ok"  # a proxy that logs in
    with FakeAsterisk(faults=Faults(banner="SSH-2.0-OpenSSH_9.2")) as sim:
        _, steps = examine(sim)
    assert ends_at(steps, "greeting")
    assert (
        steps["greeting"]["said"]
        == "no AMI greeting, but 'SSH-2.0-OpenSSH_9.2': is this the port of AMI?"
    )


def test_a_refused_login(sim: Simulator) -> None:
    code, steps = examine(f"ami://admin:wrong@127.0.0.1:{sim.port}")
    assert code == 8
    assert ends_at(steps, "login")
    assert steps["login"]["said"].endswith(
        "A process that stays up tries again after 300 s (option auth_retry_interval)."
    )
    assert "manager show user" in steps["login"]["cure"]
    assert sim.login_attempts == 1


def test_in_words_what_to_do_and_what_was_not_reached() -> None:
    done = run("ami_doctor", servers=(f"ami://admin:amp111@127.0.0.1:{free_port()}",))
    assert done.code == 8
    assert [line.split()[0] for line in done.lines] == ["node_1", "ok", "failed", "On", "not"]
    assert done.lines[-1] == (
        "  not reached: tls, greeting, login, actions, events, receivers, listeners, clock, latency"
    )


def test_one_that_is_ill_does_not_hide_the_others(sim: Simulator) -> None:
    dead = f"ami://admin:amp111@127.0.0.1:{free_port()}"
    done = run("ami_doctor", "--json", servers=(dead, sim))
    assert done.code == 8
    assert [found["steps"][-1]["verdict"] for found in done.json["servers"]] == ["skipped", "ok"]


# --- rights of the account ---


def test_actions_that_the_account_may_not_run(needs: list[Needs]) -> None:
    usage = Usage(
        {"Originate": ["x"], "Getvar": ["x"], "Ping": ["x"], "AgentLogoff": ["x"]}, outcomes=True
    )
    needs[0] = Needs(usage=usage)
    with FakeAsterisk(users={"admin": User(secret="amp111", write="agent,call")}) as sim:
        code, steps = examine(sim)
    assert (code, verdicts(steps)) == (8, {"tls": "skipped", "actions": "failed"})
    said = steps["actions"]["said"]
    assert "Originate needs write=originate" in said
    assert "to wait for the outcome of a call needs write=system" in said
    assert "Getvar" not in said
    assert "AgentLogoff is not there: is the module app_agent_pool loaded?" in said
    assert steps["actions"]["cure"] == (
        "Load the module on the server, or fix the name of the action. "
        "Add the classes to write= of the account: 'manage.py ami_doctor --manager-conf' prints "
        "them."
    )


def test_actions_that_are_no_more(sim: Simulator, needs: list[Needs]) -> None:
    needs[0] = Needs(usage=Usage({"SIPpeers": ["x"]}))
    _, steps = examine(sim)
    assert steps["actions"]["said"].endswith(
        "SIPpeers is not there: Asterisk 21 no longer has chan_sip"
    )
    assert steps["actions"]["cure"] == "Remove the actions that are no more."


def test_a_boot_that_an_account_cannot_see() -> None:
    with FakeAsterisk(users={"admin": User(secret="amp111", read="call")}) as sim:
        code, steps = examine(sim)
    assert (code, verdicts(steps)) == (0, {"tls": "skipped", "events": "warning"})
    assert "read=call" in steps["events"]["said"]


def test_events_that_the_option_turns_off(sim: Simulator) -> None:
    code, steps = examine(sim, AMI_OPTIONS={"events": "off"})
    assert (code, steps["events"]["verdict"]) == (0, "ok")
    assert [action.get("EventMask") for action in sim.received if action.name == "Events"][
        -1
    ] == "off"


WANTED = (
    Wanted("Hangup", ("call",), ("shop.on_hangup",)),
    Wanted("VoicemailPasswordChange", ("system", "user"), ("shop.on_password",)),
    Wanted("MonitorStart", ("call",), ("shop.on_monitor",), removed_in=21),
    Wanted("Own", None, ("shop.on_own",), custom=True),
)


@pytest.mark.parametrize(
    ("read", "write", "mask", "never"),
    [
        ("all", "all", "on", ["shop.on_monitor (MonitorStart): Asterisk 21 no longer has it"]),
        (
            "system,call",
            "all",
            "on",
            [
                "shop.on_password (VoicemailPasswordChange): read= lacks user",
                "shop.on_monitor (MonitorStart): Asterisk 21 no longer has it",
            ],
        ),
        (
            "all",
            "reporting",
            "system,agent",
            [
                "shop.on_hangup (Hangup): the option events lacks call",
                "shop.on_password (VoicemailPasswordChange): the option events lacks user",
                "shop.on_monitor (MonitorStart): Asterisk 21 no longer has it",
            ],
        ),
        # This account cannot see the classes of its read=, so nothing is said of them.
        (
            "system",
            "reporting",
            "on",
            ["shop.on_monitor (MonitorStart): Asterisk 21 no longer has it"],
        ),
    ],
)
def test_receivers_that_are_never_called(
    needs: list[Needs], read: str, write: str, mask: str, never: list[str]
) -> None:
    needs[0] = Needs(WANTED)
    with FakeAsterisk(users={"admin": User(secret="amp111", read=read, write=write)}) as sim:
        code, steps = examine(sim, AMI_OPTIONS={"events": mask})
    assert code == 8
    assert (
        steps["receivers"]["said"] == f"4 receivers of 4 events; never called: {'; '.join(never)}"
    )


@pytest.mark.parametrize(("write", "known"), [("all", True), ("reporting", False)])
def test_receivers_that_can_be_called(needs: list[Needs], write: str, known: bool) -> None:
    needs[0] = Needs(WANTED[:2], every_event=True)
    with FakeAsterisk(users={"admin": User(secret="amp111", write=write)}) as sim:
        code, steps = examine(sim)
    assert code == 0
    said = steps["receivers"]["said"]
    assert said.startswith("2 receivers of 2 events, and some of every event: all can be called")
    assert ("cannot be seen" in said) is not known


def test_saving_of_filters_is_measured(needs: list[Needs], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_SECONDS", 0.5)
    needs[0] = Needs((Wanted("Hangup", ("call",), ("shop.on",)),))
    with FakeAsterisk() as sim:
        sim.run_traffic(50)
        _, steps = examine(sim, AMI_OPTIONS={"server_filters": "auto"})
        sim.stop_traffic()
    found = re.search(
        r"; in 0\.5 s that is ([\d,]+) of ([\d,]+) bytes/s of events, (\d+)% less$",
        steps["events"]["said"],
    )
    assert found is not None, steps["events"]["said"]
    let_in, sent, saved = (int(number.replace(",", "")) for number in found.groups())
    assert 0 < let_in < sent / 2
    assert saved == pytest.approx(100 - 100 * let_in / sent, abs=1)


def test_filters_of_a_listener_are_shown(
    needs: list[Needs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "SAMPLE_SECONDS", 0.05)
    auto = {"server_filters": "auto"}
    needs[0] = Needs((Wanted("Newchannel", ("call",), ("shop.on",)),))
    with FakeAsterisk() as sim:
        code, steps = examine(sim, AMI_OPTIONS=auto)
        assert code == 0
        assert steps["events"]["said"].endswith(
            "; ami_listen lets in DialEnd, FullyBooted, Hangup, Newchannel, OriginateResponse, "
            "Shutdown alone; in 0.05 s there was no event to measure the saving"
        )
        needs[0] = Needs(every_event=True)
        _, steps = examine(sim, AMI_OPTIONS=auto)
        assert steps["events"]["said"].endswith("; ami_listen keeps out nothing")
        _, steps = examine(sim, AMI_OPTIONS={**auto, "events": "off"})
        assert "ami_listen" not in steps["events"]["said"]
    with FakeAsterisk(users={"admin": User(secret="amp111", write="call,reporting")}) as sim:
        code, steps = examine(sim, AMI_OPTIONS=auto)
    assert (code, steps["actions"]["verdict"]) == (8, "failed")
    assert "the option server_filters needs write=system" in steps["actions"]["said"]


def on_something(sender: object, event: object, **kwargs: object) -> None: ...


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Needs]:
    """``connected("Hangup", …)``: the needs of a project with receivers of these events, and of no
    others.
    """
    monkeypatch.setattr(signals, "events", signals.EventSignals())
    monkeypatch.setattr(signals, "ami_event", signals.EventSignal())

    def connect(*names: str) -> Needs:
        for name in names:
            signals.events[name].connect(on_something)
        return gather()

    return connect


@pytest.mark.parametrize(
    ("name", "verdict", "why"),
    [
        (
            "PeerEntry",
            "failed",
            "the event 'PeerEntry' only comes in the answer to IAXpeerlist or IAXpeers or SIPpeers",
        ),
        ("QueueMemberPaused", "failed", "since version 12: receive 'QueueMemberPause' instead"),
        (
            "dial",
            "failed",
            (
                "Asterisk has no event 'dial' since version 12: receive 'DialBegin' or "
                "'DialEnd' instead"
            ),
        ),
        ("ChannelUpdate", "failed", "since version 12, and nothing in its place"),
        (
            "Hangupp",
            "warning",
            "perhaps never called: tests.management.test_ami_doctor.on_something (Hangupp): ",
        ),
        ("Xyzzy", "warning", "Asterisk has no event 'Xyzzy': nor is there one with a similar name"),
    ],
)
def test_receivers_of_events_that_never_come(
    sim, needs: list[Needs], connected, name: str, verdict: str, why: str
) -> None:
    needs[0] = connected("Hangup", name)
    code, steps = examine(sim)
    assert (code, steps["receivers"]["verdict"]) == (8 if verdict == "failed" else 0, verdict)
    assert steps["receivers"]["said"].startswith("2 receivers of 2 events; ")
    assert why in steps["receivers"]["said"]


def test_old_names_are_right_for_an_old_server(
    needs: list[Needs], connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROFILES, "11", replace(PROFILES["13"], name="11", ami_version="1.3"))  # type: ignore[index]
    needs[0] = connected("Join", "QueueMemberPaused", "QueueMemberPause", "Hangup")
    with FakeAsterisk(profile="11") as sim:
        _, steps = examine(sim)
    assert (
        "Asterisk 11 and earlier have no event 'QueueMemberPause': receive 'QueueMemberPaused' "
        "instead" in (steps["receivers"]["said"])
    )
    assert "Join" not in steps["receivers"]["said"]


def test_events_that_a_setting_names_can_be_called(
    sim, needs: list[Needs], connected, settings: Any
) -> None:
    settings.AMI_CUSTOM_EVENTS = ["Join", "Own", "PeerEntry"]
    needs[0] = connected("Join", "Own", "PeerEntry")
    code, steps = examine(sim)
    assert (code, steps["receivers"]["said"]) == (0, "3 receivers of 3 events: all can be called")


# --- clocks and latency ---


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0.0, "ok"), (100.0, "warning"), (-100.0, "warning")]
)
def test_clocks(sim: Simulator, ahead: float, verdict: str) -> None:
    def answer(action: Any) -> bytes:
        stamp = f"{time.time() + ahead:.6f}"
        return (
            f"Response: Success\r\nActionID: {action.action_id}\r\nPing: Pong\r\nTimestamp: "
            f"{stamp}\r\n\r\n"
        ).encode()

    sim.on("Ping").raw(answer)
    code, steps = examine(sim)
    assert (code, steps["clock"]["verdict"]) == (0, verdict)
    assert abs(float(steps["clock"]["said"].split()[0]) - ahead) < 1


@pytest.mark.parametrize(
    ("skew", "said"), [(-0.0001, "+0.000"), (0.0, "+0.000"), (-0.0015, "-0.002"), (2.5, "+2.500")]
)
def test_a_clock_that_agrees_is_not_behind(skew: float, said: str) -> None:
    assert clock(skew) == said


def test_a_clock_that_is_not_told(sim: Simulator) -> None:
    sim.on("Ping").reply(Ping="Pong")
    _, steps = examine(sim)
    assert steps["clock"]["verdict"] == "skipped"


@pytest.mark.slow
def test_a_slow_server(sim: Simulator) -> None:
    sim.on("Ping").after(0.15)
    code, steps = examine(sim)
    assert (code, steps["latency"]["verdict"]) == (0, "warning")


@pytest.mark.slow
def test_a_server_that_falls_silent(sim: Simulator) -> None:
    sim.on("ListCommands").hang()
    code, steps = examine(sim, "--timeout=3")
    assert code == 8
    assert steps["actions"]["verdict"] == "failed"
    assert steps["actions"]["cure"].startswith("The server stopped answering")


# --- as a process ---


@pytest.mark.slow
def test_the_stanza_needs_no_server() -> None:
    dead = f"ami://site:hush-hush@127.0.0.1:{free_port()}"
    arguments = ("--manager-conf", "--actions=QueuePause,hangup")
    with start("ami_doctor", *arguments, servers=(dead, dead)) as tool:
        assert tool.wait() == 0, str(tool)
    assert tool.out.count("[site]") == 2
    assert "write = call,agent" in tool.out
    assert "; sends QueuePause: --actions" in tool.out
    assert "hush" not in "\n".join(tool.out)
    with start("ami_doctor", "--json", *arguments, servers=(dead,)) as tool:
        assert tool.wait() == 0, str(tool)
    assert '"write": ["call", "agent"]' in tool.out[0]


@pytest.mark.slow
def test_an_action_that_there_is_not() -> None:
    with start(
        "ami_doctor", "--manager-conf", "--actions=Orginate", servers=("ami://a:b@127.0.0.1:1",)
    ) as tool:
        assert tool.wait() == 2, str(tool)
    assert tool.err == [
        "CommandError: --actions: Asterisk has no action 'Orginate': did you mean 'Originate'?"
    ]


@pytest.mark.slow
def test_a_signal_ends_it_at_once() -> None:
    with FakeAsterisk(faults=Faults(boot_delay=math.inf)) as sim:
        sim.on("ListCommands").hang()
        with start("ami_doctor", "--timeout=600", servers=(sim,)) as tool:
            sim.wait_for(lambda: any(action.name == "ListCommands" for action in sim.received), 30)
            tool.signal(signal.SIGTERM)
            assert tool.wait() == 143, str(tool)
        assert tool.err == ["CommandError: stopped by SIGTERM."]
        sim.wait_for(lambda: sim.logoffs == 1)
