"""A real supervisord for a test.

Started with our file as it is, asked over XML-RPC, shut down to the last child.
"""

from __future__ import annotations

import http.client
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[2]
CONF = ROOT / "deploy" / "supervisor" / "django_ami.conf"
STANDBY_CONF = CONF.with_name("django_ami_standby.conf")
ALERTS_CONF = CONF.with_name("django_ami_alerts.conf")

#: A worker starts in a second; this is for a machine that has other things to do.
PATIENCE_SECONDS = 60.0

_MAIN = """\
[unix_http_server]
file={here}/s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon=true
logfile={here}/supervisord.log
pidfile={here}/supervisord.pid
environment={environment}

[supervisorctl]
serverurl=unix://{here}/s

[include]
files={confs}
"""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket; ``host`` is its path."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(self.host)


def _call(path: Path, method: str) -> Any:
    """One XML-RPC call.

    Not with supervisor's own client: older ones warn, and a warning here is an error.
    """
    with closing(_Connection(str(path))) as connection:
        body = xmlrpc.client.dumps((), method)
        connection.request(
            "POST", "/RPC2", body, {"Host": "supervisor", "Content-Type": "text/xml"}
        )
        with connection.getresponse() as response:
            return xmlrpc.client.loads(response.read())[0][0]


class Supervisord:
    """``here`` must be short: the path of a Unix socket has some hundred characters at most."""

    def __init__(
        self, here: Path, environment: Mapping[str, str], confs: Sequence[Path] = (CONF,)
    ) -> None:
        #: Where manage.py is.
        self.home = ROOT
        self.here = here
        self._confs = confs
        self._environment = {
            name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"
        }
        self._environment |= environment
        self._pids: set[int] = set()

    def start(self) -> None:
        variables = {
            "DJANGO_AMI_HOME": self.home,
            "DJANGO_AMI_PYTHON": sys.executable,
            "DJANGO_AMI_SETTINGS": "tests.deploy.settings",
            "DJANGO_AMI_USER": pwd.getpwuid(os.getuid()).pw_name,
            "DJANGO_AMI_LOGS": self.here,
        }
        config = self.here / "supervisord.conf"
        environment = ",".join(f'{name}="{value}"' for name, value in variables.items())
        config.write_text(
            _MAIN.format(
                here=self.here,
                confs=" ".join(map(str, self._confs)),
                environment=environment,
            )
        )
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)]
        with (self.here / "output").open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self.wait_for(self._answers, "supervisord answers")
        except BaseException:
            self._kill()
            raise

    def close(self) -> None:
        """For the end of every test, however it ended."""
        try:
            if self._process.poll() is None:
                self.shut_down()
        finally:
            self._kill()

    def shut_down(self) -> int:
        """Tell it to end, as init does; says its exit code. All it started must be gone by then."""
        self.infos()
        self._process.terminate()
        code = self._process.wait(PATIENCE_SECONDS)
        left = [pid for pid in self._pids if _alive(pid)]
        assert not left, f"supervisord has left {left} running\n{self.report()}"
        return code

    def _kill(self) -> None:
        """Leave nothing behind, after any failure."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pid in self._pids:
            if _alive(pid):
                os.kill(pid, signal.SIGKILL)

    # --- its programs ---

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"supervisord did not start\n{self.report()}"
        try:
            self.infos()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def infos(self) -> dict[str, dict[str, Any]]:
        """Its information about every program."""
        infos = _call(self.here / "s", "supervisor.getAllProcessInfo")
        self._pids |= {info["pid"] for info in infos if info["pid"]}
        return {f"{info['group']}:{info['name']}": info for info in infos}

    def state(self, program: str) -> str:
        return str(self.infos()[program]["statename"])

    def wait_for_state(self, program: str, *states: str) -> dict[str, Any]:
        """Wait until it is in one of these states. Returns its information."""
        found: dict[str, Any] = {}

        def reached() -> bool:
            found.update(self.infos()[program])
            return found["statename"] in states

        self.wait_for(reached, f"{program} is {' or '.join(states)}")
        return found

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, (
                f"not within {PATIENCE_SECONDS:g} s: {what}\n{self.report()}"
            )
            time.sleep(0.02)

    def ctl(self, *words: str) -> str:
        """Run ``supervisorctl`` as a person at a shell does, and return its output."""
        command = [
            sys.executable,
            "-m",
            "supervisor.supervisorctl",
            "-c",
            str(self.here / "supervisord.conf"),
            *words,
        ]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        return done.stdout + done.stderr

    def log(self, name: str) -> str:
        path = self.here / name
        return path.read_text() if path.exists() else ""

    def report(self) -> str:
        """Everything that was logged, for a failed assertion."""
        names = [
            "supervisord.log",
            "output",
            *sorted(path.name for path in self.here.glob("*.log")),
        ]
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in names)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
