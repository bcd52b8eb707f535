"""A RabbitMQ of the tests' own: a node with its own name, ports, cookie, data and epmd."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Debian's script in ``/usr/sbin`` would change the user.
PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
#: How long a node may take until it listens, or is gone.
START_SECONDS = 90.0
SECRET = "rabbit%2Fsecret"


class RabbitMQ:
    """A node in a folder. It is started, stopped and frozen as tests need it."""

    def __init__(self, folder: Path) -> None:
        self.port, self._epmd_port, self._distribution_port = free_port(), free_port(), free_port()
        self.url = f"amqp://ami:{SECRET}@127.0.0.1:{self.port}//"
        self._folder = folder
        self._epmd: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"default_user = ami\ndefault_pass = {SECRET.replace('%2F', '/')}\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.absolute = 1GB\n"
            "log.console = true\nlog.file = false\n"
        )
        (folder / "enabled_plugins").write_text("[].\n")

    @property
    def log(self) -> Path:
        return self._folder / "rabbitmq.log"

    def start(self) -> None:
        """Start, and wait until it listens."""
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self._folder),  # of the cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"ami_{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "enabled_plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false +S 1:1 +sbwt none",
        }
        if self._epmd is None:
            epmd = shutil.which("epmd")
            assert epmd is not None
            self._epmd = subprocess.Popen(
                [epmd, "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM)],
                cwd=self._folder,  # of a dump, if it ends in its start
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() < end, (
                "RabbitMQ does not answer: " + self.log.read_text()[-4000:]
            )
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop as an administrator does: durable queues stay."""
        if self._process is not None:
            self._send(signal.SIGCONT)
            self._send(signal.SIGTERM)
            self._process.wait(START_SECONDS)
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it keeps its connections, and answers nothing."""
        self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def control(self, *arguments: str) -> None:
        """Run its rabbitmqctl."""
        environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none.conf"),
        }
        program = PROGRAM.with_name("rabbitmqctl")
        subprocess.run(
            [str(program), "-n", f"ami_{self.port}@localhost", *arguments],
            env=environment, check=True, capture_output=True, timeout=START_SECONDS,
        )  # fmt: skip

    @contextmanager
    def without_memory(self) -> Iterator[None]:
        """Meanwhile it has an alarm, and reads nothing from those who publish."""
        self.control("set_vm_memory_high_watermark", "absolute", "1")
        try:
            yield
        finally:
            self.control("set_vm_memory_high_watermark", "absolute", "1GB")

    def end(self) -> None:
        """Leave nothing behind."""
        try:
            self.stop()
        finally:
            if self._process is not None:
                self._send(signal.SIGKILL)
                self._process.wait(START_SECONDS)
            if self._epmd is not None:
                self._epmd.terminate()
                self._epmd.wait(START_SECONDS)

    def _send(self, number: int) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def _answers(self) -> bool:
        """True if it begins a conversation: it answers to the header of AMQP."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as sock:
                sock.sendall(b"AMQP\x00\x00\x09\x01")
                return sock.recv(1) == b"\x01"
        except OSError:
            return False


@contextmanager
def rabbitmq_server(folder: Path) -> Iterator[RabbitMQ]:
    """Start a node; skips the test where there is no RabbitMQ."""
    if not PROGRAM.exists():
        pytest.skip("RabbitMQ is not installed (Debian's package rabbitmq-server)")
    server = RabbitMQ(folder)
    try:
        server.start()
        yield server
    finally:
        server.end()
