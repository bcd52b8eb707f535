"""A PostgreSQL of our own.

A new cluster in a temporary folder, which can be stopped and started at will.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Debian keeps the server's programs out of PATH.
_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_START_SECONDS = 60


def missing() -> str:
    """Why there can be none here; empty if there can."""
    if not (_FOLDERS or shutil.which("initdb")):
        return (
            "PostgreSQL is not installed (Debian: apt-get install postgresql; or run .ci/servers)"
        )
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (the extra 'dev' has it)"
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            return "PostgreSQL does not run as root, and there is no setpriv to become another user"
        with suppress(KeyError):
            pwd.getpwnam("postgres")
            return ""
        return "PostgreSQL does not run as root, and there is no user 'postgres'"
    return ""


class PostgreSQL:
    """Use it as a context manager: it runs inside, and nothing is left behind it."""

    def __init__(
        self,
        *,
        fsync: bool = False,
        commit_ms: int = 0,
        address: str = "",
        env: Mapping[str, str] | None = None,
    ) -> None:
        """``address``: it listens there, too. ``env``: more of its environment.

        ``commit_ms``: how much longer a commit takes, as if the disk were so much slower.
        """
        self._fsync = fsync
        self._commit_ms = commit_ms
        self._addresses = ",".join(filter(None, ("127.0.0.1", address)))
        self._env = {**os.environ, **(env or {})}
        self.folder = Path(tempfile.mkdtemp(prefix="ami-pg-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self._run("initdb", "--no-sync", "--auth=trust", "--username=ami", "-D", str(self._data))
        with (self._data / "pg_hba.conf").open("a") as access:
            access.write("host all all samenet trust\n")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(subprocess.CalledProcessError):
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it; back when it takes connections."""
        options = (
            f"-p {self.port} -c listen_addresses={self._addresses} -c unix_socket_directories=''"
        )
        if not self._fsync:
            options += " -c fsync=off"
        if self._commit_ms:
            options += f" -c commit_delay={1000 * self._commit_ms} -c commit_siblings=0"
        self._control("start", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """Stop it, and end all sessions."""
        self._control("stop", "-m", mode)

    def freeze(self) -> None:
        """Stop all of its processes where they are: it takes connections, and never answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        main = int((self._data / "postmaster.pid").read_text().split("\n")[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for pid in (main, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def execute(self, query: str) -> list[Any]:
        """The rows of a query, over a connection of its own."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="ami", dbname="postgres"
        ) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def setting(self, **more: object) -> dict[str, object]:
        """An entry of ``DATABASES``."""
        account = {"HOST": "127.0.0.1", "PORT": str(self.port), "USER": "ami", "NAME": "postgres"}
        return {"ENGINE": "django.db.backends.postgresql", **account, **more}

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", str(_START_SECONDS), *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        # /dev/null: the server keeps the descriptors, and a reader of its pipe would wait for its
        # end.
        command: Sequence[str] = [str(_FOLDERS[0] / program) if _FOLDERS else program, *arguments]
        if os.geteuid() == 0:
            command = [
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                *command,
            ]
        with (self.folder / f"{program}.out").open("ab") as out:
            subprocess.run(
                command,
                check=True,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._env,
                timeout=2 * _START_SECONDS,
            )
