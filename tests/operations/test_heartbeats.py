"""The rows by which listeners of all processes are known, and the warning of one too many."""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections

from django_ami import ami
from django_ami.core import Client, ServerConfig
from django_ami.listeners import ListenerRole
from django_ami.operations import audit
from django_ami.operations.clock import ago
from django_ami.operations.conf import OperationsOptions
from django_ami.operations.errors import ActionRefused
from django_ami.operations.heartbeats import HOST, Heartbeats
from django_ami.operations.models import Listener
from django_ami.operations.others import Others
from django_ami.testing import FakeAsterisk
from tests.core.io_support import config, started
from tests.operations.support import SETTINGS, Site, hanging
from tests.running import DEADLINE_SECONDS, PYTHON, Program, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_ami.listeners import ListenerStatus
    from django_ami.testing import Simulator

pytestmark = pytest.mark.django_db(transaction=True)

SERVER = ServerConfig(name="node_1", host="10.0.0.5", username="site", secret="amp111")
ACCOUNT = "10.0.0.5 5038 site"


def row(
    process: str,
    *,
    server: str = "node_1",
    host: str = "far",
    pid: int = 1,
    role: str = "alone",
    age: float = 0.0,
) -> Listener:
    """The row of a listener of the same account."""
    seen = ago(age)
    return Listener.objects.create(
        process=process, server=server, account=ACCOUNT, host=host, pid=pid, version="0.1.0",
        role=role, state="ready", started_at=seen, state_since=seen, seen_at=seen,
    )  # fmt: skip


def known() -> tuple[ListenerStatus, ...]:
    """The listeners, patiently: SQLite in memory does not let threads wait for each other."""
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return ami.status(all_processes=True).get("node_1", ())
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise


@pytest.fixture
def client() -> Iterator[Client]:
    with closing(Client([SERVER])) as made:
        yield made


def beat(client: Client, **options: Any) -> Heartbeats:
    made = Heartbeats(
        client,
        OperationsOptions(heartbeat_interval=0.05, **options),
        "me",
        lambda _: (ListenerRole.ACTIVE, 7),
    )
    made.follow([SERVER])
    made.start()
    return made


def test_listener_is_known_elsewhere_until_it_ends(client: Client) -> None:
    heartbeats = beat(client)
    try:
        wait_until(known)
        (one,) = known()
        assert (one.host, one.pid, one.role, one.token) == (HOST, os.getpid(), "active", 7)
        assert (one.state, one.stale, one.counters["received"]) == ("idle", False, 0)
        json.dumps(one.as_dict())
        first = one.seen
        wait_until(lambda: known()[0].seen > first)
        assert known()[0].since == one.since  # its state has not changed
    finally:
        heartbeats.close()
    assert known() == ()


def test_row_tells_since_when_the_state_is_what_it_is(sim: FakeAsterisk) -> None:
    with started(config(sim), connect=False) as client:
        heartbeats = beat(client)
        try:
            wait_until(known)
            since = known()[0].since
            client.connect()
            wait_until(lambda: known()[0].state == "ready")
            assert known()[0].since > since
        finally:
            heartbeats.close()


def test_row_tells_the_versions_of_the_server_and_how_fast_it_answers(sim: FakeAsterisk) -> None:
    with started(config(sim, heartbeat_interval=0.05)) as client:
        heartbeats = beat(client)
        try:
            wait_until(lambda: known() and known()[0].ping_round_trip)
            (one,) = known()
            assert (one.asterisk_version, one.ami_version) == ("22.10.1", "11.0.0")
            assert 0 < (one.ping_round_trip or 0.0) < 10
        finally:
            heartbeats.close()


def test_row_that_nobody_writes_any_more_is_stale() -> None:
    row("dead", age=16.0)
    row("well", age=14.0)
    (stale,) = [one for one in known() if one.stale]
    assert 15.5 < stale.age < 60
    assert "stale, it was alone and not heard of since" in str(stale)


def test_listener_that_is_not_logged_in_tells_why() -> None:
    row("me")
    Listener.objects.update(state="waiting", last_error="10.0.0.5:5038 refuses the connection")
    (one,) = known()
    assert str(one).endswith("UTC; 10.0.0.5:5038 refuses the connection")
    Listener.objects.update(state="ready")
    assert str(known()[0]).endswith("UTC")


def test_row_has_the_new_account_of_a_server_behind_a_reload(client: Client) -> None:
    heartbeats = beat(client)
    try:
        wait_until(known)
        moved = replace(SERVER, host="10.0.0.6", username="other")
        client.reconfigure([moved])
        heartbeats.follow([moved])
        wait_until(
            lambda: Listener.objects.filter(process="me", account="10.0.0.6 5038 other").exists()
        )
    finally:
        heartbeats.close()


def test_row_of_a_listener_that_is_gone_for_a_day_is_deleted(client: Client) -> None:
    row("dead", age=90_000.0)
    row("stale", age=1000.0)
    heartbeats = beat(client)
    try:
        wait_until(lambda: sorted(one.host for one in known()) == sorted(["far", HOST]))
    finally:
        heartbeats.close()


def test_database_that_refuses_is_counted_and_delays_nothing(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_listener RENAME TO elsewhere")
    try:
        heartbeats = beat(client)
        wait_until(lambda: heartbeats.failures > 3)
    finally:
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_listener")
    wait_until(known)
    wait_until(lambda: known()[0].counters["missed_heartbeats"] > 3)
    heartbeats.close()
    (record,) = [one for one in caplog.records if "not told of this listener" in one.getMessage()]
    assert "manage.py migrate" in record.getMessage()


def test_row_tells_how_many_rows_of_the_action_log_were_lost(client: Client, settings: Any) -> None:
    settings.AMI_OPERATIONS = {"audit_buffer": 1, "audit_close_seconds": 0.05}
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE ami_operations_actionlog RENAME TO elsewhere")
    heartbeats = beat(client)
    try:
        for _ in range(6):
            audit.note(audit.Author(), "Ping", ActionRefused("for this test"))
        # Not in one beat, perhaps: an entry that the writer has just taken waits nowhere.
        for counter in ("rows_lost", "rows_waiting"):
            wait_until(lambda counter=counter: known() and known()[0].counters[counter] > 0)
    finally:
        heartbeats.close()
        audit.close()
        with connections["default"].cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO ami_operations_actionlog")


@pytest.fixture
def others() -> Others:
    return Others("default", "me", meant=False)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("mine", "other", "warned"),
    [
        ("alone", "alone", True),
        ("alone", "active", True),
        ("active", "alone", True),
        ("standby", "active", False),
        ("active", "standby", False),
    ],
)
def test_other_listener_is_warned_of_unless_both_have_leases(
    others: Others, caplog: pytest.LogCaptureFixture, mine: str, other: str, warned: bool
) -> None:
    row("me", host="here", role=mine)
    row("other", pid=4711, role=other)
    others.look([SERVER], 60.0)
    assert warnings(caplog) == []  # a restart overlaps for a moment
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    told = warnings(caplog)
    assert len(told) == warned
    if warned:
        assert "another ami_listen (far, process 4711) listens to 10.0.0.5:5038" in told[0]
        assert "--standby" in told[0]


@pytest.mark.parametrize(
    ("mine", "other", "warned"),
    [("alone", "alone", True), ("active", "active", True), ("active", "standby", False)],
)
def test_other_listener_is_known_by_its_account_where_its_settings_have_another_name_for_it(
    others: Others, caplog: pytest.LogCaptureFixture, mine: str, other: str, warned: bool
) -> None:
    """A lease is of a name: two that have it by two names both deliver."""
    row("me", host="here", role=mine)
    row("other", server="pbx", pid=4711, role=other)
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    assert len(warnings(caplog)) == warned
    if warned:
        assert "another ami_listen (far, process 4711, which calls it pbx)" in warnings(caplog)[0]


def test_other_listener_that_has_ended_is_told_once(
    others: Others, caplog: pytest.LogCaptureFixture
) -> None:
    row("me", host="here")
    other = row("other")
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    other.delete()
    for _ in range(7):
        others.look([SERVER], 60.0)
    assert [line for line in warnings(caplog) if "no other ami_listen" in line] == warnings(caplog)[
        1:
    ]
    assert len(warnings(caplog)) == 2


def test_other_listener_that_begins_later_is_found_within_six_heartbeats(
    others: Others, caplog: pytest.LogCaptureFixture, django_assert_num_queries: Any
) -> None:
    row("me", host="here")
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    row("other")
    with django_assert_num_queries(0):
        for _ in range(5):
            others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    assert len(warnings(caplog)) == 1


def test_stale_row_and_another_account_are_no_other_listener(
    others: Others, caplog: pytest.LogCaptureFixture
) -> None:
    row("me", host="here")
    row("dead", age=61.0)
    Listener.objects.filter(pk=row("other").pk).update(account="10.0.0.5 5038 another")
    others.look([SERVER], 60.0)
    others.look([SERVER], 60.0)
    assert warnings(caplog) == []


def test_others_that_are_meant_are_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    row("me", host="here")
    row("other")
    meant = Others("default", "me", meant=True)
    meant.look([SERVER], 60.0)
    meant.look([SERVER], 60.0)
    assert warnings(caplog) == []


def test_row_is_written_at_once_when_something_has_changed(client: Client) -> None:
    role = [ListenerRole.STANDBY]
    options = OperationsOptions(heartbeat_interval=600.0)
    heartbeats = Heartbeats(client, options, "me", lambda _: (role[0], None))
    heartbeats.follow([SERVER])

    def written() -> list[str]:
        heartbeats.hurry()  # again, too: SQLite refuses a write while this thread reads
        return [one.role for one in known()]

    heartbeats.start()
    try:
        wait_until(lambda: written() == ["standby"])
        role[0] = ListenerRole.ACTIVE
        wait_until(lambda: written() == ["active"])
    finally:
        heartbeats.close()


def test_status_command_tells_of_servers_while_the_database_hangs() -> None:
    command = [*PYTHON, "-m", "django", "ami_status", f"--settings={SETTINGS}", "--timeout=2"]
    with hanging() as database, FakeAsterisk() as sim:
        env = {"AMI_TEST_DATABASE": json.dumps(database), "AMI_NODE1_URL": sim.url}
        with Program(command, **env) as status:
            assert status.wait() == 0, str(status)
    assert status.out[0] == "node_1: well"
    (line,) = status.err
    assert line == (
        "The listeners of other processes are not known: the database does not answer within 2 s. "
        "Check the database, and that 'manage.py migrate' has run."
    )


@pytest.mark.long
def test_listener_with_a_lease_and_one_without_on_this_machine_both_warn(site: Site) -> None:
    first, second = site.active(), site.listen(standby=False)
    for one, other in ((first, second), (second, first)):
        one.wait_for_err(f"process {other.process.pid}")
        assert any("another ami_listen" in line for line in one.err), str(one)


@pytest.mark.long
def test_standby_is_known_as_soon_as_it_is_ready(tmp_path: Path, sim: Simulator) -> None:
    site = Site(tmp_path, [sim], heartbeat_interval=600.0)
    try:
        site.active()
        second = site.standby()

        def state() -> list[str]:
            (server,) = site.run("ami_status", "--json")["servers"]
            return [one["state"] for one in server["processes"] if one["pid"] == second.process.pid]

        wait_until(lambda: state() == ["ready"], what=f"the standby of {site}")
    finally:
        site.close()


@pytest.mark.long
def test_status_command_shows_the_listeners_of_all_processes(site: Site) -> None:
    first, second = site.active(), site.standby()

    def roles() -> list[tuple[int, str]]:
        (server,) = site.run("ami_status", "--json")["servers"]
        return sorted((one["pid"], one["role"]) for one in server["processes"])

    wanted = sorted([(first.process.pid, "active"), (second.process.pid, "standby")])
    wait_until(lambda: roles() == wanted, what=f"{wanted} of {site}")
    first.process.kill()
    site.wait_for("ready", pid=second.process.pid)
    wait_until(lambda: (second.process.pid, "active") in roles(), what=str(site))
