"""The page of servers: state, versions, latency, lease, listeners, counters; and its JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from django_ami.operations.clock import ago
from tests.operations.admin.rows import lease, listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
PAGE = "admin:ami_operations_lease_changelist"
STATUS = "admin:ami_operations_status"


@pytest.fixture
def operator(log_in: Callable[..., Client]) -> Client:
    return log_in("view_lease", "view_listener")


def page(visitor: Client) -> str:
    answer = visitor.get(reverse(PAGE))
    assert answer.status_code == 200
    return answer.content.decode()


def told(visitor: Client) -> dict[str, Any]:
    """The server, as the page is told of it."""
    (server,) = visitor.get(reverse(STATUS)).json()["servers"]
    return server


def test_page_shows_each_server_with_its_lease_and_its_listeners(operator: Client) -> None:
    lease()
    listener()
    listener("standby", last_error="<b>no route</b>")
    text = page(operator)
    for words in (
        "node_1", "127.0.0.1:1", "22.10.1", "11.0.0", "4.2 ms", "pbx-a, process 4711",
        "token 1800000000", "pbx-s, process 4711", "delivers", "standby", "12,345", "not connected",
        "The events of 1 server are delivered.", "&lt;b&gt;no route&lt;/b&gt;",
    ):  # fmt: skip
        assert words in text, words
    assert "<b>no route" not in text


def test_json_has_the_words_of_the_page(operator: Client) -> None:
    lease()
    listener()
    listener("standby")
    server, text = told(operator), page(operator)
    listeners = server["listeners"]
    assert [one["cells"]["where"] for one in listeners] == [
        "pbx-a, process 4711", "pbx-s, process 4711",
    ]  # fmt: skip
    head, *rows = re.split("<tr data-listener", text)
    assert cells_of(head) == server["cells"]
    assert [cells_of(row) for row in rows[:2]] == [one["cells"] for one in listeners]


def test_listeners_of_one_name_are_told_apart(operator: Client) -> None:
    """In a container each is process 1, and one that was killed has left its row."""
    listener(process="a" * 32, seen_at=ago(3600), started_at=ago(7200))
    listener(process="b" * 32)
    keys = [one["key"] for one in told(operator)["listeners"]]
    assert len(set(keys)) == 2
    assert all(f'data-listener="{key}"' in page(operator) for key in keys)


def test_pages_work_without_time_zones(operator: Client, settings: SettingsWrapper) -> None:
    settings.USE_TZ = False
    lease()
    listener()
    assert "ready since" in page(operator)
    assert told(operator)["cells"]["lease"].startswith("pbx-a, process 4711")
    assert operator.get(reverse("admin:ami_operations_listener_changelist")).status_code == 200


def cells_of(text: str) -> dict[str, str]:
    return dict(re.findall(r'data-cell="(\w+)">([^<]*)<', text))


@pytest.mark.parametrize(
    ("rows", "health", "words"),
    [
        ([], "bad", "no listener runs"),
        ([{"role": "active"}], "good", "delivers"),
        ([{"role": "alone"}], "good", "delivers"),
        ([{"role": "standby"}], "bad", "no listener delivers"),
        ([{"role": "active", "state": "waiting"}], "bad", "no listener delivers"),
        ([{"role": "active"}, {"role": "alone", "process": "x"}], "odd", "more than once"),
    ],
)
def test_state_of_server_is_that_of_its_listeners(
    rows: list[dict[str, Any]], health: str, words: str, operator: Client
) -> None:
    for row in rows:
        listener(**row)
    server = told(operator)
    assert server["health"] == health
    assert words in server["cells"]["state"]


def test_listener_that_is_not_heard_of_is_stale_and_says_since_when(operator: Client) -> None:
    listener(seen_at=ago(3600))
    server = told(operator)
    assert server["health"] == "bad"
    assert server["cells"]["asterisk"] == ""
    assert server["cells"]["state"] == "no listener is heard of"
    assert "not heard of since" in server["listeners"][0]["cells"]["state"]


@pytest.mark.parametrize(
    ("role", "words"), [("active", "delivered"), ("alone", "delivered, without a lease")]
)
def test_stale_listener_is_not_said_to_deliver_beside_its_successor(
    role: str, words: str, operator: Client
) -> None:
    listener(role, seen_at=ago(3600))
    listener(process="x" * 32)
    roles = {one["cells"]["role"] for one in told(operator)["listeners"]}
    assert roles == {words, "delivers"}
    text = operator.get(reverse("admin:ami_operations_listener_changelist")).content.decode()
    assert f">{words}<" in text


def test_server_that_listeners_alone_know_is_shown(operator: Client) -> None:
    listener(server="elsewhere")
    names = [one["name"] for one in operator.get(reverse(STATUS)).json()["servers"]]
    assert names == ["elsewhere", "node_1"]
    assert "not in the settings" in page(operator)


def test_page_and_its_json_take_few_queries_for_many_servers(
    operator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        lease(f"pbx_{number}")
        listener(server=f"pbx_{number}")
        listener("standby", server=f"pbx_{number}")
    for name in (PAGE, STATUS):
        with django_assert_max_num_queries(6):
            assert operator.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", [PAGE, STATUS])
@pytest.mark.parametrize(
    ("servers", "words"), [({}, "AMI_SERVERS"), ({"node_1": {"URL": "nonsense"}}, "node_1")]
)
def test_settings_that_are_wrong_are_told(
    servers: dict[str, Any], words: str, name: str, operator: Client, settings: Any
) -> None:
    settings.AMI_SERVERS = servers
    answer = operator.get(reverse(name))
    assert answer.status_code == 500
    (line,) = re.findall(r'class="errornote" role="alert">([^<]+)<', answer.content.decode())
    assert words in line
