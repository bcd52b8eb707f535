"""The table of scenarios names recordings and tests that exist, and no recording is missing."""

from __future__ import annotations

from pathlib import Path

from tests.recordings import scenarios

HERE = Path(__file__).parent
TOLD = HERE.parent / "data" / "phones" / "told.txt"


def rows() -> dict[str, tuple[str, ...]]:
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (HERE / "README.md").read_text().splitlines()
        if line.startswith("| ") and line.count("|") == 5
    ]
    return {cells[0]: tuple(cells[1:]) for cells in lines[1:]}


def names(cell: str) -> set[str]:
    return {name for name in cell.split(", ") if name}


def test_each_scenario_is_tested_by_something_that_is_there() -> None:
    recorded = {name for folder in ("calls", "phones") for name, _ in scenarios(folder)}
    for scenario, (recordings, here, real) in rows().items():
        assert recordings or here or real, scenario
        assert names(recordings) <= recorded, scenario
        for folder, tests in ((HERE, here), (HERE.parent / "asterisk", real)):
            assert all((folder / f"{test}.py").exists() for test in names(tests)), scenario


def test_a_recording_of_a_scenario_is_in_its_row() -> None:
    for line in TOLD.read_text().splitlines():
        if not line.startswith(" "):
            name, *ids = line.split()
            assert all(name in names(rows()[scenario][0]) for scenario in ids), name
