"""The table of the documentation has a column for an older build, if one was measured."""

from __future__ import annotations

from tests.benchmarks.builds import BEFORE
from tests.benchmarks.goals import OURS
from tests.benchmarks.report import Report, as_markdown


def of_flood(*samples: tuple[str, float]) -> str:
    report = Report({"before": "ca21aba"})
    for who, value in samples:
        report.add("flood", ("CPU per event", who, value))
    return as_markdown(report.as_json())


def test_older_build_is_a_column_and_its_ratio_stands_against_its_goal() -> None:
    lines = of_flood((OURS, 2.0), (BEFORE, 4.0), ("panoramisk", 20.0)).splitlines()
    assert lines[0] == "| scenario | figure | ours | before: ca21aba | against | ratio | goal |  |"
    assert lines[1].count("|") == lines[0].count("|")
    assert "| flood | CPU per event | 2 µs | 4 | before | 0.5 | ≤ 0.75 | reached |" in lines
    assert "| flood | CPU per event | 2 µs | 4 | panoramisk 20 | 0.1 | ≤ 0.143 | reached |" in lines


def test_table_has_no_column_of_an_older_build_when_none_was_measured() -> None:
    table = of_flood((OURS, 2.0), ("panoramisk", 20.0))
    assert table.startswith("| scenario | figure | ours | against |")
    assert "| panoramisk 20 | 0.1 |" in table
