"""The program that measures an upgrade for deploy/README.md still does so."""

from __future__ import annotations

import pytest

from tests.deploy.upgrade import restart_pair, row


@pytest.mark.long
@pytest.mark.timeout(300)
def test_upgrade_of_a_pair_delivers_nothing_twice_and_tells_its_gap() -> None:
    what, written, missing, twice, gap = (
        cell.strip() for cell in row("a pair", 2, restart_pair).strip("|").split("|")
    )
    assert what == "a pair"
    assert 0 <= int(missing.replace(",", "")) < int(written.replace(",", ""))
    assert int(twice) == 0
    assert float(gap) > 0
