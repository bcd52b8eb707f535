"""Helpers: a scrape as text and as samples, and the verdict of promtool."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from django_ami.contrib.prometheus import AmiCollector

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A sample's name and labels.
Series = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Series, float]:
    """The samples of a scrape by their series."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Scrape:
    """The output of a collector of this process, or another one."""

    def __init__(self, text: str | None = None) -> None:
        if text is None:
            registry = CollectorRegistry()
            registry.register(AmiCollector())
            text = generate_latest(registry).decode()
        self.text = text
        self.samples = samples(text)

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The values that are not 0, by one label."""
        found = {}
        for (series, pairs), value in self.samples.items():
            rest = dict(pairs)
            if series == name and label in rest and value:
                one = rest.pop(label)
                if labels.items() <= rest.items():
                    found[one] = value
        return found

    @property
    def series(self) -> set[Series]:
        return set(self.samples)


def promtool(*arguments: str, said: str | None = None) -> str:
    """Run promtool, which must be content; gives what it says. Skips where it is not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    done = subprocess.run(
        [program, *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def check_metrics(text: str) -> None:
    """Have promtool look at a scrape, which is to have nothing to complain of."""
    assert promtool("check", "metrics", said=f"{text.rstrip()}\n") == ""


def names(series: Iterable[Series]) -> set[str]:
    return {name for name, _ in series}
