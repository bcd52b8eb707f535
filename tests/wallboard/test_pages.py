"""The page: its visitors, the configuration of its scripts, and a strict policy."""

from __future__ import annotations

import ast
import gzip
import json
import re
import struct
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.staticfiles import finders
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from django_ami.live import figures
from django_ami.live.queue_views import AgentState
from django_ami.live.terms import CallState, Outcome
from django_ami.wallboard import words
from django_ami.wallboard.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

APP = Path(words.__file__).parent
SETTINGS = {"ROOT_URLCONF": "tests.wallboard.urls", "STATIC_URL": "/static/", "LOGIN_URL": "/in/"}
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
#: The functions that translate a text.
TRANSLATE = {"_", "gettext_noop", "pgettext"}
#: A page that loads in a moment over any network, compressed as web servers do it.
MOST_BYTES = 80_000
#: Outcomes of legs alone.
OF_LEGS = {Outcome.ANSWERED_ELSEWHERE, Outcome.FORWARDED}


@pytest.fixture(autouse=True)
def settings_of_the_page() -> Iterator[None]:
    with override_settings(**SETTINGS), translation.override("en"):
        yield


@pytest.fixture
def visitor(client: Client, db: None) -> Client:
    """A browser of somebody who may see the page and hang up calls."""
    log_in(client, "view_wallboard", "end_calls")
    return client


def log_in(client: Client, *permissions: str) -> None:
    user = User.objects.create_user("amy")
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


def page(client: Client, **headers: str) -> HttpResponse:
    return client.get(reverse("ami_wallboard:wallboard"), headers=headers)  # type: ignore[return-value]


def config(client: Client, **headers: str) -> dict[str, Any]:
    text = page(client, **headers).content.decode()
    found = re.search(r'<script id="ami-config" type="application/json">(.*?)</script>', text)
    assert found
    return dict(json.loads(found[1]))


# --- for whom it is ---


@pytest.mark.django_db
def test_anonymous_visitor_is_sent_to_the_login_and_back(client: Client) -> None:
    response = page(client)
    assert (response.status_code, response["Location"]) == (302, "/in/?next=/wallboard/")


@pytest.mark.django_db
def test_visitor_without_the_permission_is_refused_and_the_log_names_it(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    log_in(client, "end_calls")
    assert page(client).status_code == 403
    assert "give the account the permission ami_wallboard.view_wallboard" in caplog.text


def test_page_is_kept_by_no_cache(visitor: Client) -> None:
    assert "no-store" in page(visitor)["Cache-Control"]


def test_page_only_shows(visitor: Client) -> None:
    assert visitor.post(reverse("ami_wallboard:wallboard")).status_code == 405


@override_settings(AMI_WALLBOARD={"ACCESS": "tests.wallboard.urls.everybody"}, MIDDLEWARE=[])
def test_project_without_users_shows_the_page_as_its_function_says(client: Client) -> None:
    assert config(client)["may"] == []


# --- the configuration of its scripts ---


@override_settings(
    AMI_WALLBOARD={"WAIT_CRITICAL_SECONDS": 90, "QUEUES": {"vip": {"SERVICE_LEVEL_TARGET": 0.9}}},
    TIME_ZONE="Europe/Vienna",
)
def test_scripts_are_told_all_that_they_need(visitor: Client) -> None:
    told = config(visitor)
    assert told["urls"] == {
        "stream": "/wallboard/stream/",
        "state": "/wallboard/state/",
        "login": "/in/?next=/wallboard/",
    }
    assert told["may"] == ["hangup"]
    assert told["thresholds"] == {
        "wait_warning_seconds": 30,
        "wait_critical_seconds": 90,
        "service_level_target": 0.8,
        "queues": {
            "vip": {
                "wait_warning_seconds": 30,
                "wait_critical_seconds": 90,
                "service_level_target": 0.9,
            }
        },
    }
    assert (told["language"], told["direction"], told["time_zone"]) == (
        "en",
        "ltr",
        "Europe/Vienna",
    )
    assert told["csrf"]["token"]
    assert (told["csrf"]["cookie"], told["csrf"]["header"]) == ("csrftoken", "X-Csrftoken")


@override_settings(
    AMI_WALLBOARD={
        "ACCESS": lambda request: Access(queues={"sales"}),
        "QUEUES": {"vip": {}, "sales": {}},
    }
)
def test_scripts_are_told_of_no_queue_that_the_visitor_may_not_see(visitor: Client) -> None:
    assert config(visitor)["thresholds"]["queues"].keys() == {"sales"}


def test_cookie_for_actions_comes_with_the_page(visitor: Client) -> None:
    assert page(visitor).cookies["csrftoken"].value


@pytest.mark.django_db
def test_tabs_share_a_stream_if_they_show_the_same_visitor_the_same(client: Client) -> None:
    user = User.objects.create_superuser("amy")
    client.force_login(user)
    first, again = config(client)["share"], config(client)["share"]
    user.is_superuser = False
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename="view_wallboard"))
    less = config(client)["share"]
    client.force_login(User.objects.create_superuser("ben"))
    assert first == again
    assert len({first, less, config(client)["share"]}) == 3


def test_every_state_and_outcome_has_a_word() -> None:
    strings = words.strings()
    assert set(strings["states"]) == set(CallState)
    assert set(strings["agent_states"]) == set(AgentState)
    assert set(strings["outcomes"]) == set(Outcome) - OF_LEGS


def test_formulas_are_those_of_the_figures() -> None:
    for key, figure in {
        "offered": figures.offered,
        "service_level": figures.service_level_4,
        "occupancy": figures.occupancy,
    }.items():
        known = figures.formula_of(figure).partition(" = ")[2]
        assert words.FORMULAS[key][1].replace("of an agent", "in an interval") == known
    docs = APP.parent.parent / "docs" / "queues.md"
    assert words.FORMULAS["longest_wait_now"][1] in docs.read_text()


# --- a strict Content-Security-Policy ---


class Reader(HTMLParser):
    """Finds in a page the things that a policy may forbid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.loaded: list[str] = []
        self.nonces: set[str | None] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.faults += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        data = given.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in given and not data):
            self.faults.append(tag)
        url = given.get("src") or (given.get("href") if tag == "link" else None)
        if url is not None:
            self.loaded.append(url)
        if tag in {"script", "link"} and not data and given.get("rel") != "icon":
            self.nonces.add(given.get("nonce"))


def test_page_has_nothing_inline_and_nothing_of_another_origin(visitor: Client) -> None:
    read = Reader(page(visitor).content.decode())
    assert read.faults == []
    assert len(read.loaded) >= 4
    for url in read.loaded:
        assert finders.find(url.removeprefix("/static/")), url


def test_scripts_write_no_style_into_html_and_load_nothing_from_afar() -> None:
    for path in (APP / "static").rglob("*.js"):
        text = path.read_text()
        assert not re.search(r"innerHTML|insertAdjacentHTML|eval\(|https?://|\bstyle=", text), path


@pytest.mark.skipif(
    find_spec("django.middleware.csp") is None, reason="Django has a setting for it from 6.0 on"
)
def test_scripts_carry_the_nonce_of_the_policy(visitor: Client) -> None:
    from django.utils.csp import CSP

    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.csp"]},
    }
    policy = {"default-src": [CSP.NONE], "script-src": [CSP.NONCE], "style-src": [CSP.NONCE]}
    with override_settings(SECURE_CSP=policy, TEMPLATES=[templates]):
        with_policy = ["django.middleware.csp.ContentSecurityPolicyMiddleware", *MIDDLEWARE]
        with override_settings(MIDDLEWARE=with_policy):
            response = page(visitor)
    (nonce,) = Reader(response.content.decode()).nonces
    assert nonce
    assert f"'nonce-{nonce}'" in response["Content-Security-Policy"]


def test_page_and_all_its_files_are_small_on_their_way(visitor: Client) -> None:
    files = [*(APP / "static").rglob("*.js"), *(APP / "static").rglob("*.css")]
    parts = [page(visitor).content, *(path.read_bytes() for path in files)]
    assert len(parts) > 20
    assert sum(len(gzip.compress(part)) for part in parts) < MOST_BYTES


# --- languages ---


def localized(client: Client, language: str) -> HttpResponse:
    middleware = [MIDDLEWARE[0], "django.middleware.locale.LocaleMiddleware", *MIDDLEWARE[1:]]
    with override_settings(MIDDLEWARE=middleware):
        return page(client, accept_language=language)


def test_page_speaks_german_to_a_visitor_who_reads_it(visitor: Client) -> None:
    text = localized(visitor, "de").content.decode()
    assert '<html lang="de" dir="ltr">' in text
    assert "Laufende Anrufe" in text
    assert "klingelt" in text


def test_page_runs_from_right_to_left_in_arabic(visitor: Client) -> None:
    assert '<html lang="ar" dir="rtl">' in localized(visitor, "ar").content.decode()


def test_style_sheet_knows_no_left_and_no_right() -> None:
    """But for ``transform-origin``, which has no logical words and is set for both directions."""
    styles = (APP / "static" / "ami_wallboard" / "wallboard.css").read_text()
    found = re.findall(
        r"[\w-]*\b(?:left|right)\b[\w-]*(?=:)|(?:float|text-align): (?:left|right)", styles
    )
    assert found == []


def texts_of(module: ast.Module) -> Iterator[str]:
    """The texts that a module has translated."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TRANSLATE:
            text = node.args[-1]
            if isinstance(text, ast.Constant):
                yield text.value


def test_german_has_every_text_of_the_page_and_is_compiled() -> None:
    folder = APP / "locale" / "de" / "LC_MESSAGES"
    source = (folder / "django.po").read_text()
    assert 'msgstr ""\n\n' not in source.partition("\n\n")[2]
    known = set(re.findall(r'^msgid "(.+)"$', source, re.MULTILINE))
    used = {
        text
        for path in APP.rglob("*.html")
        for text in re.findall(r'translate "([^"]+)"', path.read_text())
    }
    for path in APP.rglob("*.py"):
        used |= set(texts_of(ast.parse(path.read_text())))
    assert used == known
    count = struct.unpack_from("<I", (folder / "django.mo").read_bytes(), 8)[0]
    assert count - 1 == source.count("\nmsgid ") - 1


def test_project_may_put_the_page_into_its_own_frame(visitor: Client, tmp_path: Path) -> None:
    frame = tmp_path / "ami_wallboard" / "base.html"
    frame.parent.mkdir()
    frame.write_text("ours: {% block head %}{% endblock %}{% block body %}{% endblock %}")
    templates = {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [tmp_path],
        "APP_DIRS": True,
    }
    with override_settings(TEMPLATES=[templates]):
        text = page(visitor).content.decode()
    assert text.startswith("ours:")
    assert "main.js" in text
