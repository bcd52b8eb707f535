"""A layout either gives what splitting line by line gives, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core import layouts
from django_ami.core.headers import split_header
from django_ami.core.messages import Event

KEYS = ("Event", "Privilege", "Channel", "Uniqueid", "Exten")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "_layouts", {})
    monkeypatch.setattr(layouts, "_candidates", {})


def text(**values: str) -> str:
    return "\r\n".join(f"{key}: {values.get(key, 'x')}" for key in KEYS)


def taught(keys: tuple[str, ...] = KEYS, first: str = "x") -> None:
    for _ in range(layouts.ENOUGH_MESSAGES):
        layouts.learn_layout(text(Event=first), keys)


def test_frequent_layout_is_learnt():
    for _ in range(layouts.ENOUGH_MESSAGES - 1):
        layouts.learn_layout(text(), KEYS)
    assert layouts.fit_layout(text()) is None
    layouts.learn_layout(text(), KEYS)
    assert layouts.fit_layout(text(Channel="PJSIP/1", Exten="")) == (
        KEYS,
        ("x", "x", "PJSIP/1", "x", ""),
    )


def test_a_line_feed_alone_ends_no_value():
    taught()
    assert layouts.fit_layout(text(Channel="two\nlines")) == (
        KEYS,
        ("x", "x", "two\nlines", "x", "x"),
    )


def test_layouts_that_alternate_are_not_learnt():
    for _ in range(layouts.ENOUGH_MESSAGES):
        layouts.learn_layout(text(), KEYS)
        layouts.learn_layout(text(), KEYS[::-1])
    assert layouts._layouts == {}


def test_another_layout_takes_the_place_of_one_that_is_past():
    taught()
    taught(("Event", "Other"))
    assert layouts.fit_layout(text()) is None
    assert layouts.fit_layout("Event: x\r\nOther: y") == (("Event", "Other"), ("x", "y"))


def test_names_off_the_wire_do_not_pile_up():
    for number in range(3 * layouts._MAX_LAYOUTS):
        taught(first=str(number))
    assert 0 < len(layouts._layouts) <= layouts._MAX_LAYOUTS
    assert 0 < len(layouts._candidates) <= layouts._MAX_LAYOUTS


@pytest.mark.parametrize(
    "other",
    [
        "Event: x",
        text() + "\r\nMore: y",
        text().replace("Channel: ", "Channel:"),
        text().replace("Channel", "channel"),
        text(Channel="x\ry"),
        text(Channel="x\r\nChannel: y"),
        text().replace("\r\nExten", "\nExten"),
    ],
)
def test_message_with_another_layout_does_not_fit(other: str):
    taught()
    assert layouts.fit_layout(other) is None


VALUES = st.text(st.sampled_from("ab :\r\n\t(é\x00"), max_size=6)


@given(
    st.lists(VALUES, min_size=len(KEYS) - 1, max_size=len(KEYS) - 1),
    st.sampled_from([": ", ":", ":  "]),
)
def test_message_has_the_headers_of_its_lines_for_any_values(values: list[str], between: str):
    taught()
    lines = [
        "Event: x",
        *(f"{key}{between}{value}" for key, value in zip(KEYS[1:], values, strict=True)),
    ]
    raw = "\r\n".join(lines)
    expected = tuple(map(split_header, raw.split("\r\n")))
    event = Event("x", raw.encode(), "pbx")
    assert event.headers == expected
    assert [event.get_all(key)[0] for key in KEYS] == [
        next(value for found, value in expected if found.lower() == key.lower()) for key in KEYS
    ]


def test_all_views_of_an_event_that_fits_are_the_same():
    taught()
    pairs = tuple(zip(KEYS, ("x", "call,all", "PJSIP/1", "1.2", "é"), strict=True))
    raw = "\r\n".join(map(": ".join, pairs)).encode()
    assert Event("x", raw).headers == pairs
    assert Event("x", raw).as_dict() == dict(pairs)
    assert list(Event("x", raw).keys()) == list(KEYS)
    assert tuple(Event("x", raw).items()) == pairs
    assert len(Event("x", raw)) == len(KEYS)
    assert "EXTEN" in Event("x", raw)
    split = Event("x", raw)
    assert (split.headers, split.as_dict(), split.headers) == (pairs, dict(pairs), pairs)
