"""Messages of the stream, patches, and ids."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from django_ami.live.feed.records import Position
from django_ami.wallboard.access import Access
from django_ami.wallboard.messages import message, patch_of
from django_ami.wallboard.positions import positions_as_text, positions_of
from tests.wallboard.browsing import merged, parsed

VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


@settings(deadline=None, derandomize=True, database=None)
@given(OBJECTS, OBJECTS)
def test_patch_makes_the_new_object_of_the_old_one(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    patch = patch_of(before, after)
    assert merged(before, patch) == after
    assert (patch == {}) == (before == after)


def test_patch_has_no_more_than_the_difference() -> None:
    before = {"state": "up", "caller": {"name": "Eve", "number": "1"}, "since": 1}
    after = {"state": "up", "caller": {"name": "Eve", "number": "2"}}
    assert patch_of(before, after) == {"caller": {"number": "2"}, "since": None}


def test_field_of_none_is_one_that_is_not_there() -> None:
    assert patch_of({"a": 1}, {"a": None, "b": None}) == {"a": None}


def test_message_is_one_line_of_json_whatever_a_name_holds() -> None:
    name = "Zo\u00eb\r\n\nevent: end\u2028\udc80"
    text = message("change", {"name": name}, "node_1=ab.1")
    (one,) = parsed(text)
    assert (one.event, one.id) == ("change", "node_1=ab.1")
    assert one.data == {"name": name.replace("\udc80", "?")}
    assert text.count(b"\n") == 4


def test_id_names_positions_and_nothing_else_does() -> None:
    positions = {"node_1": Position("ab", 3), "a&b=c": Position("cd", 4)}
    access = Access(queues={"sales"})
    servers = (*positions, "new")
    text = positions_as_text(access, {**positions, "new": None})
    assert positions_of(access, servers, text) == positions
    for other in (
        Access(),
        Access(queues={"sales"}, masks_numbers=True),
        Access(queues={"sales"}, may={"call"}),
        Access(servers={"a"}),
    ):
        assert positions_of(other, servers, text) == {}
    for renamed in ((*positions, "newer"), tuple(positions), (*servers, "another"), ()):
        assert positions_of(access, renamed, text) == {}


@pytest.mark.parametrize(
    "text", ["", "7", "node_1", "node_1=", "node_1=ab", "node_1=ab.-1", "node_1=.1", "=&=&&",
             "node_1=ab." + "9" * 5000]
)  # fmt: skip
def test_text_that_is_no_id_names_nothing(text: str) -> None:
    servers = ("node_1",)
    mark = positions_as_text(Access(), dict.fromkeys(servers))
    assert positions_of(Access(), servers, text) == {}
    assert positions_of(Access(), servers, text + mark) == {}
