"""Which actions a project's source sends, as far as that can be read in it.

Rule: the code is read, not run. Only an action that is spelled out is found: ``Originate(…)``
imported from django_ami, by itself or as ``actions.Originate(…)``, and ``Action("Originate", …)``.
A name that is computed is not found, and installed packages are not searched: an app of theirs may
tell its actions by the method ``ami_actions`` of its AppConfig, and ``--actions`` names the rest.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.apps import apps

from django_ami.core.catalog import action as find_action

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Usage", "scan_project", "scan_source"]

_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})
_NOT_THE_SITE: Final = frozenset({"tests", "migrations", "node_modules", ".venv", "venv"})

#: The actions by which a call is made, looked for, and hung up.
_OF_A_CALL: Final = ("Originate", "Status", "Hangup")


@dataclass
class Usage:
    """Names of actions, each with the places where it is made.

    And whether outcomes of calls are waited for.
    """

    places: dict[str, list[str]] = field(default_factory=dict)
    outcomes: bool = False

    def add(self, name: str, place: str) -> None:
        info = find_action(name)
        self.places.setdefault(info.name if info else name, []).append(place)

    def update(self, other: Usage) -> None:
        for name, places in other.places.items():
            self.places.setdefault(name, []).extend(places)
        self.outcomes |= other.outcomes


def scan_project() -> Usage:
    """The actions of the project's own apps in INSTALLED_APPS, and those that other apps tell.

    Tests are left out.
    """
    found = Usage()
    for config in apps.get_app_configs():
        for name in config.ami_actions() if hasattr(config, "ami_actions") else ():
            found.add(name, config.name)
            found.outcomes |= name == "Originate"
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        here = Path("/")
    for path in sorted({path for root in _roots() for path in _sources(root)}):
        shown = path.relative_to(here) if path.is_relative_to(here) else path
        with suppress(OSError):  # a file that cannot be read sends nothing that can be known
            found.update(scan_source(path.read_text(errors="replace"), str(shown)))
    return found


def _roots() -> Iterator[Path]:
    for config in apps.get_app_configs():
        root = Path(config.path).resolve()
        if config.name.partition(".")[0] != "django_ami" and _PACKAGES.isdisjoint(root.parts):
            yield root


def _sources(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.py"):
        inside = path.relative_to(root)
        if _NOT_THE_SITE.isdisjoint(inside.parts) and not inside.name.startswith(
            ("test_", "tests.")
        ):
            yield path


def scan_source(text: str, where: str) -> Usage:
    """The actions of one file. A file that is no Python has none."""
    found = Usage()
    try:
        tree = ast.parse(text)
    except (
        SyntaxError,
        ValueError,
        RecursionError,
        MemoryError,
    ):  # the last two: nested too deeply for Python
        return found
    names, modules = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _made(node, names, modules)):
            found.add(name, f"{where}:{node.lineno}")
            found.outcomes |= name.lower() == "originate" and _waits(node)
        elif isinstance(node, ast.Call) and _makes_a_call(node):
            for name in _OF_A_CALL:
                found.add(name, f"{where}:{node.lineno}")
            found.outcomes = True
    return found


def _imports(tree: ast.AST) -> tuple[dict[str, str], set[str]]:
    """The classes of actions, and the modules of them, that a file imports.

    They stand by the names that the file gives them.
    """
    names: dict[str, str] = {}
    modules: set[str] = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").partition(".")[0] == "django_ami"
        ):
            for alias in node.names:
                if alias.name == "actions":
                    modules.add(alias.asname or alias.name)
                elif alias.name == "Action" or find_action(alias.name):
                    names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in ("django_ami.actions", "django_ami.core.actions"):
                    modules.add(alias.asname or alias.name)
    return names, modules


def _made(node: ast.Call, names: dict[str, str], modules: set[str]) -> str | None:
    """The name of the action that a call makes, if it makes one."""
    match node.func:
        case ast.Name(id=name):
            made = names.get(name)
        case ast.Attribute(value=value, attr=name) if ast.unparse(value) in modules:
            made = name
        case _:
            return None
    if made != "Action":
        return made
    match node.args:
        case [ast.Constant(value=str() as literal), *_]:
            return literal
    return None


def _makes_a_call(node: ast.Call) -> bool:
    """True for ``ami.originate(to=…)``, and that of a server."""
    named = isinstance(node.func, ast.Attribute) and node.func.attr == "originate"
    return named and any(keyword.arg == "to" for keyword in node.keywords)


def _waits(node: ast.Call) -> bool:
    """True unless ``wait`` is absent or False."""
    given = [keyword.value for keyword in node.keywords if keyword.arg == "wait"]
    return any(not (isinstance(value, ast.Constant) and not value.value) for value in given)
