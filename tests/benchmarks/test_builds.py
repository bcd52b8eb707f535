"""Another build is measured by the programs of this one, and under its own name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.benchmarks import builds, server
from tests.benchmarks.goals import OURS
from tests.benchmarks.machine import ROOT
from tests.benchmarks.running import Bench, Broken


def test_program_imports_the_build_that_its_bench_is_of(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "django_ami", tmp_path / "django_ami")
    with builds.unpacked(tmp_path) as before, server.running() as port:
        bench = Bench(port, quick=True, before=before)
        for (who, build), tree in zip(bench.builds(), (ROOT, tmp_path), strict=True):
            client = build.client("ours_start", "first")
            command = build.command("ping_from_main", pings=1)
            for result in (client, command):
                found = Path(result["package"]).resolve().parent
                assert found == tree.resolve() / "django_ami", who


def test_bench_without_an_older_build_measures_one() -> None:
    assert [who for who, _ in Bench(0).builds()] == [OURS]


def test_figure_of_another_build_is_refused_when_it_goes_by_the_name_of_the_older_one(
    tmp_path: Path,
) -> None:
    bench = Bench(0, before=tmp_path)
    here = str(ROOT / "django_ami" / "__init__.py")
    bench._check_build("ours ping", here)
    with pytest.raises(Broken, match="ours ping ran"):
        replace(bench, older=True)._check_build("ours ping", here)


def test_tree_without_the_package_is_refused_with_a_cure(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="name the root of a source tree"),
        builds.unpacked(tmp_path),
    ):
        pass
