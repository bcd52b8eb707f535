"""``ami_listen`` that forwards: real processes that are killed, stopped and started again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_ami.testing import FakeAsterisk, Simulator
from tests.forwarding.sink import Sink, options_of, sinking
from tests.operations.support import Site
from tests.running import PYTHON, Program, wait_until

COMMAND = (*PYTHON, "-m", "django", "ami_listen", "--settings=tests.management.listening.settings")

pytestmark = pytest.mark.slow


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        yield simulator


@pytest.fixture
def sink() -> Iterator[Sink]:
    with sinking() as one:
        yield one


Listen = Callable[..., Program]


@pytest.fixture
def listen(sim: Simulator, sink: Sink, tmp_path: Path) -> Iterator[Listen]:
    """Starts a listener with its spool in this test's directory, and keys of AMI_FORWARD."""
    started: list[Program] = []

    def start(*arguments: str, **keys: Any) -> Program:
        forward = options_of(sink, **{"SPOOL": str(tmp_path / "spool"), **keys})
        settings = {"AMI_FORWARD": forward}
        program = Program(
            [*COMMAND, *arguments],
            AMI_NODE1_URL=sim.url,
            AMI_TEST_FILE=tmp_path / "notes",
            AMI_TEST_SETTINGS=json.dumps(settings),
        )
        started.append(program)
        return program

    yield start
    for one in started:
        with one:
            pass


def emit(sim: Simulator, numbers: range) -> None:
    for number in numbers:
        sim.emit("UserEvent", UserEvent="Test", Uniqueid=f"1.{number % 5}", Number=number)


def spooled(tmp_path: Path) -> int:
    """How many events the spool says that it has."""
    try:
        return int(json.loads((tmp_path / "spool" / "contents").read_bytes())["events"])
    except (OSError, ValueError):
        return 0


def in_order(sink: Sink) -> bool:
    by_call: dict[int, list[int]] = {}
    for number in sink.numbers():
        by_call.setdefault(number % 5, []).append(number)
    return all(numbers == sorted(numbers) for numbers in by_call.values())


def test_listener_forwards_and_runs_no_receiver(
    listen: Listen, sim: Simulator, sink: Sink, tmp_path: Path
) -> None:
    listener = listen("--workers=4", URL="sink://me:hush-hush@localhost:7")
    listener.wait_for_out("node_1: ready")
    assert listener.out[0].startswith(
        "Forwarding: to tests.forwarding.sink.SinkOutlet at localhost:7, in 16 partitions, instead "
        f"of receivers here; spool {tmp_path}"
    )
    emit(sim, range(200))
    wait_until(lambda: len(sink.numbers()) == 200)
    listener.signal(signal.SIGTERM)
    assert listener.wait() == 0, str(listener)
    assert listener.err == []
    assert "200 delivered, 0 dropped" in listener.out[-1]
    assert "0 left" in listener.out[-1]
    assert in_order(sink)
    assert not (tmp_path / "notes").exists()


def test_named_events_without_receivers_are_forwarded_before_the_end(
    listen: Listen, sim: Simulator, sink: Sink
) -> None:
    listener = listen("--max-events=5", EVENTS=["Other"])
    listener.wait_for_out("node_1: ready")
    for number in range(5):
        sim.emit("Other", Number=number)
    assert listener.wait() == 0, str(listener)
    assert listener.err == []
    assert sink.numbers() == [0, 1, 2, 3, 4]


def test_receivers_of_the_listener_run_as_well_if_that_is_wanted(
    listen: Listen, sim: Simulator, sink: Sink, tmp_path: Path
) -> None:
    listener = listen("--workers=4", LOCAL=True)
    listener.wait_for_out("node_1: ready")
    emit(sim, range(200))
    wait_until(lambda: len(sink.numbers()) == 200)
    listener.signal(signal.SIGTERM)
    assert listener.wait() == 0, str(listener)
    assert "200 delivered, 0 dropped" in listener.out[-1]
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    numbers = [note["number"] for note in notes if note["what"] == "UserEvent"]
    assert sorted(numbers) == list(range(200))


def test_stopped_listener_spools_what_an_engine_that_is_away_did_not_take(
    listen: Listen, sim: Simulator, sink: Sink
) -> None:
    sink.kill()
    first = listen()
    first.wait_for_out("node_1: ready")
    emit(sim, range(300))
    sim.wait_for(lambda: True)
    first.signal(signal.SIGTERM)
    assert first.wait() == 0, str(first)
    assert "0 left" in first.out[-1]
    delivered = int(first.out[-1].split(" delivered")[0].split()[-1])
    sink.start()
    second = listen()
    second.wait_for_out("node_1: ready")
    wait_until(lambda: len(sink.numbers()) == delivered)
    assert sorted(sink.numbers()) == list(range(delivered))
    assert in_order(sink)


def test_killed_listener_loses_nothing_that_was_spooled(
    listen: Listen, sim: Simulator, sink: Sink, tmp_path: Path
) -> None:
    chance, written, kept = random.Random(7), 0, set[int]()
    sink.kill()
    for _ in range(4):
        listener = listen()
        listener.wait_for_out("node_1: ready")
        wanted, before = spooled(tmp_path) + chance.randrange(50, 400), spooled(tmp_path)
        while spooled(tmp_path) < wanted:
            emit(sim, range(written, written + 40))
            written += 40
        listener.signal(signal.SIGKILL)
        listener.wait()
        assert spooled(tmp_path) > before
    safe = spooled(tmp_path)
    sink.start()
    listener = listen()
    listener.wait_for_out("node_1: ready")
    emit(sim, range(written, written + 100))
    wait_until(lambda: written + 99 in sink.numbers())
    kept = set(sink.numbers())
    assert len([number for number in kept if number < written]) >= safe - 4  # four are notices
    assert in_order(sink)
    assert sink.doubles == 0
    epochs = {one.id.epoch for one in sink.events}
    assert len(epochs) == 5
    for epoch in epochs:  # the missing ones are behind all that are there
        numbers = sorted(
            int(one.raw.partition(b"Number: ")[2].split()[0])
            for one in sink.events
            if one.id.epoch == epoch
        )
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_listener_killed_while_it_empties_the_spool_loses_nothing(
    listen: Listen, sim: Simulator, sink: Sink, tmp_path: Path
) -> None:
    sink.kill()
    listener = listen()
    listener.wait_for_out("node_1: ready")
    emit(sim, range(3_000))
    wait_until(lambda: spooled(tmp_path) >= 3_000)
    listener.signal(signal.SIGKILL)
    listener.wait()
    sink.start()
    for _ in range(3):
        before = len(sink.batches)
        listener = listen()
        wait_until(lambda before=before: len(sink.batches) > before or not spooled(tmp_path))
        listener.signal(signal.SIGKILL)
        listener.wait()
    listener = listen()
    wait_until(lambda: len(sink.numbers()) == 3_000 and not spooled(tmp_path))
    assert sorted(sink.numbers()) == list(range(3_000))
    assert in_order(sink)


def test_second_listener_on_a_spool_is_refused_in_one_line(listen: Listen) -> None:
    first = listen()
    first.wait_for_out("node_1: ready")
    second = listen()
    assert second.wait() != 0
    text = "\n".join([*second.out, *second.err])
    assert f"belongs to another process that runs (pid {first.process.pid})" in text
    assert "Traceback" not in text


def test_listener_lives_on_a_full_disk_and_counts_what_it_drops(
    small_disk: Path, listen: Listen, sim: Simulator, sink: Sink
) -> None:
    sink.kill()
    settings = {"SPOOL": str(small_disk / "spool")}
    listener = listen(**settings)
    listener.wait_for_out("node_1: ready")
    filler = "x" * 2_000
    for number in range(14_000):
        sim.emit("UserEvent", UserEvent="Test", Number=number, Filler=filler)
    listener.wait_for_err("Events wait in the memory of this process until it can be used")
    assert listener.process.poll() is None
    sink.start()
    wait_until(lambda: 13_999 in sink.numbers())
    numbers = sink.numbers()
    assert numbers == sorted(numbers)
    listener.signal(signal.SIGTERM)
    listener.wait()
    dropped = int(listener.out[-1].split(" dropped")[0].split()[-1])
    assert len(numbers) + dropped == 14_000


def test_listener_starts_on_a_full_disk(
    small_disk: Path, listen: Listen, sim: Simulator, sink: Sink
) -> None:
    (small_disk / "filler").write_bytes(b"x" * (4 * 2**20 - 3 * 4096))
    listener = listen(SPOOL=str(small_disk / "spool"))
    listener.wait_for_out("node_1: ready")
    listener.wait_for_err("It is tried again when it is needed: make room on that disk.")
    emit(sim, range(100))
    wait_until(lambda: len(sink.numbers()) == 100)
    sink.kill()
    (small_disk / "filler").unlink()
    emit(sim, range(100, 200))
    wait_until(lambda: spooled(small_disk) == 100)
    sink.start()
    wait_until(lambda: len(sink.numbers()) == 200)
    assert in_order(sink)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 4 MB."""
    with tempfile.TemporaryDirectory() as name, mounted(Path(name)):
        yield Path(name)


@contextmanager
def mounted(path: Path) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_standby_forwards_when_it_takes_over(sim: Simulator, sink: Sink, tmp_path: Path) -> None:
    site = Site(tmp_path, [sim])

    def forward(name: str) -> None:
        site.settings = {"AMI_FORWARD": options_of(sink, SPOOL=str(tmp_path / name))}

    try:
        forward("first")
        first = site.listen()
        first.wait_for_out("ready to deliver")
        forward("second")
        second = site.standby()
        emit(sim, range(50))
        wait_until(lambda: len(sink.numbers()) == 50)
        [server] = site.run("ami_status", "--json")["servers"]
        counters = [one["counters"] for one in server["processes"] if one["role"] == "active"]
        assert [one["outlet_up"] for one in counters] == [1]
        first.signal(signal.SIGKILL)
        first.wait()
        second.wait_for_out("ready to deliver")
        emit(sim, range(50, 100))
        wait_until(lambda: len(sink.numbers()) == 100)
    finally:
        site.close()
    assert in_order(sink)
    tokens = [one.token for one in sink.events]
    assert len(set(tokens[:50])) == len(set(tokens[50:])) == 1
    assert tokens[0] < tokens[-1]
    assert len({one.id.epoch for one in sink.events}) == 2
