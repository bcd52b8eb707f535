"""A site with the wallboard: a simulated Asterisk, and two programs, a listener and a web server.

Each can be killed and started again while browsers look on.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Self

from django_ami.testing import FakeAsterisk
from tests.running import PYTHON, Program, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Site", "make_database"]

#: The web servers: their programs, and the line of each that says it is ready.
ASGI = ("uvicorn", "tests.browser.asgi:application", "--timeout-graceful-shutdown=5")
WSGI = ("gunicorn", "tests.browser.wsgi:application", "--threads=8", "--no-control-socket")
#: The program that publishes what it hears.
LISTENER = ("django", "ami_listen", "--all")
#: A program that starts while a browser draws has little of a small machine.
_BESIDE_A_BROWSER_SECONDS = 90.0
_READY = {"uvicorn": "Uvicorn running", "gunicorn": "Booting worker"}


def make_database(file: Path) -> Path:
    """The tables of the project and its users, in a file to copy."""
    for module in (["django", "migrate", "--verbosity=0"], ["tests.browser.people"]):
        with Program([*PYTHON, "-m", *module], **_environment(file)) as program:
            assert program.wait(_BESIDE_A_BROWSER_SECONDS) == 0, str(program)
    return file


def _environment(file: Path, **more: object) -> dict[str, object]:
    return {"DJANGO_SETTINGS_MODULE": "tests.browser.settings", "AMI_TEST_FILE": file, **more}


class Site:
    """Use it as a context manager: both programs run, and nothing is left of them."""

    def __init__(
        self,
        folder: Path,
        database: Path,
        asterisk: FakeAsterisk,
        server: Sequence[str] = ASGI,
        listener: Sequence[str] = LISTENER,
        **env: object,
    ) -> None:
        self.asterisk = asterisk
        self._server = server
        self._listener = listener
        self._server_name = "node_1"
        self._port = free_port()
        self.database = shutil.copy(database, folder / "site.sqlite3")
        self._env = _environment(self.database, AMI_NODE1_URL=asterisk.url, **env)
        self._ends = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """The address of the wallboard."""
        return f"http://127.0.0.1:{self._port}/wallboard/"

    def __enter__(self) -> Self:
        with self._ends:  # should one of them not begin
            web, listener = self._run_web(), self._run_listener()
            self.web = self._wait_for_web(web)
            self.listener = self._wait_for_listener(listener)
            self._ends = self._ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def start_web(self) -> None:
        """Start the web server, at the address that it had."""
        self.web = self._wait_for_web(self._run_web())

    def stop_web(self) -> None:
        """End the web server as a deployment does."""
        self.web.signal(signal.SIGTERM)
        self.web.wait()

    def start_listener(self) -> None:
        """Start ``ami_listen``, and wait until it knows its server."""
        self.listener = self._wait_for_listener(self._run_listener())

    def start_another_listener(self) -> Program:
        """Start one more listener beside the first, and wait until it stands by."""
        listener = self._run_listener()
        wait_until(
            lambda: any("standing by" in line for line in listener.err),
            _BESIDE_A_BROWSER_SECONDS,
            what="another listener stands by",
        )
        return listener

    def kill_listener(self) -> None:
        """End ``ami_listen`` so that it cannot say a word."""
        self.listener.signal(signal.SIGKILL)
        self.listener.wait()

    def rename_server(self, name: str) -> None:
        """Give the Asterisk another name in the settings, and start both programs with it."""
        self.listener.signal(signal.SIGTERM)
        self.listener.wait()
        self.stop_web()
        self._env["AMI_TEST_SERVER"] = self._server_name = name
        self.start_web()
        self.start_listener()

    def take_away(self, permission: str) -> None:
        """Take a permission away from all users, as somebody does in the admin."""
        with closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
            connection.execute(
                "DELETE FROM auth_user_user_permissions WHERE permission_id = "
                "(SELECT id FROM auth_permission WHERE codename = ?)",
                [permission],
            )

    def _run_web(self) -> Program:
        name, application, *options = self._server
        bind = ["--port", str(self._port)]
        if name == "gunicorn":
            bind = ["--bind", f"127.0.0.1:{self._port}"]
        return self._run("-m", name, application, *options, *bind)

    def _wait_for_web(self, program: Program) -> Program:
        program.wait_for_err(_READY[self._server[0]])
        return program

    def _run_listener(self) -> Program:
        return self._run("-m", *self._listener)

    def _wait_for_listener(self, program: Program) -> Program:
        if self._listener is LISTENER:
            program.wait_for_err(f"{self._server_name}: ready")
        return program

    def _run(self, *arguments: str) -> Program:
        return self._ends.enter_context(Program([*PYTHON, *arguments], **self._env))
