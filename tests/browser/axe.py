"""axe-core, the checker of accessibility, from npm."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.board import Board

__all__ = ["fetch", "findings"]

_PACKAGE = "axe-core@4.14.1"
_FETCH_SECONDS = 60.0
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  ({violations, passes}) => done({
    passes: passes.length,
    violations: violations.map(({id, impact, help, nodes}) => ({
      id, impact, help,
      nodes: nodes.map(({html, failureSummary}) => `${html}: ${failureSummary}`)}))
  }), (error) => done({error: String(error)}));
"""
#: The weights that axe-core gives a finding that keeps somebody from using the page.
_SERIOUS = ("serious", "critical")


def fetch(folder: Path) -> str:
    """Its source. Skips the test where npm cannot get it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed: axe-core cannot be fetched")
    command = [npm, "pack", "--silent", f"--pack-destination={folder}", _PACKAGE]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_FETCH_SECONDS)
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        pytest.skip(f"npm cannot fetch {_PACKAGE}: {said[-1] if said else error}")
    (packed,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(packed) as package:
        source = package.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


def findings(board: Board, axe: str) -> list[str]:
    """The faults of the page that keep somebody from using it."""
    board.run(axe)
    result = board.driver.execute_async_script(_RUN)
    assert result.get("passes"), result
    return [
        "\n  ".join([f"{one['impact']}: {one['id']}: {one['help']}", *one["nodes"]])
        for one in result["violations"]
        if one["impact"] in _SERIOUS
    ]
