"""The private names of Python and Django that we stand on are listed where they are used, and are
there.

A module that uses any has them in its docstring, each as a dotted name in double backquotes. When a
new version drops one, a test here names it.
"""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType

import django
from django.dispatch import Signal

from django_ami.core.promise import Promise
from tests.running import DEADLINE_SECONDS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE: Final = ROOT / "django_ami"
#: Modules with a class whose base is another's: its private names are in reach as ``self._name``.
HEIRS: Final = {
    "django_ami/core/promise.py": Future(),
    "django_ami/core/pending.py": Future(),
    "django_ami/signals/classes.py": Signal(),
}
VERSIONS: Final = f"Python {sys.version.split()[0]}, Django {django.__version__}"


def listed(docstring: str) -> list[str]:
    """The names of others that a docstring lists."""
    return re.findall(
        r"``((?:asgiref|concurrent|asyncio|django|threading|_signal)\.[\w.]+)``", docstring
    )


def gone(names: list[str]) -> list[str]:
    """Those that this Python and this Django do not have."""
    return [name for name in names if not _is_there(*name.split("."))]


def _is_there(top: str, *rest: str) -> bool:
    found: Any = import_module(top)
    path = top
    for name in rest:
        path += f".{name}"
        if not hasattr(found, name) and isinstance(found, type) and hasattr(found := found(), name):
            return True  # an instance has it
        if not hasattr(found, name):
            try:
                found = import_module(path)
            except ImportError:
                return False
            continue
        found = getattr(found, name)
    return True


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield _name(path), ast.parse(path.read_text())


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def used(module: str, tree: ast.Module) -> set[str]:
    """The private names of others in the code of a module: the last part of each."""
    others = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if not alias.name.startswith("django_ami")
    }
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and not node.module.startswith("django_ami")
        ):
            private = any(is_private(part) for part in node.module.split("."))
            found |= {alias.name for alias in node.names if private or is_private(alias.name)}
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            of_other = isinstance(node.value, ast.Name) and node.value.id in {*others, "asyncio"}
            if of_other or (module in HEIRS and hasattr(HEIRS[module], node.attr)):
                found.add(node.attr)
    return found - {"_exit"}  # os._exit is documented


@cache
def users() -> dict[str, ast.Module]:
    """The modules that use any; not parsed by a process that only collects these tests."""
    return {module: tree for module, tree in modules() if used(module, tree)}


def names_listed(tree: ast.Module) -> list[str]:
    return listed(ast.get_docstring(tree) or "")


def test_modules_that_use_private_names_are_known() -> None:
    assert {"django_ami/core/promise.py", "django_ami/signals/classes.py"} <= set(users())


def test_module_lists_every_private_name_that_it_uses() -> None:
    unlisted = {
        module: used(module, tree) - {name.rpartition(".")[2] for name in names_listed(tree)}
        for module, tree in users().items()
    }
    assert not any(unlisted.values()), f"list them in the docstring: {unlisted}"


def test_every_private_name_is_there() -> None:
    testrun = ast.parse((PACKAGE / "testrun.py").read_text())
    names = {module: names_listed(tree) for module, tree in users().items()}
    names["django_ami/testrun.py"] = names_listed(testrun)
    assert all(names.values()), names
    found = {module: gone(those) for module, those in names.items()}
    assert not any(found.values()), f"gone from {VERSIONS}: {found}"


def test_a_name_that_has_gone_is_named() -> None:
    names = listed(
        "``concurrent.futures.Future._state`` ``concurrent.futures.Future._lock`` "
        "``django.dispatch.Signal._live`` ``asyncio._loop_of_mine`` "
        "``django.test.utils._State.saved`` ``concurrent.futures._base.FINISHED``"
    )
    assert gone(names) == [
        "concurrent.futures.Future._lock",
        "django.dispatch.Signal._live",
        "asyncio._loop_of_mine",
        "django.test.utils._State.saved",
    ]


# --- they mean what we take them for ---


def test_the_functions_of_concurrent_futures_take_a_promise_for_a_future() -> None:
    settled, failed, waited_for = Promise[int](), Promise[int](), Promise[int]()
    settled.set_result(1)
    failed.set_exception(KeyError("no"))
    assert repr(settled).endswith("state=finished returned int>")
    assert repr(failed).endswith("state=finished raised KeyError>")
    assert wait([settled, failed], DEADLINE_SECONDS).not_done == set()
    with ThreadPoolExecutor(1) as pool:
        both = pool.submit(
            lambda: [one.done() for one in as_completed([settled, waited_for], DEADLINE_SECONDS)]
        )
        threading.Timer(0.05, waited_for.set_result, [2]).start()
        assert both.result(DEADLINE_SECONDS) == [True, True]

    async def wrapped() -> int:
        return await asyncio.wrap_future(waited_for)

    assert asyncio.run(wrapped()) == 2


def test_the_signals_of_django_have_the_shape_that_we_rely_on() -> None:
    def one(**_: object) -> None: ...
    async def two(**_: object) -> None: ...

    signal = Signal()
    signal.connect(one)
    signal.connect(two, weak=False)
    assert signal._live_receivers(sender=None) == ([one], [two])
    (_, first, *_), (_, second, *_) = signal.receivers
    assert isinstance(first, ReferenceType)
    assert (first(), second) == (one, two)


def test_django_says_by_its_state_that_tests_run() -> None:
    from django.test import utils

    assert hasattr(utils._TestState, "saved_data")
    before = utils._TestState.saved_data
    utils.teardown_test_environment()
    try:
        assert not hasattr(utils._TestState, "saved_data")
    finally:
        utils.setup_test_environment(before.debug)
