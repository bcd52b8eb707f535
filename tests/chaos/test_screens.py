"""One hostile server, and every command and log line that speaks of it: none steers a screen, or
forges a line.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import subprocess
import threading
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import django_ami
from django_ami import signals
from django_ami.core.actions import Command, Originate, Ping
from django_ami.core.errors import ActionFailed, AmiError
from django_ami.management.commands import ami_listen
from django_ami.testing import FakeAsterisk, Recording
from django_ami.tools.board import Wallboard
from django_ami.tools.picture import picture
from tests.core.io_support import NEVER, PATIENCE_SECONDS, config, ready, started, wait_until
from tests.core.servers import ScriptedServer
from tests.management.tools import run, start
from tests.running import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import ReceivedAction
    from tests.management.tools import Done

#: Clears the screen, sets the title, C1 and DEL, turns the direction, begins a line, half a
#: character, no UTF-8.
POISON = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x7f\x85\u2028\u202e\u2066\u200f\U000e0041\nERROR "
    "forged\rERROR again\x00"
).encode() + b"\xed\xa0\x80\xff\xfe\x80"
NUMBER = b"9" * 5000


def clean(text: str, *, lines: bool = False) -> str:
    """Nothing in it steers, and nothing of the server's begins a line, unless ``lines`` are what
    was asked for.
    """
    assert not [one for one in text if not one.isprintable() and one != "\n"], text
    assert lines or "\nERROR" not in f"\n{text}", text
    return text


def _evil_answer(action: ReceivedAction) -> bytes:
    action_id = action.action_id.encode()
    lines = [
        b"Response: Success",
        b"ActionID: " + action_id,
        b"Message: " + POISON,
        b"Evil" + POISON[:20] + b": " + POISON,
    ]
    lines += [
        b"AsteriskVersion: " + POISON,
        b"AMIversion: " + POISON,
        b"Timestamp: " + NUMBER + b".5",
    ]
    lines += [b"CoreStartupDate: " + POISON, b"CoreCurrentCalls: " + NUMBER, b"Events: " + POISON]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _evil_list(action: ReceivedAction, *items: bytes) -> bytes:
    action_id = b"\r\nActionID: " + action.action_id.encode()
    start = (
        b"Response: Success"
        + action_id
        + b"\r\nEventList: start\r\nMessage: "
        + POISON
        + b"\r\n\r\n"
    )
    found = b"".join(item.replace(b"{id}", action_id) for item in items)
    end = (
        b"Event: "
        + action.name.encode()
        + b"Complete"
        + action_id
        + b"\r\nEventList: Complete\r\nEvil: "
        + POISON
    )
    return start + found + end + b"\r\n\r\n"


def _evil_channels(action: ReceivedAction) -> bytes:
    channel = (
        b"Event: CoreShowChannel{id}\r\nUniqueid: 1\r\nLinkedid: "
        + POISON
        + b"\r\nDuration: %s:%s:%s\r\n"
    )
    channel = channel.replace(b"%s", NUMBER) + b"".join(
        key + b": " + POISON + b"\r\n"
        for key in (b"Channel", b"CallerIDNum", b"Application", b"ChannelStateDesc", b"Exten")
    )
    return _evil_list(action, channel + b"\r\n")


def _evil_queues(action: ReceivedAction) -> bytes:
    queue = b"Queue: " + POISON + b"\r\n"
    numbers = b"".join(
        key + b": " + NUMBER + b"\r\n"
        for key in (b"Completed", b"Abandoned", b"LastPause", b"LoginTime")
    )
    return _evil_list(
        action,
        b"Event: QueueParams{id}\r\n" + queue + numbers + b"\r\n",
        b"Event: QueueMember{id}\r\n"
        + queue
        + numbers
        + b"Name: "
        + POISON
        + b"\r\nLocation: "
        + POISON
        + b"\r\n"
        b"Paused: 1\r\nPausedReason: " + POISON + b"\r\n\r\n",
        b"Event: QueueEntry{id}\r\n"
        + queue
        + b"Uniqueid: "
        + POISON
        + b"\r\nWait: "
        + NUMBER
        + b"\r\n\r\n",
    )


def _evil_output(action: ReceivedAction) -> bytes:
    lines = [b"Response: Success", b"ActionID: " + action.action_id.encode(), b"Message: " + POISON]
    text = POISON.replace(b"\n", b"\r\nOutput: ")
    user = b"admin            " + POISON[:30].replace(b" ", b"") + b"  1700000000  10 "
    lines += [
        b"Output: read perm: system," + text,
        b"Output: write perm: all" + text,
        b"Output: " + user,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _evil_commands(action: ReceivedAction) -> bytes:
    lines = [b"Response: Success", b"ActionID: " + action.action_id.encode()]
    lines += [
        name + b": x  (Priv: " + POISON + b")"
        for name in (b"Ping", b"Command", b"Evil" + POISON[:9])
    ]
    return b"\r\n".join([*lines, b"Command: x  (Priv: command,all)"]) + b"\r\n\r\n"


EVENT = b"\r\n".join(
    [
        b"Event: Evil" + POISON[:30],
        b"Privilege: call,all",
        *(key + b": " + POISON for key in (b"Uniqueid", b"Queue", b"A" + POISON[:20])),
        b"no colon" + POISON,
        b"Seconds: " + NUMBER,
        b"\r\n",
    ]
)
BOOTED = (
    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: "
    + NUMBER
    + b"\r\nStatus: "
    + POISON
    + b"\r\n\r\n"
)


@pytest.fixture
def evil() -> Iterator[FakeAsterisk]:
    with FakeAsterisk() as sim:
        for name in ("CoreSettings", "CoreStatus", "Ping", "UserEvent"):
            sim.on(name).raw(_evil_answer)
        sim.on("CoreShowChannels").raw(_evil_channels)
        sim.on("QueueStatus").raw(_evil_queues)
        sim.on("Command").raw(_evil_output)
        sim.on("ListCommands").raw(_evil_commands)
        refused = (
            b"Response: Error\r\nActionID: {id}\r\nMessage: " + POISON + b" secret=hush\r\n\r\n"
        )
        sim.on("Originate").raw(lambda action: refused.replace(b"{id}", action.action_id.encode()))
        yield sim


def checked(done: Done, *codes: int, lines: bool = False) -> Done:
    assert done.code in (codes or (0,)), done
    clean(done.err)
    clean(done.out, lines=lines)
    return done


@contextlib.contextmanager
def talking(sim: FakeAsterisk) -> Iterator[None]:
    """It sends hostile text again and again to every listener."""
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.02):
            sim.send_raw(EVENT + BOOTED)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


# --- the commands ---


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("QueueStatus",), 0),
        (("CoreShowChannels", "--json"), 0),
        (("Command", "Command=x"), 0),
        (("CoreSettings",), 0),
        (("Originate", "Channel=PJSIP/1", "Application=Wait"), 5),
        (("Originate", "Channel=PJSIP/1", "Application=Wait", "--json"), 5),
        (("UserEvent", "UserEvent=x", "--wait-event=UserEvent", "--timeout=0.2"), 6),
    ],
)
def test_ami_send(evil: FakeAsterisk, arguments: tuple[str, ...], code: int) -> None:
    done = checked(
        run("ami_send", *arguments, servers=(evil,)), code, lines=arguments[0] == "Command"
    )
    assert "hush" not in done.out + done.err
    if "--json" in arguments:
        assert done.json["server"] == "node_1"
    elif code == 0:
        assert "\\x1b[2J" in done.out


def test_ami_events(evil: FakeAsterisk) -> None:
    with talking(evil):
        # Events come before the server is ready, too: enough of them to see that it is.
        shown = checked(run("ami_events", "--max-events=100", "--run-for=20", servers=(evil,)))
        told = checked(
            run("ami_events", "--max-events=3", "--run-for=20", "--json", servers=(evil,))
        )
    assert "\\x1b[2J" in shown.out
    assert "\\nERROR forged" in shown.out
    assert "ready (Asterisk \\x1b[2J" in shown.err
    assert any(
        "\x1b[2J" in json.loads(line)["headers"].get("Uniqueid", "") for line in told.lines
    ), "values are data"


def test_ami_status(evil: FakeAsterisk) -> None:
    done = checked(run("ami_status", servers=(evil,)))
    assert "Asterisk  \\x1b[2J" in done.out
    assert done.lines[0] == "node_1: well"
    health = checked(run("ami_status", "--json", servers=(evil,))).json["servers"][0]
    assert (health["clock_skew"], health["calls"], health["channels"]) == (None, None, 1)


def test_ami_doctor(evil: FakeAsterisk) -> None:
    done = checked(run("ami_doctor", servers=(evil,)), 0, 8)
    assert "Asterisk \\x1b[2J" in done.out
    checked(run("ami_doctor", "--json", servers=(evil,)), 0, 8)


def test_ami_top(evil: FakeAsterisk) -> None:
    with talking(evil):
        done = checked(run("ami_top", "--json", "--interval=0.1", "--run-for=0.6", servers=(evil,)))
    (server,) = json.loads(done.lines[-1])["servers"]
    (queue,) = server["queues"]
    assert (queue["completed"], queue["waiting"]) == (0, 1), (
        "a number of 5,000 digits counts nothing"
    )
    assert server["channels"][0]["seconds"] < 60


def test_the_picture_of_ami_top(evil: FakeAsterisk) -> None:
    board = Wallboard(["node_1"])
    server = board.servers["node_1"]
    with started(config(evil, heartbeat_interval=3600.0, read_timeout=7200.0)) as client:
        ready(client)
        from django_ami.core.actions import CoreShowChannels, QueueStatus

        server.ready(client.status()["node_1"].asterisk_version)
        server.list_channels(
            client.send(CoreShowChannels()).result(PATIENCE_SECONDS).events, 1.0, 1.0
        )
        server.list_queues(client.send(QueueStatus()).result(PATIENCE_SECONDS).events, 1.0, 1.0)
    for width in (40, 80, 200):
        lines = picture(board, 2.0, "12:00:00", width=width, height=50)
        assert len(lines) > 8
        assert all(line.text.isprintable() for line in lines)


def test_ami_record_and_ami_replay(evil: FakeAsterisk, tmp_path: Path) -> None:
    file = tmp_path / "evil.txt"
    with talking(evil):
        checked(run("ami_record", str(file), "--max-events=4", "--run-for=20", servers=(evil,)))
    clean(file.read_text())
    recording = Recording.load(file)
    assert [event for event in recording.events if event.raw + b"\r\n\r\n" == EVENT], (
        "byte for byte"
    )
    checked(run("ami_replay", str(file), "--receivers", "--speed=max", servers=(evil,)))


def test_ami_replay_as_a_server_and_ami_simulator(tmp_path: Path) -> None:
    """Here the client is the hostile one."""
    file = tmp_path / "evil.txt"
    Recording().save(file)
    for tool, arguments in (("ami_replay", (str(file),)), ("ami_simulator", ())):
        with start(tool, *arguments, "--port=0", servers=()) as program:
            port = int(re.search(r":(\d+)\b", program.wait_for_out("ami://"))[1])  # type: ignore[index]
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(
                    b"Action: Login\r\nUsername: admin\r\nSecret: amp111\r\nEvents: off\r\n\r\n"
                )
                for name in (b"Originate", b"Park", b"Redirect", b"QueueAdd", b"UserEvent", POISON):
                    fields = (
                        b"Timeout",
                        b"Priority",
                        b"Penalty",
                        b"Channel",
                        b"Exten",
                        b"UserEvent",
                    )
                    digits = b"".join(key + b": " + NUMBER[:900] + b"\r\n" for key in fields)
                    sock.sendall(
                        b"Action: "
                        + name
                        + b"\r\n"
                        + digits
                        + b"Context: default\r\nX: "
                        + POISON
                        + b"\r\n\r\n"
                    )
                sock.sendall(
                    b"Action: Originate\r\nChannel: PJSIP/101\r\nApplication: Wait\r\nTimeout: "
                    + NUMBER[:900]
                )
                sock.sendall(b"\r\n\r\nAction: Logoff\r\n\r\n")
                sock.settimeout(PATIENCE_SECONDS)
                while sock.recv(65536):
                    pass
            program.signal(15)
            assert program.wait() == 0, str(program)
            assert program.err == []
            clean("\n".join(program.out))


# --- the log ---


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that this package logs, as a handler writes it."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("django_ami")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_ami_listen_and_its_log(evil: FakeAsterisk, log: StringIO) -> None:
    def crash(event: object, **_: object) -> None:
        raise ValueError(f"cannot work on {event['Uniqueid']}")  # type: ignore[index]

    signals.ami_event.connect(crash)
    try:
        with talking(evil):
            done = checked(run("ami_listen", "--max-events=5", "--run-for=20", servers=(evil,)))
    finally:
        signals.ami_event.disconnect(crash)
    said = clean(log.getvalue() + done.out)
    for text in (
        "ready (Asterisk \\x1b[2J",
        "crash raised ValueError at Evil",
        "Traceback",
        "of it: cannot work on \\x1b[",
    ):
        assert text in said, text


def test_refusals_in_the_log_and_in_errors(log: StringIO) -> None:
    """Of each step of the login, and of actions."""
    for name in ("Challenge", "Login"):
        with FakeAsterisk() as sim:
            refusal = b"Response: Error\r\nActionID: {id}\r\nMessage: " + POISON + b"\r\n\r\n"
            sim.on(name).raw(
                lambda action, refusal=refusal: refusal.replace(b"{id}", action.action_id.encode())
            )
            with started(config(sim, **NEVER)) as client:
                wait_until(lambda client=client: client.status()["node_1"].last_error is not None)
                clean(client.status()["node_1"].last_error or "")
    assert "was refused: \\x1b[2J" in clean(log.getvalue())


def test_the_errors_of_actions(evil: FakeAsterisk) -> None:
    output = (
        b"Response: Error\r\nActionID: {id}\r\nMessage: x\r\nOutput: " + POISON * 1000 + b"\r\n\r\n"
    )
    evil.on("Command").raw(lambda action: output.replace(b"{id}", action.action_id.encode()))
    with started(config(evil)) as client:
        ready(client)
        for action in (Originate(channel="PJSIP/1", application="Wait"), Command("x")):
            error = client.send(action).exception(PATIENCE_SECONDS)
            assert isinstance(error, ActionFailed)
            clean(str(error))
            clean(repr(error))
            assert len(str(error)) < 600
            assert "\x1b[2J" in error.response.message + error.response.output, (
                "the answer itself is data"
            )


@pytest.mark.parametrize(
    "greeting", [POISON + b"\r\n", b"Asterisk Call Manager/" + POISON + b"\r\n", POISON * 5000]
)
def test_a_greeting(greeting: bytes, log: StringIO) -> None:
    def script(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.sendall(greeting)
            while sock.recv(65536):
                pass

    with ScriptedServer(script) as server:
        url = f"ami://admin:amp111@127.0.0.1:{server.port}"
        options = {"AMI_OPTIONS": {"connect_timeout": 0.3, "reconnect_initial": 0.05}}
        checked(run("ami_send", "Ping", servers=(url,), settings=options), 6, 7)
        checked(run("ami_doctor", "--timeout=0.3", servers=(url,), settings=options), 8)
        checked(run("ami_listen", "--run-for=0.4", servers=(url,), settings=options))
        with started(config(server.port, connect_timeout=0.2, **NEVER)) as client:
            error = client.send(Ping()).exception(PATIENCE_SECONDS)
            assert isinstance(error, AmiError)
            clean(str(error))
    assert "not connected" in clean(log.getvalue())


def test_every_command_is_driven() -> None:
    commands = {path.stem for path in Path(ami_listen.__file__).parent.glob("ami_*.py")}
    # They show nothing of a server: the one counts, the other one runs receivers of events that a
    # listener has forwarded.
    commands -= {"ami_prune_events", "ami_consume"}
    assert commands == set(
        re.findall(
            r"ami_[a-z]+", " ".join(name for name in globals() if name.startswith("test_ami_"))
        )
    )


def test_every_logger_escapes() -> None:
    """One module makes loggers.

    The simulator shares no code with the core: its commands have its logger escaped.
    """
    package = Path(django_ami.__file__).parent
    makers = {
        path.name for path in package.rglob("*.py") if "logging.getLogger(" in path.read_text()
    }
    assert makers == {"log.py", "server_thread.py", "console.py"}, (
        "and console.py lends a handler to one"
    )
    for command in ("ami_simulator", "ami_replay"):
        show = "print(logging.getLogger('django_ami.testing').filters)"
        program = f"import logging, django_ami.management.commands.{command}; {show}"
        done = subprocess.run([*PYTHON, "-c", program], capture_output=True, text=True, check=True)
        assert "_escape" in done.stdout, command
