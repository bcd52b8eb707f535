"""The how-to is true: the functions of its snippets are called, and do what the page says."""

from __future__ import annotations

import asyncio
import json
import logging
import logging.config
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.cache import cache
from django.test import RequestFactory, override_settings
from django.utils.version import get_version_tuple

from demo_project.calls.models import Call
from django_ami import ami, conf
from django_ami.actions import Ping
from django_ami.errors import AuthenticationFailed
from django_ami.testing import FakeAsterisk, Outbox, events
from tests.receiving import fresh_registry
from tests.running import DEADLINE_SECONDS, ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs/how-to.md").read_text()
SNIPPETS = re.findall(
    r"^```python(?: django>=([\d.]+))?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names that the snippets make.

    Under ``servers`` every ``AMI_SERVERS``, in the order of the page.
    """
    module = ModuleType("how_to")
    monkeypatch.setitem(sys.modules, "how_to", module)  # a task is found by the name of its module
    names: dict[str, Any] = module.__dict__
    names["servers"] = []
    cache.clear()
    with fresh_registry():
        for needs, snippet in SNIPPETS:
            if needs and get_version_tuple(needs) > django.VERSION:
                continue
            exec(compile(snippet, "how-to.md", "exec"), names)
            if "AMI_SERVERS" in snippet and isinstance(names["AMI_SERVERS"], dict):
                names["servers"].append(
                    {name: dict(entry) for name, entry in names["AMI_SERVERS"].items()}
                )
        yield names
    cache.clear()


def test_every_snippet_was_seen() -> None:
    assert len(SNIPPETS) == len(re.findall(r"^```python", PAGE, re.MULTILINE))


# --- once, however often somebody clicks ---


def click(page: dict[str, Any], click: str = "1") -> tuple[int, str]:
    request = RequestFactory().post("/", {"click": click, "number": "500"})
    request.user = User(username="ann")
    response = page["click_to_call"](request)
    return response.status_code, json.loads(response.content)["state"]


def of(user: User | AnonymousUser, request: Any) -> Any:
    """A request of that user, for views of both kinds."""

    async def auser() -> User | AnonymousUser:
        return user

    request.user, request.auser = user, auser
    return request


@pytest.mark.parametrize("view", ["click_to_call", "call_customer"])
def test_a_link_and_a_stranger_call_nobody(
    page: dict[str, Any], ami_outbox: Outbox, view: str
) -> None:
    def ask(user: User | AnonymousUser, method: str) -> int:
        made = getattr(RequestFactory(), method)("/", {"click": "1", "number": "500"})
        answer = page[view](of(user, made))
        return (asyncio.run(answer) if asyncio.iscoroutine(answer) else answer).status_code

    assert ask(User(username="ann"), "get") == 405
    assert ask(AnonymousUser(), "post") == 302
    ami_outbox.assert_action_not_sent("Originate")


def test_a_stranger_is_told_of_no_call_and_no_queue(
    page: dict[str, Any], ami_outbox: Outbox
) -> None:
    stranger = of(AnonymousUser(), RequestFactory().get("/"))
    assert page["how_it_went"](stranger, "gone").status_code == 302
    assert asyncio.run(page["dashboard"](stranger)).status_code == 302
    assert list(ami_outbox) == []


def test_repeated_click_places_no_second_call(page: dict[str, Any], ami_outbox: Outbox) -> None:
    assert click(page) == (200, "dialled")
    assert click(page) == (200, "dialled already")
    ami_outbox.assert_action_sent("Originate", Exten="500", ChannelId="click-1", count=1)
    assert click(page, "2") == (200, "dialled")


def test_a_click_that_was_refused(page: dict[str, Any], ami_outbox: Outbox) -> None:
    ami_outbox.on("Originate").fail("Extension does not exist.")
    assert click(page) == (502, "refused")


def test_a_click_of_unknown_outcome_is_not_repeated(
    page: dict[str, Any], ami_outbox: Outbox
) -> None:
    ami_outbox.on("Originate").drop()
    assert click(page) == (504, "unknown")
    assert click(page) == (200, "dialled already")
    ami_outbox.assert_action_sent("Originate", count=1)


def test_a_click_that_has_not_left_may_come_again(page: dict[str, Any], ami_outbox: Outbox) -> None:
    ami_outbox.down()
    assert click(page) == (503, "not dialled")
    ami_outbox.up()
    assert click(page) == (200, "dialled")
    ami_outbox.assert_action_sent("Originate", count=1)


def test_a_call_is_found_by_the_id_that_it_was_given(
    page: dict[str, Any], ami_server: FakeAsterisk
) -> None:
    ami_server.times.duration = DEADLINE_SECONDS
    assert not page["is_going_on"]("1")
    assert click(page) == (200, "dialled")
    wait_until(lambda: page["is_going_on"]("1"))
    assert not page["is_going_on"]("2")


# --- models ---


@pytest.mark.django_db
def test_catching_up_closes_calls_that_ended_while_nobody_listened(
    page: dict[str, Any], ami_outbox: Outbox
) -> None:
    for uniqueid, server in (("1.1", "node_1"), ("1.10", "node_1"), ("1.1", "elsewhere")):
        Call.objects.create(call_id=uniqueid, server=server)
    ami_outbox.on("CoreShowChannels").items(events.event("CoreShowChannel", Uniqueid="1.10"))
    page["catch_up"](ami.server("node_1"), again=True)
    assert [call.call_id for call in Call.objects.exclude(ended=None)] == ["1.1"]


# --- several servers ---


def test_the_settings_of_several_servers_are_accepted(page: dict[str, Any]) -> None:
    with override_settings(AMI_SERVERS=page["servers"][0], AMI_ROUTING=page["AMI_ROUTING"]):
        assert [server.name for server in conf.load().servers] == ["berlin", "munich"]


def test_one_that_is_down_spoils_nothing(page: dict[str, Any]) -> None:
    with FakeAsterisk() as berlin, FakeAsterisk() as munich:
        entries = {"berlin": {"URL": berlin.url}, "munich": {"URL": munich.url}}
        munich.stop()
        with override_settings(AMI_SERVERS=entries):
            assert page["channels_by_server"]() == {"berlin": 0, "munich": None}


def test_a_hangup_goes_to_the_server_of_the_call(page: dict[str, Any], ami_outbox: Outbox) -> None:
    with override_settings(
        AMI_SERVERS={
            name: {"BACKEND": "django_ami.testing.locmem"} for name in ("berlin", "munich")
        }
    ):
        event = events.hangup(Channel="PJSIP/101-00000001", server="munich")
        assert page["hang_up"](event).result().ok
        assert (
            ami_outbox.assert_action_sent("Hangup", Channel="PJSIP/101-00000001").server == "munich"
        )


# --- TLS ---


def test_both_ways_of_tls_are_accepted_and_the_pinned_one_looks_at_the_certificate(
    page: dict[str, Any],
) -> None:
    _, authority, pinned = page["servers"]
    for entries in (authority, pinned):
        with override_settings(AMI_SERVERS=entries):
            assert conf.load().servers[0].tls is not None
    with FakeAsterisk(tls=True) as server:
        address = {
            "HOST": server.host,
            "PORT": server.port,
            "USERNAME": "admin",
            "SECRET": "amp111",
        }
        with override_settings(
            AMI_SERVERS={"node_1": {**address, "TLS": {"FINGERPRINT": server.fingerprint}}}
        ):
            assert ami.send(Ping()).result().ok
        with override_settings(AMI_SERVERS={"node_1": {**address, "TLS": pinned["node_1"]["TLS"]}}):
            assert "certificate" in str(ami.send(Ping()).exception())


# --- tasks ---


def test_a_task_is_repeated_only_if_nothing_has_left(
    page: dict[str, Any], ami_outbox: Outbox
) -> None:
    ami_outbox.on("Originate").outcome("busy").once()
    assert page["dial"]("500")["result"] == "busy"
    ami_outbox.on("Originate").drop().once()
    assert page["dial"]("500")["result"] == "unknown"
    ami_outbox.down()
    with pytest.raises(page["NotSent"], match="connection refused"):
        page["dial"]("500")


@pytest.mark.skipif(django.VERSION < (6, 0), reason="django.tasks came with Django 6.0")
def test_a_task_of_django(page: dict[str, Any], ami_outbox: Outbox) -> None:
    with override_settings(
        TASKS={"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
    ):
        page["dial_later"].enqueue("500")
    ami_outbox.assert_action_not_sent("Originate")
    with override_settings(
        TASKS={"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
    ):
        result = page["dial_later"].enqueue("500")
    assert result.return_value["result"] == "answered"
    ami_outbox.assert_action_sent("Originate", Exten="500", count=1)


# --- async ---


def test_an_async_view_asks_for_several_things(
    page: dict[str, Any], ami_server: FakeAsterisk
) -> None:
    response = asyncio.run(page["dashboard"](of(User(), RequestFactory().get("/"))))
    assert json.loads(response.content) == {"calls": "0", "waiting": {"support": "0", "sales": "0"}}


# --- watching ---


def test_health_knows_idle_from_ill(page: dict[str, Any], ami_server: FakeAsterisk) -> None:
    assert page["health"](None).status_code == 200
    assert ami_server.logins == 0
    assert ami.send(Ping()).result().ok
    assert page["health"](None).status_code == 200


def test_health_tells_of_a_server_that_refuses(page: dict[str, Any]) -> None:
    with (
        FakeAsterisk() as server,
        override_settings(AMI_SERVERS={"node_1": {"URL": server.url.replace("amp111", "x")}}),
    ):
        assert isinstance(ami.send(Ping()).exception(), AuthenticationFailed)
        response = page["health"](None)
        assert response.status_code == 503
        assert "Authentication failed" in json.loads(response.content)["ill"]["node_1"]


# --- the wire ---


def test_the_wire_is_logged_into_a_file_without_secrets(
    page: dict[str, Any], ami_server: FakeAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("django_ami.wire")
    before = logger.handlers[:], logger.level, logger.propagate
    try:
        logging.config.dictConfig(page["LOGGING"])
        assert ami.send(Ping()).result().ok
        ami.close()
        ami_server.wait_for(lambda: ami_server.logoffs == 1)
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers, level, logger.propagate = before
        logger.setLevel(level)
    text = (tmp_path / "wire.log").read_text()
    assert re.search(r"^\S+ \S+ \d+ node_1 = connected to 127\.0\.0\.1:\d+$", text, re.MULTILINE)
    assert re.search(r" node_1 > Action: Login \| .* Key: \*\*\*", text)
    assert re.search(r" node_1 > Action: Ping \| ActionID: \S+$", text, re.MULTILINE)
    assert re.search(r" node_1 < Response: Success \| ActionID: \S+ \| Ping: Pong", text)
    (login,) = [action for action in ami_server.received if action.name == "Login"]
    assert login["Key"] not in text
    assert "amp111" not in text


# --- servers from a table ---


class Rows(list[Any]):
    """Stands for ``Tenant.objects``."""

    def filter(self, *, active: bool) -> list[Any]:
        return [row for row in self if row.active is active]


def test_tenants_from_a_table(page: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def row(name: str, host: str, active: bool = True) -> SimpleNamespace:
        return SimpleNamespace(
            slug=name, host=host, username="admin", secret="amp111", active=active
        )

    rows = Rows(
        [row("acme", "10.0.0.1"), row("apex", "10.0.0.2"), row("old", "10.0.0.3", active=False)]
    )
    models = ModuleType("shop.models")
    models.Tenant = SimpleNamespace(objects=rows)  # type: ignore[attr-defined]
    shop, pbx = ModuleType("shop"), ModuleType("shop.pbx")
    pbx.tenants = page["tenants"]  # type: ignore[attr-defined]
    for module in (shop, models, pbx):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert page["AMI_SERVERS"] == "shop.pbx.tenants"
    with override_settings(AMI_SERVERS=page["AMI_SERVERS"]):
        assert list(ami.servers) == ["acme", "apex"]
        assert page["take_over_tenants"]() == "no server has changed"
        rows[:] = [row("acme", "10.0.0.9"), row("new", "10.0.0.4")]
        assert page["take_over_tenants"]() == "added: new; changed: acme; removed: apex"
        assert ami.server("acme").address == "10.0.0.9:5038"


def test_a_call_to_a_customer_tells_its_outcome(page: dict[str, Any], ami_outbox: Outbox) -> None:
    request = of(User(username="ann"), RequestFactory().post("/", {"number": "500"}))

    def call() -> tuple[int, str]:
        response = asyncio.run(page["call_customer"](request))
        return response.status_code, json.loads(response.content)["result"]

    assert call() == (200, "answered")
    ami_outbox.on("Originate").outcome("answered", second="busy")
    assert call() == (409, "busy")
    response = page["how_it_went"](request, "gone")
    assert json.loads(response.content)["result"] == "unknown"
