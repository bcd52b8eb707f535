"""Reports of many failures: the first in full, some in one line, the rest as a number."""

from __future__ import annotations

from math import inf

from django_ami.core.reports import (
    MOST_KINDS,
    MOST_LINES,
    REPORT_INTERVAL_SECONDS,
    Level,
    Repeated,
    Reports,
    Sparing,
)


def test_a_kind_is_told_in_full_then_in_lines_then_in_numbers() -> None:
    reports: Reports[str] = Reports()
    levels = [reports.add("a", 1.0, str(number)) for number in range(MOST_LINES + 100)]
    assert levels == [Level.FULL, *[Level.LINE] * MOST_LINES, *[Level.COUNTED] * 99]
    assert reports.add("b", 1.0, "") is Level.FULL, "another kind"
    assert reports.due_at == 1.0 + REPORT_INTERVAL_SECONDS
    assert reports.due(10.9) == []
    assert reports.due(11.0) == [Repeated("a", 99, REPORT_INTERVAL_SECONDS, str(MOST_LINES + 99))]
    assert reports.due_at == inf
    assert reports.add("a", 11.0, "") is Level.FULL, "a new interval"
    assert reports.add("b", 11.0, "") is Level.FULL, "nothing was left to tell"


def test_repeated_failures_are_reported_before_the_next_full_one() -> None:
    reports: Reports[str] = Reports()
    for _ in range(MOST_LINES + 2):
        reports.add("a", 0.0, "")
    assert reports.add("a", 50.0, "last") is Level.COUNTED
    assert reports.due(50.0) == [Repeated("a", 2, 50.0, "last")]


def test_everything_is_told_at_the_end() -> None:
    reports: Reports[str] = Reports()
    for kind in "ab":
        for _ in range(MOST_LINES + 2):
            reports.add(kind, 0.0, "x")
    assert reports.due(1.0, everything=True) == [
        Repeated("a", 1, 1.0, "x"),
        Repeated("b", 1, 1.0, "x"),
    ]
    assert reports.due(1.0, everything=True) == []


def test_the_first_of_the_next_to_tell_says_when() -> None:
    reports: Reports[str] = Reports()
    for kind, when in (("a", 0.0), ("b", 5.0)):
        for _ in range(MOST_LINES + 2):
            reports.add(kind, when, "")
    assert [one.kind for one in reports.due(12.0)] == ["a"]
    assert reports.due_at == 15.0


def test_kinds_are_bounded_and_nothing_that_is_to_be_told_is_forgotten() -> None:
    reports: Reports[object] = Reports()
    for _ in range(MOST_LINES + 2):
        reports.add("a", 0.0, "")
    for number in range(3 * MOST_KINDS):
        reports.add(number, 0.0, "")
    assert len(reports._intervals) <= MOST_KINDS
    assert [one.kind for one in reports.due(20.0)] == ["a"]


def test_sparing_lines_are_a_few_at_once_and_then_one_in_an_interval() -> None:
    sparing = Sparing(3, 60.0)
    said = [second for second in range(200) if sparing.may_say("node_1", float(second))]
    assert said == [0, 1, 2, 62, 122, 182]
    assert sparing.may_say("node_2", 199.0)
    assert [sparing.may_say("node_1", 300.0) for _ in range(4)] == [True, True, True, False]
