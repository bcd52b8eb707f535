"""A MariaDB of our own.

A new data folder in a temporary one, which can be stopped and started at will.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

_START_SECONDS = 60.0
_DATABASE = "ami"


def missing() -> str:
    """Why there can be none here; empty if there can."""
    if _program("mariadbd") is None or _program("mariadb-install-db") is None:
        return "MariaDB is not installed (Debian: apt-get install mariadb-server; or .ci/servers)"
    try:
        import pymysql  # noqa: F401
    except ImportError:
        return "pymysql is not installed (the extra 'dev' has it)"
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            pwd.getpwnam("mysql")
            return ""
        return "MariaDB does not run as root, and there is no user 'mysql'"
    return ""


def _program(name: str) -> str | None:
    """Debian keeps the server out of the PATH of users."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class MariaDB:
    """Use it as a context manager: it runs inside, and nothing is left behind it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ami-maria-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        own = ["--user=mysql"] if os.geteuid() == 0 else []
        if own:
            shutil.chown(self.folder, "mysql", "mysql")
        with (self.folder / "install.out").open("wb") as out:
            subprocess.run(
                [
                    str(_program("mariadb-install-db")),
                    "--no-defaults",
                    f"--datadir={self.folder / 'data'}",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                    "--skip-name-resolve",
                    *own,
                ],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=2 * _START_SECONDS,
            )
        self.start()
        self.execute(f"CREATE DATABASE {_DATABASE} CHARACTER SET utf8mb4")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it; back when it takes connections."""
        own = ["--user=mysql"] if os.geteuid() == 0 else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(_program("mariadbd")),
                    "--no-defaults",
                    f"--datadir={self.folder / 'data'}",
                    f"--socket={self.folder / 's'}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--innodb-buffer-pool-size=32M",
                    "--skip-name-resolve",
                    "--performance-schema=0",
                    *own,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, and end all sessions."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def freeze(self) -> None:
        """Stop it where it is: it takes connections, and never answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _is_up(self) -> bool:
        try:
            self.execute("SELECT 1", database=None)
        except Exception:  # noqa: BLE001  (whatever the driver raises about a server that starts)
            return False
        return True

    def execute(self, query: str, *, database: str | None = None) -> list[Any]:
        """The rows of a query, over a connection of its own."""
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", database=database, autocommit=True
        )
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def setting(self, **more: object) -> dict[str, object]:
        """An entry of ``DATABASES``."""
        account = {"HOST": "127.0.0.1", "PORT": str(self.port), "USER": "root", "NAME": _DATABASE}
        options = {"OPTIONS": {"charset": "utf8mb4"}, "TEST": {"CHARSET": "utf8mb4"}}
        return {"ENGINE": "django.db.backends.mysql", **account, **options, **more}
