"""Text that is safe on a terminal."""

from __future__ import annotations

import pytest

from django_ami.core.escaping import printable
from django_ami.core.messages import Event
from django_ami.tools.text import clip, headers, pairs, table


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("Zoë 日本", "utf-8", "Zoë 日本"),
        ("Zoë 日本", "latin-1", "Zoë \\u65e5\\u672c"),
        ("Zoë", "ascii", "Zo\\xeb"),
        ("a\x1b[2Jb", None, "a\\x1b[2Jb"),
        ("a\tb\r\n\x00\x7f\x9b", None, "a\\tb\\r\\n\\x00\\x7f\\x9b"),
        ("abc\u202edef", None, "abc\\u202edef"),
    ],
)
def test_text_steers_no_terminal(text: str, encoding: str | None, expected: str) -> None:
    assert printable(text, encoding) == expected


def test_headers_keep_repeated_values() -> None:
    event = Event("X", b"Event: X\r\nVariable: a=1\r\nSecret: s\r\nVariable: b=2")
    assert headers(event, without=["event"]) == {"Variable": ["a=1", "b=2"], "Secret": "***"}


def test_a_variable_whose_name_speaks_of_a_secret() -> None:
    event = Event("VarSet", b"Event: VarSet\r\nVariable: DB_PASSWORD\r\nValue: hush")
    assert pairs(event)[-1] == ("Value", "***")
    event = Event("VarSet", b"Event: VarSet\r\nVariable: LANGUAGE\r\nValue: en")
    assert pairs(event)[-1] == ("Value", "en")


def test_a_table_is_aligned() -> None:
    rows = [
        {"Name": "Zoë", "Calls": "7", "Empty": "", "Ratio": "0.5"},
        {"Name": "日本", "Calls": "123", "Empty": "", "Ratio": "10.25", "More": ["a", "b"]},
        {"Name": "x\x1b[1m"},
    ]
    assert list(table(rows)) == [
        "Name      Calls  Ratio  More",
        "Zoë           7    0.5",
        "日本        123  10.25  a, b",
        "x\\x1b[1m",
    ]


def test_chosen_columns_whatever_their_case() -> None:
    assert list(table([{"Name": "a", "Status": "5"}], ["status", "Name", "Nope"])) == [
        "status  Name  Nope",
        "     5  a",
    ]


def test_table_without_rows_is_an_empty_line() -> None:
    assert list(table([])) == [""]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 3, "abc"),
        ("日本語", 5, "日本"),
        ("日本語", 4, "日本"),
        ("abc", 0, ""),
        ("", 5, ""),
        ("a\tbcd", 3, "a\\t"),
    ],
)
def test_clip_keeps_text_within_the_width(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected
