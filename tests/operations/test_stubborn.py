"""A driver whose broken connections cannot be closed ends no thread, and holds no probe."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.operations.support import Site, sqlite
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.testing import FakeAsterisk

pytestmark = pytest.mark.slow

LOGGING = {
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}


@pytest.fixture
def site(tmp_path: Path, sim: FakeAsterisk) -> Iterator[Site]:
    with closing(Site(tmp_path, [sim], sqlite(tmp_path))) as made:
        made.database["ENGINE"] = "tests.operations.stubborn"
        made.settings["LOGGING"] = LOGGING
        yield made


def rename(site: Site, old: str, new: str) -> None:
    with closing(sqlite3.connect(str(site.database["NAME"]), timeout=30)) as database:
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")


def test_heartbeats_go_on_after_a_connection_that_cannot_be_closed(site: Site) -> None:
    listener = site.active()
    rename(site, "ami_operations_listener", "elsewhere")
    listener.wait_for_err("Other processes are not told of this listener")
    rename(site, "elsewhere", "ami_operations_listener")

    def is_well() -> bool:
        said = site.run("ami_health", "--json", "--timeout=20")
        return bool(said["ok"])

    wait_until(is_well, what=str(listener))
