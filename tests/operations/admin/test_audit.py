"""The action log in the admin: filters, a search, and nothing to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from tests.operations.admin.rows import entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db
LIST = "admin:ami_operations_actionlog_changelist"


@pytest.fixture
def auditor(log_in: Callable[..., Client]) -> Client:
    return log_in("view_actionlog")


@pytest.fixture
def rows(db: None) -> None:
    entry(pk=1)
    entry(pk=2, who="bob", outcome="refused", reason="<b>no</b>", sent=False, latency=None)
    entry(pk=3, who="", kind="program", via="manage.py ami_listen", action="QueueStatus")
    entry(pk=4, server="node_2", action_id="abc-1", action="Originate")


def found(auditor: Client, **query: str) -> set[int]:
    answer = auditor.get(reverse(LIST), query)
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, {1, 2, 3, 4}),
        ({"outcome__exact": "refused"}, {2}),
        ({"kind__exact": "program"}, {3}),
        ({"server": "node_1"}, {1, 2, 3}),
        ({"q": "ali"}, {1, 4}),
        ({"q": "queue"}, {1, 2, 3}),
        ({"q": "abc-1"}, {4}),
        ({"q": "bc-1"}, set()),
        ({"q": " "}, {1, 2, 3, 4}),
        ({"at__year": "2001"}, set()),
    ],
)
@pytest.mark.usefixtures("rows")
def test_list_is_filtered_and_searched(
    query: dict[str, str], wanted: set[int], auditor: Client
) -> None:
    assert found(auditor, **query) == wanted


@pytest.mark.usefixtures("rows")
def test_list_shows_the_latest_first_with_words(auditor: Client) -> None:
    answer = auditor.get(reverse(LIST))
    assert [row.pk for row in answer.context["cl"].result_list] == [4, 3, 2, 1]
    text = answer.content.decode()
    for words in ("alice", "manage.py ami_listen", "12.3 ms", "&lt;b&gt;no", "?server=node_1"):
        assert words in text, words


def test_entry_shows_its_headers_escaped(auditor: Client) -> None:
    entry(pk=7, headers=[["Secret", "***"], ["Data", "<script>x</script>"]])
    address = reverse("admin:ami_operations_actionlog_change", args=[7])
    text = auditor.get(address).content.decode()
    assert "***" in text
    assert "&lt;script&gt;x" in text
    assert "<script>x" not in text


def test_list_takes_few_queries_for_many_entries(
    auditor: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(60):
        entry()
    with django_assert_max_num_queries(8):
        assert len(found(auditor)) == 50


def test_list_says_nothing_of_servers_that_cannot_be_read(auditor: Client, settings: Any) -> None:
    settings.AMI_SERVERS = None
    entry(pk=1)
    assert found(auditor) == {1}
