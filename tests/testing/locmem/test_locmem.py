"""The backend in memory: no socket, no thread, no time.

Routing, several servers, and calls in the wrong place.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core import Action, Options, ServerConfig
from django_ami.core.actions import Command, Originate, Ping, QueueStatus
from django_ami.core.errors import (
    ActionTimeout,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    WouldBlock,
)
from django_ami.testing import locmem
from tests.running import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def outbox() -> Iterator[locmem.Outbox]:
    with locmem.outbox.set_aside():
        yield locmem.outbox


def make(*names: str, **settings: Any) -> locmem.Client:
    options = Options(**settings.pop("options", {}))
    configs = [
        ServerConfig(name=name, host="x", username="u", secret="s", options=options)
        for name in names or ("node_1",)
    ]
    return locmem.Client(configs, **settings)


def test_no_socket_no_thread_and_no_time() -> None:
    source = """
import sys, threading
opened = []
sys.addaudithook(lambda event, _: opened.append("socket") if event == "socket.__new__" else None)
threading.Thread.start = lambda self: opened.append("thread")
from django_ami.core import ServerConfig
from django_ami.core.actions import Originate, Ping, QueueStatus
from django_ami.core.errors import ActionTimeout
from django_ami.testing import ami_outbox, locmem
client = locmem.Client([ServerConfig.from_url("node_1", "ami://u:s@pbx")])
client.start()
print(client.send(Ping()).result(timeout=5)["Ping"], client.status()["node_1"].state)
ami_outbox.on("QueueStatus").hang()
try:
    client.send(QueueStatus(), timeout=3600).result()
except ActionTimeout as error:
    print(error.sent)
client.send(Originate(channel="PJSIP/1", application="Wait", data="1", wait=True)).result()
client.close()
print(opened)
"""
    assert run_python(source) == "Pong ready\nTrue\n[]"


def test_outbox_holds_actions_as_they_would_go_over_the_wire(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2", default="node_1")
    client.send(
        Originate(
            channel="PJSIP/101",
            context="c",
            exten="5",
            priority=1,
            variables={"A": 'x, "y"', "B": 2},
        )
    )
    client.server("node_2").send(Action("Some", Key=["a", "b"], Gone=None, Yes=True))
    first, second = outbox
    assert (first.name, first.server, first["channel"], first["Async"]) == (
        "Originate",
        "node_1",
        "PJSIP/101",
        "true",
    )
    assert (second.server, second.get_all("key"), second["Yes"], "Gone" in second) == (
        "node_2", ("a", "b"), "true", False,
    )  # fmt: skip
    with pytest.raises(KeyError):
        _ = second["Gone"]
    outbox.assert_action_sent("Originate", Variable={"A": 'x, "y"', "B": 2})
    assert outbox[-1] is second
    assert len(outbox[:1]) == 1
    assert repr(outbox) == "<Outbox of Originate, Some>"


def test_only_actions_of_users_are_in_it(outbox: locmem.Outbox) -> None:
    """Neither login, nor mask, nor filter, nor the heartbeats of a long wait, nor the logoff."""
    client = make(options={"heartbeat_interval": 5})
    client.send(Originate(channel="PJSIP/1", application="Wait", data="1", wait=True)).result()
    outbox.on("Ping").hang()
    assert isinstance(client.send(Ping(), timeout=100).exception(), ActionTimeout)
    client.close()
    assert [action.name for action in outbox] == ["Originate", "Ping"]


@pytest.mark.parametrize(("seconds", "answered"), [(90, True), (110, False)])
def test_an_answer_that_is_late_is_not_passed_over_by_heartbeats(
    outbox: locmem.Outbox, seconds: float, *, answered: bool
) -> None:
    client = make(options={"heartbeat_interval": 5, "read_timeout": 10})
    outbox.on("Command").reply("Success", Output="up").after(seconds)
    pending = client.send(Command("core show uptime"), timeout=100)
    assert (pending.exception() is None) is answered
    assert client.send(Ping(), timeout=5).result().ok
    assert client.status()["node_1"].reconnects == (0 if answered else 1)
    client.close()


def test_a_wait_in_an_event_loop_is_refused_as_it_would_be_at_work(outbox: locmem.Outbox) -> None:
    client = make()

    async def main() -> None:
        with pytest.raises(WouldBlock, match="write 'await pending'"):
            client.send(Ping()).result()
        pending = client.send(Ping())
        assert (await pending).ok
        assert pending.result().ok, "what was awaited can be looked at"
        assert pending.exception() is None
        assert (await asyncio.wait_for(client.send(Ping()), 5)).ok
        answers = await asyncio.gather(*(client.send(QueueStatus()) for _ in range(10)))
        assert all(answer.final_event.name == "QueueStatusComplete" for answer in answers)
        assert (await asyncio.wrap_future(client.send(Ping()))).ok
        outbox.on("Ping").hang()
        with pytest.raises(ActionTimeout):
            await client.send(Ping())

    asyncio.run(main())


def test_a_completion_runs_at_once_in_the_thread_that_sent(outbox: locmem.Outbox) -> None:
    client, seen = make(), []

    def tell(error: Any, response: Any) -> None:
        seen.append(
            (error and type(error), response and response.status, threading.current_thread().name)
        )
        client.send(Ping()).result()  # waiting is allowed there

    client.send(Ping()).on_complete(tell)
    outbox.on("Ping").fail("no").once()
    client.send(Ping()).on_complete(tell)
    here = threading.current_thread().name
    assert seen == [(None, "Success", here), (seen[1][0], "Error", here)]
    assert seen[1][0].__name__ == "ActionFailed"


def test_down_and_up(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2", default="node_1")
    assert client.send(Ping()).result().ok
    outbox.down("node_1")
    for _ in range(10):  # longer than it takes to open the circuit
        with pytest.raises(ConnectionFailed, match="connection refused") as raised:
            client.send(Ping()).result()
        assert not raised.value.sent
    assert client.server("node_2").send(Ping()).result().ok
    status = client.status()["node_1"]
    assert (status.ready, status.failures > 5) == (False, True)
    outbox.up("node_1")
    assert client.send(Ping()).result().ok
    outbox.down(why="no route to the host")
    for name in ("node_1", "node_2"):
        with pytest.raises(ConnectionFailed, match="no route to the host"):
            client.server(name).send(Ping()).result()
    outbox.up()
    assert client.send(Ping()).result().ok
    assert len(outbox) == 4


def test_after_a_loss_the_next_action_finds_the_server_again(outbox: locmem.Outbox) -> None:
    client = make()
    outbox.on("Ping").drop().once()
    assert isinstance(client.send(Ping()).exception(), ConnectionLost)
    assert client.send(Ping()).result().ok
    assert client.status()["node_1"].reconnects == 1


def test_rules_of_one_server(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2", default="node_1")
    rule = outbox.on("Ping", server="node_2").fail("no")
    assert client.send(Ping()).result().ok
    assert client.server("node_2").send(Ping()).exception() is not None
    assert rule.calls == 1
    outbox.on("Ping", server="node_1").when(lambda action: "Note" in action).fail("no")
    assert client.send(Ping()).result().ok
    assert client.send(Action("Ping", Note="x")).exception() is not None


def test_failover_moves_on_as_long_as_nothing_was_sent(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2", routing=("failover", ["node_1", "node_2"]))
    client.start()
    assert client.send(Ping()).server == "node_1"
    outbox.down("node_1")
    pending = client.send(Ping())
    assert (pending.server, pending.result().ok) == ("node_2", True)
    outbox.up()
    outbox.on("Ping").drop()
    pending = client.send(Ping())
    assert isinstance(pending.exception(), ConnectionLost)
    assert [action.server for action in outbox] == ["node_1", "node_2", pending.server]


def test_round_robin(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2", routing=("round_robin", []))
    client.start()
    for _ in range(4):
        client.send(Ping())
    assert [action.server for action in outbox] == ["node_1", "node_2"] * 2


def test_servers_that_are_not_known(outbox: locmem.Outbox) -> None:
    client = make("node_1", "node_2")
    with pytest.raises(ConfigurationError, match=r"unknown server 'node_3': did you mean 'node_"):
        client.server("node_3")
    with pytest.raises(ConfigurationError, match="AMI_DEFAULT_SERVER"):
        client.send(Ping())
    assert list(client.servers) == ["node_1", "node_2"]
    handle = client.server("node_1")
    assert (handle.ready, handle.address, repr(handle)) == (
        False,
        "memory",
        "<ServerHandle node_1>",
    )
    handle.send(Ping())
    assert handle.ready
    assert handle.status().asterisk_version == "22.10.1"


def test_a_closed_client_sends_no_more(outbox: locmem.Outbox) -> None:
    client = make()
    client.send(Ping())
    client.close()
    client.close()
    assert client.status()["node_1"].state == "idle"
    with pytest.raises(ConnectionFailed, match="the client was closed; Ping was not sent"):
        client.send(Ping()).result()
    assert len(outbox) == 1


def test_many_threads(outbox: locmem.Outbox) -> None:
    client = make()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.send(Ping()).result()["Ping"], range(500)))
    assert set(answers) == {"Pong"}
    assert len(outbox) == 500
    assert len({action.action_id for action in outbox}) == 500


@pytest.mark.slow
def test_outbox_is_bounded_and_can_be_emptied(outbox: locmem.Outbox) -> None:
    client = make()
    for _ in range(10_050):
        client.send(Ping())
    assert len(outbox) == 10_000
    outbox.on("Ping").fail("no")
    outbox.down()
    outbox.clear()
    assert len(outbox) == 0
    assert client.send(Ping()).result().ok


def test_set_aside_nests(outbox: locmem.Outbox) -> None:
    client = make()
    client.send(Ping())
    with outbox.set_aside():
        client.send(QueueStatus())
        assert [action.name for action in outbox] == ["QueueStatus"]
    assert [action.name for action in outbox] == ["Ping"]
