"""Statements that Django compiles once. The database is that of ``test_databases.py``."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.models import BigIntegerField, CharField, DurationField, JSONField
from django.db.models.sql import Query

from django_ami.operations.clock import ago, from_now, now, since
from django_ami.operations.models import Lease, Listener
from django_ami.operations.statements import Given, Selection, Update

pytestmark = pytest.mark.django_db(transaction=True)

LEASES = Lease.objects.using("default")
SERVER = Given("server", CharField())


def renewal() -> Update:
    span = Given("span", DurationField())
    return Update(
        LEASES.filter(server=SERVER),
        expires_at=from_now(span),
        token=Given("token", BigIntegerField()),
    )


def left() -> Selection:
    return Selection(LEASES.filter(server=SERVER).values_list("token", since("expires_at")))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of the statements that Django has compiled."""
    made: list[str] = []
    compiler_of = Query.get_compiler

    def note(self: Any, *arguments: Any, **named: Any) -> Any:
        made.append(self.model.__name__)
        return compiler_of(self, *arguments, **named)

    monkeypatch.setattr(Query, "get_compiler", note)
    return made


def test_update_takes_other_values_with_each_run_and_says_how_many_rows_it_changed() -> None:
    Lease.objects.create(server="node_1", token=1, expires_at=now())
    renew, look = renewal(), left()
    for token, seconds in ((5, 60), (6, 600)):
        assert renew(server="node_1", token=token, span=timedelta(seconds=seconds)) == 1
        ((found, over),) = look(server="node_1")
        assert found == token
        assert seconds - 30 < -over.total_seconds() <= seconds
    assert renew(server="node_2", token=7, span=timedelta()) == 0
    assert look(server="node_2") == []


def test_update_writes_texts_json_and_nothing_as_their_fields_do() -> None:
    Listener.objects.create(
        process="me", server="node_1", account="", host="", pid=1, version="", role="", state="",
        started_at=ago(60), state_since=ago(60), seen_at=ago(60), token=7,
    )  # fmt: skip
    write = Update(
        Listener.objects.using("default").filter(process="me"),
        counters=Given("counters", JSONField()),
        token=Given("token", BigIntegerField()),
        last_error=Given("last_error", CharField()),
    )
    text = "100 % of 'it' %s \\ é"
    assert write(counters={text: [1, None]}, token=None, last_error=text) == 1
    row = Listener.objects.get()
    assert (row.counters, row.token, row.last_error) == ({text: [1, None]}, None, text)


def test_statement_is_compiled_once_for_a_connection(compiled: list[str]) -> None:
    renew, look = renewal(), left()
    for _ in range(3):
        renew(server="node_1", token=1, span=timedelta())
        look(server="node_1")
    assert compiled == ["Lease", "Lease"]
    connections["default"].close()
    look(server="node_1")
    assert compiled == ["Lease", "Lease"]  # the thread's connection is another one, of its kind


def test_statement_of_another_thread_is_run_on_that_threads_connection(compiled: list[str]) -> None:
    look = left()
    look(server="node_1")
    before, found = connections["default"].connection, []

    def elsewhere() -> None:
        try:
            look(server="node_1")
            found.append(connections["default"].connection)
        finally:
            connections.close_all()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert found != [before]
    assert compiled == ["Lease", "Lease"]


def test_statement_goes_well_again_when_the_database_does(monkeypatch: pytest.MonkeyPatch) -> None:
    Lease.objects.create(server="node_1", token=1, expires_at=now())
    look = left()

    def refuse(*_: Any) -> None:
        raise OperationalError("gone")

    with connections["default"].execute_wrapper(refuse), pytest.raises(OperationalError):
        look(server="node_1")
    assert len(look(server="node_1")) == 1
