"""The effects of an import: no Django below the line, nothing opened, nothing heavy loaded.

And the directions of imports.
"""

from __future__ import annotations

import pkgutil
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

import django_ami
from django_ami import core
from tests.running import PYTHON, ROOT, Program, run_python

#: Keeps an eye on sockets and threads from the very beginning.
WATCH = """
import sys, threading

opened = []
sys.addaudithook(lambda event, _: opened.append("socket") if event == "socket.__new__" else None)
threading.Thread.start = lambda self: opened.append("thread")
"""
#: Forbids Django as well.
PRELUDE = f"""
{WATCH}
class NoDjango:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("django", "environ", "asgiref"):
            raise ImportError(f"{{name}} is forbidden here")

sys.meta_path.insert(0, NoDjango())
"""
WALK = """
import pkgutil, django_ami.core as core
for module in pkgutil.walk_packages(core.__path__, "django_ami.core."):
    __import__(module.name)
"""


@pytest.mark.parametrize(
    "statement",
    [
        "import django_ami",
        "import django_ami.core",
        WALK,
        "from django_ami.core import Action, Client, Event, Options, Response, ServerConfig",
        "import django_ami.actions, django_ami.errors",
        "import django_ami.testing",
    ],
)
def test_import_works_without_django_and_opens_nothing(statement: str) -> None:
    assert (
        run_python(f"{PRELUDE}\n{statement}\nprint(opened, 'django' in sys.modules)") == "[] False"
    )


def test_the_watch_sees_what_is_opened() -> None:
    source = (
        f"{WATCH}\nimport socket\nsocket.socket().close()\nthreading.Thread(target=int).start()"
    )
    assert run_python(f"{source}\nprint(opened)") == "['socket', 'thread']"


def test_the_whole_core_was_walked() -> None:
    rooms = {module.name for module in pkgutil.iter_modules(core.__path__)}
    assert rooms >= {"errors", "config", "messages", "actions", "protocol", "health", "session"}
    assert rooms >= {"promise", "pending", "correlation"}
    assert rooms >= {"transport", "reactor", "delivery", "cluster", "client"}


HEAVY = {
    "ssl",
    "_ssl",
    "asyncio",
    "multiprocessing",
    "django",
    "environ",
    "email",
    "http",
    "subprocess",
}


@pytest.mark.parametrize(
    "statement",
    ["import django_ami", "import django_ami.core", "from django_ami.core import Client", WALK],
)
def test_import_loads_no_heavy_module(statement: str) -> None:
    source = (
        f"import sys\nbefore = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    loaded = {name.split(".")[0] for name in run_python(source).split()}
    assert "django_ami" in loaded
    assert not loaded & HEAVY
    if statement.startswith("import"):
        assert not loaded & {"socket", "selectors", "concurrent"}


#: The rooms of the core that ``Client`` and its settings are made of; its other ones wait for the
#: first client. A new one costs each process that imports it, so it has to earn its place here.
LIGHT = {
    "actions", "arguments", "calls", "client", "cluster", "config", "deadline", "errors",
    "escaping", "headers", "interruption", "layouts", "log", "messages", "metering", "numerals",
    "options", "pending", "permission", "process", "promise", "redaction", "refusals", "request",
    "scribe", "session", "spool", "timeouts",
}  # fmt: skip
#: Of the standard library, what they do without.
NEEDLESS = {
    "difflib", "encodings.idna", "hashlib", "_hashlib", "heapq", "random", "selectors",
    "socket", "stringprep", "struct", "unicodedata",
}  # fmt: skip


def test_import_of_the_client_loads_no_room_that_waits_for_a_client() -> None:
    source = """
import sys
before = set(sys.modules)
from django_ami.core import Client, ServerConfig
print(*(set(sys.modules) - before))
"""
    loaded = set(run_python(source).split())
    rooms = {name.split(".")[2] for name in loaded if name.startswith("django_ami.core.")}
    assert rooms <= LIGHT
    assert not loaded & NEEDLESS


def test_a_client_without_tls_loads_no_ssl_and_no_asyncio() -> None:
    source = """
import logging, sys
logging.disable()
from django_ami.core import Action, Client, ServerConfig
client = Client([ServerConfig.from_url("node_1", "ami://admin:amp111@127.0.0.1:1")], role="caller")
client.start(connect=False)
try:
    client.send(Action("Ping"), timeout=0.05).result()
except OSError as error:
    print(type(error).__name__ in ("ConnectionFailed", "ActionTimeout"))
client.close()
print(sorted({"ssl", "asyncio", "multiprocessing"} & set(sys.modules)))
"""
    assert run_python(source) == "True\n[]"


def test_django_loads_the_app_and_ami_without_opening_anything() -> None:
    source = f"""
{WATCH}
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami"])  # not even AMI_SERVERS
django.setup()
before = len(opened)
from django_ami import ami
import django_ami.signals, django_ami.dispatch, django_ami.checks
import django_ami.management.commands.ami_listen
print(opened[before:], type(ami).__name__, "django_ami.core.client" in sys.modules)
"""
    assert run_python(source) == "[] Ami True"


def test_the_base_app_has_no_tables_and_does_not_know_the_history() -> None:
    source = """
import sys, django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django_ami"])
django.setup()
import django_ami.signals, django_ami.dispatch, django_ami.checks
import django_ami.management.commands.ami_listen
from django.apps import apps
calls = [name for name in sys.modules if name.startswith("django_ami.calls")]
print(list(apps.get_models()), calls)
"""
    assert run_python(source) == "[] []"


def test_the_wheel_has_all_that_the_history_needs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the extra 'dev' has it")
    command = [*PYTHON, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    with Program(command) as build:
        assert build.wait() == 0, str(build)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    room = ROOT / "django_ami"
    there = {
        path.relative_to(ROOT).as_posix()
        for path in room.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert there <= packed
    assert {
        "django_ami/calls/migrations/0001_initial.py",
        "django_ami/calls/templates/ami_calls/story.html",
        "django_ami/calls/static/ami_calls/story.css",
        "django_ami/calls/management/commands/ami_prune_calls.py",
    } <= there


def test_the_version_is_the_distribution_s() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", django_ami.__version__)
    assert version("django-ami") == django_ami.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'django_ami' has no attribute 'amy'"):
        _ = django_ami.amy
    with pytest.raises(
        AttributeError, match=r"module 'django_ami\.core' has no attribute 'Cleint'"
    ):
        _ = core.Cleint


def test_the_public_names_are_there() -> None:
    source = f"""
{PRELUDE}
import django_ami.actions, django_ami.core, django_ami.errors, django_ami.testing
needs_django = []
for module in (django_ami.actions, django_ami.core, django_ami.errors, django_ami.testing):
    for name in module.__all__:
        try:
            getattr(module, name)
        except ImportError:
            needs_django.append(name)
import django_ami.core.errors
print(needs_django, sorted(django_ami.errors.__all__) == sorted(django_ami.core.errors.__all__))
"""
    assert run_python(source) == "['AmiTestMixin', 'allow_ami_connections', 'override_ami'] True"


def test_the_pytest_plugin_imports_nothing_but_pytest() -> None:
    source = """
import sys, pytest
before = set(sys.modules)
import django_ami.testing.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""
    assert run_python(source) == "django_ami django_ami.testing django_ami.testing.pytest_plugin"


def test_the_import_contracts_hold() -> None:
    source = """
import os, sys
from importlinter.cli import lint_imports
sys.path.insert(0, os.getcwd())
print("exit code", lint_imports(config_filename="pyproject.toml", cache_dir=None))
"""
    with Program([PYTHON[0], "-c", source]) as program:
        program.wait()
    assert program.out[-1] == "exit code 0", str(program)
    assert any("0 broken" in line for line in program.out)
    assert (ROOT / "pyproject.toml").read_text().count("[[tool.importlinter.contracts]]") >= 4
