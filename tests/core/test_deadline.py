"""A deadline: how much time is left until it."""

from __future__ import annotations

import math
import time

from django_ami.core.deadline import Deadline


def test_a_deadline_that_is_ahead():
    before = time.monotonic()
    deadline = Deadline(100.0)
    after = time.monotonic()
    assert before + 100.0 <= deadline.at <= after + 100.0
    assert not deadline.over
    assert 0.0 < deadline.left <= deadline.at - before
    timeout = deadline.timeout
    assert timeout is not None
    assert deadline.left <= timeout <= 100.0


def test_a_deadline_that_has_passed():
    deadline = Deadline(0.0)
    assert deadline.over
    assert (deadline.left, deadline.timeout) == (0.0, 0.0)
    assert (Deadline(-5.0).left, Deadline(-5.0).over) == (0.0, True)


def test_without_a_deadline_there_is_always_time():
    deadline = Deadline(None)
    assert (deadline.at, deadline.left, deadline.timeout, deadline.over) == (
        math.inf,
        math.inf,
        None,
        False,
    )
