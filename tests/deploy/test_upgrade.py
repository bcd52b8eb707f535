"""The program that measures an upgrade for deploy/README.md still does so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deploy.upgrade import kill_active, restart_pair, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.operations.support import Site


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("deed", [restart_pair, kill_active])
def test_pair_delivers_nothing_twice_and_tells_its_gap(deed: Callable[[Site], None]) -> None:
    """The one that is killed has just begun: it has not renewed its lease yet."""
    what, written, missing, twice, gap = (
        cell.strip() for cell in row("a pair", 2, deed).strip("|").split("|")
    )
    assert what == "a pair"
    assert 0 <= int(missing.replace(",", "")) < int(written.replace(",", ""))
    assert int(twice) == 0
    assert float(gap) > 0
