"""Every scenario works, with a hundredth of the quick amounts and without peers.

How fast it is, is not looked at.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import machine, server
from tests.benchmarks.builds import BEFORE
from tests.benchmarks.goals import GOALS, OURS
from tests.benchmarks.peers import PEERS
from tests.benchmarks.report import Report
from tests.benchmarks.running import Bench
from tests.benchmarks.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES_OF_PEERS = {peer.name for peer in PEERS}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with server.running() as port:
        yield Bench(port, quick=True, share=0.01)


@pytest.mark.benchmark
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_yields_what_its_goals_look_at(bench: Bench, name: str) -> None:
    report = Report({"rounds": 1})
    for sample in SCENARIOS[name](bench):
        report.add(name, sample)
    for goal in GOALS:
        if goal.scenario == name and goal.against not in {BEFORE, *NAMES_OF_PEERS}:
            found = report.samples[name, goal.figure]
            assert found[OURS]
            assert goal.against is None or found[goal.against]
    assert json.loads(json.dumps(report.as_json()))["rows"]
    assert name in report.as_text()


def test_every_goal_is_of_a_scenario() -> None:
    assert {goal.scenario for goal in GOALS} <= set(SCENARIOS)


def test_the_figures_of_all_rounds_are_taken_together_by_their_median() -> None:
    report = Report({})
    for mine, theirs in ((1.0, 10.0), (30.0, 100.0), (2.0, 20.0)):
        report.add("flood", ("CPU per event", OURS, mine))
        report.add("flood", ("CPU per event", "panoramisk", theirs))
    row = next(row for row in report.rows() if row.against == "panoramisk")
    assert (row.ours, row.ratio, row.reached) == (2.0, 0.1, True)
    report.add("flood", ("CPU per event", OURS, 40.0))
    report.add("flood", ("CPU per event", OURS, 40.0))
    row = next(row for row in report.rows() if row.against == "panoramisk")
    assert (row.ours, row.reached) == (30.0, False)
    assert "NOT REACHED" in report.as_text()


def test_description_names_the_machine_and_interpreter_of_a_measurement() -> None:
    told = machine.describe()
    assert "CPython" in told["interpreter"] or "PyPy" in told["interpreter"]
    assert "optimised" in told["interpreter"]
    assert told["date"]
