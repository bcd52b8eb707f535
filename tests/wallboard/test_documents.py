"""docs/wallboard.md is true: its function decides as it says, its tables agree with the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.test import RequestFactory

from django_ami.wallboard import checks
from django_ami.wallboard.access import DEEDS, Access, access_of
from django_ami.wallboard.models import Wallboard
from django_ami.wallboard.options import (
    ClickToCall,
    Thresholds,
    WallboardOptions,
    options_of,
)
from django_ami.wallboard.words import FORMULAS

PAGE = (Path(__file__).parents[2] / "docs" / "wallboard.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """The second cells of a table below a text, by the first ones."""
    below = PAGE.partition(heading)[2]
    found = re.search(r"^\| .*\n\|-.*\n((?:\| .*\n)+)", below, re.MULTILINE)
    assert found is not None
    cells = (re.split(r" \| ", line.strip("| ")) for line in found[1].splitlines())
    return {first.strip("`"): second for first, second, *_ in cells}


def default_of(owner: object, name: str) -> str:
    value = getattr(owner, name)
    if isinstance(value, re.Pattern):
        return f"`{value.pattern}`"
    if isinstance(value, str):
        return f"`{value}`"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def test_every_key_has_its_default() -> None:
    documented = rows("\n## Settings")
    assert documented.pop("MASK") == "`hide_last_digits`"
    assert (documented.pop("QUEUES"), documented.pop("CLICK_TO_CALL")) == ("empty", "empty")
    options = WallboardOptions()
    names = {one.name for one in fields(WallboardOptions)}
    names -= {"mask", "queues", "click_to_call", "thresholds"}
    expected = {name.upper(): default_of(options, name) for name in names}
    for one in fields(Thresholds):
        expected[one.name.upper()] = default_of(options.thresholds, one.name)
    assert documented == expected


def test_every_key_of_click_to_call_has_its_default() -> None:
    expected = {
        one.name.upper(): default_of(ClickToCall(), one.name) for one in fields(ClickToCall)
    }
    assert rows("`CLICK_TO_CALL` has these keys") == expected


def test_every_permission_and_every_deed_has_a_row() -> None:
    documented = rows("the permissions of the app decide")
    assert documented.keys() == {f"ami_wallboard.{name}" for name, _ in Wallboard._meta.permissions}
    for deed, permission in DEEDS.items():
        assert f"`{deed}`" in documented[permission]


def test_every_field_of_an_access_has_a_row() -> None:
    assert list(rows("returns an `Access`")) == [one.name for one in fields(Access)]


def test_every_check_has_a_row() -> None:
    both = (*checks.ALWAYS, *checks.DEPLOYMENT)
    ids = {
        found for check in both for found in re.findall(r"ami_wallboard\.\w+", check.__doc__ or "")
    }
    assert rows("\n## Checks").keys() == ids


def test_formulas_are_those_of_the_tooltips() -> None:
    documented = rows("\n## The figures")
    for name, formula in FORMULAS.values():
        assert documented[name.lower()].startswith(formula)


@pytest.fixture
def tenants(settings: Any) -> None:
    (snippet,) = (
        one
        for one in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        if '"ACCESS"' in one
    )
    namespace: dict[str, Any] = {}
    exec(snippet, namespace)
    settings.AMI_WALLBOARD = namespace["AMI_WALLBOARD"]
    assert options_of(namespace["AMI_WALLBOARD"]).access is namespace["access_of_tenant"]


def seen_by(user: object) -> Access | None:
    request = RequestFactory().get("/")
    request.user = user  # type: ignore[assignment]
    return access_of(request)


@pytest.mark.django_db
def test_function_of_the_page_shows_each_tenant_its_own_queues(tenants: None) -> None:
    amy, bob = User.objects.create_user("amy"), User.objects.create_user("bob")
    amy.groups.add(Group.objects.create(name="acme"))
    bob.groups.add(Group.objects.create(name="umbrella"))
    bob.user_permissions.add(Permission.objects.get(codename="listen_in"))
    node, may = frozenset({"node_1"}), frozenset({"call", "pause"})
    assert seen_by(amy) == Access(node, frozenset({"acme-sales", "acme-support"}), may, True)
    assert seen_by(bob) == Access(node, frozenset({"umbrella-desk"}), may, False)
    assert seen_by(User.objects.create_superuser("root")) == Access(may=frozenset(DEEDS))
    assert seen_by(AnonymousUser()) is None
