"""``manage.py ami_record``: the content of the file, and every end that it may have."""

from __future__ import annotations

import json
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.testing import Recording, scenarios
from tests.management.tools import SECRET, run, start
from tests.running import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import FakeAsterisk


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "calls.txt"


@pytest.fixture
def when_it_listens(file: Path) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Let a function run as soon as it is ready."""
    threads: list[threading.Thread] = []

    def begin(do: Callable[[], object]) -> None:
        def wait_and_do() -> None:
            wait_until(lambda: file.exists() and "# ready" in file.read_text())
            do()

        threads.append(threading.Thread(target=wait_and_do))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join(30)


def test_events_of_a_server_are_in_the_file(
    sim: FakeAsterisk, file: Path, when_it_listens: Any
) -> None:
    call = scenarios.queue_call()
    when_it_listens(lambda: sim.play(call))
    done = run(
        "ami_record", str(file), f"--max-events={len(call) + 1}", "--run-for=40", servers=(sim,)
    )
    recording = Recording.load(file)
    assert [event.raw for event in recording.events[1:]] == [event.raw for event in call.events]
    assert recording.names[0] == "FullyBooted"
    text = file.read_text()
    assert text.splitlines()[1].startswith("# node_1, 20")
    assert "; secrets are masked" in text.splitlines()[1]
    assert "# ready, Asterisk 22.10.1, AMI 11.0.0" in text
    assert text.endswith(" s (--max-events)\n\n")
    assert SECRET not in text
    assert done.code == 0
    assert done.lines == [
        f"node_1: {len(recording)} events in {done.lines[0].split()[4]} s, {file}"
    ]
    assert sim.logoffs == 1


def test_recording_is_readable_by_its_owner_alone_and_says_what_is_masked(
    sim: FakeAsterisk, file: Path
) -> None:
    for arguments in ((), ("--force",)):
        assert (
            run(
                "ami_record",
                str(file),
                "--max-events=1",
                "--run-for=40",
                *arguments,
                servers=(sim,),
            ).code
            == 0
        )
        assert file.stat().st_mode & 0o777 == 0o600
        assert re.search(
            r"^# masked as \*\*\*: .*passwords in addresses.*bearer tokens",
            file.read_text(),
            re.MULTILINE,
        )
        file.chmod(0o644)


def test_recording_can_be_played_whatever_its_head_says(file: Path) -> None:
    events = "@0.000\nEvent: Hangup\nPrivilege: call,all\n\n"
    for head in (
        "",
        "\n",
        "# node_1; secrets are masked\n\n",
        "# a\n# masked as ***: everything\n\n",
    ):
        file.write_text(f"django_ami recording 1\n{head}{events}")
        assert Recording.load(file).names == ("Hangup",)
        done = run(
            "ami_replay",
            str(file),
            "--receivers",
            "--speed=max",
            servers=("ami://a:x@127.0.0.1:1",),
        )
        assert done.out.startswith("Played 1 events, ")


def test_only_some_events(sim: FakeAsterisk, file: Path, when_it_listens: Any) -> None:
    when_it_listens(lambda: sim.play(scenarios.answered_call()))
    run(
        "ami_record",
        str(file),
        "--only=hangup,Cdr",
        "--max-events=3",
        "--run-for=40",
        servers=(sim,),
    )
    assert set(Recording.load(file).names) == {"Hangup", "Cdr"}


def test_a_name_that_no_event_has(sim: FakeAsterisk, file: Path) -> None:
    done = run("ami_record", str(file), "--only=Hangupp", "--run-for=0.1", servers=(sim,))
    assert done.err.startswith("Asterisk has no event 'Hangupp': did you mean 'Hangup'?\n")


def test_some_classes(sim: FakeAsterisk, file: Path, when_it_listens: Any) -> None:
    when_it_listens(lambda: sim.play(scenarios.queue_call()))
    run("ami_record", str(file), "--events=agent", "--max-events=3", "--run-for=40", servers=(sim,))
    assert Recording.load(file).names[-2:] == ("QueueCallerJoin", "AgentCalled")


def test_secrets_and_numbers(sim: FakeAsterisk, file: Path, when_it_listens: Any) -> None:
    def say() -> None:
        sim.emit("VarSet", Variable="PASSWORD", Value="hush")
        sim.emit("Newchannel", CallerIDNum="+49301234567", Channel="PJSIP/+49301234567-00000001")

    when_it_listens(say)
    run("ami_record", str(file), "--mask-numbers", "--max-events=3", "--run-for=40", servers=(sim,))
    text = file.read_text()
    assert "hush" not in text
    assert "1234567" not in text
    assert "; secrets and numbers are masked" in text
    event = Recording.load(file).events[-1]
    assert event["Channel"] == f"PJSIP/{event['CallerIDNum']}-00000001"


def test_command_ends_by_itself_after_the_given_time(sim: FakeAsterisk, file: Path) -> None:
    done = run("ami_record", str(file), "--duration=0.5", "--json", servers=(sim,))
    assert {key: done.json[key] for key in ("server", "file", "dropped", "stopped")} == {
        "server": "node_1", "file": str(file), "dropped": 0, "stopped": "--run-for",
    }  # fmt: skip
    assert done.json["events"] == (len(Recording.load(file)) if file.exists() else 0)
    assert done.json["seconds"] >= 0


@pytest.mark.slow
def test_command_ends_when_the_file_is_large(
    sim: FakeAsterisk, file: Path, when_it_listens: Any
) -> None:
    when_it_listens(lambda: sim.flood("VarSet", count=30_000, Value="x" * 100))
    run(
        "ami_record", str(file), "--max-size=1", "--events=dialplan", "--run-for=40", servers=(sim,)
    )
    assert 2**20 <= file.stat().st_size < 2**20 + 1000
    assert file.read_text().endswith("(--max-size)\n\n")


def test_a_file_that_exists_stays(sim: FakeAsterisk, file: Path) -> None:
    file.write_text("mine")
    done = run("ami_record", str(file), "--run-for=5", servers=(sim,))
    assert (done.code, done.err) == (
        2,
        f"{file} exists: give --force to replace it, or another name.\n",
    )
    assert file.read_text() == "mine"
    arguments = ("--max-events=1", "--run-for=40", "--force")
    assert run("ami_record", str(file), *arguments, servers=(sim,)).code == 0
    assert Recording.load(file).names == ("FullyBooted",)


def test_a_stream_is_no_file(sim: FakeAsterisk) -> None:
    done = run("ami_record", "-", servers=(sim,))
    assert done.code != 0
    assert "FILE: give the name of a file: this command does not write to stdout" in done.err
    assert sim.connections == 0


def test_a_file_that_cannot_be_written(sim: FakeAsterisk, tmp_path: Path) -> None:
    done = run("ami_record", str(tmp_path / "no" / "x.txt"), servers=(sim,))
    assert (done.code, done.err) == (
        2,
        f"cannot write {tmp_path / 'no' / 'x.txt'}: No such file or directory.\n",
    )
    assert sim.connections == 0


def test_command_fails_when_the_login_is_refused(sim: FakeAsterisk, file: Path) -> None:
    done = run("ami_record", str(file), servers=(sim.url.replace("admin", "nobody"),))
    assert done.code == 3
    assert "Authentication failed for user 'nobody'" in done.err
    assert not file.exists(), "a recording of nothing"


def test_a_server_that_cannot_be_reached(file: Path) -> None:
    done = run(
        "ami_record",
        str(file),
        "--run-for=0.5",
        servers=(f"ami://admin:{SECRET}@127.0.0.1:{free_port()}",),
    )
    assert done.code == 7
    assert done.out == ""
    assert (
        done.err.splitlines()[-1] == f"node_1: no connection was made, and {file} was not written."
    )
    assert not file.exists()


def test_a_recording_of_before_is_replaced_by_another_one_alone(
    sim: FakeAsterisk, file: Path
) -> None:
    file.write_text("mine")
    done = run("ami_record", str(file), "--force", servers=(sim.url.replace("admin", "nobody"),))
    assert (done.code, file.read_text()) == (3, "mine")


def test_a_loss_is_a_remark(sim: FakeAsterisk, file: Path, when_it_listens: Any) -> None:
    def drop() -> None:
        sim.emit("Hangup")
        sim.drop()
        wait_until(lambda: file.read_text().count("# ready") == 2)
        sim.emit("Hangup")

    when_it_listens(drop)
    run("ami_record", str(file), "--only=Hangup", "--max-events=2", "--run-for=40", servers=(sim,))
    remarks = [line for line in file.read_text().splitlines() if line.startswith("#")][1:]
    assert [remark.split()[1].rstrip(",:") for remark in remarks] == [
        "masked",
        "ready",
        "lost",
        "gap",
        "ready",
        "end",
    ]
    assert Recording.load(file).names == ("Hangup", "Hangup")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_clean_end(sim: FakeAsterisk, file: Path, number: signal.Signals) -> None:
    with start("ami_record", str(file), "--json", servers=(sim,)) as program:
        program.wait_for_err("node_1: ready, Asterisk 22.10.1")
        sim.flood("VarSet", count=8000)  # fewer than its queue takes
        sim.wait_for(lambda: sim.events_sent >= 8000, timeout=30)
        program.signal(number)
        assert program.wait() == 0, str(program)
        told = json.loads(program.out[-1])
    recording = Recording.load(file)
    assert told["events"] == len(recording)
    assert told["stopped"] == number.name
    assert file.read_text().endswith(f"({number.name})\n\n")
    numbers = [int(event["Number"]) for event in recording.events if event.name == "VarSet"]
    assert numbers == list(range(8000)), "all that was on its way when it was told to stop"
    sim.wait_for(lambda: sim.logoffs == 1)


def test_help_explains_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    run("ami_record", "--help", servers=())
    text = capsys.readouterr().out
    for word in (
        "--mask-numbers",
        "--run-for",
        "--max-events",
        "--max-size",
        "--only",
        "exit codes:",
        "examples:",
    ):
        assert word in text
