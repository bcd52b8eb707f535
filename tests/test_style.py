"""All modules of the package are written in one style.

Ruff checks the first import (I002) and ``__all__`` (F822).
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from textwrap import dedent

PACKAGE = Path(__file__).parent.parent / "django_ami"


@cache
def trees() -> dict[str, ast.Module]:
    """The modules of the package; not parsed by a process that only collects these tests."""
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text())
        for path in PACKAGE.rglob("*.py")
    }


def assigned_names(tree: ast.Module) -> set[str]:
    targets = [
        target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def has_public_definition(tree: ast.Module) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) and not node.name.startswith("_") for node in tree.body)


def test_module_with_public_definitions_lists_its_names() -> None:
    assert [
        name
        for name, tree in trees().items()
        if has_public_definition(tree) and "__all__" not in assigned_names(tree)
    ] == []


def examples(tree: ast.Module) -> list[str]:
    """The code in the docstrings of a module: blocks behind ``::``, but for drawings and files."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    blocks = [
        block for text in texts for block in re.findall(r"::\n\n((?: {4}.*\n?|\n)+)", text or "")
    ]
    return [dedent(block) for block in blocks if not re.search("[─…]|^ *@0", block, re.MULTILINE)]


def is_python(text: str) -> bool:
    try:
        ast.parse(f"{text}\ndef decorated(): ...")  # a block may end with decorators
    except SyntaxError:
        return False
    return True


def test_example_in_docstring_is_python() -> None:
    found = {(name, block) for name, tree in trees().items() for block in examples(tree)}
    assert len(found) > 8
    assert {(name, block) for name, block in found if not is_python(block)} == set()


def test_name_of_test_has_a_subject() -> None:
    headless = re.compile(
        r"^ *(?:async )?def (test_(?:its?|they|nothing|what(?:ever)?|who(?:ever)?|so"
        r"|somebody|nobody|none|this|that)_\w+)",
        re.MULTILINE,
    )
    assert [
        f"{path.name}: {name}"
        for path in PACKAGE.parent.joinpath("tests").rglob("*.py")
        for name in headless.findall(path.read_text())
    ] == []


def test_logger_of_module_is_called_logger_and_escapes_its_lines() -> None:
    loggers = {
        name: (ast.unparse(node.targets[0]), ast.unparse(node.value.func))
        for name, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in ("get_logger", "logging.getLogger")
    }
    assert len(loggers) > 10
    # The simulator shares no code with the core.
    own = {
        name: "logging.getLogger" if name.startswith("simulator/") else "get_logger"
        for name in loggers
    }
    assert loggers == {name: ("logger", function) for name, function in own.items()}
