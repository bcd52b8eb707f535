"""``manage.py ami_replay``: a recording as a server, and to the receivers of a project."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami
from django_ami.actions import Ping
from django_ami.core import Client, ServerConfig
from django_ami.core.messages import Event
from django_ami.signals import call_ended
from django_ami.testing import FakeAsterisk, scenarios
from tests.management.tools import run, start
from tests.receiving import fresh_registry
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.txt"
    scenarios.queue_call().save(path)
    return path


@pytest.fixture
def listener() -> Iterator[Any]:
    """Listens to a URL once it is told which; gives the list of events."""
    clients: list[Client] = []

    def listen(url: str) -> list[Event]:
        events: list[Event] = []
        clients.append(Client([ServerConfig.from_url("node_1", url)]))
        clients[-1].subscribe(None, events.append)
        clients[-1].start()
        return events

    yield listen
    for client in clients:
        client.close()


@pytest.mark.slow
def test_as_a_server(file: Path, listener: Any) -> None:
    with start("ami_replay", str(file), "--port=0", "--speed=max", servers=()) as program:
        url = program.wait_for_out("Listening on ami://").split()[-1]
        events = listener(url)
        assert program.wait() == 0, str(program)
        count = len(scenarios.queue_call())
        assert program.out[1] == f"Played {count} events, 1 listening."
        wait_until(lambda: len(events) > count)
    assert [event.raw for event in events[1:]] == [
        event.raw for event in scenarios.queue_call().events
    ]


@pytest.mark.slow
def test_in_a_loop_until_it_is_stopped(file: Path, listener: Any) -> None:
    arguments = ("--port=0", "--speed=1000", "--loop", "--json", "--user=me", "--secret=hush")
    with start("ami_replay", str(file), *arguments, servers=()) as program:
        url = program.wait_for_out("Listening on").split()[-1]
        assert url.startswith("ami://me:***@")
        events = listener(url.replace("***", "hush"))
        wait_until(
            lambda: sum(event.name == "AgentComplete" for event in list(events)) >= 3,
            what=str(events[-3:]),
        )
        program.signal(signal.SIGTERM)
        assert program.wait() == 0, str(program)
        assert program.err == []
        assert f'"events": {len(scenarios.queue_call())}' in program.out[1]


@pytest.mark.slow
def test_process_that_only_sends_actions_does_not_start_it(file: Path, listener: Any) -> None:
    with start("ami_replay", str(file), "--port=0", "--speed=max", servers=()) as program:
        url = program.wait_for_out("Listening on").split()[-1]
        caller = Client([ServerConfig.from_url("node_1", url)], role="caller")
        caller.start()
        try:
            assert caller.send(Ping()).result(DEADLINE_SECONDS).ok
            assert caller.send(Ping()).result(DEADLINE_SECONDS).ok
            assert len(program.out) == 1
            events = listener(url)
            wait_until(lambda: len(events) > 10)
        finally:
            caller.close()


def test_to_the_receivers(file: Path) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        seen: list[tuple[str, str]] = []

        def on_any(sender: Any, event: Any, **_: Any) -> None:
            seen.append((sender.name, event.name))
            assert ami.send(Ping()).result().ok

        ami.on_any_event(on_any)
        done = run("ami_replay", str(file), "--receivers", "--speed=max", servers=(server,))
        assert seen == [("node_1", name) for name in scenarios.queue_call().names]
        assert (done.code, done.out, done.err) == (
            0,
            f"Played {len(seen)} events, 0 failures of receivers.\n",
            "",
        )
        assert server.connections == 0, "what receivers send goes nowhere"


def test_to_receivers_of_calls_each_time_anew(file: Path) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        seen: list[Any] = []

        def on_end(call: Any, **_: Any) -> None:
            seen.append((call.outcome, call.caller.number))

        call_ended.connect(on_end)
        for _ in range(2):
            run("ami_replay", str(file), "--receivers", "--speed=max", servers=(server,))
        assert [outcome for outcome, _ in seen] == ["answered", "answered"]


def test_a_receiver_that_raises_is_counted_and_stops_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        ami.on_event("AgentConnect", lambda **_: 1 / 0)
        ami.on_event("AgentComplete", lambda **_: 1 / 0)
        done = run(
            "ami_replay", str(file), "--receivers", "--speed=max", "--json", servers=(server,)
        )
        assert (done.code, done.json["failures"]) == (8, 2)


def test_without_receivers_it_says_so(file: Path) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        done = run("ami_replay", str(file), "--receivers", "--speed=max", servers=(server,))
        assert done.err == "No receivers are connected to django_ami.signals: add one.\n"


def test_to_receivers_of_a_server_in_memory(file: Path) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        seen: list[str] = []
        ami.on_event("Hangup", lambda event, **_: seen.append(event.server))
        settings = {"AMI_SERVERS": {"node_7": {"BACKEND": "django_ami.testing.locmem"}}}
        run(
            "ami_replay",
            str(file),
            "--receivers",
            "--speed=max",
            servers=(server,),
            settings=settings,
        )
        assert seen == ["node_7", "node_7"]


def test_speed(file: Path) -> None:
    with fresh_registry(), FakeAsterisk() as server:
        seen: list[str] = []
        ami.on_any_event(lambda event, **_: seen.append(event.name))
        run("ami_replay", str(file), "--receivers", "--speed=200", servers=(server,))
        assert tuple(seen) == scenarios.queue_call().names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot read {file}: No such file or directory."),
        ("x", "{file} is not a recording: its first line should"),
    ],
)
def test_command_refuses_a_file_that_is_no_recording(
    tmp_path: Path, text: str | None, told: str
) -> None:
    path = tmp_path / "x.txt"
    if text is not None:
        path.write_text(text)
    done = run("ami_replay", str(path), servers=())
    assert done.code == 2
    assert done.err.startswith(told.format(file=path))


def test_a_port_that_is_taken(file: Path) -> None:
    with FakeAsterisk() as server:
        done = run("ami_replay", str(file), f"--port={server.port}", servers=())
    said = f"cannot listen on 127.0.0.1:{server.port}: Address already in use. "
    assert (done.code, done.err) == (
        2,
        f"{said}Give another port with --port; --port=0 takes any free one.\n",
    )
    done = run("ami_replay", str(file), "--port=70000", servers=())
    told = (
        "cannot listen on 127.0.0.1:70000: there is no such port. Give one from 0 to 65535 with "
        "--port.\n"
    )
    assert (done.code, done.err) == (2, told)


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf", "1e400"])
def test_a_speed_that_is_none(file: Path, speed: str) -> None:
    done = run("ami_replay", str(file), f"--speed={speed}", servers=())
    assert done.code != 0
    assert f"{speed!r} is neither a number above 0 nor 'max'" in done.err
