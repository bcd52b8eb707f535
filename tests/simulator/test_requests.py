"""How requests are read: the line buffer, the limits, the unescaping of variables."""

from __future__ import annotations

import pytest

from django_ami.simulator.requests import TOO_LONG, TOO_MANY, RequestReader, split_variables
from django_ami.testing import Simulator
from tests.simulator.wire import Wire, logged_in


def read(*pieces: bytes) -> list[tuple[tuple[str, ...], str]]:
    reader = RequestReader()
    requests = []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.next_request()) is not None:
            requests.append((request.lines, request.fault))
    return requests


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Action: Ping\r\n\r\n", [(("Action: Ping",), "")]),
        (b"Action: Ping\n\n", [(("Action: Ping",), "")]),
        (b"Action: Ping\r\n\n", [(("Action: Ping",), "")]),
        (b"A: 1\rB: 2\r\n\r\n", [(("A: 1\rB: 2",), "")]),
        (b"A: 1\0lost\r\nB: 2\r\n\r\n", [(("A: 1", "B: 2"), "")]),
        (b"\r\n", [((), "")]),
        (b"Action: Ping\r\n\r\n\r\n", [(("Action: Ping",), ""), ((), "")]),
        (b"A: 1\r\n", []),
    ],
)
def test_lines(data: bytes, expected: list[tuple[tuple[str, ...], str]]) -> None:
    assert read(data) == expected
    assert read(*(data[at : at + 1] for at in range(len(data)))) == expected


@pytest.mark.parametrize("length", [1000, 1021, 1022])
def test_a_line_of_up_to_1022_bytes_is_taken(length: int) -> None:
    line = b"V: " + b"x" * (length - 3)
    assert read(line + b"\r\n\r\n") == [((line.decode(),), "")]


def test_a_line_of_1023_bytes_leaves_an_empty_line_that_ends_the_request() -> None:
    line = b"V: " + b"x" * 1020
    assert read(b"A: 1\r\n" + line + b"\r\nB: 2\r\n\r\n") == [
        (("A: 1",), TOO_LONG),
        (("B: 2",), ""),
    ]


def test_the_rest_of_a_longer_line_is_another_header_and_the_request_is_refused() -> None:
    line = b"V: " + b"x" * 1100
    assert read(b"A: 1\r\n" + line + b"\r\nB: 2\r\n\r\nC: 3\r\n\r\n") == [
        (("A: 1", "x" * 79, "B: 2"), TOO_LONG),
        (("C: 3",), ""),
    ]


@pytest.mark.parametrize(("count", "fault"), [(128, ""), (129, TOO_MANY)])
def test_at_most_128_headers(count: int, fault: str) -> None:
    data = b"".join(b"H: %d\r\n" % number for number in range(count)) + b"\r\n"
    assert [request[1] for request in read(data)] == [fault]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("A=1", [("A", "1")]),
        ("A=1,B=two words", [("A", "1"), ("B", "two words")]),
        ("A=1, B=2", [("A", "1"), (" B", "2")]),
        ('A="x,y",B=2', [("A", "x,y"), ("B", "2")]),
        (r"A=x\,y", [("A", "x,y")]),
        (r"A=\"q\"\\", [("A", '"q"\\')]),
        ("A=f(x,y),B=[a,b]", [("A", "f(x,y)"), ("B", "[a,b]")]),
        (r"A=\(x,B=2", [("A", "(x"), ("B", "2")]),
        ("A=(x,B=2", [("A", "(x,B=2")]),
        ("dropped,A=1", [("A", "1")]),
        ("A=b=c", [("A", "b=c")]),
        ("A=", [("A", "")]),
        (",".join(f"V{n}=x" for n in range(70)), [(f"V{n}", "x") for n in range(64)]),
    ],
)
def test_variables_are_unescaped_as_the_server_does(
    header: str, expected: list[tuple[str, str]]
) -> None:
    assert split_variables(header) == expected


def test_first_header_wins_even_if_empty_and_names_ignore_case(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        wire.write("aCTION: ping\r\nactionid: \r\nActionID: second\r\nX:  \t y \r\nX: z\r\n\r\n")
        assert wire.frame().keys == ["Response", "Ping", "Timestamp"]
    action = sim.received[-1]
    assert (action.name, action.action_id, action.get("x"), action.get_all("X")) == (
        "ping",
        "",
        "y ",
        ("y ", "z"),
    )


def test_a_secret_does_not_show_in_a_repr(sim: Simulator) -> None:
    with logged_in(sim):
        assert "amp111" not in repr(sim.received)
        assert "amp111" not in repr(sim.users)


@pytest.mark.parametrize(
    ("data", "message", "action_id"),
    [
        (b"\r\n", "Missing action in request", None),
        (b"ActionID: only\r\n\r\n", "Missing action in request", "only"),
        (b"Action: \r\nActionID: empty\r\n\r\n", "Missing action in request", "empty"),
        (b"Action: Ping\r\nActionID: 7\r\nV: " + b"x" * 2000 + b"\r\n\r\n", TOO_LONG, "7"),
        (b"Action: Ping\r\nActionID: 8\r\n" + b"V: x\r\n" * 127 + b"\r\n", TOO_MANY, "8"),
    ],
)
def test_unreadable_input_is_refused(
    sim: Simulator, data: bytes, message: str, action_id: str | None
) -> None:
    with logged_in(sim) as wire:
        wire.write(data)
        frame = wire.frame()
        assert (frame["Response"], frame["Message"], frame.get("ActionID")) == (
            "Error",
            message,
            action_id,
        )
        assert wire.ask("Ping")["Ping"] == "Pong"


def test_trailing_blanks_of_an_action_are_part_of_its_name(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        known = "Use Action: ListCommands to show available commands."
        assert wire.ask("Ping  ")["Message"] == f"Invalid/unknown command: Ping  . {known}"


def test_bytes_that_are_not_utf_8_come_back_as_they_were(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        wire.write(b"Action: Setvar\r\nVariable: B\r\nValue: \xff\xfe latin1 \xe9\r\n\r\n")
        assert wire.frame()["Message"] == "Variable Set"
        assert b"Value: \xff\xfe latin1 \xe9\r\n" in wire.ask("Getvar", Variable="B").data


def test_pipelined_actions_are_answered_in_order(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        wire.write(
            b"".join(b"Action: Ping\r\nActionID: %d\r\n\r\n" % number for number in range(2000))
        )
        assert [wire.frame()["ActionID"] for _ in range(2000)] == [
            str(number) for number in range(2000)
        ]


def test_half_close_is_answered_before_the_end(sim: Simulator) -> None:
    with logged_in(sim) as wire:
        wire.send("Ping", ActionID="last")
        wire.socket.shutdown(1)
        assert b"ActionID: last\r\nPing: Pong" in wire.rest()


def test_a_stray_blank_line_before_login_is_answered_too(sim: Simulator) -> None:
    with Wire(sim) as wire:
        wire.banner()
        wire.write(b"\r\n")
        assert wire.frame().data == b"Response: Error\r\nMessage: Missing action in request\r\n\r\n"
