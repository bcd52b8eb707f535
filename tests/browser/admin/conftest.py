"""A pair of listeners, and an operator's desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.admin.desk import Desk
from tests.browser.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from django_ami.testing import FakeAsterisk

STANDBY = ("django", "ami_listen", "--all", "--standby")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/admin/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def site(tmp_path: Path, database: Path, asterisk: FakeAsterisk) -> Iterator[Site]:
    """A web server, and a listener that delivers."""
    with Site(tmp_path, database, asterisk, listener=STANDBY, AMI_TEST_HEARTBEAT_SECONDS=1) as site:
        site.listener.wait_for_err("delivers from now on")
        yield site


@pytest.fixture
def sit_down(site: Site, browse: Callable[..., object]) -> Callable[..., Desk]:
    """A browser of a person: ``sit_down("chief")``."""

    def sit_down(name: str = "chief", *flags: str, **options: object) -> Desk:
        return Desk(browse(site, name, *flags, **options))  # type: ignore[arg-type]

    return sit_down


@pytest.fixture
def desk(sit_down: Callable[..., Desk]) -> Desk:
    """The browser of the superuser."""
    return sit_down()
