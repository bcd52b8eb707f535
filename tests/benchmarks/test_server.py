"""The server of the benchmarks answers what is asked, and sends as many events as were wanted."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from django_ami.actions import Action, Ping
from django_ami.core import Client, Options, ServerConfig
from django_ami.errors import AuthenticationFailed
from tests.benchmarks import server
from tests.benchmarks.events import block
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core import Event


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server.running() as port:
        yield port


def client_of(port: int, secret: str = server.SECRET, **options: object) -> Client:
    made = Options(event_queue_capacity=100_000, **options)  # type: ignore[arg-type]
    return Client(
        [
            ServerConfig(
                name="pbx",
                host="127.0.0.1",
                port=port,
                username=server.USER,
                secret=secret,
                options=made,
            )
        ]
    )


@pytest.mark.parametrize("auth_type", ["md5", "plain"])
def test_server_lets_in_the_right_secret_alone(port: int, auth_type: str) -> None:
    client = client_of(port, auth_type=auth_type)
    client.start()
    assert client.send(Ping()).result(DEADLINE_SECONDS)["Ping"] == "Pong"
    client.close()
    stranger = client_of(port, "wrong", auth_type=auth_type)
    stranger.start()
    with pytest.raises(AuthenticationFailed):
        stranger.send(Ping()).result(DEADLINE_SECONDS)
    stranger.close()


def test_every_answer_is_that_of_its_action(port: int) -> None:
    client = client_of(port)
    client.start()
    pending = {name: client.send(Action("Getvar", Variable=name)) for name in map(str, range(500))}
    assert {name: one.result(DEADLINE_SECONDS)["Variable"] for name, one in pending.items()} == {
        name: name for name in pending
    }
    client.close()


def test_a_list_has_as_many_channels_as_were_asked_for(port: int) -> None:
    client = client_of(port)
    client.start()
    events = client.send(Action("CoreShowChannels", Channels="300")).result(DEADLINE_SECONDS).events
    assert len({event["Uniqueid"] for event in events}) == 300
    client.close()


@pytest.mark.parametrize(
    "action",
    [Action("Flood", Count="2500"), Action("Pace", Count="2500", Rate="100000")],
    ids=["flood", "pace"],
)
def test_all_events_come_and_no_others(port: int, action: Action) -> None:
    client = client_of(port)
    client.start()
    client.send(Ping()).result(DEADLINE_SECONDS)
    seen: list[bytes] = []
    client.subscribe(None, lambda event: seen.append(event.raw + b"\r\n\r\n"))
    client.send(action).result(DEADLINE_SECONDS)
    wait_until(lambda: len(seen) >= 2500, what=f"2,500 events, not {len(seen)}")
    client.close()
    events = [frame + b"\r\n\r\n" for frame in block().data.split(b"\r\n\r\n")[:-1]]
    first = events.index(seen[0])  # a pace begins anywhere
    assert seen == (events + events)[first : first + 2500]


def test_flood_has_as_many_names_and_headers_as_were_asked_for(port: int) -> None:
    client = client_of(port)
    client.start()
    client.send(Ping()).result(DEADLINE_SECONDS)
    seen: list[Event] = []
    client.subscribe(None, seen.append)
    client.send(Action("Flood", Count="2500", Names="200", Headers="80"))
    wait_until(lambda: len(seen) >= 2500, what=f"2,500 events, not {len(seen)}")
    client.close()
    assert len({event.name for event in seen}) == 200
    assert {len(event.headers) for event in seen} == {80}


def test_output_of_a_command_is_as_long_as_was_asked_for(port: int) -> None:
    client = client_of(port)
    client.start()
    answer = client.send(Action("Command", Megabytes="1")).result(DEADLINE_SECONDS)
    client.close()
    assert len(answer.raw) == pytest.approx(2**20, rel=0.01)
    assert answer.output.count("PJSIP/agent-100") == answer.output.count("\n") + 1


@pytest.mark.parametrize(("timeout", "is_cut"), [("0.05", True), ("0", False)])
def test_client_that_takes_nothing_is_cut_if_the_flood_has_a_timeout(
    port: int, timeout: str, is_cut: bool
) -> None:
    flood = f"Action: Flood\r\nCount: 60000\r\nTimeout: {timeout}\r\n\r\n"
    login = f"Action: Login\r\nUsername: {server.USER}\r\nSecret: {server.SECRET}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.settimeout(DEADLINE_SECONDS)
        sock.sendall(f"{login}{flood}".encode())
        time.sleep(1)  # nobody tells a client that takes nothing that it was cut
        size, expected = 0, block().size(60_000)
        while size < expected and (data := sock.recv(2**20)):
            size += len(data)
    assert (size < expected) == is_cut


def test_server_ends_with_its_parent() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert int(process.stdout.readline()) > 0
        process.stdin.close()
        assert process.wait(DEADLINE_SECONDS) == 0
