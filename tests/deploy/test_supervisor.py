"""deploy/supervisor/django_ami.conf under a real supervisord, against simulated servers."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import Simulator
from django_ami.tools.exits import Exit
from tests.deploy.supervisord import (
    ALERTS_CONF,
    CONF,
    PATIENCE_SECONDS,
    ROOT,
    STANDBY_CONF,
    Supervisord,
)
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Start = Callable[..., Supervisord]

# More than all deadlines that one test can wait for.
pytestmark = [pytest.mark.long, pytest.mark.timeout(4 * PATIENCE_SECONDS)]


@pytest.fixture
def node_1() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def node_2() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def start(
    node_1: Simulator, node_2: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    with ExitStack() as at_the_end:

        def start(
            node_1_url: str = node_1.url,
            confs: Sequence[Path] = (CONF,),
            home: Path = ROOT,
            **more: str,
        ) -> Supervisord:
            environment = {"AMI_NODE1_URL": node_1_url, "AMI_NODE2_URL": node_2.url, **more}
            supervisord = Supervisord(tmp_path_factory.mktemp("s"), environment, confs)
            supervisord.home = home
            supervisord.start()
            at_the_end.callback(supervisord.close)
            return supervisord

        yield start


def wait_until_ready(
    supervisord: Supervisord, server: str, simulator: Simulator, logins: int = 1
) -> int:
    """Running for supervisor, logged in for the server, ready for the worker. The process id."""
    info = supervisord.wait_for_state(f"ami:{server}", "RUNNING")
    simulator.wait_for(lambda: simulator.logins == logins, PATIENCE_SECONDS)
    ready = rf"(?m)^{server}: ready, 127\.0\.0\.1:{simulator.port}, Asterisk 22\."
    supervisord.wait_for(
        lambda: len(re.findall(ready, supervisord.log(f"{server}.log"))) == logins,
        f"{server} ready",
    )
    return int(info["pid"])


def test_a_worker_for_each_server_and_a_killed_one_comes_back(
    start: Start, node_1: Simulator, node_2: Simulator
) -> None:
    supervisord = start()
    first = wait_until_ready(supervisord, "node_1", node_1)
    other = wait_until_ready(supervisord, "node_2", node_2)

    os.kill(first, signal.SIGKILL)

    node_1.wait_for(lambda: node_1.logins == 2, PATIENCE_SECONDS)
    second = wait_until_ready(supervisord, "node_1", node_1, logins=2)
    assert second != first
    assert wait_until_ready(supervisord, "node_2", node_2) == other
    assert (node_1.logoffs, node_2.login_attempts) == (0, 1)
    assert "exited: node_1 (terminated by SIGKILL; not expected)" in supervisord.log(
        "supervisord.log"
    )


def test_a_refused_login_is_not_tried_again(
    start: Start, node_1: Simulator, node_2: Simulator
) -> None:
    supervisord = start(node_1.url.replace("amp111", "wrong"))
    info = supervisord.wait_for_state("ami:node_1", "EXITED", "FATAL", "BACKOFF")
    assert (info["statename"], info["exitstatus"]) == ("EXITED", Exit.REFUSED), supervisord.report()
    assert "exited: node_1 (exit status 3; expected)" in supervisord.log("supervisord.log")
    assert "Authentication failed" in supervisord.log("node_1.err.log")

    # Supervisor had its chance to restart it when it has restarted the other one.
    other = wait_until_ready(supervisord, "node_2", node_2)
    os.kill(other, signal.SIGKILL)
    node_2.wait_for(lambda: node_2.logins == 2, PATIENCE_SECONDS)
    wait_until_ready(supervisord, "node_2", node_2, logins=2)

    assert supervisord.state("ami:node_1") == "EXITED"
    assert (node_1.login_attempts, node_1.logins, node_1.connections) == (1, 0, 1)


def test_a_broken_setting_is_given_up(start: Start, node_1: Simulator, node_2: Simulator) -> None:
    supervisord = start("http://127.0.0.1/")
    for server in (
        "node_1",
        "node_2",
    ):  # every worker reads all settings, so that none hides a broken one
        # It takes Python less than a second to say so or, on a busy machine, more: then it is not
        # even tried again.
        info = supervisord.wait_for_state(f"ami:{server}", "FATAL", "EXITED")
        assert info["statename"] == "FATAL" or info["exitstatus"] == Exit.CONFIGURATION, (
            supervisord.report()
        )
        assert supervisord.log("supervisord.log").count(f"spawned: '{server}'") <= 1 + 3
        assert "CommandError: node_1: 'URL' must begin with 'ami://'" in supervisord.log(
            f"{server}.err.log"
        )
        assert "Traceback" not in supervisord.log(f"{server}.err.log")
    assert (node_1.connections, node_2.connections) == (0, 0)


def test_stop_logs_off_and_delivers_events_that_were_read(
    start: Start, node_1: Simulator, node_2: Simulator
) -> None:
    supervisord = start()
    wait_until_ready(supervisord, "node_1", node_1)
    node_1.flood("UserEvent", count=150)  # 1.5 s for the receiver
    node_1.wait_for(lambda: node_1.events_sent >= 150, PATIENCE_SECONDS)

    assert supervisord.ctl("stop", "ami:node_1") == "ami:node_1: stopped\n"

    info = supervisord.infos()["ami:node_1"]
    assert (info["statename"], info["exitstatus"]) == ("STOPPED", 0), supervisord.report()
    assert "stopped: node_1 (exit status 0)" in supervisord.log("supervisord.log")
    assert (node_1.logoffs, node_1.logins) == (1, 1)
    node_1.wait_for(lambda: not node_1.sessions, PATIENCE_SECONDS)
    last = supervisord.log("node_1.log").splitlines()[-1]
    # The FullyBooted of the login was received, too.
    assert re.fullmatch(
        r"Stopped: .*\b150 delivered, 0 dropped, .*\b0 left, 0 failed, 0 reconnects, 0 gaps\.", last
    ), supervisord.report()
    wait_until_ready(supervisord, "node_2", node_2)

    assert supervisord.ctl("start", "ami:node_1") == "ami:node_1: started\n"
    wait_until_ready(supervisord, "node_1", node_1, logins=2)


def test_supervisord_itself_ends_and_leaves_nothing(
    start: Start, node_1: Simulator, node_2: Simulator
) -> None:
    supervisord = start()
    wait_until_ready(supervisord, "node_1", node_1)
    wait_until_ready(supervisord, "node_2", node_2)

    assert supervisord.shut_down() == 0

    for server, simulator in (("node_1", node_1), ("node_2", node_2)):
        assert simulator.logoffs == 1
        assert supervisord.log(f"{server}.log").splitlines()[-1].startswith("Stopped: ")
        assert f"stopped: {server} (exit status 0)" in supervisord.log("supervisord.log")
    assert not (supervisord.here / "s").exists()


# --- a standby pair ---


def holders(supervisord: Supervisord) -> list[str]:
    """The processes of the pair that have had the lease, by their logs."""
    return [
        name
        for name in ("node_1_0", "node_1_1")
        if "has the lease" in supervisord.log(f"{name}.err.log")
    ]


def leases_taken(supervisord: Supervisord) -> int:
    """How often a process of the pair has got the lease, by their logs."""
    logs = (supervisord.log(f"{name}.err.log") for name in ("node_1_0", "node_1_1"))
    return sum(log.count("has the lease") for log in logs)


def test_standby_takes_over_when_the_one_that_delivers_is_killed(
    start: Start, node_1: Simulator, tmp_path: Path
) -> None:
    variables = {
        "AMI_TEST_DATABASE": str(tmp_path / "site.sqlite3"),
        "AMI_NODE1_URL": node_1.url,
        "AMI_NODE2_URL": node_1.url,
    }
    with Program(
        [*PYTHON, "-m", "django", "migrate", "--verbosity=0"],
        DJANGO_SETTINGS_MODULE="tests.deploy.settings",
        **variables,
    ) as migrating:
        assert migrating.wait() == 0, str(migrating)
    supervisord = start(confs=[STANDBY_CONF], AMI_TEST_DATABASE=variables["AMI_TEST_DATABASE"])
    supervisord.wait_for(lambda: holders(supervisord), "one has the lease")
    (active,) = holders(supervisord)
    standby = "node_1_1" if active == "node_1_0" else "node_1_0"
    supervisord.wait_for(
        lambda: "node_1: standing by" in supervisord.log(f"{standby}.log"), "the other stands by"
    )
    killed = int(supervisord.wait_for_state(f"ami:{active}", "RUNNING")["pid"])

    os.kill(killed, signal.SIGKILL)

    # It is started again, and may be the first to ask when the lease is over.
    supervisord.wait_for(
        lambda: leases_taken(supervisord) == 2 and holders(supervisord), "another one takes over"
    )
    supervisord.wait_for(
        lambda: "node_1: standing by" in supervisord.log(f"{active}.log"),
        "the killed one is started again",
    )


# --- alerts ---


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    """Alerts are appended to this file by ``command_of``."""
    return tmp_path / "alerts"


def command_of(alerts: Path, *, fails_first: bool = False) -> str:
    program = f"""
import pathlib, sys
alerts = pathlib.Path({str(alerts)!r})
before = alerts.with_suffix(".failed")
if {fails_first} and not before.exists():
    before.touch()
    sys.exit("no mail server")
with alerts.open("a") as file:
    file.write(sys.stdin.read())
"""
    # supervisord expands % in its environment; there is none here.
    return shlex.join([sys.executable, "-c", program])


def wait_for_alert(supervisord: Supervisord, alerts: Path, *words: str) -> None:
    supervisord.wait_for(
        lambda: (
            alerts.exists()
            and any(all(word in line for word in words) for line in alerts.read_text().splitlines())
        ),
        f"an alert with {words}",
    )


def test_program_that_is_fatal_is_an_alert_though_the_first_run_of_the_command_fails(
    start: Start, alerts: Path, tmp_path: Path
) -> None:
    supervisord = start(
        confs=[CONF, ALERTS_CONF],
        home=tmp_path / "gone",
        DJANGO_AMI_ALERT_COMMAND=command_of(alerts, fails_first=True),
    )
    for server in ("node_1", "node_2"):
        wait_for_alert(supervisord, alerts, f"ami:{server} on ", "FATAL", "supervisorctl start")
    assert "no mail server" in supervisord.log("alerts.log")
    assert "ami:node_1" in supervisord.log("alerts.log")


def test_listener_whose_login_is_refused_is_an_alert_and_a_stop_by_hand_is_none(
    start: Start, node_1: Simulator, node_2: Simulator, alerts: Path
) -> None:
    supervisord = start(
        node_1.url.replace("amp111", "wrong"),
        [CONF, ALERTS_CONF],
        DJANGO_AMI_ALERT_COMMAND=command_of(alerts),
    )
    wait_until_ready(supervisord, "node_2", node_2)
    supervisord.ctl("stop", "ami:node_2")
    wait_for_alert(supervisord, alerts, "ami:node_1 on ", "stays down", "exit code 3")
    assert "node_2" not in alerts.read_text()


def test_listener_that_crashes_again_and_again_is_an_alert(
    start: Start, node_2: Simulator, alerts: Path
) -> None:
    supervisord = start(confs=[CONF, ALERTS_CONF], DJANGO_AMI_ALERT_COMMAND=command_of(alerts))
    for number in range(1, 6):
        wait_until_ready(supervisord, "node_2", node_2, logins=number)
        pid = supervisord.wait_for_state("ami:node_2", "RUNNING")["pid"]  # not of the last one
        assert not alerts.exists()
        os.kill(pid, signal.SIGKILL)
    wait_for_alert(supervisord, alerts, "ami:node_2 on ", "has ended unexpectedly 5 times in ")
