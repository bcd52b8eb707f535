"""The states of a session: one table, and its picture in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from django_ami.core.session import Ready, State
from django_ami.core.session.state import TRANSITIONS
from tests.core.support import Dialogue

DESIGN = Path(__file__).parents[3] / "docs" / "design.md"


def test_docs_show_the_table():
    shown = {
        State(before): {State(after) for after in afters.split(", ")}
        for before, afters in re.findall(r"^(\w+) +-> ([\w, ]+)$", DESIGN.read_text(), re.MULTILINE)
    }
    assert shown == TRANSITIONS


def test_every_state_can_be_reached_and_left():
    assert set(TRANSITIONS) == set(State)
    assert {after for afters in TRANSITIONS.values() for after in afters} == set(State)


def test_change_that_is_not_in_the_table_is_a_bug():
    session = Dialogue().session
    with pytest.raises(AssertionError, match="idle to ready"):
        session._become_ready()


@pytest.mark.parametrize(
    ("again", "took_over", "words"),
    [
        (False, False, "ready"),
        (True, False, "ready again"),
        (True, True, "ready to deliver"),
    ],
)
def test_readiness_has_words_for_people(again: bool, took_over: bool, words: str) -> None:
    assert Ready("a", "", "", again=again, took_over=took_over).words == words
