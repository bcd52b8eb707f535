"""Images, the compose file and the manifests of Kubernetes: linted, and their steps carried out.

No engine for containers is needed: the steps of an image are carried out in a folder.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from django.core.management import get_commands, load_command_class

from django_ami.testing import FakeAsterisk
from tests.deploy.supervisord import ROOT
from tests.deploy.test_files import PARSER, SHORTEST_STOP
from tests.running import Program, free_port, wait_until

CONTAINER = ROOT / "deploy" / "container"
PROJECT = CONTAINER / "project"
DOCKERFILES = sorted(CONTAINER.rglob("Dockerfile"))
COMPOSE = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
MANIFESTS = [
    one
    for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text())
]
#: A new environment compiles what it imports.
START_SECONDS = 180.0
VARIABLES = {"DJANGO_SECRET_KEY": "only-for-tests", "AMI_NODE1_URL": "ami://project:x@asterisk"}


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile and their arguments, in their order."""
    text = re.sub(r"(?m)^#.*\n", "", dockerfile.read_text()).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split()))
        for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)
    ]


def parsed(command: list[str]) -> dict[str, Any]:
    """The options of an ``ami_listen`` of ours, as it reads them itself."""
    assert command[:3] == ["python", "manage.py", "ami_listen"]
    return vars(PARSER.parse_args(command[3:]))


def manage(*arguments: str, folder: Path, **more: object) -> str:
    with Program(
        [sys.executable, "manage.py", *arguments], cwd=folder, **{**VARIABLES, **more}
    ) as program:
        assert program.wait() == 0, str(program)
        return "\n".join(program.out)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_no_fault(dockerfile: Path) -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert linter is not None, "it comes with the extra dev"
    done = subprocess.run([linter, str(dockerfile)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_compose_file_is_valid() -> None:
    services = PyCompose.from_yaml(yaml.safe_dump(COMPOSE))
    services.validate()
    assert set(services.service_names()) >= {"site", "listener_a", "listener_b", "database"}


def test_listeners_of_the_compose_file_are_a_pair_with_time_to_drain_and_a_probe() -> None:
    listeners = [COMPOSE["services"][name] for name in ("listener_a", "listener_b")]
    assert listeners[0] == listeners[1]
    options = parsed(listeners[0]["command"])
    assert (options["server"], options["standby"]) == (["node_1"], True)
    assert int(listeners[0]["stop_grace_period"].removesuffix("s")) >= SHORTEST_STOP
    assert listeners[0]["healthcheck"]["test"] == ["CMD", "python", "manage.py", "ami_health"]


def test_account_of_the_compose_file_is_the_one_that_ami_doctor_prints() -> None:
    told = manage("ami_doctor", "--manager-conf", folder=PROJECT, DATABASE_URL="sqlite://:memory:")
    expected = [
        "secret = ${AMI_SECRET:?the secret of the AMI account}"
        if line.startswith("; secret =")
        else line.rstrip()
        for line in told.splitlines()
    ]
    content = COMPOSE["configs"]["manager.conf"]["content"]
    assert content[content.index("; The account") :].splitlines() == expected


def test_manifests_are_valid() -> None:
    assert {one["kind"] for one in MANIFESTS} >= {"Deployment", "Job", "Service"}
    for one in MANIFESTS:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def containers() -> dict[str, dict[str, Any]]:
    return {
        container["name"]: {**container, "pod": one["spec"]["template"]["spec"], "of": one["spec"]}
        for one in MANIFESTS
        if "template" in one["spec"]
        for container in one["spec"]["template"]["spec"]["containers"]
    }


def test_listener_of_kubernetes_is_a_pair_with_time_to_drain() -> None:
    listener = containers()["listener"]
    assert parsed(listener["command"])["standby"]
    assert listener["of"]["replicas"] == 2
    assert listener["pod"]["terminationGracePeriodSeconds"] >= SHORTEST_STOP


def test_probes_are_commands_and_pages_that_there_are() -> None:
    for container in containers().values():
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            probe = container.get(kind, {})
            if "exec" in probe:
                name, *options = probe["exec"]["command"][2:]
                command = load_command_class(get_commands()[name], name)
                command.create_parser("manage.py", name).parse_args(options)
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in ("/ami/health/live", "/ami/health/ready")


# --- the steps of an image ---


class Image:
    """The steps of the Dockerfile, in a folder in the place of the root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment: dict[str, str] = {}
        self.command: list[str] = []
        self._folder = root
        for word, rest in instructions(CONTAINER / "Dockerfile"):
            match word:
                case "WORKDIR":
                    self._folder = self._here(rest)
                    self._folder.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(*shlex.split(rest))
                case "RUN" if "useradd" not in rest:  # that is for a root of its own
                    self._run(rest)
                case "ENV":
                    self.environment |= dict(
                        pair.split("=", 1) for pair in shlex.split(self._moved(rest))
                    )
                case "CMD":
                    self.command = json.loads(rest)
        self.folder = self._folder
        self.environment["PATH"] = self.environment["PATH"].replace("$PATH", os.environ["PATH"])

    def _moved(self, text: str) -> str:
        return re.sub(r"(?<![\w.])/(srv|src)\b", rf"{self.root}/\1", text)

    def _here(self, path: str) -> Path:
        return Path(self._moved(path))

    def _copy(self, *arguments: str) -> None:
        if arguments[0].startswith("--from="):
            return  # both stages are in one folder
        *sources, target = arguments
        for source in sources:
            there = self._folder / target
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, there, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / source, there)

    def _run(self, command: str) -> None:
        environment = {**os.environ, **self.environment}
        environment.pop("PYTHONPATH", None)
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-ec", self._moved(command)],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if "No matching distribution" in done.stderr or "NewConnectionError" in done.stderr:
            pytest.skip("the package index cannot be reached")
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *command: str, **more: object) -> Program:
        python = self.root / "srv" / "venv" / "bin" / command[0]
        variables = {**VARIABLES, **self.environment, "PYTHONPATH": "", **more}
        return Program([str(python), *command[1:]], cwd=self.folder, **variables)

    def do(self, *command: str, **more: object) -> None:
        with self.start(*command, **more) as program:
            assert program.wait() == 0, str(program)

    def wait_for(self, *probe: str, **more: object) -> None:
        """Until it exits with 0, as an engine asks again and again."""

        def is_well() -> bool:
            with self.start(*probe, **more) as program:
                return program.wait() == 0

        wait_until(is_well, START_SECONDS, " ".join(probe))


def is_said(program: Program, words: str) -> bool:
    return any(words in line for line in program.err)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_steps_of_the_image_make_a_site_and_a_standby_pair_that_run(tmp_path: Path) -> None:
    image = Image(tmp_path)
    port = free_port()
    with FakeAsterisk() as asterisk, ExitStack() as at_the_end:
        variables = {
            "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
            "AMI_NODE1_URL": asterisk.url,
        }
        services = COMPOSE["services"]
        image.do(*services["migrate"]["command"], **variables)
        listeners = []
        for name in ("a", "b"):
            own = {"AMI_HEARTBEAT_FILE": tmp_path / f"{name}.json", **variables}
            listener = image.start(*services[f"listener_{name}"]["command"], **own)
            listeners.append(at_the_end.enter_context(listener))
            said = "standing by" if listeners[1:] else "delivers from now on"
            heard = partial(is_said, listener, said)
            wait_until(heard, START_SECONDS, f"{said} of {listener}")
            image.wait_for(*services["listener_a"]["healthcheck"]["test"][1:], **own)
        site = [part.replace("8000", str(port)) for part in services["site"]["command"]]
        running = at_the_end.enter_context(image.start(*site, **variables))
        wait_until(partial(is_said, running, "startup complete"), START_SECONDS)
        probe = [
            part.replace("8000", str(port)) for part in services["site"]["healthcheck"]["test"]
        ]
        image.wait_for(*probe[1:], **variables)
        with urlopen(f"http://127.0.0.1:{port}/ami/health/ready", timeout=30) as answer:
            assert json.load(answer)["ok"]
        asterisk.emit("Hangup", Channel="PJSIP/alice-1")
        wait_until(lambda: any("alice" in line for line in listeners[0].out))
        listeners[0].process.terminate()
        assert listeners[0].wait() == 0, str(listeners[0])
        listeners[1].wait_for_err("has the lease")


def test_command_of_the_image_is_a_listener() -> None:
    (command,) = [rest for word, rest in instructions(CONTAINER / "Dockerfile") if word == "CMD"]
    assert parsed(json.loads(command))["all"]
