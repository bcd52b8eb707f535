"""The spool, on real files."""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_ami.core.errors import ConfigurationError
from django_ami.forwarding.envelope import decode
from django_ami.forwarding.outlet import Batch
from django_ami.forwarding.spool import Spool, SpoolFailed
from django_ami.forwarding.spool_directory import SpoolDirectory
from tests.forwarding.support import batch, envelope, is_important

MOST_BYTES = 2**30


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    """Opens the spool of this test's directory; the one before it is closed."""
    opened: list[Spool] = []

    def make(most_bytes: int = MOST_BYTES) -> Spool:
        if opened:
            opened.pop().close()
        spool = Spool(tmp_path / "spool", most_bytes, is_important)
        spool.open()
        opened.append(spool)
        return spool

    yield make
    for one in opened:
        one.close()


def all_of(spool: Spool, position: int = 0) -> list[Batch]:
    return spool.after(position, 10**6, 2**40)


def numbers(spool: Spool) -> list[int]:
    return [one.id.sequence for each in all_of(spool) for one in decode(each.data)]


def test_batches_survive_as_they_were(open_spool: Callable[..., Spool]) -> None:
    batches = [batch(position, [envelope(position, size=50)]) for position in range(1, 6)]
    open_spool().put(batches)
    assert all_of(open_spool()) == batches


def test_order_is_that_of_the_positions(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.put([batch(3, [envelope(3)]), batch(4, [envelope(4)])])
    spool.put([batch(1, [envelope(1)]), batch(2, [envelope(2)])])
    assert numbers(spool) == [1, 2, 3, 4]


def test_forgotten_batches_are_gone_and_their_positions_are_not_used_again(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool()
    spool.put([batch(position, [envelope(position)]) for position in range(1, 6)])
    spool.forget(3)
    assert (numbers(spool), len(spool), spool.contents.events) == ([4, 5], 2, 2)
    spool.forget(5)
    again = open_spool()
    assert (len(again), again.contents.size, again.contents.last) == (0, 0, 5)


def test_reading_is_bounded_in_number_and_in_bytes(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool()
    spool.put([batch(position, [envelope(position, size=900)]) for position in range(1, 9)])
    assert [one.position for one in spool.after(2, 3, 2**20)] == [3, 4, 5]
    assert [one.position for one in spool.after(2, 100, 2_000)] == [3, 4]


def test_full_spool_drops_the_oldest_ordinary_events_and_important_ones_last(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool(60_000)
    gone = []
    for position in range(1, 101):
        pair = [envelope(2 * position, size=1_000), envelope(2 * position + 1, "Hangup")]
        gone += spool.put([batch(position, pair)])
    kept = numbers(spool)
    hangups = [number for number in kept if number % 2]
    ordinary = [number for number in kept if not number % 2]
    assert hangups == list(range(3, 202, 2))
    assert ordinary == list(range(ordinary[0], 201, 2))
    assert spool.dropped == 100 - len(ordinary)
    assert spool.dropped_important == 0
    assert spool.contents.size <= 60_000
    assert sum(one.events for one in gone) == spool.dropped
    assert (gone[0].server, gone[0].begin) == ("node_1", envelope(2).received_at)


def test_spool_full_of_important_events_drops_the_oldest_of_them(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool(20_000)
    for position in range(1, 41):
        spool.put([batch(position, [envelope(position, "Hangup", size=1_000)])])
    kept = numbers(spool)
    assert kept == list(range(kept[0], 41))
    assert spool.dropped == spool.dropped_important == kept[0] - 1
    spool.put([batch(41, [envelope(41, size=1_000)])])
    assert numbers(spool) == kept, "an ordinary event has pushed out an important one"


def test_batches_in_hand_stay(open_spool: Callable[..., Spool]) -> None:
    spool = open_spool(10_000)
    spool.put([batch(position, [envelope(position, size=1_000)]) for position in range(1, 6)])
    spool.put([batch(p, [envelope(p, size=1_000)]) for p in range(6, 12)], in_hand=3)
    assert numbers(spool)[:3] == [1, 2, 3]
    assert spool.dropped > 0


def test_second_spool_in_a_directory_is_refused(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    open_spool()
    other = Spool(tmp_path / "spool", MOST_BYTES, is_important)
    with pytest.raises(
        ConfigurationError, match=rf"another process that runs \(pid {os.getpid()}\)"
    ):
        other.open()


def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"file/spool cannot be used \(Not a directory\)"):
        Spool(tmp_path / "file" / "spool", MOST_BYTES, is_important).open()


def test_files_are_private(open_spool: Callable[..., Spool], tmp_path: Path) -> None:
    open_spool().put([batch(1, [envelope(1)])])
    spool = tmp_path / "spool"
    assert [path.name for path in [spool, *spool.iterdir()] if path.stat().st_mode & 0o077] == []


# --- damage ---


@pytest.mark.parametrize("seed", range(12))
def test_file_that_was_cut_anywhere_opens_and_says_what_is_lost(
    open_spool: Callable[..., Spool], tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    open_spool().put(
        [batch(p, [envelope(2 * p, size=400), envelope(2 * p + 1)]) for p in range(1, 201)]
    )
    open_spool().close()
    file = tmp_path / "spool" / "spool.sqlite3"
    whole = file.stat().st_size
    left = random.Random(seed).randrange(0, whole)
    os.truncate(file, left)

    spool = open_spool()
    kept = all_of(spool)
    positions = [one.position for one in kept]

    assert positions == sorted(positions)
    assert len(kept) >= 200 * left // whole - 20
    assert len(spool) == len(kept) == 200 - spool.lost
    assert spool.lost > 0
    [line] = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert f"{len(kept)} batches with {2 * len(kept)} events can be read" in line
    assert f"{spool.lost} batches with {2 * spool.lost} events are lost" in line
    spool.put([batch(201, [envelope(500)])])
    assert numbers(open_spool())[-1] == 500


def test_changed_bytes_are_told_and_the_others_are_read(
    open_spool: Callable[..., Spool], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_spool().put([batch(p, [envelope(p, size=30)]) for p in range(1, 6)])
    open_spool().close()
    file = tmp_path / "spool" / "spool.sqlite3"
    data = file.read_bytes()
    assert data.count(b"Number: 3\r\n") == 1
    file.write_bytes(data.replace(b"Number: 3\r\n", b"Number: 7\r\n"))
    spool = open_spool()
    assert numbers(spool) == [1, 2, 4, 5]
    assert (spool.lost, len(spool)) == (1, 4)
    assert f"1 events are lost, from {envelope(3).id} to {envelope(3).id}" in caplog.text


def changed_by(spool: Spool, *statements: str) -> None:
    """Change the file of a spool, which is closed before."""
    spool.close()
    with closing(sqlite3.connect(spool.path / "spool.sqlite3")) as database:
        for one in statements:
            database.execute(one)
        database.commit()


@pytest.mark.parametrize(
    "change",
    ["first = 'rubbish'", "last = ''", "data = 'a text'", "partition = 'x'", "partition = -1"],
)
def test_row_with_a_wrong_value_is_told_and_the_others_are_read(
    open_spool: Callable[..., Spool], change: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool = open_spool()
    spool.put([batch(p, [envelope(p, size=30)]) for p in range(1, 4)])
    changed_by(spool, f"UPDATE batch SET {change}, events = 'x', size = 'x' WHERE position = 2")
    spool = open_spool()
    assert numbers(spool) == [1, 3]
    assert numbers(spool) == [1, 3]
    assert "the bytes of a batch have changed on the disk" in caplog.text


@pytest.mark.parametrize(
    "change", ["ADD COLUMN more TEXT", "DROP COLUMN checksum", "RENAME COLUMN events TO things"]
)
def test_spool_of_another_version_is_refused_and_left_alone(
    open_spool: Callable[..., Spool], change: str
) -> None:
    spool = open_spool()
    spool.put([batch(1, [envelope(1)])])
    changed_by(spool, f"ALTER TABLE batch {change}")
    with pytest.raises(ConfigurationError, match="was written by another version of django_ami"):
        open_spool()
    changed_by(spool, "DROP TABLE batch")
    assert len(open_spool()) == 0


def test_batches_of_a_run_that_began_below_others_are_kept_behind_them(
    open_spool: Callable[..., Spool],
) -> None:
    spool = open_spool()
    spool.put([batch(p, [envelope(p)]) for p in (1, 2, 3)])
    other = batch(2, [envelope(20)])._replace(source="a run without a look at the file")
    spool.put([other])
    assert numbers(spool) == [1, 2, 3, 20]


def test_file_that_is_gone_is_told(
    open_spool: Callable[..., Spool], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_spool().put([batch(1, [envelope(1)])])
    open_spool().close()
    (tmp_path / "spool" / "spool.sqlite3").unlink()
    assert len(open_spool()) == 0
    assert "1 batches with 1 events are lost" in caplog.text


KILLED = """
    import sys
    from pathlib import Path
    from django_ami.forwarding.spool import Spool, SpoolFailed
    from tests.forwarding.support import batch, envelope, is_important

    spool = Spool(Path(sys.argv[1]), 2**30, is_important)
    spool.open()
    for position in range(1, 100_000):
        spool.put([batch(position, [envelope(position, size=200)])])
        if position % 5 == 0:
            spool.forget(position - 4)
        print(position, flush=True)
"""


@pytest.mark.slow
def test_killed_process_loses_nothing_that_it_has_put(tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(directory)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 333:
                process.send_signal(signal.SIGKILL)
                break
        written = [int(line), *map(int, process.stdout.read().split())]
    spool = Spool(directory, MOST_BYTES, is_important)
    spool.open()
    try:
        kept = numbers(spool)
    finally:
        spool.close()
    assert kept == list(range(kept[0], kept[-1] + 1))
    assert kept[-1] >= written[-1]
    assert kept[0] <= written[-1] + 1
    assert spool.lost == 0


FULL_DISK = """
    import resource, sys
    from pathlib import Path
    from django_ami.forwarding.spool import Spool, SpoolFailed
    from tests.forwarding.support import batch, envelope, is_important
    from django_ami.forwarding.envelope import decode

    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    spool = Spool(Path(sys.argv[1]), 2**30, is_important)
    spool.open()
    position = 0
    try:
        while True:
            spool.put([batch(position + 1, [envelope(position + 1, size=5_000)])])
            position += 1
    except SpoolFailed as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    spool.put([batch(position + 1, [envelope(position + 1)])])
    kept = [one.position for one in spool.after(0, 10**6, 2**40)]
    assert kept == list(range(1, position + 2)), (kept[:3], kept[-3:], position)
    print("all", len(kept) > 50, spool.lost)
"""


@pytest.mark.slow
def test_full_disk_is_told_and_costs_nothing_that_was_put(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL_DISK), str(tmp_path / "spool")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    first, last = done.stdout.splitlines()
    assert first.startswith(f"the spool {tmp_path}/spool: ")
    assert last == "all True 0"


@pytest.mark.parametrize("what", ["all", "the database", "the lock"])
def test_spool_that_somebody_removes_is_made_anew_with_all_that_was_in_it(
    open_spool: Callable[..., Spool],
    tmp_path: Path,
    what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool = open_spool()
    spool.put([batch(position, [envelope(position)]) for position in range(1, 6)])
    remove(tmp_path / "spool", what)
    spool.put([batch(6, [envelope(6)])])
    assert "was removed, or a file of it" in caplog.text
    spool.forget(2)
    remove(tmp_path / "spool", what)
    again = open_spool()
    assert (numbers(again), again.contents.events, again.lost) == ([3, 4, 5, 6], 4, 0)


def remove(directory: Path, what: str) -> None:
    """As somebody does who cleans up."""
    if what == "all":
        shutil.rmtree(directory)
    elif what == "the lock":
        (directory / "lock").unlink()
    else:
        for file in directory.glob("spool.sqlite3*"):
            file.unlink()


def test_spool_that_was_removed_and_cannot_be_made_keeps_what_was_in_it_until_it_can(
    open_spool: Callable[..., Spool], tmp_path: Path
) -> None:
    spool = open_spool()
    spool.put([batch(1, [envelope(1)])])
    shutil.rmtree(tmp_path / "spool")
    (tmp_path / "spool").write_text("in its place")
    with pytest.raises(SpoolFailed, match="cannot be used"):
        spool.put([batch(2, [envelope(2)])])
    assert numbers(spool) == [1]
    (tmp_path / "spool").unlink()
    spool.put([batch(2, [envelope(2)])])
    assert numbers(open_spool()) == [1, 2]


FORKED = """
    import os, sys, time
    from pathlib import Path
    from django_ami.forwarding.spool import Spool
    from tests.forwarding.support import is_important

    spool = Spool(Path(sys.argv[1]), 2**30, is_important)
    spool.open()
    if not os.fork():
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_child_of_a_killed_process_does_not_keep_its_spool(tmp_path: Path) -> None:
    directory = tmp_path / "spool"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(FORKED), str(directory)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            with pytest.raises(ConfigurationError, match=f"pid {process.pid}"):
                Spool(directory, MOST_BYTES, is_important).open()
            process.kill()
            process.wait()
            spool = Spool(directory, MOST_BYTES, is_important)
            spool.open()
            spool.close()
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def test_rows_behind_more_damaged_ones_than_are_read_at_a_time_are_found(
    tmp_path: Path, open_spool: Callable[..., Spool]
) -> None:
    open_spool().put([batch(number, [envelope(number)]) for number in range(1, 31)])
    with closing(sqlite3.connect(tmp_path / "spool" / "spool.sqlite3")) as database:
        database.execute("UPDATE batch SET data = CAST('broken' AS BLOB) WHERE position <= 20")
        database.commit()
    spool = open_spool()
    assert [one.position for one in spool.after(0, 10, 2**20)] == list(range(21, 31))


def test_copy_of_an_event_that_had_to_leave_is_no_second_one(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 3000, lambda _: False)
    spool.open()
    one = envelope(1, size=500)
    spool.put([batch(1, [one], 1), batch(2, [replace(one, copy=True)], 2)])
    spool.put([batch(3, [envelope(2, size=2400)], 1)])
    assert spool.dropped == 1
    spool.close()


def test_events_that_left_are_counted_though_the_disk_fails_behind_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", 3000, lambda _: False)
    spool.open()
    spool.put([batch(number, [envelope(number, size=800)]) for number in (1, 2)])
    expect, calls = SpoolDirectory.expect, []

    def failing(self: SpoolDirectory, contents: Any) -> None:
        calls.append(contents)
        if len(calls) == 2:  # behind the COMMIT
            raise OSError(errno.EIO, "Input/output error")
        expect(self, contents)

    monkeypatch.setattr(SpoolDirectory, "expect", failing)
    third = batch(3, [envelope(3, size=1500)])
    with suppress(SpoolFailed):
        spool.put([third])
    spool.put([third])  # as the relay does
    assert len(spool.after(0, 10, 10**6)) + spool.dropped == 3
    spool.close()
