"""The stream under real web servers."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.running import DEADLINE_SECONDS, PYTHON, Program, free_port, wait_until
from tests.servers import postgresql
from tests.wallboard.browsing import in_loop, parsed
from tests.wallboard.crowd import Crowd, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.long

STREAMS = 200
#: How long a server may take to end with all of them open.
END_SECONDS = 6.0
ASGI = "tests.wallboard.site:asgi"
SERVERS = {
    "uvicorn": ("uvicorn", "--port=PORT", "--no-access-log", ASGI),
    "uvicorn-uvloop": ("uvicorn", "--port=PORT", "--loop=uvloop", "--http=httptools", ASGI),
    "uvicorn-workers": ("uvicorn", "--port=PORT", "--workers=2", "--no-access-log", ASGI),
    "hypercorn": ("hypercorn", "--bind=127.0.0.1:PORT", ASGI),
    "hypercorn-alone": ("hypercorn", "--bind=127.0.0.1:PORT", "--workers=0", ASGI),
    "daphne": ("daphne", "-p", "PORT", ASGI),
    "granian": ("granian", "--interface=asgi", "--host=127.0.0.1", "--port=PORT", ASGI),
    "gunicorn-uvicorn": (
        "gunicorn", "--bind=127.0.0.1:PORT", "--no-control-socket",
        "-kuvicorn.workers.UvicornWorker", ASGI,
    ),
    "gunicorn-asgi": ("gunicorn", "--bind=127.0.0.1:PORT", "--no-control-socket", "-kasgi", ASGI),
}  # fmt: skip
#: The packages that a name stands for, where it is another one.
NEEDS = {"uvicorn-uvloop": ("uvloop", "httptools")}


@contextmanager
def serving(name: str, **env: object) -> Iterator[tuple[Program, int]]:
    """A web server with the site, and its port."""
    arguments = SERVERS[name]
    for package in (arguments[0], *NEEDS.get(name, ())):
        if not find_spec(package):
            pytest.skip(f"not installed: {package}")
    port = free_port()
    command = [one.replace("PORT", str(port)) for one in arguments]
    # Their own warnings are theirs.
    with Program([sys.executable, "-W", "ignore", "-m", *command], **env) as server:
        wait_until(lambda: answers(port) or server.process.poll() is not None)
        assert server.process.poll() is None, str(server)
        yield server, port


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=DEADLINE_SECONDS).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@pytest.mark.parametrize("name", SERVERS)
@in_loop
async def test_server_ends_with_all_streams_open(name: str) -> None:
    with serving(name) as (server, port):
        crowd = await Crowd(port).come(STREAMS)
        begun = time.monotonic()
        server.signal(signal.SIGTERM)
        await crowd.wait_for_the_end()
        await asyncio.to_thread(server.wait)
        assert time.monotonic() - begun < END_SECONDS, str(server)
        ends = [parsed_end(reader.text) for reader in crowd.readers]
        assert ends == ["shutdown"] * STREAMS, str(server)


def parsed_end(text: bytes) -> str:
    """The reason of the message that a stream ends with."""
    _, _, last = text.rpartition(b"event: end\n")
    return parsed(b"event: end\n" + last.partition(b"\n\n")[0])[0].data["reason"]


LOG_IN = """
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
browser = Client()
browser.force_login(User.objects.create_superuser("ann"))
print(browser.cookies["sessionid"].value)
"""


@pytest.mark.timeout(300)
@pytest.mark.skipif(bool(postgresql.missing()), reason=postgresql.missing() or "there is one")
@in_loop
async def test_thousand_streams_hold_no_database_connection() -> None:
    with postgresql.PostgreSQL() as database:
        options = {"application_name": "wallboard"}
        env = {
            "DJANGO_SETTINGS_MODULE": "tests.wallboard.settings",
            "SITE_DATABASE": json.dumps(database.setting(CONN_MAX_AGE=600, OPTIONS=options)),
            "SITE_LOGINS": "1",
            "SITE_CHANGES": "5",
        }
        with Program([*PYTHON, "-c", LOG_IN], **env) as login:
            assert login.wait() == 0, str(login)
        with serving("uvicorn", **env) as (_, port):
            crowd = await Crowd(port, cookie=f"sessionid={login.out[0]}").come(1000)
            query = "select count(*) from pg_stat_activity where application_name = 'wallboard'"
            await asyncio.to_thread(wait_until, lambda: database.execute(query) == [(0,)])
            assert not any(reader.ended for reader in crowd.readers)
            await crowd.leave()


@in_loop
async def test_browser_that_leaves_frees_its_place() -> None:
    with serving("uvicorn", SITE_STREAMS=1) as (_, port):
        for _ in range(3):
            crowd = Crowd(port)
            await come_when_there_is_a_place(crowd)
            await crowd.leave()


async def come_when_there_is_a_place(crowd: Crowd) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                await crowd.come(1)
            except AssertionError:
                assert b"503 " in crowd.readers[-1].text
            else:
                return


PUBLISH = "import tests.wallboard.site, threading; threading.Event().wait()"


@in_loop
async def test_browser_goes_on_at_another_process(tmp_path: Path) -> None:
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.wallboard.settings",
        "SITE_DATABASE": json.dumps(file),
        "SITE_FEED": "database",
    }
    with Program([*PYTHON, "-m", "django", "migrate", "-v0"], **env) as migrate:
        assert migrate.wait() == 0, str(migrate)
    with Program([*PYTHON, "-c", PUBLISH], **env), serving("uvicorn", SITE_CHANGES=0, **env) as one:
        crowd = await Crowd(one[1]).come(1)
        await crowd.readers[0].wait_for(lambda text: text.count(b"event: change") > 2)
        await crowd.leave()
        seen = [message.id for message in parsed(events_of(crowd.readers[0].text)) if message.id][
            -1
        ]
        # The process that made the id has ended by then.
        one[0].signal(signal.SIGTERM)
        await asyncio.to_thread(one[0].wait)
        with serving("uvicorn", SITE_CHANGES=0, **env) as (_, port):
            reader = Reader()
            reading = asyncio.create_task(reader.read(port, last_event_id=seen))
            await reader.wait_for(lambda text: text.count(b"event: change") > 2)
            reading.cancel()
            assert b"event: whole" not in reader.text
            assert b"the same" not in reader.text


def events_of(text: bytes) -> bytes:
    """The whole messages in a response that came in chunks."""
    lines = [line for line in text.partition(b"\r\n\r\n")[2].split(b"\r\n")[1::2] if line]
    return b"".join(lines).rpartition(b"\n\n")[0]
