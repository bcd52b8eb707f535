"""The wire log: every frame once, in its direction.

No secret, no control character, no line without a bound.
"""

from __future__ import annotations

import logging
import pickle
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core.actions import Action, Login, Ping, UpdateConfig
from django_ami.core.actions.base import encode
from django_ami.core.wire import (
    LONGEST_FRAME_BYTES,
    LONGEST_VALUE_CHARACTERS,
    MOST_LINES,
    WireLog,
    WireTap,
)

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
HANGUP = b"Event: Hangup\r\nChannel: PJSIP/101-1\r\nCause: 16\r\n\r\n"
SHOWN = "Event: Hangup | Channel: PJSIP/101-1 | Cause: 16"


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def of(self, mark: str) -> list[str]:
        """Those of one direction."""
        start = f"node_1 {mark} "
        return [line.removeprefix(start) for line in self.lines if line.startswith(start)]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Lines:
    return on(monkeypatch)


def on(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines, logger = Lines(), logging.getLogger("django_ami.wire")
    monkeypatch.setattr(logger, "handlers", [lines])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    logger.setLevel(logging.DEBUG)  # the loggers below know of it, too
    return lines


@pytest.fixture(autouse=True)
def reset() -> object:
    logger = logging.getLogger("django_ami.wire")
    yield
    logger.setLevel(logging.NOTSET)


def test_frames_of_both_directions_and_the_greeting(log: Lines) -> None:
    wire = WireLog("node_1", "127.0.0.1:5038")
    wire.received(BANNER)
    wire.sent(encode(Ping(), "1-1"))
    wire.received(b"Response: Success\r\nActionID: 1-1\r\nPing: Pong\r\n\r\n" + HANGUP)
    wire.ended("the server closed the connection.")
    assert log.lines == [
        "node_1 = connected to 127.0.0.1:5038",
        "node_1 < Asterisk Call Manager/11.0.0",
        "node_1 > Action: Ping | ActionID: 1-1",
        "node_1 < Response: Success | ActionID: 1-1 | Ping: Pong",
        f"node_1 < {SHOWN}",
        "node_1 = disconnected: the server closed the connection.",
    ]


@given(st.lists(st.integers(1, 40), max_size=30), st.booleans())
def test_frames_are_the_same_however_the_bytes_are_cut(cuts: list[int], greeted: bool) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = on(monkeypatch)
        wire = WireLog("node_1", "peer")
        data = (BANNER if greeted else b"") + HANGUP * 5
        for cut in cuts:
            wire.received(data[:cut])
            data = data[cut:]
        wire.received(data)
    assert log.of("<") == [*([BANNER.decode().strip()] if greeted else []), *[SHOWN] * 5]


# --- secrets ---


@pytest.mark.parametrize(
    ("action", "hidden"),
    [
        (Login("admin", secret="hush-hush"), "hush-hush"),
        (
            Action("Login", AuthType="MD5", Username="admin", Key="0123456789abcdef"),
            "0123456789abcdef",
        ),
        (Action("login", KEY="0123456789abcdef"), "0123456789abcdef"),
        (
            UpdateConfig(
                "pjsip.conf", changes=[{"Action": "Update", "Var": "x", "Value": "hush-hush"}]
            ),
            "hush-hush",
        ),
        (Action("Setvar", Variable="DB_PASSWORD", Value="hush-hush"), "hush-hush"),
        (Action("Command", Command="database put trunk secret=hush-hush"), "hush-hush"),
        (Action("Originate", Variable=["A=1", "API_TOKEN=hush-hush"]), "hush-hush"),
    ],
    ids=lambda value: value.name if isinstance(value, Action) else "",
)
def test_secrets_of_actions_are_masked(log: Lines, action: Action, hidden: str) -> None:
    wire = WireLog("node_1", "peer")
    data = encode(action, "1-1")
    assert hidden.encode() in data
    wire.sent(data)
    (line,) = log.of(">")
    assert line.startswith(f"Action: {action.name} | ActionID: 1-1 | ")
    assert "***" in line
    assert hidden not in line


@pytest.mark.parametrize(
    "frame",
    [
        b"Event: AuthDetail\r\nUsername: 101\r\nPassword: hush-hush",
        b"Event: InvalidPassword\r\nChallenge: 1\r\nReceivedHash: hush-hush",
        b"Response: Success\r\nOutput: secret : hush-hush",
        b"Response: Success\r\nLine-000001-000002: secret=hush-hush",
        b"Event: VarSet\r\nVariable: USER_PIN\r\nValue: hush-hush",
        b"secret: hush-hush",
    ],
)
def test_secrets_that_a_server_tells_are_masked(log: Lines, frame: bytes) -> None:
    wire = WireLog("node_1", "peer")
    wire.received(BANNER + frame + b"\r\n\r\n")
    assert "***" in log.of("<")[-1]
    assert "hush" not in str(log.lines)


@pytest.mark.parametrize("cut", range(1, 37, 4))
def test_the_rest_of_a_frame_that_began_unseen_is_not_shown(log: Lines, cut: int) -> None:
    """Half the name of a header does not say that its value is a secret."""
    wire = WireLog("node_1")
    frame = b"Response: Success\r\nSecret: hush-hush\r\n\r\n"
    wire.received(frame[cut:])
    wire.received(HANGUP)
    assert log.of("<") == [SHOWN]


def test_a_connection_is_followed_from_the_next_frame_on(log: Lines) -> None:
    wire = WireLog("node_1")
    wire.received(HANGUP[20:])
    wire.received(HANGUP[:-2])
    wire.received(HANGUP[-2:] + HANGUP)
    wire.sent(encode(Ping(), "1-1"))
    assert log.lines == [f"node_1 < {SHOWN}"] * 2 + ["node_1 > Action: Ping | ActionID: 1-1"]


def test_an_end_that_is_cut_in_two_is_found(log: Lines) -> None:
    wire = WireLog("node_1")
    wire.received(b"et: hush-hush\r\n\r")
    wire.received(b"\n" + HANGUP)
    assert log.of("<") == [SHOWN]


def test_a_long_frame_is_cut_between_two_lines_and_the_next_one_is_shown(log: Lines) -> None:
    wire = WireLog("node_1", "peer")
    wire.received(BANNER)
    start = b"Response: Success\r\n"
    filler = b"Output: " + b"x" * (LONGEST_FRAME_BYTES - len(start) - 18) + b"\r\n"
    frame = start + filler + b"Password: hush-hush" + b"\r\nOutput: y" * 10_000 + b"\r\n\r\n"
    for place in range(0, len(frame), 1000):
        wire.received(frame[place : place + 1000])
    wire.received(HANGUP)
    cut, following = log.of("<")[1:]
    assert cut.startswith("Response: Success | Output: xxx")
    assert "hush" not in cut
    assert "bytes in all" in cut
    assert following == SHOWN


# --- bounds ---


def test_long_values_and_many_lines_are_cut(log: Lines) -> None:
    wire = WireLog("node_1", "peer")
    wire.received(BANNER + b"Event: A\r\nLong: " + b"x" * 1000 + b"\r\n\r\n")
    wire.received(b"Response: Success\r\n" + b"Output: y\r\n" * 500 + b"\r\n")
    _, long, many = log.of("<")
    assert long == f"Event: A | Long: {'x' * LONGEST_VALUE_CHARACTERS}… (1000 characters)"
    assert many.count("Output") == MOST_LINES - 1
    assert many.endswith(" | … (5517 bytes in all)")


def test_wire_log_bounds_the_memory_of_a_frame_without_an_end(log: Lines) -> None:
    wire = WireLog("node_1", "peer")
    for _ in range(200):
        wire.received(b"z" * 10_000)
    assert len(wire._received._rest) < LONGEST_FRAME_BYTES + 10_000
    assert len(log.of("<")) <= 2


def test_a_frame_is_masked_when_a_handler_wants_its_text_and_is_short_until_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it is logged is the reactor thread.

    That does not pay for it, and a thousand of them may wait.
    """
    log, masked = on(monkeypatch), []
    monkeypatch.setattr(
        "django_ami.core.wire.redacted", lambda *_, **__: masked.append(1) or iter(())
    )
    records: list[logging.LogRecord] = []
    monkeypatch.setattr(log, "emit", records.append)
    logger = logging.getLogger("django_ami.wire")
    monkeypatch.setattr(
        logger, "filters", []
    )  # which formats it, in the thread of the handlers where they have one
    wire = WireLog("node_1", "peer")
    wire.received(BANNER + b"Response: Success\r\nOutput: " + b"x" * 500_000 + b"\r\n\r\n")
    assert len(records) == 3
    assert masked == []
    assert sum(len(pickle.dumps(record.args)) for record in records) < LONGEST_FRAME_BYTES + 2000
    assert (
        records[-1].getMessage() == records[-1].getMessage() == "node_1 < … (500027 bytes in all)"
    )
    assert masked == [1]


# --- control characters ---


def test_control_characters_and_bytes_that_are_no_text_are_escaped(log: Lines) -> None:
    wire = WireLog("node_1", "peer")
    wire.received(
        BANNER + b"Event: X\r\nName: \x1b[31m\xff\x00 \xe2\x80\xae \xc3\xa9\nnext\r\n\r\n"
    )
    assert log.of("<")[-1] == "Event: X | Name: \\x1b[31m\\xff\\x00 \\u202e é\\nnext"


@given(st.binary(max_size=300), st.integers(0, 2**16))
def test_any_bytes_are_one_printable_line_each(data: bytes, seed: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        log = on(monkeypatch)
        wire = WireLog("node_1", "peer")
        chosen = random.Random(seed)
        while data:
            size = chosen.randint(1, 50)
            (wire.received if chosen.random() < 0.5 else wire.sent)(data[:size])
            data = data[size:]
        wire.ended("over")
    assert all(line.isprintable() for line in log.lines)


def test_unfinished_frame_is_shown_at_the_end(log: Lines) -> None:
    wire = WireLog("node_1", "peer")
    wire.received(BANNER + HANGUP[:30])
    wire.ended("the connection broke.")
    assert log.lines[-2:] == [
        "node_1 < Event: Hangup | … (unfinished)",
        "node_1 = disconnected: the connection broke.",
    ]


def test_tap_that_is_switched_on_in_the_middle_shows_what_follows(log: Lines) -> None:
    logger = logging.getLogger("django_ami.wire")
    logger.setLevel(logging.INFO)
    tap = WireTap("node_1")
    tap.sent(encode(Ping(), "1-1"))
    tap.received(HANGUP)
    tap.ended("nobody looks")
    assert (log.lines, tap.log) == ([], None)
    logger.setLevel(logging.DEBUG)
    tap.received(HANGUP)
    tap.sent(encode(Ping(), "1-2"))
    tap.ended("the end")
    assert log.of("<") == [SHOWN]
    assert log.of(">") == ["Action: Ping | ActionID: 1-2"]
    assert log.of("=") == ["disconnected: the end"]
    logger.setLevel(logging.INFO)
    tap.received(HANGUP)
    assert tap.log is None


def test_tap_of_a_new_connection_shows_its_greeting(log: Lines) -> None:
    tap = WireTap("node_1")
    tap.begin("127.0.0.1:5038", BANNER)
    assert log.of("=") == ["connected to 127.0.0.1:5038"]
    assert log.of("<") == ["Asterisk Call Manager/11.0.0"]
