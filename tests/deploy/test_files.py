"""The files in deploy/ and docs/deploy.md say what ami_listen does.

Its exit codes, its options, its times.
"""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from django_ami.core.session import CLOSE_TIMEOUT_SECONDS
from django_ami.management.commands import ami_listen
from django_ami.tools import worker
from django_ami.tools.exits import Exit
from tests.deploy.supervisord import ALERTS_CONF, CONF, ROOT, STANDBY_CONF
from tests.running import Program

if TYPE_CHECKING:
    from pathlib import Path

UNIT = ROOT / "deploy" / "systemd" / "ami_listen@.service"
DOCS = ROOT / "docs" / "deploy.md"

PARSER = ami_listen.Command().create_parser("manage.py", "ami_listen")

#: All there are, so that a new one makes these tests fail until somebody has thought of it here.
EXIT_CODES = {Exit.OK, Exit.CONFIGURATION, *ami_listen.Command.exits}
#: Those that trying again does not cure.
FINAL = {Exit.CONFIGURATION, Exit.REFUSED}

#: A process that is killed sooner had not the time it was promised: to drain, to give up a
#: receiver, to log off.
SHORTEST_STOP = (
    PARSER.get_default("drain_timeout") + worker.PATIENCE_SECONDS + CLOSE_TIMEOUT_SECONDS + 1
)


def read(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(
        delimiters="=", comment_prefixes=(";", "#"), inline_comment_prefixes=(";",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text())
    return parser


def numbers(text: str) -> set[int]:
    return {int(word) for word in re.split(r"[\s,]+", text)}


def options(command: str, server: str) -> dict[str, object]:
    """The options, as the command's own parser reads them."""
    python, program, name, *arguments = command.split()
    assert (program, name) == ("manage.py", "ami_listen")
    assert python.endswith(("python", "PYTHON)s"))
    return vars(PARSER.parse_args([argument.replace("%i", server) for argument in arguments]))


def test_all_exit_codes_are_thought_of() -> None:
    assert {0, 2, 3, 4, 9} == EXIT_CODES
    table = re.findall(r"(?m)^\| `?(\d)`? ", DOCS.read_text())
    assert {int(code) for code in table} == {1, *EXIT_CODES}


@pytest.mark.parametrize("server", ["node_1", "node_2"])
def test_supervisor(server: str) -> None:
    section = read(CONF)[f"program:{server}"]
    assert options(section["command"].replace("%(program_name)s", server), server)["server"] == [
        server
    ]
    assert section["autorestart"] == "unexpected"
    assert numbers(section["exitcodes"]) == {0} | FINAL
    assert section["stopsignal"] == "TERM"
    assert int(section["stopwaitsecs"]) >= SHORTEST_STOP
    assert (section["stopasgroup"], section["killasgroup"]) == ("false", "true")


def test_supervisor_s_programs_differ_in_nothing_but_the_name() -> None:
    conf = read(CONF)
    programs = {
        name.removeprefix("program:"): dict(conf[name])
        for name in conf.sections()
        if name != "group:ami"
    }
    assert conf["group:ami"]["programs"].split(",") == list(programs) == ["node_1", "node_2"]
    assert programs["node_1"] == programs["node_2"]


def test_supervisor_s_standby_pair_is_the_single_listener_twice() -> None:
    alone, pair = read(CONF)["program:node_1"], dict(read(STANDBY_CONF)["program:node_1"])
    assert (pair.pop("numprocs"), pair.pop("process_name")) == (
        "2",
        "%(program_name)s_%(process_num)d",
    )
    assert pair.pop("command") == f"{alone['command']} --standby"
    assert {key: value.replace("_%(process_num)d", "") for key, value in pair.items()} == {
        key: value for key, value in alone.items() if key != "command"
    }


@pytest.mark.parametrize("path", [CONF, STANDBY_CONF], ids=lambda path: path.name)
def test_lines_to_adapt_for_supervisor_are_named(path: Path) -> None:
    text = path.read_text()
    used = set(re.findall(r"%\(ENV_(\w+)\)s", text))
    assert set(re.findall(r"(?m)^;   (DJANGO_AMI_\w+) ", text)) == used
    assert set(re.findall(r"%\(ENV_(\w+)\)s", ALERTS_CONF.read_text())) <= used
    alert = {"DJANGO_AMI_ALERT_COMMAND"}
    assert set(re.findall(r"\bDJANGO_AMI_\w+", DOCS.read_text())) == used | alert


def test_systemd() -> None:
    unit = read(UNIT)
    service = unit["Service"]
    assert options(service["ExecStart"], "node_7")["server"] == ["node_7"]
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["Restart"] == "on-failure"
    assert numbers(service["RestartPreventExitStatus"]) == FINAL
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert int(service["TimeoutStopSec"]) >= SHORTEST_STOP
    assert int(service["RestartSec"]) > 0
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")
    assert int(service["WatchdogSec"]) >= 60
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    text = UNIT.read_text()
    # It looks for the program, too.
    adapted = text.replace("/srv/project/venv/bin/python", sys.executable)
    assert adapted != text
    (tmp_path / UNIT.name).write_text(adapted)
    unit = tmp_path / UNIT.name.replace("@", "@node_1")
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    told = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if UNIT.name in line or unit.name in line
    ]
    assert (done.returncode, told) == (0, []), done.stderr


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)
def test_systemd_finds_the_unit_hardened(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name.replace("@", "@node_1")
    unit.write_text(UNIT.read_text())
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20"]
    done = subprocess.run([*command, str(unit)], capture_output=True, text=True, timeout=60)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than 250")
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@pytest.mark.parametrize("path", [CONF, UNIT, DOCS], ids=lambda path: path.name)
def test_the_drain_timeout_told_is_the_one_there_is(path: Path) -> None:
    told = re.findall(r"--drain-timeout`? \((\d+) s\)", path.read_text())
    assert told
    assert {float(seconds) for seconds in told} == {PARSER.get_default("drain_timeout")}


# --- deploy/README.md ---

README = (ROOT / "deploy" / "README.md").read_text()


def test_readme_leads_to_files_that_there_are() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)(?:#[^)]*)?\)", README)
    assert links
    named = re.findall(r"(?m)^\| `([^`]+)` \|", README.partition("## Sizing")[0])
    assert {path for path in [*links, *named] if not (ROOT / "deploy" / path).exists()} == set()
    folders = {path.name for path in (ROOT / "deploy").iterdir() if path.is_dir()}
    assert {name.partition("/")[0] for name in named} >= folders - {"prometheus", "grafana"}


def test_account_of_the_readme_is_the_one_that_ami_doctor_prints() -> None:
    with Program(
        [sys.executable, "manage.py", "ami_doctor", "--manager-conf"],
        cwd=ROOT / "deploy" / "container" / "project",
        DJANGO_SECRET_KEY="only-for-tests",
        DATABASE_URL="sqlite://:memory:",
        AMI_NODE1_URL="amis://project:x@pbx.example.com",
    ) as program:
        assert program.wait() == 0, str(program)
    (conf,) = re.findall(r"(?s)```ini\n(\[general\]\n.*?)```", README)
    account = conf[conf.index("; The account") :].splitlines()
    assert account == [line.rstrip() for line in program.out]
