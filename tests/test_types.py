"""The public API has types.

A user's project in ``sample_project`` passes mypy, and no Any comes out of it.

``disallow_any_expr`` finds every expression that has an Any in it; ``assert_type`` says what it is
instead; and code that is wrong has to be found.
"""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.running import PYTHON, ROOT

# Not imported: it is compiled, and has no business in the process of the other tests.
pytestmark = pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed")

PROJECT = ROOT / "tests" / "sample_project"


@pytest.fixture(scope="module")
def cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of mypy, if there is a place to keep it."""
    return (
        request.config.cache.mkdir("mypy")
        if request.config.cache
        else tmp_path_factory.mktemp("mypy")
    )


def mypy(cache: Path, *where: Path) -> str:
    """The output of mypy about these files."""
    command = [
        *PYTHON,
        "-m",
        "mypy",
        f"--cache-dir={cache}",
        f"--config-file={PROJECT / 'mypy.ini'}",
        *map(str, where),
    ]
    env = {**os.environ, "MYPY_FORCE_COLOR": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode < 2, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_project_of_a_user(cache: Path, tmp_path: Path) -> None:
    assert mypy(cache, PROJECT) == "Success: no issues found in 6 source files\n"
    # It is really looked at.
    leak = tmp_path / "leak.py"
    leak.write_text("import json\nvalue = json.loads('1')\n")
    assert "Any" in mypy(cache, leak)
