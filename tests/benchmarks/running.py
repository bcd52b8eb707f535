"""Running clients: a process for each measurement, and the ``Bench`` that starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.benchmarks.builds import BEFORE, paths_to
from tests.benchmarks.clients.measuring import PATIENCE_SECONDS
from tests.benchmarks.goals import OURS
from tests.benchmarks.machine import ROOT
from tests.benchmarks.server import SECRET, USER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.benchmarks.peers import Peer

FAST_PEERS: Final = ("panoramisk", "asterisk-ami")
#: One measured value: of which figure, whose, and how much.
Sample = tuple[str, str, float]


class Broken(Exception):
    """A client could not do its task."""


@dataclass
class Bench:
    """The surroundings of scenarios: the server's port, the installed peers, the amounts."""

    port: int
    peers: Mapping[Peer, str] = field(default_factory=dict)
    quick: bool = False
    #: Of the quick amounts, for tests: whether a scenario works, and nothing about how fast it is.
    share: float = 1.0
    #: A folder with the package of another build, which is measured, too; and whether this bench
    #: runs that one.
    before: Path | None = None
    older: bool = False

    def builds(self) -> Iterator[tuple[str, Bench]]:
        """This build and, if there is one, the one before it: in turn."""
        yield OURS, self
        if self.before is not None:
            yield BEFORE, replace(self, older=True)

    @property
    def paths(self) -> dict[str, str]:
        """The variables by which the programs of this bench import its build."""
        return paths_to(self.before if self.older else None)

    def amount(self, full: int, quick: int) -> int:
        """How many, or how many seconds."""
        return max(1, int(quick * self.share)) if self.quick else full

    def client(self, client: str, task: str, **arguments: Any) -> dict[str, Any]:
        """A task of one of the programs in ``clients`` that need no peer."""
        return self._run(sys.executable, client, task, arguments)

    def each_peer(
        self, task: str, *, of: tuple[str, ...] = FAST_PEERS, **arguments: Any
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The same task for every peer that is here, one after the other."""
        for peer, python in self.peers.items():
            if peer.name in of:
                yield peer.name, self._run(python, peer.client, task, arguments)

    def slow_peer(self, task: str, **arguments: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """pyst2 takes a hundred times as long as the others.

        It is given little to do, and nothing if time is short.
        """
        if not self.quick:
            yield from self.each_peer(task, of=("pyst2",), **arguments)

    def _run(
        self, python: str, client: str, task: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        command = [
            python,
            "-m",
            f"tests.benchmarks.clients.{client}",
            task,
            json.dumps({"port": self.port, **arguments}),
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=_environment(**self.paths),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_SECONDS,
            check=False,
        )
        return self._result(f"{client} {task} {arguments}", done.stdout.splitlines(), done.stderr)

    def listen(
        self,
        task: str,
        options: tuple[str, ...] = (),
        site: Mapping[str, object] | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Run the real worker, ``manage.py ami_listen``, with the receivers of ``listening``.

        ``site``: the app ``django_ami.operations``, its "database" and options.
        """
        env = self._site(site, BENCH_TASK=task, BENCH_ARGUMENTS=json.dumps(arguments))
        command = [sys.executable, str(ROOT / "manage.py"), "ami_listen", "--all", *options]
        with subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("{"):
                    break
            process.send_signal(signal.SIGTERM)
            try:
                rest, errors = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                rest, errors = process.communicate()
        return self._result(f"ami_listen {task} {arguments}", lines, errors + rest)

    def command(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The result of a management command of ``listening``."""
        given = [f"--{name}={value}" for name, value in arguments.items()]
        lines = self.manage(command, {}, *given).splitlines()
        return self._result(f"{command} {arguments}", lines, "")

    def manage(self, command: str, site: Mapping[str, object], *options: str) -> str:
        """Run a command of that site; gives its output."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), command, "--verbosity=0", *options],
            cwd=ROOT,
            env=self._site(site),
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Broken(f"{command}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def _site(self, site: Mapping[str, object] | None, **more: str) -> dict[str, str]:
        return _environment(
            DJANGO_SETTINGS_MODULE="tests.benchmarks.listening.settings",
            AMI_BENCH_URL=f"ami://{USER}:{SECRET}@127.0.0.1:{self.port}",
            BENCH_SITE=json.dumps(site or {}),
            **self.paths,
            **more,
        )

    def _result(self, what: str, lines: list[str], told: str) -> dict[str, Any]:
        for line in lines:
            if line.startswith("{"):
                result: dict[str, Any] = json.loads(line)
                self._check_build(what, result.get("package"))
                return result
        raise Broken(f"{what}: {told.strip()[-2000:] or 'said nothing'}")

    def _check_build(self, what: str, package: str | None) -> None:
        """A figure under the name of another build would be worse than none."""
        place = self.before if self.older and self.before else ROOT
        meant = (place / "django_ami").resolve()
        if package is not None and Path(package).resolve().parent != meant:
            raise Broken(f"{what} ran {package}, and not {meant}.")


def _environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of a project, and with ``more``."""
    unwanted = ("AMI_", "DJANGO_", "PYTEST_", "PYTHON", "BENCH_")
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(unwanted)},
        **more,
    }


def per_event(result: dict[str, Any]) -> float:
    """CPU in microseconds per event."""
    return float(result["cpu"] / result["count"] * 1e6)
