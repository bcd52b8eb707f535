"""The heartbeat file: a reader gets the words of the listener, and knows when they are old."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.operations import heartbeat_file
from django_ami.operations.heartbeat_file import HeartbeatFile, Unreadable, read
from tests.running import DEADLINE_SECONDS, ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = "2026-03-01T12:00:00+00:00"


def said(**more: object) -> dict[str, Any]:
    one = {
        "server": "node_1", "role": "standby", "token": None, "state": "ready", "since": NOW,
        "last_error": "", "counters": {"standstill": 0}, **more,
    }  # fmt: skip
    return {"host": "pbx-a", "version": "0.1.0", "started": NOW, "servers": [one]}


@contextmanager
def writing(path: Path, interval_seconds: float = 60.0, **more: object) -> Iterator[HeartbeatFile]:
    with closing(HeartbeatFile(str(path), interval_seconds, lambda: said(**more))) as file:
        file.start()
        wait_until(path.exists)
        yield file


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_file_says_to_its_user_alone_how_its_listener_is(tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    with writing(path):
        (one,) = read(str(path))
        assert (one.server, one.role, one.state, one.stale) == ("node_1", "standby", "ready", False)
        assert 0 <= one.age < DEADLINE_SECONDS
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [file.name for file in tmp_path.iterdir()] == ["beat.json"]


def test_file_is_written_again_and_at_once_when_something_changes(tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    with writing(path, 0.02):
        first = json.loads(path.read_text())["at"]
        wait_until(lambda: json.loads(path.read_text())["at"] > first)
    with writing(path) as file:
        first = json.loads(path.read_text())["at"]
        file.hurry()
        wait_until(lambda: json.loads(path.read_text())["at"] > first)


def test_file_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    with writing(path):
        pass
    with pytest.raises(Unreadable, match="no listener runs here"):
        read(str(path))


@pytest.mark.parametrize("values", [{"at": -1e6}, {"at": 1e12}, {"boot": "another"}])
def test_file_of_long_ago_or_of_before_a_restart_of_the_machine_is_stale(
    tmp_path: Path, values: dict[str, object]
) -> None:
    path = tmp_path / "beat.json"
    with writing(path):
        assert not read(str(path))[0].stale
        change(path, **values)
        assert read(str(path))[0].stale


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"at": 1}', '{"boot": "", "at": "x", "servers": [1]}', "\0"]
)
def test_file_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "beat.json"
    path.write_text(text)
    with pytest.raises(Unreadable, match="is no heartbeat file"):
        read(str(path))


def test_file_that_cannot_be_written_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "later"
    file = HeartbeatFile(str(folder / "beat.json"), 0.02, said)
    with closing(file):
        file.start()
        wait_until(lambda: "cannot be written (No such file or directory)" in caplog.text)
        folder.mkdir()
        wait_until((folder / "beat.json").exists)
    assert caplog.text.count("cannot be written") == 1


def test_two_listeners_with_one_file_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "beat.json"
    with writing(path, 0.02), writing(path, 0.02):
        wait_until(lambda: "is written by another listener, too" in caplog.text)
    assert caplog.text.count("is written by another listener, too") <= 2  # each of them


def test_file_of_a_listener_that_was_killed_is_taken_over_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "beat.json"
    path.write_text(json.dumps({**said(), "me": "dead", "boot": "", "at": 0, "interval": 5}))
    with writing(path, 0.02):
        wait_until(lambda: json.loads(path.read_text())["me"] != "dead")
    assert not path.exists()
    assert caplog.text == ""


def run(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-W", "error", "-m", heartbeat_file.__name__, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_program_judges_the_file_without_django(tmp_path: Path) -> None:
    path = tmp_path / "beat.json"
    with writing(path):
        assert run(path) == (0, "all servers are listened to")
        change(path, at=-1e6)
        code, line = run(path)
        assert code == 1
        assert line.startswith("node_1: not heard of for")
    with writing(path, state="waiting"):
        assert run(path) == (1, "node_1: not logged in: waiting")
        assert run("--live", path) == (0, "all servers are listened to")
    assert run(path)[0] == 1
    assert run()[1].startswith("usage:")
