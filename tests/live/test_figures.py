"""The figures: each formula with numbers that were worked out by hand."""

from __future__ import annotations

import pytest

from django_ami.live import figures
from django_ami.live.figures import FIGURES, Counts, formula_of, occupancy, service_level, total


def percent(share: float | None) -> int:
    assert share is not None
    return round(100 * share)


def test_the_worked_example_of_the_service_level() -> None:
    """1000 answered, 860 of them within 20 s; 60 abandoned, 20 of them within 20 s."""
    counts = Counts(answered=1000, answered_in_time=860, abandoned=60, abandoned_in_time=20)
    assert [percent(service_level(counts, formula)) for formula in (1, 2, 3, 4)] == [83, 86, 81, 83]
    assert service_level(counts) == service_level(counts, 4) == 860 / 1040
    assert service_level(counts, 1) == 880 / 1060


DAY = Counts(
    joined=120,
    answered=80,
    answered_in_time=60,
    abandoned=10,
    abandoned_in_time=4,
    short_abandons=3,
    left={
        "full": 5,
        "join_empty": 2,
        "join_unavailable": 1,
        "leave_empty": 3,
        "leave_unavailable": 1,
        "timeout": 6,
        "continue": 9,
        "withdrawn": 1,
    },
    answered_wait_seconds=1600.0,
    wait_seconds=3000.0,
    longest_wait_seconds=240.0,
    talks=79,
    talk_seconds=7900.0,
    wrapup_seconds=790.0,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("offered", 117),
        ("answered_rate", 80 / (80 + 10 + 5 + 2 + 1 + 3 + 1 + 6)),
        ("abandon_rate", 10 / 117),
        ("asa", 20.0),
        ("average_wait", 3000 / (80 + 10 + 3 + 1 + 6)),
        ("longest_wait", 240.0),
        ("mean_talk", 100.0),
        ("handle_time", 110.0),
        ("blocked", 2 + 1 + 3 + 1),
        ("saturated", 5),
        ("service_level_1", (60 + 4) / 90),
        ("service_level_2", 60 / 80),
        ("service_level_3", 60 / 90),
        ("service_level_4", 60 / 86),
    ],
)
def test_the_figures_of_a_day(name: str, value: float) -> None:
    assert FIGURES[name](DAY) == pytest.approx(value)


def test_each_figure_is_in_the_table_of_them() -> None:
    public = {name for name in figures.__all__ if name.islower()}
    no_figures_of_a_queue = {"total", "formula_of", "occupancy", "service_level"}
    assert public - no_figures_of_a_queue == set(FIGURES)


def test_ratio_of_no_calls_is_not_known() -> None:
    nothing = {name: figure(Counts()) for name, figure in FIGURES.items()}
    counts = {"offered", "longest_wait", "blocked", "saturated"}
    assert nothing == {name: 0 if name in counts else None for name in FIGURES}
    assert occupancy(0, 0, 60, 60) is None


def test_occupancy() -> None:
    assert occupancy(talk=1200, wrapup=300, login=3600, pause=600) == 0.5


def test_an_unknown_formula() -> None:
    with pytest.raises(KeyError):
        service_level(DAY, 5)


def test_totals_add_up_and_the_longest_is_the_longest() -> None:
    other = Counts(joined=3, answered=2, longest_wait_seconds=500.0, left={"timeout": 1})
    both = total([DAY, other])
    assert (both.joined, both.answered, both.longest_wait_seconds) == (123, 82, 500.0)
    assert both.left == {**DAY.left, "timeout": 7}
    copy = DAY.copy()
    assert copy == DAY
    assert copy is not DAY
    assert copy.left is not DAY.left


def test_a_tooltip_shows_the_formula() -> None:
    assert (
        formula_of(figures.service_level_4)
        == "Service level 4, the default = answered within T ÷ (answered + abandoned after T)"
    )
    assert formula_of(figures.asa) == "Average speed of answer = Σ waits of the answered ÷ answered"
    for figure in (*FIGURES.values(), occupancy):
        assert " = " in formula_of(figure)


def test_there_is_no_tooltip_without_docstrings() -> None:
    def bare(counts: Counts) -> float:
        return counts.joined

    assert formula_of(bare) == ""
