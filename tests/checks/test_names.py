"""Settings that nobody reads, since their names are misspelt."""

from __future__ import annotations

import re
from typing import Any

import pytest

from django_ami.checks.names import NAMES
from tests.checks.support import KEYS, lines
from tests.running import ROOT


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AMI_SERVER", "AMI_SERVERS"),
        ("AMI_DISPACH", "AMI_DISPATCH"),
        ("AMI_FOWARD", "AMI_FORWARD"),
        ("AMI_LIFE", ""),
        ("AMI_CALLBACK", ""),
        ("AMI_NODE1_URL", ""),
    ],
)
def test_w012_names_the_setting_that_was_meant(settings: Any, name: str, meant: str) -> None:
    settings.AMI_SERVERS = {"node_1": KEYS}
    setattr(settings, name, {})
    told = f"{name}: nothing reads a setting of this name; did you mean {meant!r}?"
    assert lines("W012") == ([told] if meant else [])


def test_names_of_all_settings_have_a_place_in_the_docs() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    headings = " ".join(re.findall(r"^## (.*)$", page, re.MULTILINE))
    rights = (ROOT / "docs" / "rights.md").read_text()
    assert set(re.findall(r"AMI_[A-Z_]+", headings)) | {"AMI_PERMISSIONS"} == NAMES
    assert "AMI_PERMISSIONS = {" in rights
