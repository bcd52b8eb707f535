"""The options of a live picture: good values, and the message about each bad one."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.errors import ConfigurationError
from django_ami.live.options import Options, options_of


def test_good_ones() -> None:
    def offset(when: float) -> float:
        return 3600.0

    assert options_of({}) == Options()
    given = {
        "trunks": ["PJSIP/provider"],
        "trunk_contexts": ("from-outside",),
        "variables": {"TENANT"},
        "kept_seconds": 10,
        "service_level_seconds": {"sales": 30},
        "wrapup_seconds": 5.5,
        "service_level_formula": 2,
        "shared_lastcall": True,
        "utc_offset": offset,
    }
    assert options_of(given) == Options(
        trunks=frozenset({"PJSIP/provider"}),
        trunk_contexts=frozenset({"from-outside"}),
        variables=frozenset({"TENANT"}),
        kept_seconds=10,
        service_level_seconds={"sales": 30},
        wrapup_seconds=5.5,
        service_level_formula=2,
        shared_lastcall=True,
        utc_offset=offset,
    )
    assert options_of({"utc_offset": -3600}).utc_offset == -3600


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("trunk", ["x"], "unknown option 'trunk': did you mean 'trunks'?"),
        ("trunks", "PJSIP/x", "option 'trunks' must be a list of names, not 'PJSIP/x'."),
        ("variables", [1], "option 'variables' must be a list of names, not [1]."),
        ("variables", 7, "option 'variables' must be a list of names, not 7."),
        (
            "kept_seconds",
            -1,
            "option 'kept_seconds' must be a number of seconds that is not negative, not -1.",
        ),
        (
            "kept_seconds",
            10**400,
            (
                "option 'kept_seconds' must be a number of seconds that is not negative, not "
                f"1{59 * '0'}… of the type int."
            ),
        ),
        (
            "kept_seconds",
            {"a": 1},
            "option 'kept_seconds' must be a number of seconds that is not negative, not {'a': 1}.",
        ),
        (
            "wrapup_seconds",
            {"sales": "5"},
            "option 'wrapup_seconds' must be seconds by the name of a queue, not {'sales': '5'}.",
        ),
        (
            "service_level_formula",
            5,
            "option 'service_level_formula' must be 1, 2, 3 or 4, not 5.",
        ),
        ("shared_lastcall", 1, "option 'shared_lastcall' must be True or False, not 1."),
        (
            "utc_offset",
            float("nan"),
            "option 'utc_offset' must be a number of seconds, or a function, not nan.",
        ),
    ],
)
def test_others_are_told(option: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        options_of({option: value})
    assert refused.value.message == told
