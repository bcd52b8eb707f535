"""The documentation is true.

Its Python runs, its tables agree with the code, its links lead somewhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from django.test import override_settings

from django_ami import errors
from django_ami.core.config import Options, TLSConfig
from django_ami.live.figures import FIGURES, formula_of, occupancy
from django_ami.live.options import Options as LiveOptions
from django_ami.live.queue_views import AgentState, Queue
from django_ami.testing import Simulator
from django_ami.tools.exits import Exit

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: Those that others walk through: test_tutorial.py, test_how_to.py, and test_page.py of the apps.
WALKED = ("tutorial", "how-to", "history", "operations", "rights")


@pytest.fixture
def node_1() -> Iterator[Simulator]:
    with Simulator() as server, override_settings(AMI_SERVERS={"node_1": {"URL": server.url}}):
        yield server


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem not in WALKED], ids=lambda page: page.stem
)
def test_snippets_run(page: Path, node_1: Simulator) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for snippet in re.findall(
        r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    ):
        exec(compile(snippet, page.name, "exec"), namespace)


def test_the_settings_snippet_is_accepted() -> None:
    from django_ami import conf

    (snippet,) = re.findall(
        r"^```python\n(.*?)^```$", (DOCS / "settings.md").read_text(), re.DOTALL | re.MULTILINE
    )
    namespace: dict[str, Any] = {}
    exec(snippet, namespace)
    with override_settings(**{name: namespace[name] for name in conf.NAMES}):
        settings = conf.load()
    assert [server.port for server in settings.servers] == [5038, 5039, 5039]


def test_every_option_is_documented_with_its_default() -> None:
    text = (DOCS / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([\w.]+)`? \|", text, re.MULTILINE))
    for option in fields(Options):
        default = option.default
        if isinstance(default, tuple):
            assert f"`{option.name}`" in text
            assert all(name in text for name in default)
            continue
        assert rows.get(option.name) == (
            default if isinstance(default, str) else f"{default:.10g}"
        ), option.name


def test_every_figure_of_a_queue_is_documented_with_its_formula() -> None:
    text = (DOCS / "queues.md").read_text().partition("## Figures")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert rows.pop("service_level").endswith("by the option `service_level_formula`")
    others = {"occupancy": occupancy, "longest_wait_now": Queue.longest_wait_now}
    figures = {**FIGURES, **others}
    assert set(rows) == set(figures)
    for name, figure in figures.items():
        formula = re.split("[,;:]", formula_of(figure).partition(" = ")[2])[0]
        assert formula
        assert rows[name].startswith(formula), name


def test_every_option_of_a_queue_is_documented_with_its_default() -> None:
    text = (DOCS / "queues.md").read_text().partition("## Options")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", text, re.MULTILINE))
    defaults = {option.name: str(option.default) for option in fields(LiveOptions)}
    assert len(rows) == 6
    for name, default in rows.items():
        assert defaults[name].removesuffix(".0") == default, name


def test_every_state_of_an_agent_is_documented_in_order() -> None:
    text = (DOCS / "queues.md").read_text().partition("## The state of an agent")[2]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(AgentState)


def test_every_tls_key_is_documented() -> None:
    text = (DOCS / "settings.md").read_text()
    for key in fields(TLSConfig):
        assert f"`{key.name.upper()}`" in text


def test_every_error_is_documented() -> None:
    text = (DOCS / "actions.md").read_text()
    for name in errors.__all__:
        assert f"`{name}`" in text


def test_every_option_of_the_worker_is_documented() -> None:
    parser = load_command_class("django_ami", "ami_listen").create_parser("manage.py", "ami_listen")
    text = (DOCS / "listening.md").read_text()
    own = {"--server", "--all", "--events", "--run-for", "--max-events", "--drain-timeout"}
    assert own <= {option for action in parser._actions for option in action.option_strings}
    for option in own:
        assert f"`{option}" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize(
    ("page", "module"), [("testing", "testing"), ("core", "core"), ("django", "signals")]
)
def test_every_public_name_is_in_the_reference(page: str, module: str) -> None:
    text = (DOCS / f"reference/{page}.md").read_text()
    for name in import_module(f"django_ami.{module}").__all__:
        assert re.search(
            rf"`{name}`|(auto|data)\w*:: \S*\.{name}$|`from .*\b{name}\b", text, re.MULTILINE
        ), name


# --- the commands ---

TOOLS = ("ami_send", "ami_events", "ami_status", "ami_doctor", "ami_top")
COMMANDS = (DOCS / "commands.md").read_text()
LINES = re.findall(r"^python manage\.py (ami_\w+)(.*)$", COMMANDS, re.MULTILINE)


@pytest.mark.parametrize("tool", TOOLS)
def test_every_option_of_a_tool_is_documented(tool: str) -> None:
    section = COMMANDS.partition(f"## {tool}\n")[2].partition("\n## ")[0]
    command = load_command_class("django_ami", tool)
    parser = command.create_parser("manage.py", tool)
    inherited = {
        "--help",
        "--version",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--skip-checks",
        "--verbosity",
    }
    for option in (option for action in parser._actions for option in action.option_strings):
        if option.startswith("--") and option not in inherited:
            assert f"`{option}" in section or f"`{option}" in COMMANDS.partition("\n## ")[0], option


@pytest.mark.parametrize("tool", TOOLS)
def test_the_exit_codes_of_a_tool_are_documented_and_in_its_help(tool: str) -> None:
    command = load_command_class("django_ami", tool)
    text = command.create_parser("manage.py", tool).format_help()
    rows = set(
        re.findall(r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", COMMANDS, re.MULTILINE)))
    )
    codes = {"0", "2", "9", *(str(int(code)) for code in command.exits)}
    assert codes <= rows
    listed = re.findall(r"^  (\d+) +\S", text.partition("exit codes:")[2], re.MULTILINE)
    assert set(listed) == codes
    assert "examples:\n  manage.py " in text


def test_every_exit_code_is_documented() -> None:
    rows = set(
        re.findall(r"\d+", " ".join(re.findall(r"^\| ([\d, ]+) \|", COMMANDS, re.MULTILINE)))
    )
    assert rows == {*(str(int(code)) for code in Exit), "130", "143"}


@pytest.mark.parametrize(("tool", "arguments"), LINES)
def test_command_lines_run(tool: str, arguments: str, node_1: Simulator) -> None:
    given = shlex.split(arguments)
    if tool in ("ami_events", "ami_top"):
        given.append("--run-for=0.3")
    if tool == "ami_top" and "--json" not in given:
        given.append("--json")  # here is no terminal
    if tool == "ami_send" and "Originate" in given:
        node_1.times.ring = node_1.times.duration = 0.01
    code = 0
    try:
        call_command(tool, *given, stdout=StringIO(), stderr=StringIO())
    except SystemExit as error:
        code = int(error.code or 0)
    assert code == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_the_examples_of_a_help_are_understood(tool: str) -> None:
    command = load_command_class("django_ami", tool)
    parser = command.create_parser("manage.py", tool)
    for line in command.examples.splitlines():
        parser.parse_args(shlex.split(re.split(r" [|>] ", line)[0]))
