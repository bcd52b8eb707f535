"""``ami``: one client and one login per process, made on first use, new after fork, logged off in
the end.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from django_ami import ami, conf
from django_ami.actions import Action, Ping, QueueStatus
from django_ami.core import Client, Event, ServerConfig
from django_ami.errors import (
    ActionFailed,
    AuthenticationFailed,
    ConfigurationError,
    ConnectionLost,
    WouldBlock,
)
from django_ami.signals import ami_event, events
from django_ami.testing import FakeAsterisk
from django_ami.types import Changes
from tests.receiving import fresh_registry
from tests.running import DEADLINE_SECONDS, PYTHON, Program, hold_pings, run_python, wait_until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def sim(ami_server: FakeAsterisk) -> FakeAsterisk:
    """A simulator that ``ami`` talks to."""
    return ami_server


def ping() -> str:
    return ami.send(Ping()).result(DEADLINE_SECONDS)["Ping"]


# --- one login, on first use ---


def test_socket_is_opened_by_the_first_action_and_not_before(sim: FakeAsterisk) -> None:
    before = threading.active_count()
    assert ami._process.client is None
    status = ami.status()["node_1"]
    assert (status.state, status.ready, status.address) == ("idle", False, f"127.0.0.1:{sim.port}")
    assert list(ami.servers) == ["node_1"]
    assert not ami.server("node_1").ready
    assert sim.connections == 0
    assert threading.active_count() == before + 1, "the reactor alone"


def test_one_login_for_all_actions_and_without_events(sim: FakeAsterisk) -> None:
    for _ in range(20):
        assert ping() == "Pong"
    assert (sim.connections, sim.logins) == (1, 1)
    (login,) = [action for action in sim.received if action.name == "Login"]
    assert login.get("Events") == "system", "for FullyBooted alone"
    assert [action.get("EventMask") for action in sim.received if action.name == "Events"] == [
        "off"
    ]
    status = ami.status()["node_1"]
    assert (status.state, status.ready, status.asterisk_version) == ("ready", True, "22.10.1")


def test_threads_that_race_for_the_first_use_share_one_login(sim: FakeAsterisk) -> None:
    barrier = threading.Barrier(16)

    def race(_: int) -> tuple[str, int]:
        barrier.wait(DEADLINE_SECONDS)
        return ping(), id(ami._process.client)

    with ThreadPoolExecutor(16) as pool:
        results = set(pool.map(race, range(16)))
    assert len(results) == 1
    assert next(iter(results))[0] == "Pong"
    assert (sim.connections, sim.logins) == (1, 1)


def test_a_handler_that_sends_while_the_client_is_made_shares_its_login(
    sim: FakeAsterisk, settings: Any
) -> None:
    """It interrupts the main thread, which has the lock: the settings are read here."""
    servers, pongs = settings.AMI_SERVERS, []

    def interrupted() -> Any:
        if not pongs:
            pongs.append("")
            pongs.append(ping())
        return servers

    settings.AMI_SERVERS = interrupted
    assert ping() == "Pong"
    assert pongs == ["", "Pong"]
    assert (sim.connections, sim.logins) == (1, 1)
    assert sum(thread.name == "django_ami-reactor" for thread in threading.enumerate()) == 1


def test_the_next_use_after_close_connects_anew(sim: FakeAsterisk) -> None:
    ping()
    ami.close()
    sim.wait_for(lambda: sim.logoffs == 1)
    ami.close()
    assert ping() == "Pong"
    assert (sim.logins, sim.logoffs) == (2, 1)


def test_actions_under_way_fail_at_the_close(sim: FakeAsterisk) -> None:
    ping()
    sim.on("Ping").hang()
    pending = ami.send(Ping())
    sim.wait_for(lambda: sim.received[-1].name == "Ping" and sim.actions_received >= 6)
    ami.close()
    with pytest.raises(ConnectionLost) as raised:
        pending.result(DEADLINE_SECONDS)
    assert raised.value.sent


# --- servers ---


def test_server_default_servers_and_status(sim: FakeAsterisk, settings: Any) -> None:
    with FakeAsterisk() as other:
        settings.AMI_SERVERS = {"node_1": {"URL": sim.url}, "node_2": {"URL": other.url}}
        settings.AMI_DEFAULT_SERVER = "node_2"
        assert list(ami.servers) == list(ami.status()) == ["node_1", "node_2"]
        assert ami.default is ami.server("node_2") is ami.servers["node_2"]
        assert ping() == "Pong"
        assert (sim.connections, other.logins) == (0, 1)
        assert ami.server("node_1").send(Ping()).result(DEADLINE_SECONDS).ok
        assert (sim.logins, other.logins) == (1, 1)
        assert {name: one.ready for name, one in ami.status().items()} == {
            "node_1": True,
            "node_2": True,
        }
        with pytest.raises(
            ConfigurationError, match=r"unknown server 'node_3': did you mean 'node_"
        ):
            ami.server("node_3")
        ami.close()


def test_of_several_servers_one_has_to_be_named(sim: FakeAsterisk, settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": sim.url}, "node_2": {"URL": sim.url}}
    with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
        ami.send(Ping())
    with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
        _ = ami.default
    assert sim.connections == 0


def test_routing_chooses_a_server_that_works(sim: FakeAsterisk, settings: Any) -> None:
    with FakeAsterisk() as other:
        dead = f"ami://admin:wrong@127.0.0.1:{other.port}"
        settings.AMI_SERVERS = {"node_1": {"URL": dead}, "node_2": {"URL": sim.url}}
        settings.AMI_ROUTING = "failover"
        ami.send(Ping())  # the first choice connects all servers
        other.wait_for(lambda: other.login_attempts == 1)
        sim.wait_for(lambda: sim.logins == 1)
        with pytest.raises(AuthenticationFailed):
            ami.server("node_1").send(Ping()).result(DEADLINE_SECONDS)
        pending = ami.send(Ping())
        assert pending.server == "node_2"
        assert pending.result(DEADLINE_SECONDS).ok
        ami.close()


@pytest.mark.parametrize("routing", ["failover", "round_robin", ("failover", ["node_2"])])
def test_looking_at_servers_connects_none_of_them_with_a_routing(
    sim: FakeAsterisk, settings: Any, routing: Any
) -> None:
    settings.AMI_SERVERS = {name: {"URL": sim.url} for name in ("node_1", "node_2")}
    settings.AMI_ROUTING = routing
    settings.AMI_DEFAULT_SERVER = "node_1"
    assert {one.state for one in ami.status().values()} == {"idle"}
    assert [handle.ready for handle in ami.servers.values()] == [False, False]
    assert ami.default.address == f"127.0.0.1:{sim.port}"
    assert ami.default.status().state == "idle"
    assert not ami.reload()
    assert {one.state for one in ami.status().values()} == {"idle"}
    time.sleep(0.2)  # nothing is to happen
    assert sim.connections == 0
    assert ping() == "Pong"
    sim.wait_for(lambda: sim.logins == 2)


def test_the_default_server_is_found_without_reading_all_settings(
    sim: FakeAsterisk, settings: Any
) -> None:
    """Settings that have become wrong are not read again by a client that is made already."""
    settings.AMI_SERVERS = {"node_1": {"URL": sim.url}, "node_2": {"URL": sim.url}}
    client = Client(conf.load().servers)
    for default in (None, "node_2"):
        settings.AMI_DEFAULT_SERVER = default
        ami._adopt(client)
        settings._wrapped.AMI_SERVERS = (
            "wrong"  # no signal tells of it, as of a file that was edited
        )
        if default is None:
            with pytest.raises(
                ConfigurationError, match="several servers: name one of them in the setting AMI_DEF"
            ):
                _ = ami.default
        else:
            assert ami.default is ami.server("node_2")
            assert ami._process.default == "node_2"
    client.close()


def test_the_default_of_an_adopted_client_is_one_of_its_own_servers(
    sim: FakeAsterisk, settings: Any
) -> None:
    settings.AMI_SERVERS = {name: {"URL": sim.url} for name in ("node_1", "node_2")}
    client = Client([ServerConfig.from_url("node_2", sim.url)])
    ami._adopt(client)
    assert ami.default is ami.server("node_2"), "the only one"
    settings.AMI_DEFAULT_SERVER = "node_1"
    ami._adopt(client)
    with pytest.raises(ConfigurationError, match="unknown server in AMI_DEFAULT_SERVER: 'node_1'"):
        _ = ami.default
    client.close()


# --- settings ---


def test_changed_settings_take_effect_with_the_next_use(sim: FakeAsterisk) -> None:
    ping()
    with FakeAsterisk() as other:
        with override_settings(AMI_SERVERS={"node_1": {"URL": other.url}}):
            sim.wait_for(lambda: sim.logoffs == 1)
            assert ping() == "Pong"
            assert (sim.logins, other.logins) == (1, 1)
            client = ami._process.client
            with override_settings(AMI_OPTIONS={"action_timeout": 7}):
                assert ami._process.client is None
                pending = ami.send(Ping())
                assert pending.timeout == 7
                assert pending.result(DEADLINE_SECONDS).ok
                assert ami._process.client is not client
        other.wait_for(lambda: other.logoffs == 2)
        assert ping() == "Pong"
        assert (sim.logins, other.logins) == (2, 2)


def test_settings_of_others_change_nothing(sim: FakeAsterisk) -> None:
    ping()
    with override_settings(DEBUG=True, LANGUAGE_CODE="de"):
        ping()
    assert (sim.logins, sim.logoffs) == (1, 0)


def test_wrong_settings_are_told_at_every_use_until_they_are_mended(
    sim: FakeAsterisk, settings: Any
) -> None:
    good = settings.AMI_SERVERS
    settings.AMI_SERVERS = {"node_1": {**good["node_1"], "PORT": 1}}
    for use in (lambda: ami.send(Ping()), ami.status, lambda: ami.servers, lambda: ami.default):
        with pytest.raises(ConfigurationError, match="'URL' and 'PORT' are both given"):
            use()
    settings.AMI_SERVERS = good
    assert ping() == "Pong"


# --- actions ---


def test_any_action_with_any_headers(sim: FakeAsterisk) -> None:
    sim.on("Some").reply(Message="Well done", Echo=["one", "two"])
    response = ami.send(Action("Some", Key="value", Other=["a", "b"])).result(DEADLINE_SECONDS)
    assert (response.ok, response.message, response.get_all("echo")) == (
        True,
        "Well done",
        ["one", "two"],
    )
    assert sim.received[-1].get_all("Other") == ("a", "b")
    assert sim.received[-1].get("Key") == "value"


def test_a_refusal_is_an_error_with_the_response(sim: FakeAsterisk) -> None:
    sim.on("Ping").fail("Permission denied")
    with pytest.raises(ActionFailed, match="node_1: Ping refused: Permission denied") as raised:
        ami.send(Ping()).result(DEADLINE_SECONDS)
    assert raised.value.response["Message"] == "Permission denied"


def test_await_it(sim: FakeAsterisk) -> None:
    async def main() -> None:
        response = await ami.send(Ping())
        assert response["Ping"] == "Pong"
        answers = await asyncio.gather(
            *(ami.server("node_1").send(QueueStatus()) for _ in range(20))
        )
        assert {event["Queue"] for answer in answers for event in answer.events} == {
            "support",
            "sales",
        }
        sim.on("Ping").fail("no")
        with pytest.raises(ActionFailed):
            await ami.send(Ping())
        answer = hold_pings(sim)
        pending = ami.send(Ping())
        with pytest.raises(WouldBlock, match="await pending"):
            pending.result()
        answer.set()
        assert (await pending).ok

    asyncio.run(main())
    assert sim.logins == 1


def test_every_event_loop_is_served_by_the_same_client(sim: FakeAsterisk) -> None:
    async def main() -> str:
        return (await ami.send(Ping()))["Ping"]

    assert [asyncio.run(main()) for _ in range(3)] == ["Pong"] * 3
    assert sim.logins == 1


def test_on_complete_runs_where_user_code_runs(sim: FakeAsterisk) -> None:
    done = threading.Event()
    told: list[Any] = []

    def tell(error: Any, response: Any) -> None:
        told.append((error, response["Ping"], threading.current_thread().name))
        # Waiting is allowed here, unlike on the reactor thread.
        told.append(ping())
        done.set()

    answer = hold_pings(sim)
    ami.send(Ping()).on_complete(tell)
    answer.set()
    assert done.wait(DEADLINE_SECONDS)
    assert told == [(None, "Pong", "django_ami-dispatch"), "Pong"]


# --- events ---


HANGUP = Event("Hangup", b"Event: Hangup", server="node_1")


@pytest.mark.slow
def test_on_event_is_the_registry_spelled_as_a_call_or_a_decorator() -> None:
    with fresh_registry():
        seen: list[tuple[str, Any]] = []

        def called(sender: Any, event: Any, **_: Any) -> None:
            seen.append(("called", event))

        assert ami.on_event("Hangup", called) is called

        @ami.on_event("HANGUP")
        def decorated(sender: Any, event: Any, **_: Any) -> None:
            seen.append(("decorated", event))

        @ami.on_any_event
        def bare(sender: Any, event: Any, **_: Any) -> None:
            seen.append(("bare", event))

        @ami.on_any_event()
        def with_parentheses(sender: Any, event: Any, **_: Any) -> None:
            seen.append(("with parentheses", event))

        ami.on_any_event(lambda **_: seen.append(("kept alive", 1)))
        gc.collect()
        events["hangup"].send_robust(sender=ami, event=HANGUP)
        ami_event.send_robust(sender=ami, event=HANGUP)
        assert [name for name, _ in seen] == [
            "called",
            "decorated",
            "bare",
            "with parentheses",
            "kept alive",
        ]
        assert callable(decorated)
        assert callable(bare)
        assert callable(with_parentheses)
        assert events["Hangup"].disconnect(called)


def test_receivers_do_not_make_a_caller_ask_for_events(sim: FakeAsterisk) -> None:
    with fresh_registry():
        seen: list[Any] = []
        ami.on_any_event(lambda event, **_: seen.append(event))
        ping()
        sim.emit("Hangup")
        ping()
        assert seen == []
        assert sim.events_sent == 0


# --- somebody else's client ---


def test_an_adopted_client_is_used_and_not_closed(sim: FakeAsterisk) -> None:
    ping()
    with FakeAsterisk() as other:
        client = Client([ServerConfig.from_url("listener", other.url)])
        client.start()
        ami._adopt(client)
        sim.wait_for(lambda: sim.logoffs == 1)
        assert list(ami.servers) == ["listener"]
        assert ping() == "Pong"
        assert (sim.logins, other.logins) == (1, 1)
        ami.close()
        assert client.server("listener").send(Ping()).result(DEADLINE_SECONDS).ok
        assert other.logoffs == 0
        client.close()
        other.wait_for(lambda: other.logoffs == 1)
    assert ping() == "Pong"
    assert sim.logins == 2


def test_a_reload_that_waited_for_an_adoption_is_the_adopted_one(sim: FakeAsterisk) -> None:
    client = Client([ServerConfig.from_url("listener", sim.url)])
    with ThreadPoolExecutor(1) as pool:
        with ami._process.lock:
            reloading = pool.submit(ami.reload)
            time.sleep(0.1)  # it stands before the lock
            ami._adopt(client, reload=lambda: Changes(added=("told",)))
        assert reloading.result(DEADLINE_SECONDS) == Changes(added=("told",))
    ami.close()
    client.close()


def test_adopting_waits_for_a_client_that_is_just_being_made(
    sim: FakeAsterisk, settings: Any
) -> None:
    """Else the one that is made would take the place of the adopted one, and nobody would close
    either.
    """
    making, adopted = threading.Event(), threading.Event()

    def servers() -> dict[str, Any]:
        making.set()
        assert not adopted.wait(0.2), "the settings are still being read"
        return {"node_1": {"URL": sim.url}}

    settings.AMI_SERVERS = servers
    client = Client([ServerConfig.from_url("listener", sim.url)])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: list(ami.servers))
        assert making.wait(DEADLINE_SECONDS)
        second = pool.submit(lambda: (ami._adopt(client), adopted.set()))
        assert first.result(DEADLINE_SECONDS) == ["node_1"]
        second.result(DEADLINE_SECONDS)
    assert list(ami.servers) == ["listener"]
    ami.close()
    client.close()


# --- processes ---

SETUP = """
import os, sys, warnings
import django
from django.conf import settings
servers = {"node_1": {"URL": os.environ["AMI_NODE1_URL"]}}
settings.configure(INSTALLED_APPS=["django_ami"], AMI_SERVERS=servers)
django.setup()
from django_ami import ami
from django_ami.actions import Ping

def ping():
    return ami.send(Ping()).result(timeout=20)["Ping"]

def fork():
    sys.stdout.flush()
    with warnings.catch_warnings():
        # Python 3.12 and later warn of a fork with threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
"""


@pytest.mark.slow
def test_a_child_after_fork_has_a_login_of_its_own_and_the_parent_keeps_its_own() -> None:
    source = f"""
{SETUP}
print(ping())
child = fork()
if child == 0:
    print("child", ping(), ping(), list(ami.status()))
    sys.exit(7)
_, status = os.waitpid(child, 0)
print("child's exit code", os.waitstatus_to_exitcode(status))
print(ping())
"""
    with FakeAsterisk() as sim:
        out = run_python(source, AMI_NODE1_URL=sim.url)
        assert out.split("\n") == [
            "Pong",
            "child Pong Pong ['node_1']",
            "child's exit code 7",
            "Pong",
        ]
        sim.wait_for(lambda: sim.logoffs == 2)
        assert (sim.logins, sim.connections) == (2, 2)
        sessions = [action.session for action in sim.received if action.name == "Ping"]
        assert sessions == [sessions[0], sessions[1], sessions[1], sessions[0]]
        assert sessions[0] != sessions[1]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)"])
def test_a_child_that_sends_nothing_does_the_parent_no_harm(end: str) -> None:
    source = f"""
{SETUP}
from concurrent.futures import ThreadPoolExecutor
ping()
for _ in range(3):
    child = fork()
    if child == 0:
        {end}
    os.waitpid(child, 0)
    print(ping())
"""
    with FakeAsterisk() as sim:
        assert run_python(source, AMI_NODE1_URL=sim.url) == "Pong\nPong\nPong"
        sim.wait_for(lambda: sim.logoffs == 1)
        assert (sim.logins, sim.connections) == (1, 1)


@pytest.mark.slow
def test_a_fork_while_actions_are_under_way() -> None:
    source = f"""
{SETUP}
ping()
pendings = [ami.send(Ping()) for _ in range(200)]
child = fork()
if child == 0:
    print("child", ping())
    os._exit(0)
os.waitpid(child, 0)
print({{pending.result(20)["Ping"] for pending in pendings}})
"""
    with FakeAsterisk() as sim:
        sim.on("Ping").after(0.01)
        assert run_python(source, AMI_NODE1_URL=sim.url).split("\n")[-1] == "{'Pong'}"
        sim.wait_for(lambda: sim.logoffs == 1)
        assert sim.logins == 2
        assert sum(action.name == "Ping" for action in sim.received) == 202


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise SystemExit(3)", "ami.send(Ping())"])
def test_ami_logs_off_when_the_interpreter_ends(end: str) -> None:
    with (
        FakeAsterisk() as sim,
        Program([*PYTHON, "-c", f"{SETUP}\nping()\n{end}"], AMI_NODE1_URL=sim.url) as program,
    ):
        assert program.wait() == (3 if "3" in end else 0), str(program)
        sim.wait_for(lambda: sim.logoffs == 1)
        assert program.err == []


def test_an_end_without_use_opens_nothing() -> None:
    with FakeAsterisk() as sim:
        assert (
            run_python(f"{SETUP}\nprint(list(ami.servers))", AMI_NODE1_URL=sim.url) == "['node_1']"
        )
        assert sim.connections == 0


@pytest.mark.parametrize("late", [False, True], ids=["before the answer", "after it"])
def test_a_function_for_an_answer_has_its_database_cared_for(
    sim: FakeAsterisk, tmp_path: Path, late: bool, settings: Any, django_db_blocker: Any
) -> None:
    """As in the worker.

    Its connection is closed behind it, and an error of the database is no end of it.
    """
    from django.db import OperationalError, connections

    settings.AMI_DISPATCH = {"retry_initial": 0.01}
    connections.databases["answers"] = {
        **connections.databases["default"], "NAME": str(tmp_path / "db.sqlite3"), "CONN_MAX_AGE": 0,
    }  # fmt: skip
    seen: list[Any] = []

    def save(error: Any, response: Any) -> None:
        with connections["answers"].cursor() as cursor:
            cursor.execute("SELECT 1")
        seen.append((threading.current_thread().name, connections["answers"]))
        if len(seen) == 1:
            raise OperationalError("gone")

    try:
        with django_db_blocker.unblock():
            answer = hold_pings(sim)
            pending = ami.send(Ping())
            if not late:
                pending.on_complete(save)
            answer.set()
            pending.result(DEADLINE_SECONDS)
            if late:
                pending.on_complete(save)
            wait_until(lambda: len(seen) == 2)
            assert {name for name, _ in seen} == {"django_ami-dispatch"}
            wait_until(lambda: seen[1][1].connection is None)
    finally:
        del connections.databases["answers"]
