"""Receivers that fork, and whose children do not end by themselves: real listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.support import Counter

if TYPE_CHECKING:
    from django_ami.testing import Simulator
    from tests.operations.support import Site


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("how", ["exits", "raises", "returns"])
def test_a_child_of_a_receiver_delivers_no_event_again_if_it(
    site: Site, sim: Simulator, how: str, workers: int
) -> None:
    counter = Counter(sim)
    listener = site.active(f"--workers={workers}")
    counter.emit(1, Seconds=0.5)  # the others come in one batch
    counter.emit(1, Fork=how)
    counter.emit(5)
    site.wait_for("event", 7)
    assert site.numbers(pid=listener.process.pid) == list(range(7))
    assert site.numbers() == list(range(7)), str(site)
    if how == "returns":
        listener.wait_for_err("on_user_event has forked, and its child, process ")
    listener.signal(15)
    assert listener.wait() == 0, str(listener)
