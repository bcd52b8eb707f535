"""The imports of documentation, demo and a user's project are public.

In the reference, and in an ``__all__``.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The table at the beginning of the reference says which modules are public.
PUBLIC = re.findall(
    r"^\| `from (django_ami\S*) import",
    (ROOT / "docs/reference/index.md").read_text(),
    re.MULTILINE,
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = [
    path
    for folder in ("demo_project", "tests/sample_project")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "wrong.py"  # it has errors for a type checker to find
]


class Import(NamedTuple):
    where: str
    module: str
    #: None for ``import module``.
    name: str | None


def in_program(path: Path, text: str) -> Iterator[Import]:
    where = str(path.relative_to(ROOT))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "django_ami":
            yield from (Import(where, node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (
                Import(where, a.name, None)
                for a in node.names
                if a.name.split(".")[0] == "django_ami"
            )


def in_page(path: Path) -> Iterator[Import]:
    text = path.read_text()
    snippets = re.findall(r"^```python[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    for snippet in snippets:
        yield from in_program(path, snippet)
    for module, names in re.findall(r"`from (django_ami[\w.]*) import ([^`]+)`", text):
        for name in re.split(r",\s*", names):
            yield from [] if name == "…" else [Import(str(path.relative_to(ROOT)), module, name)]


def found() -> list[Import]:
    imports = [one for path in PAGES for one in in_page(path)]
    return imports + [one for path in PROGRAMS for one in in_program(path, path.read_text())]


def test_documents_and_demo_import_nothing_from_deep_inside() -> None:
    imports = found()
    assert {"README.md", "docs/how-to.md", "demo_project/calls/receivers.py"} <= {
        one.where for one in imports
    }
    assert [one for one in imports if one.module not in PUBLIC] == []


def names_of(module: str) -> set[str]:
    public = import_module(module)
    # The generated classes of actions are loaded on first use, and are too many for ``import *``.
    return {*public.__all__, *(dir(public) if module == "django_ami.actions" else ())}


def test_public_imports_are_in_the_all_of_their_module() -> None:
    assert [
        one for one in found() if one.name is not None and one.name not in names_of(one.module)
    ] == []


@pytest.mark.parametrize("module", PUBLIC)
def test_every_name_of_a_public_module_is_there(module: str) -> None:
    public = import_module(module)
    assert len(public.__all__) == len(set(public.__all__)) > 0
    for name in public.__all__:
        assert getattr(public, name) is not None


def test_types_for_annotations_are_in_one_place() -> None:
    from django_ami import types
    from django_ami.core import client, config, messages, outcome, pending, session

    homes = {
        "ServerHandle": client,
        "Event": messages,
        "Response": messages,
        "CallResult": outcome,
        "PendingAction": pending,
        "TLSConfig": config,
        "Role": session,
    }
    assert {name: getattr(types, name) for name in homes} == {
        name: getattr(home, name) for name, home in homes.items()
    }
