"""Old names of events, and the events in their place."""

from __future__ import annotations

import pytest

from django_ami.core.catalog import EVENTS, event
from django_ami.core.catalog.renamed import GONE, RENAMED, predecessor, successors


@pytest.mark.parametrize("name", [*RENAMED, *GONE])
def test_an_old_name_is_in_no_catalogue_and_the_new_ones_are_broadcast(name: str) -> None:
    assert event(name) is None
    new = successors(name.upper())
    assert new is not None
    assert [one for one in new if one not in EVENTS or not EVENTS[one].broadcast] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("QueueMemberPaused", ("QueueMemberPause",)),
        ("leave", ("QueueCallerLeave",)),
        ("Dial", ("DialBegin", "DialEnd")),
        ("Hangup", None),
        ("QueueCallerJoin", None),
    ],
)
def test_successors(name: str, expected: tuple[str, ...] | None) -> None:
    assert successors(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("dialend", "Dial"), ("Reload", None), ("Hangup", None)]
)
def test_predecessor(name: str, expected: str | None) -> None:
    assert predecessor(name) == expected
