"""The template tags for people's own pages."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.template import Context, RequestContext, Template
from django.test import Client as Browser
from django.test import RequestFactory
from django.utils.translation import override

from django_ami.core.errors import ConfigurationError
from django_ami.wallboard.access import DEEDS, Access
from django_ami.wallboard.commands.words import strings
from django_ami.wallboard.options import _CLICK
from django_ami.wallboard.templatetags.ami import click_to_call
from tests.running import ROOT
from tests.wallboard.commands.conftest import site  # noqa: F401  (a fixture)

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tests.wallboard.commands.visiting import Site

CALLER = Access(may=frozenset({"call"}))
STATIC = ROOT / "django_ami" / "wallboard" / "static" / "ami_wallboard"


@pytest.fixture
def asked(settings: Any) -> list[HttpRequest]:
    """The requests whose access was asked for; all may call."""
    requests: list[HttpRequest] = []

    def access(request: HttpRequest) -> Access | None:
        requests.append(request)
        return CALLER

    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.AMI_WALLBOARD = {"ACCESS": access}
    return requests


def rendered(text: str, **words: Any) -> str:
    request = RequestFactory().get("/")
    return Template("{% load ami %}" + text).render(RequestContext(request, words))


def test_a_button_is_a_form_with_the_number_a_click_and_a_token(asked: list[HttpRequest]) -> None:
    html = rendered("{% click_to_call number %}", number="1 (0)-2")
    assert 'method="post" action="/wallboard/calls/"' in html
    assert 'name="number" value="102"' in html
    assert re.search(r'name="click" value="[0-9a-f]{32}"', html)
    assert 'name="csrfmiddlewaretoken"' in html
    assert 'aria-label="Call 102"' in html
    assert "<script" not in html
    assert "style=" not in html


def test_the_lines_of_the_documentation_give_a_button(asked: list[HttpRequest]) -> None:
    page = (ROOT / "docs" / "wallboard.md").read_text()
    (lines,) = re.findall(r"```html\+django\n(.*?)```", page, re.DOTALL)
    words = {"customer": {"phone": "101"}}
    html = Template(lines).render(RequestContext(RequestFactory().get("/"), words))
    assert 'name="number" value="101"' in html
    assert 'src="' in html


def test_the_documentation_has_each_key_and_each_permission() -> None:
    page = (ROOT / "docs" / "wallboard.md").read_text()
    for name in (*_CLICK, *DEEDS, *DEEDS.values()):
        assert f"`{name}`" in page, name


def test_each_button_is_another_click_and_the_access_is_asked_for_once(
    asked: list[HttpRequest],
) -> None:
    html = rendered("{% click_to_call 101 %}{% click_to_call 101 label=name %}", name="Ring <Bob>")
    clicks = re.findall(r'name="click" value="(\w+)"', html)
    assert len(set(clicks)) == 2
    assert "Ring &lt;Bob&gt;" in html
    assert len(asked) == 1


@pytest.mark.parametrize("number", [None, "", "+49 30 123456", "101@trunk", "<b>"])
def test_a_number_that_may_not_be_called_has_no_button(
    asked: list[HttpRequest], number: Any
) -> None:
    assert rendered("{% click_to_call number %}", number=number) == ""


@pytest.mark.parametrize("access", [None, Access()])
def test_a_visitor_who_may_not_call_sees_no_button(settings: Any, access: Access | None) -> None:
    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.AMI_WALLBOARD = {"ACCESS": lambda request: access}
    assert rendered("{% click_to_call '101' %}") == ""


def test_a_page_without_its_request_says_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match=r"render\(request, template, context\)"):
        click_to_call(Context(), "101")


def test_the_assets_bring_addresses_a_token_and_words(asked: list[HttpRequest]) -> None:
    html = rendered("{% ami_assets %}", csp_nonce="abc")
    found = re.search(r'<script id="ami-calls" type="application/json">(.*?)</script>', html)
    assert found is not None
    config = json.loads(found[1])
    assert config["urls"]["call"] == "/wallboard/calls/CALL/"
    assert config["csrf"]["token"]
    assert config["csrf"]["header"] == "X-Csrftoken"
    assert config["strings"] == strings()
    assert html.count('nonce="abc"') == 2
    assert "style=" not in html


@pytest.mark.usefixtures("asked")
def test_the_header_of_the_token_is_that_of_the_project(settings: Any) -> None:
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    assert '"header": "X-Xsrf-Token"' in rendered("{% ami_assets %}")


def test_a_click_without_scripts_goes_through_csrf_to_a_page(site: Site) -> None:  # noqa: F811
    browser = Browser(enforce_csrf_checks=True, HTTP_ACCEPT="text/html")
    request = RequestFactory().get("/")
    html = Template("{% load ami %}{% click_to_call '102' %}").render(RequestContext(request))
    browser.force_login(site.user)
    words = dict(re.findall(r'name="(\w+)" value="(\w+)"', html))
    browser.cookies["csrftoken"] = request.META["CSRF_COOKIE"]
    page = browser.post("/wallboard/calls/", words, follow=True)
    assert page.status_code == 200
    text = page.content.decode()
    assert "<ami-call-status call=" in text
    assert 'http-equiv="refresh"' in text
    assert len(site.sent("Originate")) == 1
    del words["csrfmiddlewaretoken"]
    assert browser.post("/wallboard/calls/", words).status_code == 403


def test_the_words_are_translated_when_they_are_asked_for() -> None:
    with override("de"):
        words = strings()
    assert words.keys() == strings().keys()


def test_the_scripts_use_no_word_that_the_server_does_not_send() -> None:
    known = strings()
    used = set()
    for name in ("actions", "call-status", "click-to-call", "commands", "dialogs"):
        text = (STATIC / f"{name}.js").read_text()
        used |= set(re.findall(r"\bstrings\.(\w+)", text))
    assert used - known.keys() == set()
    assert known.keys() - used == {"ok"} - used
