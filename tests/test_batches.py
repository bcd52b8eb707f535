"""Forks beside a thread that writes into the database, in processes of their own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from django_ami import batches
from django_ami.batches import Batches, Words
from tests.running import run_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

#: A thread that is in the database until ``leaves`` is set. The exit code of a child is 1 if the
#: thread was there at the fork.
SETUP = """
import os, threading, warnings
import django
from django.conf import settings
settings.configure()
django.setup()
from django_ami import batches
from django_ami.batches import Batches, Words

warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads, from Python 3.12 on

class Held(Batches):
    inside, leaves = threading.Event(), threading.Event()

    def write(self, items):
        self.inside.set()
        assert self.leaves.wait(60)
        self.inside.clear()

words = Words("Items", "items", "most", "items")
held = Held(words, name="held", most=9, batch=1, flush_seconds=0, close_seconds=20)
held.put(1)
assert held.inside.wait(20)

def child():
    if not (number := os.fork()):
        os._exit(held.inside.is_set())
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
"""


def test_child_is_forked_when_no_thread_is_in_the_database() -> None:
    assert run_python(SETUP + "os.register_at_fork(before=held.leaves.set)\nprint(child())") == "0"


def test_fork_goes_on_while_the_database_does_not_answer() -> None:
    rest = "print(child(), child())\nheld.leaves.set()\nprint(held.close(), child())"
    assert run_python(SETUP + rest).split("\n") == ["1 1", "True 0"]


def test_items_without_a_thread_to_write_them_are_told_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Python 3.12 starts no thread any more at the end of the interpreter."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(batches, "_batches", {})  # metrics of other tests are not to show it
    left: list[str] = []

    class Kept(Batches[str]):
        def not_stored(self, items: Sequence[str]) -> None:
            left.extend(items)

    words = Words("The table", "items", "most", "a test")
    held = Kept(words, name="kept", most=9, batch=1, flush_seconds=0, close_seconds=20)
    with monkeypatch.context() as ending:
        ending.setattr(threading.Thread, "start", refuse)
        assert held.put("an item")
        assert not held.close()
    assert held.status.waiting == 0
    assert left == ["an item"]
    assert caplog.messages == [
        "The table: 1 items are lost, since no thread could be started to write them."
    ]
    assert not held.put("another one")
