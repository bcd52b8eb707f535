"""Another build of django_ami beside the one here: its package alone, first on the import path.

The programs, the server and the events are those of this checkout for both, so that nothing but the
package differs.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.benchmarks.machine import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BEFORE", "name_of", "paths_to", "unpacked"]

#: The other build, in the tables.
BEFORE: Final = "before"


@contextmanager
def unpacked(tree: Path | None) -> Iterator[Path | None]:
    """A folder that holds the package of that source tree, and nothing else of it."""
    if tree is None:
        yield None
        return
    package = (tree / "django_ami").resolve()
    if not (package / "__init__.py").exists():
        raise FileNotFoundError(f"{tree} holds no django_ami: name the root of a source tree.")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "django_ami").symlink_to(package)
        yield Path(folder)


def paths_to(before: Path | None) -> dict[str, str]:
    """The variables by which a program imports that build, and the rest from here."""
    places = [ROOT] if before is None else [before, ROOT]
    return {"PYTHONPATH": ":".join(map(str, places)), "PYTHONSAFEPATH": "1"}


def name_of(tree: Path) -> str:
    """The commit of a source tree, or where it is."""
    asked = ["git", "-C", str(tree), "rev-parse", "--short", "HEAD"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout.strip() or tree.name
