"""A pgbouncer that pools transactions, before a PostgreSQL of ours: no session is anybody's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.running import wait_until
from tests.servers import postgresql

if TYPE_CHECKING:
    from tests.servers.postgresql import PostgreSQL

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={database} user=ami
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
server_login_retry = 1
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
"""


def missing() -> str:
    """Why there can be none here; empty if there can."""
    if _PROGRAM is None:
        return "pgbouncer is not installed (Debian: apt-get install pgbouncer; or run .ci/servers)"
    return postgresql.missing()


class PgBouncer:
    """Use it as a context manager, inside of that of its PostgreSQL."""

    def __init__(self, database: PostgreSQL) -> None:
        self.database = database
        self._folder = Path(tempfile.mkdtemp(prefix="ami-bouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    def __enter__(self) -> Self:
        file = self._folder / "pgbouncer.ini"
        file.write_text(_CONFIGURATION.format(database=self.database.port, port=self.port))
        command = [str(_PROGRAM), "-q", str(file)]
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self._folder, "postgres", "postgres")
            shutil.chown(file, "postgres", "postgres")
            command = [
                "setpriv",
                "--reuid=postgres",
                "--regid=postgres",
                "--clear-groups",
                *command,
            ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._is_up, what=f"pgbouncer, whose log is {self._folder / 'log'}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _is_up(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def setting(self, **more: object) -> dict[str, object]:
        """An entry of ``DATABASES``."""
        return self.database.setting(**{"PORT": str(self.port), **more})
