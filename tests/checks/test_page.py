"""docs/checks.md has a row for each id that there is, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

from django_ami import checks

ROOT = Path(checks.__file__).parent
PAGE = (ROOT.parent.parent / "docs" / "checks.md").read_text()


def test_every_id_of_the_code_is_on_the_page_and_the_other_way_round() -> None:
    code = "".join(path.read_text() for path in ROOT.glob("*.py") if path.name != "__init__.py")
    body = re.sub(r'"""django_ami\..*?"""', "", code)
    in_code = set(re.findall(r"\b[EW]\d{3}\b", body))
    rows = re.findall(
        r"^\| `django_ami\.([EW]\d{3})` \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE
    )
    on_page = [number for number, _, _ in rows]
    assert len(on_page) == len(set(on_page))
    assert set(on_page) == in_code
    assert all(meaning.strip() and cure.strip() for _, meaning, cure in rows)
    assert set(re.findall(r"\b[EW]\d{3}\b", PAGE)) == in_code


def test_page_lists_the_deployment_checks_under_deploy() -> None:
    always, _, deployment = PAGE.partition("With `--deploy` alone:")
    names = [re.findall(r"\b[EW]\d{3}\b", function.__doc__ or "") for function in checks.DEPLOYMENT]
    always_told = {"W003"}  # with --deploy also while DEBUG is on
    alone = {number for (number,) in names} - always_told
    assert alone == set(re.findall(r"`django_ami\.(\w+)`", deployment))
    assert not alone & set(re.findall(r"`django_ami\.(\w+)`", always))
