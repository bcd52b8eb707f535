"""A server that says what no server should.

A started client over real TCP, and the parser where it gets large.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Command, CoreShowChannels, Ping, QueueStatus
from django_ami.core.errors import (
    ActionFailed,
    ActionTimeout,
    ConnectionFailed,
    ConnectionLost,
    ProtocolError,
)
from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.core.tail import Oversized
from django_ami.testing import FakeAsterisk
from tests.chaos.hostile_support import (
    END,
    QUIET,
    Encounter,
    answering,
    cost,
    encounter,
    endless,
    peak,
)
from tests.core.io_support import (
    NEVER,
    PATIENCE_SECONDS,
    Recorder,
    config,
    no_bugs,
    ready,
    started,
    wait_until,
)
from tests.core.servers import ScriptedServer, read_action, take_login
from tests.core.support import CAPTURES, Dialogue, feed, pieces, show

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

__all__ = ["no_bugs"]

pytestmark = pytest.mark.usefixtures("no_bugs")

KB = 1024
MB = 1024 * KB


@pytest.fixture
def meeting() -> Iterator[Encounter]:
    with encounter() as one:
        yield one


@pytest.fixture
def small() -> Iterator[Encounter]:
    with encounter(max_frame_size=64 * KB) as one:
        yield one


def whole(number: int = 1) -> bytes:
    return b"Event: Whole\r\nPrivilege: call,all\r\nNumber: %d\r\n\r\n" % number


WHOLE = ("event", "Whole", ("Privilege", "call,all"), ("Number", "1"))


# --- s1, s2: refused, in lines of any kind ---

REFUSALS = {
    "CR LF": b"Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\r\n\r\n",
    "a line feed inside": (
        b"Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\n\r\n\r\n"
    ),
    "LF": b"Response: Error\nActionID: {id}\nMessage: Permission denied\n\n",
    "LF, ended by CR LF": b"Response: Error\nActionID: {id}\nMessage: Permission denied\n\r\n",
    "CR LF LF before an event": (
        b"Response: Error\r\nActionID: {id}\r\nMessage: Permission denied\r\n\n"
    )
    + whole(),
}


@pytest.mark.parametrize("frame", REFUSALS.values(), ids=REFUSALS)
def test_s1_s2_a_refusal_fails_that_action_alone_and_at_once(
    meeting: Encounter, frame: bytes
) -> None:
    meeting.sim.on("Command").raw(lambda action: frame.replace(b"{id}", action.action_id.encode()))
    refused = meeting.client.send(Command("core show uptime"))
    # Its own bytes were enough: nothing else was said that could have ended its frame.
    error = refused.exception(PATIENCE_SECONDS)
    assert isinstance(error, ActionFailed)
    assert str(error).startswith(
        "node_1: Command refused: Permission denied: write= of the AMI user lacks its class"
    )
    assert (error.response.message, error.sent) == ("Permission denied", True)
    others = [
        meeting.client.send(action) for action in (Ping(), Command("x"), CoreShowChannels(), Ping())
    ]
    assert [other.exception(PATIENCE_SECONDS) is None for other in others] == [
        True,
        False,
        True,
        True,
    ]
    assert (
        meeting.status.garbage_bytes,
        meeting.status.unmatched_answers,
        meeting.status.suspect_messages,
    ) == (
        0,
        0,
        0,
    )
    meeting.assert_well()


# --- text of callers in events ---


def test_an_output_that_a_caller_forges_swallows_nothing(meeting: Encounter) -> None:
    """As a dialplan application that is given a variable with line ends writes it."""
    forged = (
        b"Event: Newexten\r\nPrivilege: dialplan,all\r\nAppData: x\r\n\r\nResponse: Follows\r\n"
        b"Uniqueid: 1.2\r\n\r\n"
    )
    ticks = b"".join(
        b"Event: Tick\r\nPrivilege: call,all\r\nNumber: %d\r\n\r\n" % number
        for number in range(488)
    )
    meeting.say(forged + ticks + whole())
    numbers = [event["Number"] for event in meeting.events if event.name == "Tick"]
    assert numbers == [str(number) for number in range(488)]
    assert (meeting.status.suspect_messages, meeting.status.unmatched_answers) == (1, 1)
    meeting.assert_well()


# --- s3, r5: answers of others ---


def test_s3_an_error_without_an_action_id_is_nobodys_answer(meeting: Encounter) -> None:
    meeting.sim.on("Command").hang().once()
    pending = meeting.client.send(Command("x"))
    meeting.sim.wait_for(lambda: any(action.name == "Command" for action in meeting.sim.received))
    assert meeting.say(
        b"Response: Error\r\nMessage: Missing action in request\r\n\r\n" + whole()
    ) == [WHOLE]
    assert (meeting.status.unmatched_answers, meeting.status.pending_actions, pending.done()) == (
        1,
        1,
        False,
    )
    answer = f"Response: Success\r\nActionID: {pending.action_id}\r\nMessage: yours\r\n\r\n"
    meeting.say(answer.encode())
    assert pending.result(PATIENCE_SECONDS).message == "yours"
    meeting.assert_well()


def test_r5_what_is_for_others_is_neither_an_answer_nor_an_item(meeting: Encounter) -> None:
    theirs = "Event: CoreShowChannel\nActionID: theirs-1\nChannel: theirs\n\n"
    closer = (
        "Event: CoreShowChannelsComplete\nActionID: theirs-1\nEventList: Complete\nListItems: 1\n\n"
    )
    meeting.sim.on("CoreShowChannels").raw(
        answering(
            "Response: Success\nActionID: theirs-1\nEventList: start\n\n",
            theirs,
            closer,
            "Response: Success\nActionID: {id}\nEventList: start\n\n",
            theirs,
            "Event: CoreShowChannel\nActionID: {id}\nChannel: mine\n\n",
            closer,
            closer,
            "Event: CoreShowChannel\nActionID: {id}0\nChannel: of an action that never was\n\n",
            (
                "Event: CoreShowChannelsComplete\nActionID: {id}\nEventList: Complete\n"
                "ListItems: 1\n\n"
            ),
        )
    )
    response = meeting.client.send(CoreShowChannels()).result(PATIENCE_SECONDS)
    assert [event["Channel"] for event in response.events] == ["mine"]
    meeting.say(b"")
    # Nobody can say that they were not for a receiver; one that claims to be ours and is not is
    # counted.
    names = [event.name for event in meeting.events if event.get("ActionID") == "theirs-1"]
    item, end = "CoreShowChannel", "CoreShowChannelsComplete"
    assert names == [item, end, item, end, end]
    assert (meeting.status.unmatched_answers, meeting.status.late_answers) == (1, 1)
    meeting.assert_well()


def test_r5_doubled_answers_and_closers_are_counted(meeting: Encounter) -> None:
    closer = (
        "Event: CoreShowChannelsComplete\nActionID: {id}\nEventList: Complete\nListItems: 0\n\n"
    )
    start = "Response: Success\nActionID: {id}\nEventList: start\n\n"
    meeting.sim.on("CoreShowChannels").raw(answering(start, start, closer, closer, closer))
    assert meeting.client.send(CoreShowChannels()).result(PATIENCE_SECONDS).events == ()
    meeting.sim.faults.double_responses = True
    assert meeting.client.send(Ping()).result(PATIENCE_SECONDS).ok
    meeting.sim.faults.double_responses = False
    assert meeting.say(b"") == []
    assert meeting.status.late_answers == 4
    meeting.assert_well()


@pytest.mark.parametrize(
    ("frames", "late"),
    [
        (["Event: XComplete\nActionID: {id}\nEventList: Complete\n\n"], 1),
        (["Event: Item\nActionID: {id}\n\n"] * 3, 3),
        (
            [
                "Event: Item\nActionID: {id}\n\n",
                "Event: XComplete\nActionID: {id}\nEventList: Complete\n\n",
            ],
            2,
        ),
    ],
)
def test_r5_items_and_closers_before_their_response_complete_nothing(
    meeting: Encounter, frames: list[str], late: int
) -> None:
    start = "Response: Success\nActionID: {id}\nEventList: start\n\n"
    meeting.sim.on("CoreShowChannels").raw(answering(*frames, start)).once()
    pending = meeting.client.send(CoreShowChannels(), timeout=0.2)
    error = pending.exception(PATIENCE_SECONDS)
    assert isinstance(error, ActionTimeout)
    assert list(pending.events) == []
    assert meeting.status.late_answers == late
    meeting.assert_well()


def test_r5_items_without_a_start_are_of_no_answer(meeting: Encounter) -> None:
    item = "Event: Item\nActionID: {id}\n\n"
    meeting.sim.on("CoreShowChannels").raw(
        answering("Response: Success\nActionID: {id}\n\n", item, item)
    ).once()
    assert meeting.client.send(CoreShowChannels()).result(PATIENCE_SECONDS).events == ()
    assert meeting.say(b"") == []
    assert meeting.status.late_answers == 2
    meeting.assert_well()


# --- s4: greetings ---

ERROR = b"Response: Error\r\nMessage: Missing action in request\r\n\r\n"
GREETINGS = {
    "an error before the login is answered": (b"Asterisk Call Manager/11.0.0\r\n" + ERROR, 1),
    "of another vendor": (b"PBX Call Manager/1.0\r\n", 0),
    "line feed alone": (b"Asterisk Call Manager/11.0.0\n", 0),
    "missing, an error in its place": (ERROR, 1),
    "missing, an event in its place": (
        b"Event: SuccessfulAuth\r\nPrivilege: security,all\r\n\r\n",
        0,
    ),
}


@pytest.mark.parametrize("cut", [None, 5])
@pytest.mark.parametrize(("greeting", "unmatched"), GREETINGS.values(), ids=GREETINGS)
def test_s4_a_greeting_of_any_kind_is_no_obstacle(
    greeting: bytes, unmatched: int, cut: int | None
) -> None:
    greeted = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.sendall(greeting[:cut])
        if cut:
            greeted.wait(PATIENCE_SECONDS)
            sock.sendall(greeting[cut:])
        take_login(_Without(sock, b"Asterisk Call Manager/11.0.0\r\n"))  # type: ignore[arg-type]
        sock.recv(1)

    with ScriptedServer(script) as server:
        settings = config(server.port, auth_type="plain", events="call", **QUIET, **NEVER)
        with started(settings) as client:
            if cut:
                under_way = client._cluster.servers["node_1"]._connecting._open
                wait_until(
                    lambda: under_way and under_way[0].received == greeting[:cut],
                    "the first part is read",
                )
                greeted.set()
            ready(client)
            status = client.status()["node_1"]
            assert (status.unmatched_answers, status.failures, status.garbage_bytes) == (
                unmatched,
                0,
                0,
            )


class _Without:
    """A socket that keeps one thing to itself."""

    def __init__(self, sock: socket.socket, what: bytes) -> None:
        self._sock, self._what = sock, what
        self.makefile = sock.makefile

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data.removeprefix(self._what))


def test_s4_no_greeting_at_all_is_told_within_the_connect_timeout() -> None:
    with (
        ScriptedServer(lambda sock: sock.recv(1)) as server,
        started(config(server.port, connect_timeout=0.2, **NEVER)) as client,
    ):
        error = client.send(Ping()).exception(PATIENCE_SECONDS)
    assert isinstance(error, ConnectionFailed)
    assert "no AMI greeting from 127.0.0.1:" in str(error)
    assert "within 0.2 s: is this the AMI port, or its TLS port without the setting TLS?" in str(
        error
    )
    assert not error.sent


def test_s4_a_greeting_in_two_parts_from_the_simulator() -> None:
    with FakeAsterisk() as sim:
        sim.faults.banner_split = 0.05
        with started(config(sim)) as client:
            ready(client)
            assert client.status()["node_1"].ami_version == "11.0.0"


# --- s5: any pieces ---

MIXED = (
    whole()
    + "Event: Newexten\r\nPrivilege: dialplan,all\r\nAppData: Zoë „ﾊ“ 🎉\r\n\r\n".encode()
    + b"Event: X\r\nPrivilege: call,all\r\nValue: one\ntwo\n\nthree\r\n\r\n"
    + b"Event: Lf\nPrivilege: call,all\nA: 1\n\n"
    + b"\r\nEvent: Newexten\r\nPrivilege: dialplan,all\r\nAppData: one\r\ntwo\r\n\r\n"
    + b"Event: Y\r\nPrivilege: call,all\r\n\nEvent: Z\r\nPrivilege: call,all\r\nB: \xff\r\n\r\n"
    + b"free text\r\n"
    + whole()
)
MIXED_EVENTS = [
    WHOLE,
    ("event", "Newexten", ("Privilege", "dialplan,all"), ("AppData", "Zoë „ﾊ“ 🎉")),
    ("event", "X", ("Privilege", "call,all"), ("Value", "one\ntwo\n\nthree")),
    ("event", "Lf", ("Privilege", "call,all"), ("A", "1")),
    ("event", "Newexten", ("Privilege", "dialplan,all"), ("AppData", "one"), ("", "two")),
    ("event", "Y", ("Privilege", "call,all")),
    ("event", "Z", ("Privilege", "call,all"), ("B", "\\xff")),
    WHOLE,
]


def _cut_inside_a_character(chunk: bytes) -> bool:
    return (
        len(chunk) < 2 * KB
        and 0x80 <= chunk[-1] < 0xFF
        and chunk[-1:].decode(errors="ignore") == ""
    )


PIECES = {
    "7": (7, 0.002, lambda chunk: not chunk.endswith(b"\n")),
    "1": (1, 0.0005, lambda chunk: not chunk.endswith(b"\n")),
    "crlf": ("crlf", 0.002, lambda chunk: chunk.endswith(b"\r")),
    "utf-8": ("utf-8", 0.005, _cut_inside_a_character),
}


@pytest.mark.parametrize(("how", "pause", "is_cut"), PIECES.values(), ids=PIECES)
def test_s5_the_same_messages_in_any_pieces(
    meeting: Encounter, how: object, pause: float, is_cut: object
) -> None:
    meeting.sim.faults.write_pause = pause
    meeting.sim.faults.split_writes = how  # type: ignore[assignment]
    assert meeting.say(MIXED) == MIXED_EVENTS
    assert any(map(is_cut, meeting.chunks)), "the pieces arrived as pieces"  # type: ignore[arg-type]
    assert meeting.status.garbage_bytes == len(b"free text\r\n")
    listing = meeting.client.send(QueueStatus()).result(PATIENCE_SECONDS)
    meeting.sim.faults.split_writes = None
    again = meeting.client.send(QueueStatus()).result(PATIENCE_SECONDS)
    assert listing.events
    assert [event.headers[:-1] for event in listing.events] == [
        event.headers[:-1] for event in again.events
    ]
    meeting.assert_well()


# --- s6: half a frame ---

HALVES = {
    "cut at a line end": (
        b"Event: Half\r\nPrivilege: call,all\r\n",
        [("event", "Half", ("Privilege", "call,all"), ("Event", "Whole"), *WHOLE[2:])],
        1,
    ),
    "an item whose ActionID has lost its end, as Asterisk does to long ones": (
        b"Event: Half\r\nPrivilege: call,all\r\nActionID: xxxxxxxx\r\n",
        [
            (
                "event",
                "Half",
                ("Privilege", "call,all"),
                ("ActionID", "xxxxxxxx"),
                ("Event", "Whole"),
                *WHOLE[2:],
            )
        ],
        1,
    ),
    # The bytes do not say that anything is amiss: such a header may well exist.
    "cut inside of a line": (
        b"Event: Half\r\nPrivilege: call,all\r\nChan",
        [("event", "Half", ("Privilege", "call,all"), ("ChanEvent", "Whole"), *WHOLE[2:])],
        0,
    ),
    "cut in the first line": (b"Eve", [], 0),
    "cut between CR and LF": (
        b"Event: Half\r\nPrivilege: call,all\r",
        [("event", "Half", ("Privilege", "call,all\rEvent: Whole"), *WHOLE[2:])],
        0,
    ),
    "cut in the empty line": (
        b"Event: Half\r\nPrivilege: call,all\r\n\r",
        [("event", "Half", ("Privilege", "call,all"), ("\rEvent", "Whole"), *WHOLE[2:])],
        0,
    ),
    "of line feeds, cut at a line end": (
        b"Event: Half\nPrivilege: call,all\n",
        [("event", "Half", ("Privilege", "call,all"), ("Event", "Whole"), *WHOLE[2:])],
        1,
    ),
}


@pytest.mark.parametrize(("half", "expected", "suspects"), HALVES.values(), ids=HALVES)
def test_s6_half_a_frame_costs_the_next_one_and_no_more(
    meeting: Encounter, half: bytes, expected: list[tuple], suspects: int
) -> None:
    meeting.say_half(half)
    assert meeting.say(whole() + whole(2) + whole(3)) == [
        *expected,
        (*WHOLE[:3], ("Number", "2")),
        (*WHOLE[:3], ("Number", "3")),
    ]
    assert meeting.status.suspect_messages == suspects
    assert meeting.status.garbage_bytes == (
        0 if expected else len(half + whole()) - 2
    )  # an empty line is no garbage
    meeting.assert_well()


def test_s6_half_an_answer_that_runs_into_an_event_is_seen(meeting: Encounter) -> None:
    meeting.sim.on("Command").raw(answering("Response: Success\nActionID: {id}\nMess: x\n")).once()
    pending = meeting.client.send(Command("x"))
    wait_until(lambda: len(meeting.session.exchange.parser.tail.buffer) > 40)
    assert not pending.done()
    assert meeting.say(whole() + whole()) == [WHOLE]
    response = pending.result(PATIENCE_SECONDS)
    assert response.get_all("Event") == ["Whole"]
    assert meeting.status.suspect_messages == 1
    meeting.assert_well()


def test_s6_half_an_answer_and_nothing_more_times_out(meeting: Encounter) -> None:
    meeting.sim.on("Command").raw(answering("Response: Success\nActionID: {id}\nMess")).once()
    error = meeting.client.send(Command("x"), timeout=0.2).exception(PATIENCE_SECONDS)
    assert isinstance(error, ActionTimeout)
    # The next text ends it: that answer is late now, and the one behind it is good.
    meeting.say(b"age: late\r\n\r\n" + whole())
    assert meeting.status.late_answers == 1
    meeting.assert_well()


def test_s6_half_a_frame_does_not_outlive_its_connection() -> None:
    with FakeAsterisk() as sim, started(config(sim, **QUIET)) as client:
        events = Recorder()
        client.subscribe(None, events)
        ready(client)
        session = client._cluster.servers["node_1"].session
        sim.send_raw(b"Event: Half\r\nPrivilege: call,all\r\n")
        wait_until(lambda: len(session.exchange.parser.tail.buffer))
        sim.drop()
        wait_until(
            lambda: client.status()["node_1"].reconnects == 1 and client.server("node_1").ready
        )
        sim.send_raw(whole())
        wait_until(lambda: any(event.name == "Whole" for event in events.firsts))
        assert "Half" not in {event.name for event in events.firsts}
        status = client.status()["node_1"]
        assert (status.garbage_bytes, status.suspect_messages) == (0, 0)


# --- s7: other protocols than AMI ---

TEXTS = [
    b"what is this?\r\n",
    b"Asterisk Call Manager/11.0.0\r\n",
    b"-------- LOCAL ---------------------\nChannel   RTT  Jit\n",
    b"Eventually: not\r\nResponsible: neither\r\n\r\n",
    b"\0\xff\xfe\x00\r\r\r\n",
    b"ActionID: stray\r\nEventList: Complete\r\n\r\n",
    b"Action: Originate\r\nChannel: Local/1\r\n\r\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_s7_text_between_frames_is_counted_and_in_neither(meeting: Encounter, text: bytes) -> None:
    assert meeting.say(whole() + text + whole()) == [WHOLE, WHOLE]
    garbage = len(text) - (2 if text.endswith(b"\r\n\r\n") else 0)  # an empty line is none
    assert (meeting.status.garbage_bytes, meeting.status.suspect_messages) == (garbage, 0)
    meeting.assert_well()


# --- s8, s9: too large ---


def _large(size: int) -> dict[str, bytes]:
    return {
        "one line": b"Response: Success\r\nActionID: {id}\r\nOutput: " + b"x" * size + b"\r\n\r\n",
        "many lines": b"Response: Success\r\nActionID: {id}\r\n"
        + b"Output: line\r\n" * (size // 14)
        + b"\r\n",
        "Follows": b"Response: Follows\r\nPrivilege: Command\r\nActionID: {id}\r\n"
        + b"a line\r\n\r\nEvent: no\r\n\r\n" * (size // 23)
        + b"--END COMMAND--\r\n\r\n",
        "line feeds": b"Response: Success\nActionID: {id}\n"
        + b"Output: line\n" * (size // 13)
        + b"\n",
        "an error": b"Response: Error\r\nActionID: {id}\r\nMessage: " + b"x" * size + b"\r\n\r\n",
    }


@pytest.mark.parametrize("size", [200 * KB, 10 * MB], ids=["200 KB", "10 MB"])
@pytest.mark.parametrize("kind", _large(0))
def test_s8_an_answer_over_the_limit_fails_its_action_alone(
    small: Encounter, kind: str, size: int
) -> None:
    frame = _large(size)[kind]
    small.sim.on("Command").raw(
        lambda action: frame.replace(b"{id}", action.action_id.encode(), 1)
    ).once()
    before, large, after = (small.client.send(action) for action in (Ping(), Command("x"), Ping()))
    error = large.exception(PATIENCE_SECONDS)
    assert isinstance(error, ProtocolError)
    assert (
        "the answer to Command is larger than 65536 bytes (option max_frame_size): ask for less"
        in str(error)
    )
    assert error.sent
    assert (before.result(PATIENCE_SECONDS).ok, after.result(PATIENCE_SECONDS).ok) == (True, True)
    assert small.say(whole()) == [WHOLE]
    status = small.status
    assert (status.oversized_messages, status.garbage_bytes, status.late_answers) == (1, 0, 0)
    small.assert_well()


@pytest.mark.parametrize("size", [200 * KB, 10 * MB], ids=["200 KB", "10 MB"])
def test_s8_an_event_over_the_limit_is_counted_and_the_next_one_arrives(
    small: Encounter, size: int
) -> None:
    large = b"Event: Large\r\nPrivilege: call,all\r\nA: " + b"x" * size + b"\r\n\r\n"
    assert small.say(whole() + large + whole() + large + whole()) == [WHOLE] * 3
    assert small.status.oversized_messages == 2
    small.assert_well()


def test_s8_an_item_over_the_limit_fails_its_list_wherever_its_action_id_is(
    small: Encounter,
) -> None:
    for frame in (
        "Event: Item\nActionID: {id}\nA: %s\n\n",
        "Event: Item\nA: %s\nActionID: {id}\n\n",
    ):
        small.sim.on("QueueStatus").raw(
            answering(
                "Response: Success\nActionID: {id}\nEventList: start\n\n",
                frame % ("x" * 200 * KB),
                "Event: QueueStatusComplete\nActionID: {id}\nEventList: Complete\nListItems: 1\n\n",
            )
        ).once()
        error = small.client.send(QueueStatus()).exception(PATIENCE_SECONDS)
        assert isinstance(error, ProtocolError)
        assert "the answer to QueueStatus is larger than 65536 bytes" in str(error)
    assert small.say(b"") == []
    small.assert_well()


def test_s8_an_endless_answer_fails_its_action_at_once_and_the_server_in_the_end() -> None:
    def script(sock: socket.socket) -> None:
        stream = take_login(sock)
        while action := read_action(stream):
            sock.sendall(
                f"Response: Success\r\nActionID: {action['ActionID']}\r\nPing: Pong\r\n".encode()
            )
            while action["Action"] == "Command":  # until the client hangs up
                sock.sendall(b"Output: and so on\r\n" * 1000)
            sock.sendall(b"\r\n")

    with ScriptedServer(script) as server:
        options = {"auth_type": "plain", "events": "call", "max_frame_size": 64 * KB}
        settings = config(server.port, heartbeat_interval=0.2, read_timeout=0.4, **options)
        with started(settings) as client:
            ready(client)
            session = client._cluster.servers["node_1"].session
            largest = Recorder()
            receive = session.exchange.receive

            def measured(data: bytes, now: float) -> list[Event]:
                events = receive(data, now)
                largest(len(session.exchange.parser.tail.buffer))
                return events

            session.exchange.receive = measured  # type: ignore[method-assign]
            error = client.send(Command("x")).exception(PATIENCE_SECONDS)
            assert isinstance(error, ProtocolError)
            # An endless message is no sign of life: the next action fails with that.
            lost = client.send(Ping()).exception(PATIENCE_SECONDS)
            assert isinstance(lost, ConnectionLost | ActionTimeout), lost
            wait_until(
                lambda: client.status()["node_1"].reconnects == 1 and client.server("node_1").ready
            )
            assert client.send(Ping()).result(PATIENCE_SECONDS).ok
            assert "a message without an end" in str(client.status()["node_1"].last_error)
            assert max(largest.firsts) <= 64 * KB + 64
            assert client.status()["node_1"].oversized_messages == 1


@pytest.mark.parametrize("kind", ["one line", "many lines", "Follows"])
def test_s9_ten_megabytes_of_output_are_too_many_for_that_action_alone(
    meeting: Encounter, kind: str
) -> None:
    frames = [_large(size)[kind] for size in (10 * MB, 2 * MB)]
    for frame in reversed(frames):
        meeting.sim.on("Command").raw(
            lambda action, frame=frame: frame.replace(b"{id}", action.action_id.encode(), 1)
        ).once()
    large, below, after = (
        meeting.client.send(action) for action in (Command("a"), Command("b"), Ping())
    )
    error = large.exception(PATIENCE_SECONDS)
    assert isinstance(error, ProtocolError)
    assert f"the answer to Command is larger than {4 * MB} bytes (option max_frame_size)" in str(
        error
    )
    response = below.result(PATIENCE_SECONDS)
    assert len(response.output) > MB // 2
    assert after.result(PATIENCE_SECONDS).ok
    meeting.assert_well()


# --- larger than any server: the parser and the session alone ---

LIMIT_BYTES = 64 * KB
#: The memory of a piece of 64 KB while it is read: the piece itself, the buffer with the frame, and
#: copies of both.
BOUND_BYTES = 8 * LIMIT_BYTES

ENDLESS = {
    "one line": (b"Event: X\r\nA: ", b"x" * LIMIT_BYTES),
    "no line end at all": (b"", b"x" * LIMIT_BYTES),
    "carriage returns": (b"Event: X\r\n", b"\r" * LIMIT_BYTES),
    "lines": (b"Event: X\r\n", b"A: 1\r\n" * (LIMIT_BYTES // 6)),
    "a million headers": (b"Event: X\r\n", b"A:\r\n" * (LIMIT_BYTES // 4)),
    "nearly an end": (b"Event: X\r\n", b"A: 1\r\n\nEven\r\n" * (LIMIT_BYTES // 13)),
    "Follows": (
        b"Response: Follows\r\nActionID: a\r\n",
        b"--END COMMAND--\r\n" * (LIMIT_BYTES // 17),
    ),
    "line feeds": (b"Event: X\n", b"A: 1\n" * (LIMIT_BYTES // 5)),
    "zeroes": (b"Event: X\r\n", b"\0" * LIMIT_BYTES),
    "no UTF-8": (b"Event: X\r\nA: ", b"\xff\xc3" * (LIMIT_BYTES // 2)),
}


@pytest.mark.long
@pytest.mark.parametrize(("start", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_a_hundred_megabytes_without_an_end_need_no_memory(start: bytes, piece: bytes) -> None:
    parser = Parser(banner=False, max_frame_size=LIMIT_BYTES)
    messages = []

    def read() -> None:
        messages.extend(parser.feed(start))
        for chunk in endless(piece, 100 * MB):
            messages.extend(parser.feed(chunk))

    used = peak(read)
    assert used <= BOUND_BYTES, used
    assert len(parser.tail.buffer) <= LIMIT_BYTES + 64
    assert [type(message) for message in messages] == [Oversized]
    messages = parser.feed(b"\n\r\n\r\n--END COMMAND--\r\n\r\n" + whole())
    assert [show(message) for message in messages] == [WHOLE]


@pytest.mark.long
@pytest.mark.parametrize(
    "piece",
    [b"garbage\r\n", b"\r\n", b"\0\r\n", b"Event: X\r\nPrivilege: a\r\n\r\n", b"\n"],
    ids=repr,
)
def test_megabytes_of_nothing_need_no_memory(piece: bytes) -> None:
    parser = Parser(banner=False, max_frame_size=LIMIT_BYTES)
    parser.kinds.interest = frozenset()
    chunk = piece * (LIMIT_BYTES // len(piece))
    used = peak(lambda: [parser.feed(data) for data in endless(chunk, 2 * MB)])
    assert used <= 20 * LIMIT_BYTES, used
    assert len(parser.tail.buffer) == 0


def test_an_endless_answer_in_a_session_costs_one_action_and_no_memory() -> None:
    talk = Dialogue(max_frame_size=LIMIT_BYTES)
    talk.become_ready()
    pending, other = talk.send(Command("x")), talk.send()
    request = talk.requests()[0]
    talk.say(f"Response: Success\nActionID: {request['ActionID']}\n")
    piece = b"Output: and so on\r\n" * (LIMIT_BYTES // 19)
    used = peak(lambda: [talk.say(data) for data in endless(piece, 100 * MB)])
    assert used <= BOUND_BYTES, used
    assert isinstance(pending.exception(0), ProtocolError)
    assert (talk.counters.oversized_messages, len(talk.exchange.pending), other.done()) == (
        1,
        1,
        False,
    )
    talk.say(f"\nResponse: Success\nActionID: {other.action_id}\n\n")
    assert other.result(0).ok


def test_a_million_headers_in_one_frame_below_the_limit() -> None:
    frame = b"Event: X\r\n" + b"A:\r\n" * 1_000_000 + b"Last: 1\r\n\r\n"
    parser = Parser(banner=False, max_frame_size=5 * MB)
    (event,) = feed(parser, pieces(frame, LIMIT_BYTES))
    assert isinstance(event, Event)
    # A look at one header copies the others, twice at most, and frees them; it does not split them,
    # which takes far more.
    assert peak(lambda: event["A"]) < 2.1 * len(frame)
    assert peak(lambda: event["Last"]) < 1.1 * len(frame)
    assert peak(lambda: event.get("last")) < 2 * len(frame)
    assert event.get("last") == "1"
    again = Parser(banner=False, max_frame_size=3 * MB)
    assert [type(message) for message in feed(again, pieces(frame + whole(), LIMIT_BYTES))] == [
        Oversized,
        Event,
    ]


def test_follows_of_empty_lines_needs_ten_times_its_size_and_not_two_hundred() -> None:
    frame = b"Response: Follows\r\n" + b"\n" * MB + b"--END COMMAND--\r\n\r\n"
    parser = Parser(banner=False)
    messages = []
    used = peak(lambda: messages.extend(parser.feed(frame)))
    assert len(messages) == 1
    assert used <= 25 * MB, used


ODD = {
    "zeroes in a value": (b"Event: X\r\nA: a\0b\r\n\r\n", [("event", "X", ("A", "a\0b"))]),
    "zeroes in a key": (b"Event: X\r\nA\0: a\r\n\r\n", [("event", "X", ("A\0", "a"))]),
    "zeroes in a name": (b"Event: X\0\r\n\r\n", [("event", "X\0")]),
    "half of a character": (
        b"Event: X\r\nA: \xc3\r\nB: \xbc\r\n\r\n",
        [("event", "X", ("A", "\\xc3"), ("B", "\\xbc"))],
    ),
    "UTF-16": ("Event: X\r\n\r\n".encode("utf-16-le"), []),
    "overlong": (
        b"Event: X\r\nA: \xc0\x8d\xc0\x8a\r\n\r\n",
        [("event", "X", ("A", "\\xc0\\x8d\\xc0\\x8a"))],
    ),
    "a surrogate": (
        b"Event: X\r\nA: \xed\xa0\x80\r\n\r\n",
        [("event", "X", ("A", "\\xed\\xa0\\x80"))],
    ),
    "nothing but a colon": (b"Event: X\r\n:\r\n: \r\n\r\n", [("event", "X", ("", ""), ("", ""))]),
}


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("data", "expected"), ODD.values(), ids=ODD)
def test_odd_bytes_are_read_as_they_are(
    data: bytes, expected: list[tuple], size: int | None
) -> None:
    parser = Parser(banner=False)
    messages = feed(parser, pieces(data + b"\n" + whole(), size))
    assert [show(message) for message in messages] == [*expected, WHOLE]


COSTLY = {
    **{name: (lambda n, start=start, piece=piece: start + (piece * (n // len(piece) + 1))[:n])
       for name, (start, piece) in ENDLESS.items()},
    "answers in events": lambda n: (
        b"Event: OriginateResponse\r\n" + b"Response: a\r\n" * (n // 13) + b"\r\n"
    ),
    "many answers in events": lambda n: ((
        b"Event: OriginateResponse\r\n"
        b"Response: a\r\n\r\n"
    ) * (n // 43)),
    "answers": lambda n: b"Response: Success\r\nActionID: a\r\n\r\n" * (n // 36),
    "events in events": lambda n: (b"Event: X\r\n" * (n // 10) + b"\r\n"),
    "suspects": lambda n: (b"Event: X\r\nEvent: Y\r\n\r\n" * (n // 22)),
    "CR LF LF": lambda n: (b"Event: X\r\n\n" * (n // 11)),
    "events and garbage by turns": lambda n: (b"Event: X\r\n\r\ngarbage\r\n" * (n // 21)),
    "oversized by turns": lambda n: (
        (b"Event: X\r\nA: " + b"x" * 600 + b"\r\n\r\nEvent: X\r\n\r\n") * (n // 629)
    ),
    "Follows by turns": lambda n: (b"Response: Follows\r\n--END COMMAND--\r\n\r\n" * (n // 38)),
}  # fmt: skip


@pytest.mark.parametrize("limit", [500, MB])
@pytest.mark.parametrize("size", [None, 1, 100])
@pytest.mark.parametrize("build", COSTLY.values(), ids=COSTLY)
def test_twice_the_bytes_are_at_most_twice_the_work(
    build: object, size: int | None, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (cost(build(length), size, limit, monkeypatch) for length in (4000, 8000))  # type: ignore[operator]
    assert two <= 2.2 * max(one, 4000), (one, two)
    assert two <= 80 * 8000, two


def test_a_recording_backwards_forwards_and_shuffled_never_raises() -> None:
    data = (CAPTURES / "22" / "call-queue.txt").read_bytes()
    lines = data.splitlines(keepends=True)
    for stream in (
        data[::-1],
        b"".join(reversed(lines)),
        b"".join(sorted(lines)),
        data.replace(b"\r\n\r\n", b"\r\n"),
    ):
        parser = Parser(banner=False, max_frame_size=LIMIT_BYTES)
        for message in feed(parser, pieces(stream, 1000)):
            show(message)
        assert len(parser.tail.buffer) <= LIMIT_BYTES + 64
        assert [show(message) for message in parser.feed(b"\n\r\n\r\n" + END)][-1][:2] == (
            "event",
            "End",
        )
