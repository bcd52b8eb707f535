"""Servers from a function, such as one that reads a table.

And what a reload of the settings takes over.
"""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import WARNING, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError
from django.utils.asyncio import async_unsafe

from django_ami import ami, conf
from django_ami.actions import Action, Ping
from django_ami.core.client import Changes
from django_ami.errors import AuthenticationFailed, ConfigurationError, ConnectionLost
from django_ami.testing import FakeAsterisk, User, ami_outbox, override_ami
from django_ami.testing.override import server_names
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCMEM = {"BACKEND": "django_ami.testing.locmem"}


class Table:
    """Stands for a table of servers: a function of no arguments, and how often it was called."""

    def __init__(self, **rows: Any) -> None:
        self.rows: Any = rows
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        if isinstance(self.rows, Exception):
            raise self.rows
        return self.rows


@pytest.fixture
def sims() -> Iterator[tuple[FakeAsterisk, FakeAsterisk]]:
    with FakeAsterisk() as one, FakeAsterisk() as two:
        yield one, two
        ami.close()


def entry(sim: FakeAsterisk, **more: Any) -> dict[str, Any]:
    return {"URL": sim.url, **more}


# --- a server that refuses ---


def test_a_reload_tries_a_server_that_refused_again(settings: Any) -> None:
    """The password was put right where the server is: nothing has changed here."""
    with FakeAsterisk(users={"admin": User(secret="old")}) as sim:
        settings.AMI_SERVERS = {"one": {"URL": f"ami://admin:new@127.0.0.1:{sim.port}"}}
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                ami.send(Ping()).result(DEADLINE_SECONDS)
        assert sim.login_attempts == 1
        sim.users["admin"] = User(secret="new")
        with pytest.raises(AuthenticationFailed):
            ami.send(Ping()).result(DEADLINE_SECONDS)
        assert ami.reload() == Changes()
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        assert sim.login_attempts == 2
        ami.close()


def test_a_server_that_refused_is_tried_again_after_its_pause_when_something_is_to_be_sent(
    settings: Any,
) -> None:
    with FakeAsterisk(users={"admin": User(secret="old")}) as sim:
        entry = {
            "URL": f"ami://admin:new@127.0.0.1:{sim.port}",
            "OPTIONS": {"auth_retry_interval": 0.2},
        }
        settings.AMI_SERVERS = {"one": entry}
        with pytest.raises(AuthenticationFailed):
            ami.send(Ping()).result(DEADLINE_SECONDS)
        sim.users["admin"] = User(secret="new")
        wait_until(lambda: ami.status()["one"].state == "idle")
        assert sim.login_attempts == 1
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        ami.close()


# --- a function of servers ---


def test_a_function_or_its_dotted_path(
    sims: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table(one=entry(sims[0]), two=entry(sims[1]))
    module = ModuleType("tenants_of_a_test")
    module.servers = table  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for value in (table, "tenants_of_a_test.servers"):
        settings.AMI_SERVERS = value
        assert list(ami.servers) == ["one", "two"]
        assert ami.server("two").send(Ping()).result(DEADLINE_SECONDS).ok
        calls = table.calls
        assert ami.server("one").send(Ping()).result(DEADLINE_SECONDS).ok
        with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
            ami.send(Ping())
        assert table.calls == calls, "once for each client"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "no_such_module.servers",
            "the setting AMI_SERVERS names 'no_such_module.servers', which cannot be imported (",
        ),
        (
            "json.no_such_name",
            "the setting AMI_SERVERS names 'json.no_such_name', which cannot be imported (",
        ),
        ("servers", "the setting AMI_SERVERS names 'servers', which cannot be imported ("),
        (
            "json.__doc__",
            (
                "the setting AMI_SERVERS names 'json.__doc__', which is not a function but str: "
                "name a function"
            ),
        ),
        ("ami://admin:hush@pbx", "the setting AMI_SERVERS must be a mapping, not str."),
        (lambda: ["one"], ", must return a mapping, not list."),
        (lambda: None, ", must return a mapping, not NoneType."),
        (
            dict,
            (
                "the function of the setting AMI_SERVERS, builtins.dict, returned no server: "
                "add one at least."
            ),
        ),
        (lambda: 1 / 0, ", raised ZeroDivisionError: division by zero"),
        (lambda: {"one": {"HOST": "pbx"}}, "one: 'USERNAME' is missing"),
        (
            lambda: {1: {}},
            "the setting AMI_SERVERS: a server's name must be a text that is not empty, not 1.",
        ),
        (lambda: ami.status(), ", raised RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_wrong_value_is_reported_in_one_line(settings: Any, value: object, told: str) -> None:
    settings.AMI_SERVERS = value
    with pytest.raises(ConfigurationError) as raised:
        ami.status()
    message = str(raised.value)
    assert told in message
    assert "\n" not in message
    assert "hush" not in message


def test_a_query_may_be_needed_first_in_an_event_loop(sims: Any, settings: Any) -> None:
    """Django refuses queries there; an async view may well be the first that sends."""

    @async_unsafe("You cannot call this from an async context.")  # as every query of Django is
    def servers() -> dict[str, Any]:
        return {"one": entry(sims[0])}

    settings.AMI_SERVERS = servers

    async def view() -> bool:
        return (await ami.send(Ping())).ok

    assert asyncio.run(view())


# --- reload ---


def test_reload_takes_over_changes_and_nothing_else(sims: Any, settings: Any) -> None:
    one, two = sims
    one.on("Slow").hang()
    two.on("Slow").hang()
    table = settings.AMI_SERVERS = Table(one=entry(one), two=entry(two))
    handles = ami.server("one"), ami.server("two")
    kept, lost = (handle.send(Action("Slow"), timeout=30) for handle in handles)
    for sim in sims:
        sim.wait_for(lambda sim=sim: any(action.name == "Slow" for action in sim.received))
    assert ami.reload() == Changes()
    with FakeAsterisk() as three:
        table.rows = {"one": entry(one), "three": entry(three)}
        assert ami.reload() == Changes(added=("three",), removed=("two",))
        with pytest.raises(ConnectionLost, match="two: this server was removed") as raised:
            lost.result(10)
        assert raised.value.sent
        two.wait_for(lambda: two.logoffs == 1)
        assert list(ami.servers) == ["one", "three"]
        for use in (
            lambda: ami.server("two"),
            lambda: handles[1].send(Ping()),
            lambda: handles[1].ready,
        ):
            with pytest.raises(
                ConfigurationError, match="unknown server 'two': known are 'one', 'three'"
            ):
                use()
        assert ami.server("three").send(Ping()).result(DEADLINE_SECONDS).ok
        assert not kept.done()
        assert ami.server("one") is handles[0]
        table.rows = {"one": entry(one), "two": entry(one)}
        assert ami.reload() == Changes(added=("two",), removed=("three",))
        assert ami.server("two") is handles[1]
        assert handles[1].send(Ping()).result(DEADLINE_SECONDS).ok
        three.wait_for(lambda: three.logoffs == 1)
        assert (one.logins, one.logoffs, two.logins, three.logoffs) == (2, 0, 1, 1)


def test_a_reload_that_fails_leaves_all_as_it_was(sims: Any, settings: Any) -> None:
    one, two = sims
    table = settings.AMI_SERVERS = Table(one=entry(one))
    assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
    for rows in (
        RuntimeError("the table is\nnot there"),
        {},
        {"one": entry(one), "two": {"URL": "amis://u:hush@x", "TLS": {"CA_FILE": "/no/such/file"}}},
        {"one": {"URL": "ami://nobody@pbx"}},
    ):
        table.rows = rows
        with pytest.raises(ConfigurationError) as raised:
            ami.reload()
        assert "\n" not in str(raised.value)
        assert "hush" not in str(raised.value)
        assert list(ami.servers) == ["one"]
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
    assert (one.logins, one.logoffs) == (1, 0)
    table.rows = {"one": entry(two)}
    assert str(ami.reload()) == "changed: one"
    assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
    assert (one.logoffs, two.logins) == (1, 1)


def test_the_default_and_the_options_are_read_anew(sims: Any, settings: Any) -> None:
    one, two = sims
    table = settings.AMI_SERVERS = Table(one=entry(one))
    assert ami.default.name == "one"
    pending = ami.send(Ping())
    assert (pending.timeout, pending.result(DEADLINE_SECONDS).ok) == (30, True)
    table.rows = {"one": entry(one), "two": entry(two, OPTIONS={"action_timeout": 7})}
    ami.reload()
    with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
        _ = ami.default
    assert ami.server("two").send(Ping()).timeout == 7


def test_before_the_first_use_a_reload_only_looks(settings: Any) -> None:
    table = settings.AMI_SERVERS = Table(one={"URL": "ami://u:s@127.0.0.1"})
    assert ami.reload() == Changes()
    assert (table.calls, ami._process.client) == (1, None)
    table.rows = []
    with pytest.raises(ConfigurationError, match="must return a mapping"):
        ami.reload()


def test_servers_in_memory_and_over_tcp(sims: Any, settings: Any) -> None:
    one, two = sims
    table = settings.AMI_SERVERS = Table(one=entry(one))
    with ami_outbox.set_aside():
        assert ami.server("one").send(Ping()).result(DEADLINE_SECONDS).ok
        table.rows = {"one": entry(one), "memory": LOCMEM}
        assert ami.reload() == Changes(added=("memory",))
        assert ami.server("memory").send(Ping()).result(DEADLINE_SECONDS).ok
        assert ami.server("one").send(Ping()).result(DEADLINE_SECONDS).ok
        table.rows = {"memory": LOCMEM, "more": LOCMEM}
        assert ami.reload() == Changes(added=("more",), removed=("one",))
        one.wait_for(lambda: one.logoffs == 1)
        assert ami.server("more").send(Ping()).result(DEADLINE_SECONDS).ok
        table.rows = {"memory": {**LOCMEM, "OPTIONS": {"action_timeout": 7}}}
        assert ami.reload() == Changes(changed=("memory",), removed=("more",))
        assert ami.send(Ping()).timeout == 7
        table.rows = {"two": entry(two)}
        assert ami.reload() == Changes(added=("two",), removed=("memory",))
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        assert [action.server for action in ami_outbox] == ["memory", "more", "memory"]
        assert one.logins == 1


# --- the checks and the test kit ---


def warned() -> list[str]:
    """The messages of W008 with a database.

    None may be an error, which would keep ``migrate`` from running.
    """
    found = [
        message
        for message in run_checks(databases=["default"])
        if message.id.startswith("django_ami.")
    ]
    assert {message.level for message in found} <= {WARNING}
    return [message.msg for message in found if message.id == "django_ami.W008"]


@pytest.mark.django_db  # the checks of models ask the database for fields of JSON
def test_a_table_that_is_to_be_made_can_be_migrated_and_tested(settings: Any) -> None:
    table = settings.AMI_SERVERS = Table()
    for rows, told in (
        (
            OperationalError("no such table: shop_tenant"),
            "raised OperationalError: no such table: shop_tenant",
        ),
        ({}, "returned no server"),
        ({"one": {"HOST": "pbx", "USERNAME": "site", "SECRET": ""}}, "one: 'SECRET' is empty."),
    ):
        table.rows = rows
        (warning,) = warned()
        assert told in warning
    table.rows = {"one": {"URL": "ami://site:hush@pbx"}}
    assert warned() == []


@pytest.mark.django_db  # the checks of models ask the database for fields of JSON
def test_the_checks_ask_the_function_only_when_a_database_may_be_asked(settings: Any) -> None:
    settings.DEBUG = False
    table = settings.AMI_SERVERS = Table(one={"URL": "ami://admin:admin@pbx", "PORT": 5})
    settings.AMI_DEFAULT_SERVER = "one"
    call_command("check", tags=["ami"], deploy=False)
    assert table.calls == 0
    assert warned() == ["one: 'URL' and 'PORT' are both given."]
    table.rows = OSError("down")
    (warning,) = warned()
    assert "raised OSError: down" in warning
    settings.AMI_SERVERS = "no_such_module.servers"
    with pytest.raises(SystemCheckError, match=r"django_ami\.E001.*cannot be imported"):
        call_command("check", tags=["ami"])
    settings.AMI_OPTIONS = {"read_timeout": -1}
    with pytest.raises(SystemCheckError, match=r"django_ami\.E005"):
        call_command("check", tags=["ami"])


def test_test_without_rows_gets_an_error_with_the_cure(settings: Any) -> None:
    settings.AMI_SERVERS = Table()
    cure = (
        r"returned no server: .*\. In tests, give AMI_SERVERS a mapping, or name the servers: "
        r"override_ami\('node_1'\)"
    )
    with pytest.raises(ConfigurationError, match=cure):
        override_ami().enable()
    with pytest.raises(ConfigurationError, match=cure):
        server_names()
    settings.AMI_SERVERS = {"one": LOCMEM}
    assert server_names() == ["one"]


def test_a_test_names_the_servers_and_the_function_is_not_called(settings: Any) -> None:
    table = settings.AMI_SERVERS = Table(one={"URL": "ami://u:s@127.0.0.1"})
    with override_ami("one", "other") as outbox:
        assert ami.server("other").send(Ping()).result(DEADLINE_SECONDS).ok
        assert [action.server for action in outbox] == ["other"]
        assert table.calls == 0
    with override_ami() as outbox:
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        assert [action.server for action in outbox] == ["one"]
    assert conf.servers_function() is table
