"""``manage.py ami_top`` on a real terminal, and without one."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

from django_ami.testing import FakeAsterisk, User
from tests.management.tools import run, start
from tests.running import DEADLINE_SECONDS, PYTHON, ROOT, environment, wait_until

if TYPE_CHECKING:
    from django_ami.testing import Simulator

COMMAND = (*PYTHON, "-m", "django", "ami_top", "--settings=tests.management.listening.settings")
LEAVE = b"\x1b[?1049l"  # the end of the other screen, in xterm's words


class Terminal:
    """A tool on a terminal of some size. Its output is in ``said``."""

    def __init__(
        self, sim: Simulator, *arguments: str, rows: int = 24, columns: int = 100, **env: object
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(rows, columns)
        self.said = b""
        settings = environment(
            **{"TERM": "xterm", "LC_ALL": "C.UTF-8", "AMI_NODE1_URL": sim.url, **env}
        )
        for name in ("LINES", "COLUMNS"):  # curses would believe them rather than the terminal
            settings.pop(name, None)
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=ROOT,
            env=settings,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # so a terminal says that nobody is at its other end
            while piece := os.read(self._ours, 65536):
                self.said += piece

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        os.close(self._ours)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended
            os.write(self._ours, keys)

    def wait_for(self, text: str) -> None:
        """Until it has been on the screen.

        Ctrl-L has all of it written anew, and not only what has changed.
        """
        end = time.monotonic() + DEADLINE_SECONDS
        while (
            text.encode() not in self.said
            and self.process.poll() is None
            and time.monotonic() < end
        ):
            self.type(b"\x0c")
            time.sleep(0.1)
        assert text.encode() in self.said, str(self)

    def wait(self) -> int:
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(5)
        return code

    def __str__(self) -> str:
        return re.sub(r"\x1b\[[\d;?]*\w", " ", self.said.decode(errors="replace"))


@pytest.fixture
def busy() -> Simulator:
    """A simulator with calls that do not end."""
    return FakeAsterisk(call_duration=math.inf)


def dial(sim: Simulator) -> None:
    arguments = ("Originate", "Channel=Local/500@default", "Application=Wait", "Data=600")
    assert run("ami_send", *arguments, servers=(sim,)).code == 0


# --- on a terminal ---


@pytest.mark.slow
def test_channels_come_and_go_until_q(busy: Simulator) -> None:
    with busy as sim, Terminal(sim, "--interval=600") as terminal:
        terminal.wait_for("node_1: ready, Asterisk 22.10.1")
        terminal.wait_for("support")
        dial(sim)
        terminal.wait_for("Local/500@default-")
        assert terminal.process.poll() is None
        terminal.type(b"q")
        assert terminal.wait() == 0, str(terminal)
        assert LEAVE in terminal.said
        assert b"Traceback" not in terminal.said
        sim.wait_for(lambda: sim.logoffs == 2)
    assert b"amp111" not in terminal.said


def test_calls_that_there_were_before(busy: Simulator) -> None:
    with busy as sim:
        dial(sim)
        sim.wait_for(lambda: len(sim.pbx.channels) == 2)
        with Terminal(sim) as terminal:
            terminal.wait_for("Local/500@default-")
            terminal.wait_for("1 call, 2 channels")
            terminal.type(b"q")
            assert terminal.wait() == 0, str(terminal)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_terminal_back(sim: Simulator, number: int) -> None:
    with Terminal(sim) as terminal:
        terminal.wait_for("node_1: ready")
        terminal.process.send_signal(number)
        assert terminal.wait() == 0, str(terminal)
        assert LEAVE in terminal.said
        assert b"Traceback" not in terminal.said


@pytest.mark.slow
def test_another_size(sim: Simulator) -> None:
    with Terminal(sim, rows=10, columns=30) as terminal:
        terminal.wait_for("node_1: ready, Asterisk 22.10")
        assert b"scroll" not in terminal.said
        terminal.resize(30, 120)
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.wait_for("scroll")
        terminal.type(b"\x1b[B\x1b[6~q")
        assert terminal.wait() == 0, str(terminal)


@pytest.mark.slow
def test_a_connection_that_is_lost_and_back(sim: Simulator) -> None:
    with Terminal(sim) as terminal:
        terminal.wait_for("node_1: ready")
        sim.stop()
        terminal.wait_for("refused: does Asterisk run")
        sim.start()
        terminal.said = b""
        terminal.wait_for("node_1: ready")
        terminal.type(b"q")
        assert terminal.wait() == 0, str(terminal)


@pytest.mark.slow
def test_an_account_that_may_not_list(busy: Simulator) -> None:
    with (
        FakeAsterisk(users={"admin": User(secret="amp111", write="originate")}) as sim,
        Terminal(sim) as terminal,
    ):
        terminal.wait_for("only the channels that events tell of")
        terminal.type(b"q")
        assert terminal.wait() == 0, str(terminal)


def test_refused_everywhere_is_3_in_words(sim: Simulator) -> None:
    wrong = f"ami://admin:wrong@127.0.0.1:{sim.port}"
    with Terminal(sim, AMI_NODE1_URL=wrong) as terminal:
        assert terminal.wait() == 3, str(terminal)
        after = terminal.said.rpartition(LEAVE)[2]
        assert b"CommandError: node_1: Authentication failed for user 'admin'" in after


@pytest.mark.slow
def test_run_for(sim: Simulator) -> None:
    with Terminal(sim, "--run-for=0.5") as terminal:
        assert terminal.wait() == 0, str(terminal)


# --- without one ---


@pytest.mark.slow
def test_no_terminal_is_told_in_one_line(sim: Simulator) -> None:
    with start("ami_top", servers=(sim,)) as tool:
        assert tool.wait() == 2, str(tool)
    assert tool.err == [
        (
            "CommandError: no full screen: it needs a terminal. Use --json, or ami_events or "
            "ami_status."
        )
    ]
    assert sim.connections == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("xyzzy", b"the terminal 'xyzzy' (TERM) is unknown here."),
        ("dumb", b"the terminal 'dumb' (TERM) cannot place the cursor."),
    ],
)
def test_a_terminal_that_cannot(sim: Simulator, term: str, said: bytes) -> None:
    with Terminal(sim, TERM=term) as terminal:
        assert terminal.wait() == 2, str(terminal)
        assert said in terminal.said
    assert sim.connections == 0


def test_a_run_that_is_shorter_than_the_interval_shows_its_end(sim: Simulator) -> None:
    done = run("ami_top", "--json", "--run-for=1", "--interval=600", servers=(sim,))
    assert (done.code, done.err) == (0, "")
    (server,) = done.json["servers"]
    assert server["state"] == "ready"
    assert {queue for agent in server["agents"] for queue in agent["queues"]} == {
        "support",
        "sales",
    }


def test_figures_are_computed_as_the_setting_ami_live_says(sim: Simulator) -> None:
    wrong = {"AMI_LIVE": {"service_level_formula": 5}}
    done = run("ami_top", "--json", servers=(sim,), settings=wrong)
    assert done.code == 2
    assert "the setting AMI_LIVE: option 'service_level_formula'" in done.err


@pytest.mark.slow
def test_json_lines(busy: Simulator) -> None:
    with busy as sim:
        dial(sim)
        sim.wait_for(lambda: len(sim.pbx.channels) == 2)
        with start("ami_top", "--json", "--interval=0.2", servers=(sim,)) as tool:
            wait_until(
                lambda: (
                    any('"calls": 1' in line for line in tool.out)
                    or tool.process.poll() is not None
                )
            )
            tool.signal(signal.SIGTERM)
            assert tool.wait() == 0, str(tool)
        assert tool.err == []
        (server,) = json.loads(tool.out[-1])["servers"]
        assert (server["state"], server["calls"], len(server["channels"])) == ("ready", 1, 2)
        assert {queue["queue"] for queue in server["queues"]} == {"support", "sales"}
