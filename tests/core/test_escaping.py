"""Text from the wire cannot steer a screen, pass for a line of the log, or tell a secret."""

from __future__ import annotations

import ast
import logging
import pickle
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import django_ami
from django_ami.core import errors
from django_ami.core.escaping import printable, printable_traceback, quoted
from django_ami.core.log import get_logger
from django_ami.core.numerals import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Text, and its escaped form.
ESCAPES = {
    "plain, Zoë „ﾊ“ 🎉": "plain, Zoë „ﾊ“ 🎉",
    "a\nb\rc\td": "a\\nb\\rc\\td",
    "\x1b[2J\x07\x00\x7f": "\\x1b[2J\\x07\\x00\\x7f",
    "\x9b31m\x85": "\\x9b31m\\x85",
    "\u202egpj.exe\u2066\u200f\u2028": "\\u202egpj.exe\\u2066\\u200f\\u2028",
    "\udc80\ud800": "\\udc80\\ud800",
    "back\\slash": "back\\slash",
    "\U000e0041": "\\U000e0041",
}


@pytest.mark.parametrize(("text", "expected"), ESCAPES.items())
def test_every_character_but_letters_signs_and_blanks_is_an_escape(
    text: str, expected: str
) -> None:
    assert printable(text) == expected
    assert printable(expected) == expected, "what was escaped stays as it is"


def test_character_that_an_encoding_lacks_is_an_escape() -> None:
    assert printable("Zoë ﾊ", "ascii") == "Zo\\xeb \\uff8a"
    assert printable("Zoë ﾊ", "latin-1") == "Zoë \\uff8a"


def test_a_quotation_has_no_secret_and_an_end() -> None:
    assert quoted(" said\n secret=hush ") == "said\\n secret=***"
    assert quoted("x" * 500) == "x" * 500
    assert quoted("x" * 10_000_000) == "x" * 499 + "…"
    assert quoted("\x1b" * 300, 10) == "\\x1b\\x1b\\…"


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in errors.__all__])
def test_every_error_says_it_in_one_line(kind: type[errors.AmiError]) -> None:
    error = kind("it said \x1b[2J\nERROR forged", "node_1")
    expected = "node_1: it said \\x1b[2J\\nERROR forged"
    for one in (
        error,
        pickle.loads(pickle.dumps(error)),
        error.at("node_1"),
        type(error)(*error.args),
    ):
        assert str(one) == expected
        assert one.message in expected


# --- the log ---


@pytest.fixture
def told() -> Iterator[StringIO]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    parent = logging.getLogger("django_ami")
    parent.addHandler(handler)
    yield stream
    parent.removeHandler(handler)


def test_a_line_of_the_log_is_one_line(told: StringIO) -> None:
    get_logger("django_ami.test").error("%s: lost by %s.", "node_1", "\x1b[2J\nERROR forged \u202e")
    assert told.getvalue() == "ERROR node_1: lost by \\x1b[2J\\nERROR forged \\u202e.\n"


def test_an_ordinary_line_keeps_its_template(caplog: pytest.LogCaptureFixture) -> None:
    get_logger("django_ami.test").error("%s: lost.", "node_1")
    get_logger("django_ami.test").error("%s: lost.", "no\nde")
    assert [(record.msg, record.args) for record in caplog.records] == [
        ("%s: lost.", ("node_1",)),
        ("no\\nde: lost.", None),
    ]


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_a_line_that_cannot_be_made_is_the_handlers_business(
    told: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    get_logger("django_ami.test").error("%s", Unspeakable())
    get_logger("django_ami.test").error("said")
    assert told.getvalue() == "ERROR said\n"


def _raise(text: str) -> None:
    raise ValueError(text)


def test_no_line_of_a_traceback_can_pass_for_another(told: StringIO) -> None:
    try:
        try:
            _raise("bad \x1b[2J\nERROR forged\n\nERROR again")
        except ValueError as error:
            raise KeyError("\u202e") from error
    except KeyError:
        get_logger("django_ami.test").exception("failed")
    lines = told.getvalue().splitlines()
    assert lines[0] == "ERROR failed"
    assert lines.count("Traceback (most recent call last):") == 2
    assert "ValueError: bad \\x1b[2J" in lines
    assert "    ERROR forged" in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[-1] == "KeyError: '\\u202e'"
    assert not [line for line in lines[1:] if line.startswith("ERROR") or not line.isprintable()]
    assert any(line.strip() == "raise ValueError(text)" for line in lines), (
        "the code is as Python shows it"
    )


def test_a_traceback_of_an_error_that_has_no_words() -> None:
    assert printable_traceback(Unspeakable()).endswith("Unspeakable: <exception str() failed>")


def test_every_logger_of_the_package_is_made_safe() -> None:
    """A filter hears of its own logger's records alone.

    Those who run the simulator make the one of that safe.
    """
    root = Path(django_ami.__file__).parent
    made = []
    names = ("debug", "info", "warning", "error", "critical", "exception", "log")
    of_the_root = {f"logging.{name}" for name in names}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in ("getLogger", "getChild"):
                made.append(str(path.relative_to(root)))
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in of_the_root:
                made.append(f"{path.relative_to(root)}: the root logger")
    assert sorted(made) == [
        "core/log.py",  # the real logger, for its level and, behind the scribe, for its handlers
        "core/log.py",
        "simulator/server_thread.py",
        "tools/console.py",
    ]


# --- numbers ---

NUMBERS = {
    "0": 0, "007": 7, "9" * 18: 10**18 - 1, "9" * 19: None, "9" * 5000: None, "": None, "-1": None,
    "1.5": None, " 1": None, "1e9": None, "٣": None, "²": None, None: None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NUMBERS.items())
def test_whole_numbers(text: str | None, expected: int | None) -> None:
    assert whole_number(text) == expected
