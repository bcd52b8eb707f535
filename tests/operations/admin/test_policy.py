"""The pages under a strict policy for content: no script and no style in their text, and nonces."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as current
from django.test import override_settings

from tests.operations.admin.rows import entry, lease, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db
ROOT = "/admin/ami_operations/"
PAGES = (
    "lease/",
    "lease/node_1/hand-over/",
    "lease/send/",
    "lease/send/?action=Status",
    "listener/",
    "listener/1/change/",
    "actionlog/",
    "actionlog/1/change/",
)


@pytest.fixture
def operator(log_in: Callable[..., Client]) -> Client:
    lease()
    listener(pk=1)
    listener("standby")
    entry(pk=1)
    return log_in(is_superuser=True)


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_script_and_no_style_in_its_text(page: str, operator: Client) -> None:
    text = operator.get(ROOT + page).content.decode()
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", text) == []
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or "application/json" in tag


@pytest.mark.skipif(find_spec("django.middleware.csp") is None, reason="Django 6.0 has it")
def test_scripts_and_styles_of_ours_have_the_nonce_of_the_policy(operator: Client) -> None:
    from django.utils.csp import CSP

    (engine,) = current.TEMPLATES
    processors = [
        *engine["OPTIONS"]["context_processors"], "django.template.context_processors.csp",
    ]  # fmt: skip
    with override_settings(
        SECURE_CSP={"script-src": [CSP.NONCE], "style-src": [CSP.NONCE]},
        MIDDLEWARE=["django.middleware.csp.ContentSecurityPolicyMiddleware", *current.MIDDLEWARE],
        TEMPLATES=[{**engine, "OPTIONS": {"context_processors": processors}}],
    ):
        for page in ("lease/", "lease/send/?action=Status"):
            answer = operator.get(ROOT + page)
            (nonce,) = set(
                re.findall(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
            )
            ours = re.findall(
                r"<[^>]*ami_operations/\w+\.(?:js|css)[^>]*>", answer.content.decode()
            )
            assert len(ours) == 2
            assert all(f'nonce="{nonce}"' in tag for tag in ours), ours
