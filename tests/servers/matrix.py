"""The rows of the matrix: how each server is started, and the conditions on its outcome."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_ami.testing import FakeAsterisk
from tests.running import ROOT, environment, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django_ami.testing import ReceivedAction

__all__ = ["CELERY", "REQUESTS", "WEB", "Outcome", "Row", "redis", "run", "run_celery"]

SITE: Final = "tests.servers.site"
TASKS: Final = "tests.servers.tasks"
REQUESTS: Final = 200
CLIENTS: Final = 16
SECONDS: Final = 60.0
FIRST: Final = 100_000


@dataclass(frozen=True)
class Row:
    """A server: ``arguments`` for the Python that runs it; PORT stands for the port."""

    name: str
    arguments: tuple[str, ...]
    #: Whether the site is loaded before the workers are forked, so that the master has used
    #: ``ami``.
    forks_later: bool = False
    asynchronous: bool = False


@dataclass(frozen=True)
class Outcome:
    """The counts of one server."""

    asked: int
    processes: int
    logins: int
    expected: int
    answered: int
    twice: int
    logoffs: int

    @property
    def good(self) -> bool:
        """Every action answered, none sent twice, and one login for each process that sent."""
        return (self.answered, self.twice, self.logins) == (self.asked, 0, self.expected)


_WSGI: Final = f"{SITE}:application"
_ASGI: Final = f"{SITE}:asgi"
_UWSGI: Final = (
    "uwsgi", "--http-socket=127.0.0.1:PORT", f"--module={_WSGI}", "--master", "--die-on-term",
    "--processes=2", "--need-app", "--disable-logging",
)  # fmt: skip
_GUNICORN: Final = (
    "gunicorn",
    "--bind=127.0.0.1:PORT",
    "--workers=2",
    "--no-control-socket",
    "--graceful-timeout=3",
    _WSGI,
)
_GRANIAN: Final = ("granian", "--port=PORT", "--workers=2")
WEB: Final = (
    Row("uWSGI", (*_UWSGI, "--enable-threads"), forks_later=True),
    Row("uWSGI, threads", (*_UWSGI, "--threads=4"), forks_later=True),
    Row("uWSGI --lazy-apps, threads", (*_UWSGI, "--threads=4", "--lazy-apps")),
    Row("gunicorn sync --preload", (*_GUNICORN, "--preload"), forks_later=True),
    Row("gunicorn gthread --preload", (*_GUNICORN, "--preload", "--threads=8"), forks_later=True),
    Row(
        "gunicorn gevent --preload",
        (*_GUNICORN, "--preload", "--worker-class=gevent"),
        forks_later=True,
    ),
    Row("gunicorn gevent", (*_GUNICORN, "--worker-class=gevent")),
    Row(
        "uvicorn, 2 workers",
        ("uvicorn", "--port=PORT", "--workers=2", "--no-access-log", _ASGI),
        asynchronous=True,
    ),
    Row(
        "hypercorn, 2 workers",
        ("hypercorn", "--bind=127.0.0.1:PORT", "--workers=2", _ASGI),
        asynchronous=True,
    ),
    Row("daphne", ("daphne", "-b", "127.0.0.1", "-p", "PORT", _ASGI), asynchronous=True),
    Row("granian WSGI, threads", (*_GRANIAN, "--interface=wsgi", "--blocking-threads=4", _WSGI)),
    Row("granian ASGI", (*_GRANIAN, "--interface=asgi", _ASGI), asynchronous=True),
)
CELERY: Final = (
    Row("Celery prefork", ("--pool=prefork", "--concurrency=2"), forks_later=True),
    Row("Celery threads", ("--pool=threads", "--concurrency=4"), forks_later=True),
    Row("Celery gevent", ("--pool=gevent", "--concurrency=20"), forks_later=True),
)


def _answer(action: ReceivedAction) -> bytes:
    """An answer that says whose it is."""
    return (
        f"Response: Success\r\nActionID: {action.action_id}\r\nMessage: Calling "
        f"{action.get('Exten')}\r\n\r\n"
    ).encode()


@contextmanager
def _asterisk() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as simulator:
        # Answers overtake one another.
        simulator.on("Originate").raw(_answer).after(
            lambda action: int(action.get("Exten")) % 7 / 1000
        )
        yield simulator


def ask(port: int, path: str) -> tuple[int, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _is_up(port: int) -> bool:
    try:
        return ask(port, "/ready/")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@contextmanager
def _process(command: Sequence[str], log: Path, **env: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a group of its own.

    At the end it is asked to stop, and nothing is left of it.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(**env),
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
        process.terminate()
        process.wait(SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def run(row: Row, programs: Path, log: Path, requests: int = REQUESTS) -> Outcome:
    """Start a web server, let many clients ask at a time, stop it, and count."""
    port = free_port()
    arguments = [argument.replace("PORT", str(port)) for argument in row.arguments]
    env: dict[str, object] = {"SITE_SENDS_FIRST": "1"} if row.forks_later else {}
    numbers = range(FIRST, FIRST + requests)
    kind = "async" if row.asynchronous else "call"
    with _asterisk() as asterisk:
        command = [str(programs / arguments[0]), *arguments[1:]]
        with _process(command, log, AMI_NODE1_URL=asterisk.url, **env) as server:
            wait_until(lambda: _is_up(port) or server.poll() is not None, SECONDS, what=row.name)
            if server.poll() is not None:
                raise RuntimeError(f"{row.name} did not start:\n{log.read_text()}")
            with ThreadPoolExecutor(CLIENTS) as pool:
                answers = list(pool.map(lambda number: ask(port, f"/{kind}/{number}/"), numbers))
        said = [json.loads(body) if status == 200 else {} for status, body in answers]
        return _outcome(row, asterisk, said)


def run_celery(
    row: Row, programs: Path, log: Path, broker: str, requests: int = REQUESTS
) -> Outcome:
    """Start a worker, give it many tasks, stop it, and count."""
    with _asterisk() as asterisk:
        env = {"AMI_NODE1_URL": asterisk.url, "BROKER": broker}
        command = [
            str(programs / "celery"),
            "-A",
            TASKS,
            "worker",
            "--loglevel=WARNING",
            *row.arguments,
        ]
        numbers = map(str, range(FIRST, FIRST + requests))
        with _process(command, log, SITE_SENDS_FIRST=1, **env):
            sent = subprocess.run(
                [str(programs / "python"), "-m", TASKS, *numbers],
                cwd=ROOT,
                env=environment(**env),
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        if sent.returncode:
            raise RuntimeError(f"{row.name}: {sent.stderr}\n{log.read_text()}")
        return _outcome(row, asterisk, json.loads(sent.stdout))


def _outcome(row: Row, asterisk: FakeAsterisk, said: Sequence[Mapping[str, Any]]) -> Outcome:
    """The outcome of the numbers that were dialled.

    The master, if it has sent, is a process, too.
    """
    pids = {one["pid"] for one in said if one}
    answered = sum(
        one.get("message") == f"Calling {FIRST + index}" for index, one in enumerate(said)
    )
    received = Counter(
        action.get("Exten") for action in asterisk.received if action.name == "Originate"
    )
    pings = {action.session for action in asterisk.received if action.name == "Ping"}
    dialling = {action.session for action in asterisk.received if action.name == "Originate"}
    expected = len(pids) + len(pings - dialling)
    return Outcome(
        asked=len(said),
        processes=len(pids),
        logins=asterisk.logins,
        expected=expected,
        answered=answered,
        twice=sum(count - 1 for count in received.values()),
        logoffs=asterisk.logoffs,
    )


@contextmanager
def redis(directory: Path) -> Iterator[str | None]:
    """A Redis of our own: its URL, or None if there is no redis-server."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    command = [
        program,
        f"--port {port}",
        "--bind 127.0.0.1",
        "--save",
        "",
        "--appendonly no",
        f"--dir {directory}",
    ]
    with ExitStack() as stack:
        stack.enter_context(_process(command, directory / "redis.log"))
        wait_until(lambda: _answers(port), SECONDS, what="redis-server")
        yield f"redis://127.0.0.1:{port}/0"


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
