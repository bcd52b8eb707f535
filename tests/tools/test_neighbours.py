"""Two listeners for one server: both say so, the tools show it, and it is taken back."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from django_ami.core.config import ServerConfig
from django_ami.tools import neighbours, notes
from django_ami.tools.neighbours import Watch
from django_ami.tools.notes import Listening, listeners_of
from tests.management.tools import run, start
from tests.running import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

WARNING = (
    "listens to 127.0.0.1:{port} as 'admin', too: every event is delivered twice. Stop all but one"
)


def server(
    host: str = "127.0.0.1", username: str = "admin", port: int = 5038, name: str = "node_1"
) -> ServerConfig:
    return ServerConfig(name=name, host=host, port=port, username=username, secret="hush")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notes are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(notes, "_RUNTIME_DIRECTORY", tmp_path / "none")
    monkeypatch.setattr(neighbours, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(notes, "_told", notes.threading.Event())
    return tmp_path / f"django_ami-{os.getuid()}"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The records of the watches so far."""

    class Told(list[str]):
        def __len__(self) -> int:
            return len(self.lines)

        @property
        def lines(self) -> list[str]:
            return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]

    with caplog.at_level(logging.DEBUG, "django_ami"):
        yield Told()


# --- processes ---


@pytest.mark.long
def test_two_workers_know_of_each_other_and_of_the_end(sim: Simulator, tmp_path: Path) -> None:
    where = {"servers": (sim,), "TMPDIR": tmp_path, "AMI_TEST_FILE": tmp_path / "notes"}
    warning = WARNING.format(port=sim.port)
    with start("ami_listen", **where) as first, start("ami_listen", **where) as second:
        assert (
            f"node_1: another ami_listen (process {second.process.pid}, since "
            in first.wait_for_err(warning)
        )
        assert (
            f"node_1: another ami_listen (process {first.process.pid}, since "
            in second.wait_for_err(warning)
        )
        second.signal(signal.SIGKILL)
        assert f"(process {second.process.pid}, since " in first.wait_for_err(
            "has ended; this one is alone again."
        )
        assert len(list(tmp_path.glob("django_ami-*/*"))) == 1
        first.signal(signal.SIGTERM)
        assert first.wait() == 0, str(first)
    assert len(first.err) == 2
    assert list(tmp_path.glob("django_ami-*/*")) == []


def test_doctor_and_status_show_it(sim: Simulator, place: Path) -> None:
    with Watch([server(port=sim.port)]), Watch([server("LOCALHOST", "ADMIN", sim.port)]):
        doctor = run("ami_doctor", servers=(sim,))
        status = run("ami_status", servers=(sim,))
        (found,) = run("ami_status", "--json", servers=(sim,)).json["servers"]
    (line,) = [line for line in doctor.lines if line.split()[1] == "listeners"]
    assert line.split()[0] == "warning"
    assert line.count(f"process {os.getpid()}, since ") == 2
    assert "2 processes of ami_listen" in line
    assert line.endswith("1 from 127.0.0.1: every event is delivered more than once")
    assert "Stop all but one; if they are meant, start them with --allow-others." in doctor.out
    assert "every event is delivered more than once: stop all but one" in status.lines[-1]
    assert [one["pid"] for one in found["listeners"]] == [os.getpid(), os.getpid()]
    assert (doctor.code, status.code) == (0, 0)


def test_listeners_that_are_meant_are_no_warning(
    sim: Simulator, place: Path, warnings: list[str]
) -> None:
    with Watch([server(port=sim.port)], meant=True), Watch([server(port=sim.port)], meant=True):
        doctor = run("ami_doctor", "--json", servers=(sim,))
        status = run("ami_status", servers=(sim,))
    verdicts = {step["step"]: step["verdict"] for step in doctor.json["servers"][0]["steps"]}
    assert verdicts["listeners"] == "ok"
    assert "more than once" not in status.out
    assert len(warnings) == 0


@pytest.mark.parametrize(("option", "told"), [((), 2), (("--allow-others",), 1)])
def test_the_option_silences_one(
    sim, place: Path, warnings: list[str], option: tuple[str, ...], told: int
) -> None:
    with Watch([server(port=sim.port)]):
        run("ami_listen", "--run-for=0.5", *option, servers=(sim,))
        wait_until(
            lambda: "alone again" in "".join(warnings.lines), what="the end of the other one"
        )
    assert sum(WARNING.format(port=sim.port) in line for line in warnings.lines) == told


def test_tools_that_listen_beside_a_worker_are_none(sim: Simulator, place: Path) -> None:
    with start("ami_events", servers=(sim,), TMPDIR=place.parent):
        sim.wait_for(lambda: sim.logins == 1)
        assert listeners_of(server(port=sim.port)) == []


# --- the watch ---


def test_one_that_ends_before_the_second_look_is_never_told_of(
    place: Path, warnings: list[str], monkeypatch
) -> None:
    monkeypatch.setattr(neighbours, "LOOK_SECONDS", 0.3)
    old = Watch([server()])
    looks = []
    look = Watch._look
    monkeypatch.setattr(
        Watch, "_look", lambda watch, note: (look(watch, note), looks.append(watch))
    )
    with old, Watch([server()]) as new:
        wait_until(lambda: new in looks, what="the first look")
        old.end()  # it has logged off, and delivers what is left
        wait_until(lambda: looks.count(new) > 3, what="more looks")
    assert warnings.lines == []


def test_others_are_told_of_and_taken_back(place: Path, warnings: list[str]) -> None:
    with Watch([server()]):
        with Watch([server(), server(port=5039, name="node_2")]):
            wait_until(lambda: len(warnings) == 2, what="two warnings")
            with Watch([server()], meant=True):
                wait_until(
                    lambda: sum("3 times" in line for line in warnings.lines) == 2,
                    what="both know of three",
                )
            wait_until(lambda: len(warnings) == 6, what="both know of two")
        wait_until(lambda: "alone again" in warnings.lines[-1], what="the end of it")
    assert all("listens to 127.0.0.1:5038 as 'admin', too" in line for line in warnings.lines[:-1])
    assert "hush" not in "".join(warnings.lines)


def test_of_those_that_stand_by_for_one_another_one_delivers(
    place: Path, warnings: list[str]
) -> None:
    with (
        Watch([server()], standby=True),
        Watch([server()], standby=True),
        Watch([server()]),
    ):
        wait_until(lambda: len(warnings) == 1, what="the one that delivers beside them")
    (line,) = warnings.lines
    assert line.endswith(
        "every event is delivered twice. Start this one with --standby as well, or give this one "
        "--allow-others if that is meant."
    )


@pytest.mark.parametrize(
    "other", [server(port=5039), server(username="other"), server("192.0.2.1")]
)
def test_another_account_or_server_is_another_one(place: Path, other: ServerConfig) -> None:
    with Watch([other]):
        assert listeners_of(server()) == []
        assert len(listeners_of(other)) == 1


# --- notes ---


def test_a_note_that_was_swept_away_is_written_again(place: Path) -> None:
    note = Listening([server()])
    next(place.iterdir()).unlink()
    assert listeners_of(server()) == []
    note.keep()
    assert len(listeners_of(server())) == 1
    note.end()
    note.keep()
    assert listeners_of(server()) == []
    assert list(place.iterdir()) == []


def test_a_forked_child_does_not_keep_the_note(place: Path) -> None:
    script = """
import os, sys, time
from django_ami.core.config import ServerConfig
from django_ami.tools.notes import Listening
account = {"username": "admin", "secret": "hush"}
note = Listening([ServerConfig(name="a", host="127.0.0.1", port=5038, **account)])
if os.fork() == 0:
    sys.stdin.read()
else:
    print(os.getpid(), flush=True)
    os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        process.wait()
        assert len(list(place.iterdir())) == 1  # left behind, and nobody's
        wait_until(lambda: listeners_of(server()) == [], what="the child has let go")
        assert list(place.iterdir()) == []


#: Times, numbers and depths that there are not.
IMPOSSIBLE = [
    *(
        f'{{"pid": {pid}, "since": {since}, "meant": false, '
        '"servers": [["127.0.0.1", 5038, "admin"]]}'
        for pid, since in (
            (1, "1e300"),
            (1, "1e999"),
            (1, "NaN"),
            ("1e999", 0),
            (1, "9" * 5000),
            (1, "-1e18"),
        )
    ),
    "[" * 100_000,
]


def test_file_that_is_not_a_note_is_ignored(place: Path) -> None:
    place.mkdir(mode=0o700)
    (place / "directory.listening").mkdir()
    (place / "link.listening").symlink_to("/etc/passwd")
    os.mkfifo(place / "pipe.listening")
    files = []
    for number, text in enumerate(
        ["", "{", "[]", "{}", '{"pid": 1, "since": 0, "meant": false, "servers": 5}', *IMPOSSIBLE]
    ):
        file = (place / f"{number}.listening").open("w")
        file.write(text)
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        files.append(file)
    assert listeners_of(server()) == []
    for file in files:
        file.close()


@pytest.mark.parametrize("why", ["open to others", "a file", "no directory for temporary files"])
def test_where_no_note_can_be_it_is_one_debug_line(
    place: Path, why: str, caplog, monkeypatch
) -> None:
    if why == "a file":
        place.write_text("")
    elif why == "open to others":
        place.mkdir()
        place.chmod(0o777)
    else:
        monkeypatch.setattr(tempfile, "tempdir", str(place / "none"))
    with (
        caplog.at_level(logging.DEBUG, "django_ami"),
        Watch([server()]) as first,
        Watch([server()]),
    ):
        assert listeners_of(server()) == []
        first._note.keep()
    assert [(one.levelname, one.getMessage().partition(":")[0]) for one in caplog.records] == [
        ("DEBUG", "Other listeners on this machine cannot be seen")
    ]


def test_the_directory_that_systemd_makes_is_looked_into(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = place.parent / "run"
    shared.mkdir(mode=0o700)
    monkeypatch.setattr(notes, "_RUNTIME_DIRECTORY", shared)
    note = Listening([server()])
    monkeypatch.setattr(tempfile, "tempdir", str(place.parent / "run"))  # the /tmp of another unit
    assert [one.pid for one in listeners_of(server())] == [os.getpid()]
    note.end()
    assert listeners_of(server()) == []
