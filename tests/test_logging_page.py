"""The page of the log is true: its LOGGING works, and its fields are those of the code."""

from __future__ import annotations

import ast
import io
import json
import logging
import logging.config
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django_ami.core.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "logging.md").read_text()
logger = get_logger("django_ami.test_of_the_log")


@contextmanager
def as_on_the_page() -> Iterator[io.StringIO]:
    """The LOGGING of the page, whose lines go to the text."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    namespace: dict[str, Any] = {"__name__": "settings"}
    exec(compile(snippet, "logging.md", "exec"), namespace)
    package = logging.getLogger("django_ami")
    listen = logging.getLogger("django_ami.listen")
    before = package.handlers[:], package.level, listen.level
    logging.config.dictConfig({**namespace["LOGGING"], "incremental": False})
    try:
        (handler,) = package.handlers
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(text := io.StringIO())
        yield text
    finally:
        package.handlers[:], package.level = before[:2]
        listen.setLevel(before[2])
        package.setLevel(before[1])


def said(text: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.getvalue().splitlines()]


def test_json_of_the_page_has_message_and_fields() -> None:
    with as_on_the_page() as text:
        logger.warning("%s: gone", "node_1", extra={"server": "node_1", "queue_depth": 7})
        logger.info("not wanted")
    (line,) = said(text)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING", "logger": logger.name, "message": "node_1: gone", "server": "node_1",
        "queue_depth": 7,
    }  # fmt: skip


def test_json_of_the_page_has_the_traceback_without_what_steers_a_terminal() -> None:
    with as_on_the_page() as text:
        try:
            raise ValueError("a\x1b[2Jb")
        except ValueError:
            logger.exception("failed", extra={"receiver": "evil\x1b[2J"})
    (line,) = said(text)
    assert "ValueError: a\\x1b[2Jb" in line["traceback"]
    assert line["receiver"] == "evil\\x1b[2J"


def fields_in_the_code() -> set[str]:
    """The keys of all ``extra`` that the package gives, as far as they are written there."""
    found = set()
    for path in (ROOT / "django_ami").rglob("*.py"):
        tree = ast.parse(path.read_text())
        if "get_logger" not in path.read_text():
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                found |= keys(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name == "_fields":
                found |= keys(node)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "extra":
                found |= keys(node.value)
    return found


def keys(tree: ast.AST) -> set[str]:
    return {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def test_warning_about_a_server_has_it_as_a_field() -> None:
    assert [
        f"{path.name}, line {node.lineno}"
        for path in (ROOT / "django_ami").rglob("*.py")
        if "simulator" not in path.parts and "logger." in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and re.fullmatch(r"logger\.(warning|error|exception)", ast.unparse(node.func))
        and any(re.search(r"\bserver\b", ast.unparse(one)) for one in node.args[1:])
        and not any(keyword.arg == "extra" for keyword in node.keywords)
    ] == []


def test_every_field_is_documented_and_no_other() -> None:
    section = PAGE.partition("## Fields")[2].partition("\n## ")[0]
    names = re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)))
    code = fields_in_the_code()
    assert len(code) > 10
    assert set(names) == code


def test_example_line_has_the_fields_of_a_lost_connection() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    line = json.loads(shown)
    assert f"Trying again in {line['retry_in']} s." in line["message"]
    assert (ROOT / line["logger"].replace(".", "/")).with_suffix(".py").exists()
