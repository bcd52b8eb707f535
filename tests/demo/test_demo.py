"""``manage.py demo``: the first thing that anybody runs."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from http.client import HTTPResponse

#: Linux: the state of a socket that listens, and 127.0.0.1 as /proc/net/tcp writes it.
LISTENS, LOOPBACK = "0A", "0100007F"
#: The lines of its beginning.
BEGIN = (
    "AMI_NODE1_HOST is not set: ",
    "The wallboard is ",
    "The page of the calls is ",
    "node_1: ",
)


def demo(tmp_path: Path, *arguments: str, **env: object) -> Program:
    return Program(
        [*PYTHON, "manage.py", "demo", "--port=0", *arguments],
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
        **env,
    )


class Visitor:
    """A browser that logs in as the demo says."""

    def __init__(self, program: Program) -> None:
        said = program.wait_for_out("The wallboard is http://127.0.0.1:")
        self.site, self.password = said.split()[3].rpartition("wallboard/")[0], said.split()[-1]
        self._browser = build_opener(HTTPCookieProcessor())
        page = self.open("wallboard/").read().decode()
        assert "manage.py demo" in page
        self._token = _token(page)
        page = self.post("login/?next=/wallboard/", username="demo", password=self.password)
        self._token = _token(page)
        self.wallboard = page

    def open(self, path: str, **headers: str) -> HTTPResponse:
        request = Request(self.site + path, headers=headers)
        answer: HTTPResponse = self._browser.open(request, timeout=DEADLINE_SECONDS)
        return answer

    def post(self, path: str, **form: str) -> str:
        body = urlencode({"csrfmiddlewaretoken": self._token, **form}).encode()
        with self._browser.open(self.site + path, body, timeout=DEADLINE_SECONDS) as answer:
            return str(answer.read().decode())

    def call(self, **form: str) -> str:
        """Click to call until somebody answers: the people of the simulator do not always."""
        for _ in range(10):
            try:
                return self.post("originate/", **form)
            except HTTPError as error:
                if error.code != 409:
                    raise
                error.close()
        raise AssertionError("nobody answers")

    def state(self) -> dict[str, Any]:
        """The objects on the wallboard."""
        with self.open("wallboard/state/") as answer:
            servers: dict[str, Any] = json.load(answer)["servers"]
        return servers.get("node_1", {}).get("objects", {})


def _token(page: str) -> str:
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"|"token": "(\w+)"', page)
    assert found is not None, page
    return found[1] or found[2]


@pytest.mark.long
def test_demo_shows_calls_and_ends_by_itself(tmp_path: Path) -> None:
    with demo(tmp_path, "--seconds=14") as program:
        program.wait_for_out("AMI_NODE1_HOST is not set: simulating an Asterisk on 127.0.0.1:")
        program.wait_for_out("node_1: ready, 127.0.0.1:")
        program.wait_for_err(" call ended ")
        channel = program.wait_for_err(" Hangup ").split()[4]
        assert channel.startswith(("PJSIP/", "Local/"))
        program.wait_for_err("node_1  queues: billing, sales, support")
        assert program.wait() == 0, str(program)
        assert any("our call was:" in line for line in program.err), str(program)
        assert not any(
            word in line for line in program.err for word in ("ERROR", "Traceback", "WARNING")
        ), str(program)
        summary = last_line(program)
        assert " 0 dropped" in summary
        assert " 0 left" in summary
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as database:
        ((calls,),) = database.execute("SELECT count(*) FROM calls_call")
    assert calls > 0


def last_line(program: Program) -> str:
    """The one line that is said at the end: those before are of the beginning."""
    begin, end = program.out[:-1], program.out[-1]
    assert end.startswith("Stopped: "), str(program)
    assert all(line.startswith(BEGIN) for line in begin), str(program)
    return end


@pytest.mark.slow
def test_the_wallboard_shows_a_call_centre_in_motion_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        visitor = Visitor(program)
        addresses = list(_listeners(program).values())
        assert addresses == [LOOPBACK] * 2  # the simulator, and the site
        # The policy lets in what is in files of the site alone.
        with visitor.open("wallboard/") as answer:
            policy = answer.headers["Content-Security-Policy"]
            page = answer.read().decode()
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert 'href="/"' in page
        assert re.search(r'"may": \["call", "hangup", "listen", "pause", "transfer"\]', page)
        packed = {"Accept-Encoding": "gzip"}
        with visitor.open("static/ami_wallboard/main.js", **packed) as answer:
            assert "javascript" in answer.headers["Content-Type"]
            assert answer.headers["Content-Encoding"] == "gzip"

        def talking() -> bool:
            states = [one.get("state") for key, one in visitor.state().items() if "agent:" in key]
            return "talking" in states

        wait_until(talking, what="an agent who talks")
        kinds = {key.partition(":")[0] for key in visitor.state()}
        assert {"server", "call", "queue", "totals", "agent"} <= kinds
        streams = [visitor.open("wallboard/stream/") for _ in range(3)]
        assert any(
            line == b"event: whole\n" for line, _ in zip(streams[0], range(20), strict=False)
        )
        rest = threading.Thread(target=streams[1].read, daemon=True)
        rest.start()
        program.signal(signal.SIGINT)
        assert program.wait() == 0, str(program)
        rest.join(DEADLINE_SECONDS)
        assert b"event: end\n" in streams[0].read()
        last_line(program)
        assert not any("Traceback" in line or "ERROR" in line for line in program.err), str(program)


@pytest.mark.long
def test_the_other_pages_lead_to_the_wallboard_which_no_stranger_sees(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        visitor = Visitor(program)
        stranger = build_opener()
        for path in ("wallboard/state/", "wallboard/stream/"):
            with pytest.raises(HTTPError) as caught:
                stranger.open(visitor.site + path, timeout=DEADLINE_SECONDS)
            assert caught.value.code == 403
            caught.value.close()
        program.wait_for_out("node_1: ready")
        with visitor.open("") as answer:
            page = answer.read().decode()
        assert "Last calls" in page
        assert 'href="/wallboard/"' in page
        assert "<style" not in page
        assert '"result": "answered"' in visitor.call(extension="501", number="500")
        with visitor.open("queues/") as answer:
            assert set(json.load(answer)["queues"]) == {"sales", "support", "billing"}
        program.signal(signal.SIGINT)
        assert program.wait() == 0, str(program)


@pytest.mark.long
def test_ctrl_c_twice_ends_it_at_once_and_a_port_may_be_taken(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        visitor = Visitor(program)
        program.wait_for_err(" call ")
        stream = visitor.open("wallboard/stream/")
        with demo(tmp_path, f"--port={visitor.site.split(':')[2].rstrip('/')}") as second:
            # Somebody else has that port: it takes a free one.
            assert visitor.site not in second.wait_for_out("The wallboard is ")
        program.signal(signal.SIGINT)
        program.signal(signal.SIGINT)
        program.wait()
        stream.close()
        assert not any("Traceback" in line for line in program.err), str(program)


def test_ctrl_c_before_it_listens_ends_it_without_a_traceback(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        program.wait_for_out("simulating an Asterisk")
        program.signal(signal.SIGINT)
        assert program.wait() in {0, -signal.SIGINT}, str(program)
        assert program.err == []


@pytest.mark.long
def test_demo_uses_the_server_of_the_environment(tmp_path: Path) -> None:
    with FakeAsterisk() as sim:
        with demo(tmp_path, AMI_NODE1_HOST=sim.host, AMI_NODE1_PORT=sim.port) as program:
            assert program.wait_for_out("ready").startswith(f"node_1: ready, 127.0.0.1:{sim.port}")
            assert len(Visitor(program).password) == 10
            sim.wait_for(
                lambda: any(action.name == "Originate" for action in sim.received), timeout=20
            )
            program.signal(signal.SIGTERM)
            assert program.wait() == 0, str(program)
        sim.wait_for(lambda: sim.logoffs == 1)
        assert sim.logins == 1
        assert not any("simulating" in line for line in program.out)


def _listeners(program: Program) -> dict[int, str]:
    """The addresses on which a process listens, by the numbers of their sockets."""
    folder = Path("/proc") / str(program.process.pid)
    own = set()
    for link in (folder / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    found = {}
    for table in ("tcp", "tcp6"):
        for line in (folder / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and fields[9] in own:
                found[int(fields[9])] = fields[1].partition(":")[0]
    return found
