"""Full disks, closed streams, files that are none, numbers and times that there are not.

One line and an exit code.
"""

from __future__ import annotations

import re
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_ami.testing import FakeAsterisk, Moment, Recording, scenarios
from django_ami.tools.usage import scan_project
from tests.management.tools import Done, run
from tests.running import PYTHON, Program

if TYPE_CHECKING:
    pass

DIGITS = "9" * 5000
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "call.txt"
    call = scenarios.busy_call()
    (call + Recording([Moment(5.0, call.events[-1])])).save(path)
    return path


# --- stdout ---

TOOLS = [
    ("ami_send", "Ping"),
    ("ami_send", "Ping", "--json"),
    ("ami_events", "--max-events=1", "--run-for=20"),
    ("ami_events", "--max-events=1", "--run-for=20", "--json"),
    ("ami_status",),
    ("ami_status", "--json"),
    ("ami_doctor",),
    ("ami_doctor", "--manager-conf"),
    ("ami_top", "--json", "--run-for=0.1"),
    ("ami_record", "{new}", "--max-events=1", "--run-for=20"),
    ("ami_replay", "{recording}", "--port=0"),
    ("ami_replay", "{recording}", "--receivers", "--speed=max"),
    ("ami_simulator", "--port=0", "--run-for=0.1"),
]


@pytest.mark.parametrize("arguments", TOOLS, ids=" ".join)
def test_stdout_on_a_full_disk(
    sim: FakeAsterisk, recording: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    given = [one.format(new=tmp_path / "new.txt", recording=recording) for one in arguments]
    with (
        FULL.open("wb", buffering=0) as full,
        override_settings(AMI_SERVERS={"node_1": {"URL": sim.url}}),
        pytest.raises(CommandError) as raised,
    ):
        call_command(*given, stdout=TextIOWrapper(full, write_through=True))
    assert raised.value.returncode == 9
    text = str(raised.value)
    assert text.startswith("stdout cannot be written: No space left on device.")
    if arguments[0] == "ami_send":
        assert text.endswith("node_1: Ping was sent and answered: Success.")
    if arguments[0] == "ami_record":
        assert re.search(r"1 events in [\d.]+ s are in .*new\.txt\.$", text)
        assert len(Recording.load(tmp_path / "new.txt")) == 1


def _through_a_shell(
    sim: FakeAsterisk, before: str, behind: str, *arguments: str, **env: object
) -> Program:
    command = (
        *PYTHON,
        "-m",
        "django",
        *arguments,
        "--settings=tests.management.listening.settings",
    )
    return Program(
        ["sh", "-c", f'{before} exec "$@" {behind}', "sh", *command], AMI_NODE1_URL=sim.url, **env
    )


@pytest.mark.slow
@pytest.mark.parametrize("behind", [">/dev/full", ">&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_a_process_without_streams(sim: FakeAsterisk, behind: str) -> None:
    with _through_a_shell(sim, "", behind, "ami_send", "Ping") as program:
        assert program.wait() == 9, str(program)
    if "2>" not in behind:
        (line,) = program.err
        assert line.startswith("CommandError: stdout cannot be written: ")
        assert line.endswith(". node_1: Ping was sent and answered: Success.")


@pytest.mark.slow
@pytest.mark.parametrize("behind", ["2>/dev/full", "2>&-"])
def test_without_stderr_it_still_works(sim: FakeAsterisk, behind: str) -> None:
    with _through_a_shell(
        sim, "", behind, "ami_events", "--max-events=1", "--run-for=20"
    ) as program:
        assert program.wait() == 0, str(program)
    assert "FullyBooted" in program.out[0]


@pytest.mark.slow
@pytest.mark.parametrize("behind", [">&-", ">&- 2>&-"])
def test_ami_listen_without_streams(sim: FakeAsterisk, tmp_path: Path, behind: str) -> None:
    notes = tmp_path / "notes"
    with _through_a_shell(
        sim, "", behind, "ami_listen", "--run-for=0.2", AMI_TEST_FILE=notes
    ) as program:
        assert program.wait() == 0, str(program)
    assert program.err == []
    assert "ready" in notes.read_text()


# --- files ---


@pytest.mark.slow
def test_a_disk_that_is_full_while_it_records(sim: FakeAsterisk, tmp_path: Path) -> None:
    """The file is valid, and has as many events as stderr says."""
    file = tmp_path / "calls.txt"
    with _through_a_shell(
        sim, "ulimit -f 64;", "", "ami_record", str(file), "--run-for=40"
    ) as program:
        program.wait_for_err("node_1: ready")
        sim.flood("VarSet", count=3000, Value="x" * 100)
        assert program.wait() == 9, str(program)
    said = re.fullmatch(
        rf"CommandError: cannot write {file}: File too large. (\d+) events are in it.",
        program.err[-1],
    )
    assert said is not None, program.err
    recorded = Recording.load(file)
    assert len(recorded) == int(said[1])
    assert 10 < len(recorded) < 3000
    assert file.read_text().endswith("\n\n")


def test_a_disk_that_is_full_from_the_beginning(sim: FakeAsterisk) -> None:
    mode = FULL.stat().st_mode
    done = run("ami_record", str(FULL), "--force", "--run-for=20", servers=(sim,))
    assert done.code == 9
    assert (
        done.err.splitlines()[-1]
        == "cannot write /dev/full: No space left on device. 0 events are in it."
    )
    assert FULL.stat().st_mode == mode


def _one_line(done: Done, code: int, told: str) -> None:
    assert (done.code, done.out) == (code, ""), done
    assert done.err.count("\n") == 1
    assert told in done.err


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (".", "Is a directory."),
        ("none/x", "No such file or directory."),
        ("a/" + "x" * 5000, "File name too long."),
        ("x\0y", "embedded null byte."),
        ("loop", "Too many levels of symbolic links."),
        ("call.txt/x", "Not a directory."),
    ],
)
def test_a_name_of_no_file(sim: FakeAsterisk, recording: Path, path: str, told: str) -> None:
    loop = recording.parent / "loop"
    loop.symlink_to(loop)
    for tool, arguments in (("ami_record", ("--force",)), ("ami_replay", ("--port=0",))):
        done = run(tool, f"{recording.parent}/{path}", *arguments, servers=(sim,))
        _one_line(done, 2, told)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 1_000_000, b"django_ami recording 1\n@" + DIGITS.encode(), b"\xff\x1b[2J"],
)
def test_a_file_that_is_no_recording(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.txt"
    file.write_bytes(content)
    _one_line(run("ami_replay", str(file), "--port=0", servers=()), 2, f"{file}")


def test_sources_that_cannot_be_read(
    sim: FakeAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "directory.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "deep.py").write_text("(" * 100_000)
    (tmp_path / "good.py").write_text("from django_ami.actions import Ping\nPing()\n")
    monkeypatch.setattr(apps.get_app_config("auth"), "path", str(tmp_path))
    monkeypatch.setattr(apps.get_app_config("auth"), "name", "mine")
    assert "Ping" in scan_project().places


# --- arguments ---

WRONG: dict[str, tuple[str, ...]] = {
    "ami_send --timeout": ("ami_send", "Ping", f"--timeout={DIGITS}"),
    "ami_send Timeout": (
        "ami_send",
        "Originate",
        "Channel=PJSIP/1",
        "Application=Wait",
        f"Timeout={DIGITS}",
    ),
    "ami_send Timeout of years": (
        "ami_send",
        "Originate",
        "Channel=PJSIP/1",
        "Application=Wait",
        "Timeout=" + "9" * 18,
    ),
    "ami_send Action": ("ami_send", "\x1b[2J\nx"),
    "ami_events --run-for": ("ami_events", f"--run-for={DIGITS}"),
    "ami_events --max-events": ("ami_events", f"--max-events={DIGITS}"),
    "ami_events repeated": ("ami_events", "--where", "A~a{99999999999}"),
    "ami_events digits": ("ami_events", "--where", f"A~a{{{DIGITS}}}"),
    "ami_events deep": ("ami_events", "--where", "A~" + "(" * 5000 + ")" * 5000),
    "ami_events --server": ("ami_events", "--server=\x1b[2J\nx"),
    "ami_status --timeout": ("ami_status", f"--timeout={DIGITS}"),
    "ami_doctor --timeout": ("ami_doctor", f"--timeout={DIGITS}"),
    "ami_top --interval": ("ami_top", "--json", f"--interval={DIGITS}"),
    "ami_record --max-size": ("ami_record", "{tmp}/x", f"--max-size={DIGITS}"),
    "ami_replay --port": ("ami_replay", "{recording}", f"--port={DIGITS}"),
    "ami_replay --port, too high": ("ami_replay", "{recording}", "--port=" + "9" * 4000),
    "ami_replay --speed": ("ami_replay", "{recording}", "--port=0", "--speed=1e-300"),
    "ami_replay --speed, receivers": ("ami_replay", "{recording}", "--receivers", "--speed=1e-300"),
    "ami_replay --host": ("ami_replay", "{recording}", "--host=" + "a" * 100),
    "ami_replay --host, no text": ("ami_replay", "{recording}", "--host=\udcff"),
    "ami_simulator --port": ("ami_simulator", f"--port={DIGITS}"),
    "ami_simulator --host": ("ami_simulator", "--host=" + "a" * 100),
    "ami_simulator --host, no text": ("ami_simulator", "--host=\udcff"),
    "ami_simulator --run-for": ("ami_simulator", "--port=0", f"--run-for={DIGITS}"),
    "ami_simulator --tls-cert": ("ami_simulator", "--port=0", "--tls-cert=" + "x" * 5000),
    "ami_simulator --tls-cert, a directory": ("ami_simulator", "--port=0", "--tls-cert={tmp}"),
    "ami_listen --run-for": ("ami_listen", f"--run-for={DIGITS}"),
    "ami_listen --drain-timeout": ("ami_listen", f"--drain-timeout={DIGITS}"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_command_refuses_an_argument_that_the_system_cannot_represent(
    sim: FakeAsterisk, recording: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    tool, *given = [
        one.replace("{recording}", str(recording)).replace("{tmp}", str(tmp_path))
        for one in arguments
    ]
    try:
        done = run(tool, *given, servers=(sim,))
    except CommandError as error:  # argparse's, before there are streams
        done = Done(error.returncode, "", f"{error}\n")
    assert done.code in (1, 2), done  # argparse's own errors have 2 on a command line
    assert done.out == ""
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("login", [("--user=\udcff", "--secret=x"), ("--secret=\udcff",)])
def test_a_login_that_is_no_text(login: tuple[str, ...]) -> None:
    done = run("ami_simulator", "--port=0", "--run-for=0.05", *login, servers=())
    assert done.code == 0
    assert "listens on 127.0.0.1:" in done.out


@pytest.mark.parametrize("port", [DIGITS, "-1", "0", "65536"])
def test_a_port_in_the_settings_that_there_is_not(port: str) -> None:
    _one_line(
        run("ami_send", "Ping", servers=(f"ami://admin:hush@127.0.0.1:{port}",)),
        2,
        "from 1 to 65535",
    )
    settings = {
        "AMI_SERVERS": {
            "node_1": {"HOST": "127.0.0.1", "PORT": port, "USERNAME": "a", "SECRET": "hush"}
        }
    }
    _one_line(run("ami_send", "Ping", servers=(), settings=settings), 2, "from 1 to 65535")
