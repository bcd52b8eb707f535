"""The guard measures every path, and does not let through what takes 30 % more."""

from __future__ import annotations

import pytest

from tests.benchmarks import guard
from tests.benchmarks.events import block


def test_every_path_and_every_loop_does_its_work() -> None:
    took = guard.cpu_of(block().take(guard.EVENTS), rounds=1)
    assert set(took) == {*guard.PATHS, *guard.PATHS.values()}
    assert all(0 < seconds < float("inf") for seconds in took.values())


@pytest.mark.parametrize("by", guard.MEASURED)
def test_a_path_that_takes_thirty_percent_more_does_not_pass(
    by: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = dict(zip(guard.PATHS, guard._known(by), strict=True))
    assert guard.judge(known, by) == 0
    for path, ratio in known.items():
        assert guard.judge({**known, path: ratio * 1.3}, by) == 1
        assert next(
            line for line in capsys.readouterr().out.splitlines() if "SLOWER" in line
        ).startswith(path)
        assert guard.judge({**known, path: ratio * 0.7}, by) == 0
        assert "write it down" in capsys.readouterr().out


@pytest.mark.parametrize("by", guard.MEASURED)
def test_a_python_that_is_not_known_is_judged_by_the_worst(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_kind", lambda: "9.9")
    assert guard._known(by) == tuple(map(max, zip(*guard.MEASURED[by].values(), strict=True)))
