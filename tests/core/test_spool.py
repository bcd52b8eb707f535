"""A spool: putting never waits, what is lost is counted, and the loss is written when there is room
again.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from django_ami.core.spool import Spool
from tests.core.io_support import wait_until


class Pen:
    """Writes, unless it is held; ``fails`` are what it raises, one after the other."""

    def __init__(self, *fails: BaseException) -> None:
        self.written: list[str] = []
        self.fails = list(fails)
        self.free = threading.Event()
        self.free.set()
        self.at_work = threading.Event()

    def __call__(self, item: str) -> None:
        self.at_work.set()
        self.free.wait()
        if self.fails:
            raise self.fails.pop(0)
        self.written.append(item)


def spool(pen: Pen, most: int = 100) -> Spool[str]:
    return Spool(pen, most=most, name="django_ami-test", tell_loss="lost {}".format)


def test_records_are_written_in_order_by_another_thread() -> None:
    pen = Pen()
    one = spool(pen)
    assert "django_ami-test" not in [thread.name for thread in threading.enumerate()], (
        "not before it is needed"
    )
    for number in range(50):
        assert one.put(str(number))
    assert one.close(10)
    assert pen.written == [str(number) for number in range(50)]
    assert "django_ami-test" not in [thread.name for thread in threading.enumerate()]
    assert one.put("late") is False


def test_records_that_do_not_fit_are_counted_and_reported_without_a_wait() -> None:
    pen = Pen()
    pen.free.clear()
    one = spool(pen, most=3)
    one.put("first")
    assert pen.at_work.wait(10)
    for number in range(10):
        one.put(str(number))
    assert one.lost == 7
    assert one.close(0.01) is False
    pen.free.set()
    wait_until(lambda: len(pen.written) == 5)
    assert pen.written == ["first", "0", "1", "2", "lost 7"]
    assert one.close(10)


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), SystemExit(1), KeyboardInterrupt()]
)
def test_item_that_cannot_be_written_is_lost_and_the_next_one_is_tried(
    error: BaseException,
) -> None:
    pen = Pen(error, error, error)
    one = spool(pen)
    for item in ("a", "b", "c", "d"):
        one.put(item)
    assert one.close(10)
    assert pen.written == ["d", "lost 3"]
    assert one.lost == 3


def test_a_loss_that_cannot_be_told_is_told_behind_the_next_item() -> None:
    attempts: list[str] = []

    def write(item: str) -> None:
        attempts.append(item)
        if item == "a" or (attempts.count("lost 1") == 1 and item == "lost 1"):
            raise OSError

    one: Spool[str] = Spool(write, most=9, name="django_ami-test", tell_loss="lost {}".format)
    for item in ("a", "b"):
        one.put(item)
    wait_until(lambda: "lost 1" in attempts)
    one.put("c")
    assert one.close(10)
    assert attempts == ["a", "b", "lost 1", "c", "lost 1"]
    assert one.lost == 1


def test_a_thread_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse, start = True, threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if refuse and thread.name == "django_ami-test":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    pen = Pen()
    one = spool(pen)
    one.put("a")
    refuse = False
    one.put("b")
    assert one.close(10)
    assert (pen.written, one.lost) == (["a", "b"], 0)
    refuse = True
    two = spool(pen)
    two.put("c")
    assert two.close(10), "nothing to wait for"
    assert (pen.written, two.lost) == (["a", "b"], 1)
    three = spool(pen)
    assert not three.start()
    refuse = False
    assert three.start()
    refuse = True
    three.put("d")
    assert three.close(10)
    assert (pen.written, three.lost) == (["a", "b", "d"], 0)


def test_many_threads_put_and_nothing_is_lost_or_counted_twice() -> None:
    pen = Pen()
    one = spool(pen, most=50)

    def put() -> None:
        for number in range(1000):
            one.put(str(number))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.close(10)
    told = sum(int(item.split()[1]) for item in pen.written if item.startswith("lost"))
    assert sum(not item.startswith("lost") for item in pen.written) + one.lost == 8000
    assert told == one.lost


def test_a_forked_child_knows_that_it_is_the_parents(tmp_path: Any) -> None:
    one = spool(Pen())
    assert one.is_here()
    if (child := os.fork()) == 0:
        os._exit(bool(one.is_here()))
    assert os.waitpid(child, 0)[1] == 0


def test_spool_counts_its_backlog_and_its_thread_says_goodbye() -> None:
    pen, said = Pen(), []
    pen.free.clear()

    def goodbye() -> None:
        said.append(threading.current_thread().name)

    one: Spool[str] = Spool(
        pen, most=100, name="django_ami-test", tell_loss="lost {}".format, at_end=goodbye
    )
    for number in range(4):
        one.put(str(number))
    assert pen.at_work.wait(10)
    assert (one.waiting, said) == (3, [])
    pen.free.set()
    assert one.close(10)
    assert (one.waiting, said) == (0, ["django_ami-test"])
