"""A call with an end, whatever the system has left."""

from __future__ import annotations

import threading

import pytest

from django_ami.tools.streams import within

AMPLE_SECONDS = 20.0


def test_a_call_that_returns() -> None:
    done: list[bool] = []
    assert within(AMPLE_SECONDS, lambda: done.append(True))
    assert done == [True]


def test_a_call_that_does_not_return() -> None:
    blocked = threading.Event()
    assert not within(0.01, blocked.wait)
    blocked.set()


def test_a_call_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", told.append)
    assert within(AMPLE_SECONDS, lambda: 1 // 0)


def test_a_thread_of_python_that_ends_before_it_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that has no memory for its first frame; ``Thread.start`` waits for ever then."""
    monkeypatch.setattr(threading.Thread, "_bootstrap", lambda _: None)
    assert within(AMPLE_SECONDS, int)


def test_a_thread_that_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)
    assert not within(AMPLE_SECONDS, int)
