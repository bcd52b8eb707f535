"""CONTRIBUTING.md, SECURITY.md, the glossary and the findings are true.

Files, names and words exist.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
#: The rows of "Where is it?": a question, the file with the answer, a name that is defined there.
ROWS = re.findall(r"^\| (.+\?) \| `([^`]+)` \| `([^`]+)` \|$", CONTRIBUTING, re.MULTILINE)
FINDINGS = sorted((ROOT / "findings").glob("*.sh"))


def names_defined_in(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


def test_where_is_it_has_a_row_for_each_line_of_its_table() -> None:
    table = CONTRIBUTING.partition("## Where is it?")[2]
    assert len(ROWS) == len(re.findall(r"^\| .+ \|$", table, re.MULTILINE)) - 1  # its heading
    assert len(ROWS) >= 10


@pytest.mark.parametrize(("question", "file", "name"), ROWS)
def test_where_is_it_names_a_file_that_defines_the_name(
    question: str, file: str, name: str
) -> None:
    assert name in names_defined_in(ROOT / file), question


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "findings/README.md"])
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


def test_contributing_names_files_that_exist() -> None:
    for path in re.findall(
        r"`?\b((?:tests|scripts|\.ci|django_ami|docs)/[\w./]*\w)`?", CONTRIBUTING
    ):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m (tests\.[\w.]+|scripts\.[\w.]+)", CONTRIBUTING):
        assert (ROOT / module.replace(".", "/")).is_dir() or (
            ROOT / f"{module.replace('.', '/')}.py"
        ).exists(), module


def test_glossary_words_are_in_the_code_or_the_documents() -> None:
    glossary = (ROOT / "docs/glossary.md").read_text()
    words = re.findall(r"^\| \*\*([^*]+)\*\* \|", glossary, re.MULTILINE)
    assert len(words) > 20
    assert words == sorted(words, key=str.lower)
    pages = [
        path.read_text() for path in (ROOT / "docs").glob("*.md") if path.name != "glossary.md"
    ]
    everything = "\n".join(
        [*pages, *(path.read_text() for path in (ROOT / "django_ami").rglob("*.py"))]
    ).lower()
    for word in words:
        assert re.search(rf"\b{re.escape(word.lower())}", everything), word


def test_table_of_findings_names_each_script() -> None:
    rows = re.findall(
        r"^\| `([^`]+\.sh)` \|", (ROOT / "findings/README.md").read_text(), re.MULTILINE
    )
    assert rows == [path.name for path in FINDINGS]


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)
def test_finding_says_its_versions_and_works_in_a_temporary_folder(path: Path) -> None:
    text = path.read_text()
    assert subprocess.run(["bash", "-n", str(path)], timeout=10, check=False).returncode == 0
    assert path.stat().st_mode & 0o100
    for part in (
        "# Installs: ",
        "# Seen on ",
        "# Exit: 0 as seen",
        "set -euo pipefail",
        "mktemp -d",
        "trap ",
    ):
        assert part in text, part
    assert "EXPECTED" not in text
    assert not re.search(r"django[_-]ami|import ami\b", text)  # it runs without this product
