"""Bugs that a thread survives."""

from __future__ import annotations

import logging

import pytest

from django_ami.core import bugs
from django_ami.core.bugs import Bugs

logger = logging.getLogger("django_ami.tests")


def bug(told: Bugs, error: Exception) -> None:
    try:
        raise error
    except type(error):
        told.tell()


def test_a_bug_that_comes_again_has_one_report_and_then_the_number_of_those_between(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now

        @staticmethod
        def sleep(seconds: float) -> None:
            pauses.append(seconds)

    pauses: list[float] = []
    monkeypatch.setattr(bugs, "time", Clock)
    told = Bugs(logger, "the tea")
    for _ in range(100):
        bug(told, ValueError("cold"))
    bug(told, KeyError("lost"))
    text = "A bug in django_ami: the tea failed; please report it."
    assert caplog.messages == [text, f"{text} Bugs before it that had no report: 99."]
    assert [one.exc_info[0] for one in caplog.records if one.exc_info] == [ValueError, KeyError]
    assert len(pauses) == 100
    now += 60
    bug(told, ValueError("cold"))
    assert caplog.messages[2:] == [text]
    assert len(pauses) == 100
