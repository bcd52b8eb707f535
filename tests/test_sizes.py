"""No module, and no class, is more than a reader can hold in mind."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

PACKAGE = Path(__file__).parent.parent / "django_ami"

MOST_LINES: Final = 350
MOST_ATTRIBUTES: Final = 22

#: Generated, or data without code: nobody reads them from top to bottom.
DATA: Final = {
    "core/actions/generated.py",
    "core/catalog/actions.py",
    "core/catalog/events.py",
    "testing/events/data.py",
}


def modules() -> dict[str, str]:
    return {
        str(path.relative_to(PACKAGE)): path.read_text()
        for path in PACKAGE.rglob("*.py")
        if "migrations" not in path.parts
    }


def attributes_of(body: ast.ClassDef) -> set[str]:
    """The attributes that a class writes into its instances, and its ``__slots__``."""
    written = {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    slots = {
        slot.value
        for node in body.body
        if isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == ["__slots__"]
        for slot in ast.walk(node.value)
        if isinstance(slot, ast.Constant) and isinstance(slot.value, str)
    }
    return written | slots


def test_module_is_short_unless_it_is_data():
    lines = {name: len(text.splitlines()) for name, text in modules().items()}
    too_long = {name for name, count in lines.items() if count > MOST_LINES}
    assert too_long - DATA == set(), "split it along its concepts"
    assert DATA - too_long == set(), "it is short: remove its name here"


def test_class_has_few_attributes():
    too_many = {
        f"{name}: {node.name}"
        for name, text in modules().items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef) and len(attributes_of(node)) > MOST_ATTRIBUTES
    }
    assert too_many == set(), "some of them are a concept of their own"


def test_attributes_are_counted_where_they_are_written_and_declared():
    source = """
class Example:
    __slots__ = ("declared", "written")
    shared = 1

    def __init__(self, other):
        self.written = self.twice = self.read
        self.twice += 1
        self.annotated: int = 3
        other.foreign = 4
"""
    (example,) = ast.parse(source).body
    assert attributes_of(example) == {"declared", "written", "twice", "annotated"}
