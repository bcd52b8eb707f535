"""``manage.py demo``: the first thing that anybody runs."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from django_ami.testing import FakeAsterisk
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from pathlib import Path


def demo(tmp_path: Path, *arguments: str, **env: object) -> Program:
    return Program(
        [*PYTHON, "manage.py", "demo", "--port=0", *arguments],
        DATABASE_URL=f"sqlite:///{tmp_path / 'db.sqlite3'}",
        **env,
    )


@pytest.mark.long
def test_demo_shows_calls_and_ends_by_itself(tmp_path: Path) -> None:
    with demo(tmp_path, "--seconds=6") as program:
        program.wait_for_out("AMI_NODE1_HOST is not set: simulating an Asterisk on 127.0.0.1:")
        program.wait_for_out("node_1: ready, 127.0.0.1:")
        program.wait_for_err(" call ended ")
        channel = program.wait_for_err(" Hangup ").split()[4]
        assert channel.startswith(("PJSIP/", "Local/"))
        program.wait_for_err("node_1  queues: sales, support")
        assert program.wait() == 0, str(program)
        assert any("our call was:" in line for line in program.err), str(program)
        assert not any(
            word in line for line in program.err for word in ("ERROR", "Traceback", "WARNING")
        ), str(program)
        summary, last = program.out[-2:]
        assert summary.startswith("Stopped: ")
        assert " 0 dropped" in summary
        assert " 0 left" in summary
        assert last.startswith("The database has ")
        assert int(last.split()[3]) > 0


def test_the_page_asks_for_the_login_that_was_named(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        said = program.wait_for_out("The page is http://127.0.0.1:")
        page, password = said.split()[3].rstrip(":"), said.split()[-1]
        browser = build_opener(HTTPCookieProcessor())

        def submit(address: str, **form: str) -> str:
            (token,) = re.findall(
                r'csrfmiddlewaretoken" value="(\w+)"', browser.open(page).read().decode()
            )
            with browser.open(
                address, urlencode({"csrfmiddlewaretoken": token, **form}).encode()
            ) as answer:
                return answer.read().decode()

        program.wait_for_out("node_1: ready")
        assert "Last calls" in submit(f"{page}login/?next=/", username="demo", password=password)
        assert '"result": "answered"' in submit(f"{page}originate/", extension="501", number="500")
        program.signal(signal.SIGINT)
        assert program.wait() == 0, str(program)


def test_ctrl_c_ends_it(tmp_path: Path) -> None:
    with demo(tmp_path) as program:
        program.wait_for_err(" call ")
        program.signal(signal.SIGINT)
        assert program.wait() == 0, str(program)
        assert program.out[-1].startswith("The database has ")


def test_demo_uses_the_server_of_the_environment(tmp_path: Path) -> None:
    with FakeAsterisk() as sim:
        with demo(tmp_path, AMI_NODE1_HOST=sim.host, AMI_NODE1_PORT=sim.port) as program:
            assert program.wait_for_out("ready").startswith(f"node_1: ready, 127.0.0.1:{sim.port}")
            sim.wait_for(
                lambda: any(action.name == "Originate" for action in sim.received), timeout=20
            )
            program.signal(signal.SIGTERM)
            assert program.wait() == 0, str(program)
        sim.wait_for(lambda: sim.logoffs == 1)
        assert sim.logins == 1
        assert not any("simulating" in line for line in program.out)
