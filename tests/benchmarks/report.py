"""The figures of all rounds, what they are against the goals, as a table and as JSON."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.builds import BEFORE
from tests.benchmarks.goals import GOALS, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.running import Sample

_UNITS = {
    "ms to": "ms",
    "CPU per": "µs",
    "CPU for": "ms",
    "p50": "µs",
    "p99": "µs",
    "p50 by ticks": "µs",
    "outstanding": "actions/s",
    "ping p": "µs",
}


def unit_of(figure: str) -> str:
    """The unit of a figure, by what its name begins or ends with."""
    for name, unit in _UNITS.items():
        if figure.startswith(name) or name in figure:
            return unit
    return ""


@dataclass
class Row:
    """One figure of a scenario: ours, the others', and one goal, if there is one."""

    scenario: str
    figure: str
    unit: str
    ours: float | None
    others: dict[str, float]
    against: str | None = None
    ratio: float | None = None
    goal: str = ""
    reached: bool | None = None


@dataclass
class Report:
    """Collects samples; gives rows."""

    about: dict[str, Any]
    samples: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def add(self, scenario: str, sample: Sample) -> None:
        figure, who, value = sample
        self.samples.setdefault((scenario, figure), defaultdict(list))[who].append(value)

    def rows(self) -> Iterator[Row]:
        for (scenario, figure), by_who in self.samples.items():
            medians = {who: median(values) for who, values in by_who.items()}
            mine = medians.pop(OURS, None)
            row = Row(scenario, figure, unit_of(figure), mine, medians)
            goals = [goal for goal in GOALS if (goal.scenario, goal.figure) == (scenario, figure)]
            if mine is None or not goals:
                yield row
                continue
            for goal in goals:
                one = Row(
                    scenario, figure, row.unit, mine, medians, against=goal.against, goal=str(goal)
                )
                if goal.against is None:
                    one.reached = goal.reached(mine)
                elif medians.get(goal.against):
                    one.ratio = mine / medians[goal.against]
                    one.reached = goal.reached(one.ratio)
                yield one

    def as_json(self) -> dict[str, Any]:
        """Everything, the single samples included."""
        samples = {
            f"{scenario}: {figure}": dict(by_who)
            for (scenario, figure), by_who in self.samples.items()
        }
        return {
            **self.about,
            "rows": [asdict(row) for row in self.rows()],
            "samples": samples,
            "broken": self.broken,
        }

    def as_text(self) -> str:
        """The table: a line for each goal, and the other figures beside it."""
        lines = [f"{key}: {value}" for key, value in self.about.items()]
        lines += [
            "",
            _LINE.format(
                "scenario", "figure", "ours", "unit", "against", "theirs", "ratio", "goal", ""
            ),
        ]
        lines.append("-" * len(lines[-1]))
        shown = None
        for row in self.rows():
            place = (row.scenario, row.figure)
            names = place if place != shown else ("", "")
            others = (
                {row.against: row.others.get(row.against)}
                if row.against
                else row.others
                if not row.goal
                else {}
            )
            shown = place
            for number, (who, value) in enumerate(others.items() or [("", None)]):
                first = number == 0
                lines.append(
                    _LINE.format(
                        *(names if first else ("", "")),
                        _number(row.ours) if first else "",
                        row.unit if first else "",
                        who or "",
                        _number(value) or ("not here" if who else ""),
                        _number(row.ratio) if first else "",
                        row.goal if first else "",
                        {True: "reached", False: "NOT REACHED", None: ""}[row.reached]
                        if first
                        else "",
                    ).rstrip()
                )
            missing = [
                f"{who} {_number(value)}" for who, value in row.others.items() if who not in others
            ]
            if missing and names != ("", "") and row.goal:
                lines.append(
                    _LINE.format("", f"  beside it: {', '.join(missing)}", *[""] * 7).rstrip()
                )
        goals = [row for row in self.rows() if row.reached is not None]
        lines += ["", f"{sum(bool(row.reached) for row in goals)} of {len(goals)} goals reached."]
        return "\n".join([*lines, *(f"!!! {one}" for one in self.broken)])


_LINE = "{:<10} {:<28} {:>10} {:<10} {:<28} {:>10} {:>7}  {:<16} {}"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def as_markdown(results: dict[str, Any]) -> str:
    """The table of the documentation, from ``as_json``: a line for each goal, and figures without
    one below it. An older build that was measured in turn has a column.
    """
    had = any(BEFORE in row["others"] for row in results["rows"])
    before = [f"before: {results['before']}"] if had else []
    heads = ["scenario", "figure", "ours", *before, "against", "ratio", "goal", ""]
    rules = ["---", "---", "---:", *(["---:"] * had), "---", "---:", "---", "---"]
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(rules)}|"]
    for row in results["rows"]:
        if row["ours"] is None or not (row["goal"] or row["others"]):
            continue
        theirs = {who: value for who, value in row["others"].items() if who != BEFORE}
        others = [row["against"]] if row["against"] else [] if row["goal"] else list(theirs)
        against = "; ".join(
            who if who == BEFORE else f"{who} {_number(theirs.get(who)) or 'not here'}"
            for who in others
        )
        reached = {True: "reached", False: "**not reached**", None: ""}[row["reached"]]
        cells = (
            row["scenario"],
            row["figure"],
            f"{_number(row['ours'])} {row['unit']}".strip(),
            *([_number(row["others"].get(BEFORE))] * had),
            against,
            _number(row["ratio"]),
            row["goal"],
            reached,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown(json.loads(Path(sys.argv[1]).read_text())))
