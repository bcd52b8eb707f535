"""The history has settings of its own: ``test_databases.py`` runs the others with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

OWN = os.environ.get("DJANGO_SETTINGS_MODULE") == "tests.calls.settings"
OUTER = ["test_databases.py", "test_dead_processes.py", "test_outage.py"]

collect_ignore = OUTER if OWN else []
collect_ignore_glob = [] if OWN else ["test_[!do]*.py", "test_odd*.py"]


def pytest_collect_file(file_path: Path) -> None:
    """Refuse a file that is named on the command line, and ignored otherwise."""
    if (file_path.name in OUTER) == OWN and file_path.name.startswith("test_"):
        raise pytest.UsageError(
            f"{file_path.name} needs other settings: "
            + ("leave out" if OWN else "set")
            + " DJANGO_SETTINGS_MODULE=tests.calls.settings"
        )
