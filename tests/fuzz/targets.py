"""The targets of the fuzzer: each treats its bytes twice, in different pieces.

Each asserts the invariants. Arguments of callers are another matter: ``arguments.py``.

The first four bytes say how, the others are the server's:

* 0: the limits of the connection, and whether a greeting is expected;
* 1: which events are wanted; of a parser also which output of a command is believed; of a session
  its role, and whether it is logged in;
* 2 and 3: how the bytes are cut, the first and the second time;
* from 4 on: the server's bytes; in a session ``@0`` … ``@z`` stand for our ActionIDs, the first one
  to the thirty-sixth.
"""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any

from django_ami.core.actions import Command, CoreShowChannels, Originate, Ping, QueueStatus
from django_ami.core.correlation import ActionIds
from django_ami.core.errors import ActionFailed, AmiError, ConnectionLost, ProtocolError
from django_ami.core.protocol import Parser
from django_ami.core.session import Role
from django_ami.core.tail import Oversized
from tests.core.answers import PREFIX, id_of
from tests.core.support import CAPTURES, Dialogue
from tests.fuzz.arguments import SLOTS, VALUES, arguments
from tests.fuzz.surroundings import seeds as refusals
from tests.fuzz.surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.core.messages import Message
    from django_ami.core.pending import PendingAction

HEAD = 4
LETTERS = b"0123456789abcdefghijklmnopqrstuvwxyz"
#: The parser keeps this much more than a frame: an end that is cut by the edge of a piece.
SLACK_BYTES = 64
WANTED = (None, frozenset(), frozenset({"hangup", "newexten"}), frozenset({"x"}))


def cut(data: bytes, how: int) -> Iterator[bytes]:
    """Whole, byte by byte, or in pieces of any length."""
    if how == 0:
        yield data
        return
    random = Random(how)
    longest = (1, 7, 40, 200, 2000)[how % 5]
    start = 0
    while start < len(data):
        end = start + random.randint(1, longest)
        yield data[start:end]
        start = end


# --- the parser ---


def parser(data: bytes) -> None:
    """Bytes from a server, whatever they are."""
    if len(data) >= HEAD:
        first, second = (_parse(data, how) for how in data[2:HEAD])
        assert first == second, f"cut in two ways: {first} and {second}"


def _parse(data: bytes, how: int) -> dict[str, Any]:
    one = Parser(banner=bool(data[0] & 1), max_frame_size=64 << (data[0] >> 1) % 8)
    one.kinds.interest = WANTED[data[1] % len(WANTED)]
    if data[1] & 4:
        one.follows = lambda action_id, _: bool(action_id)
    messages: list[Any] = []
    error = None
    try:
        for piece in cut(data[HEAD:], how):
            messages += one.feed(piece)
            assert len(one.tail.buffer) <= (
                512 if one.banner is None else one.max_frame_size + SLACK_BYTES
            ), len(one.tail.buffer)
    except ProtocolError as raised:
        assert one.banner is None, "a greeting alone is worth an error"
        error = str(raised).partition(", but")[0]
    found = one.counters
    assert found.oversized_messages == sum(isinstance(message, Oversized) for message in messages)
    assert found.suspect_messages <= len(messages) + one.skipped
    assert found.garbage_bytes <= len(data)
    counters = (one.skipped, found.as_dict(), one.tail.discarding)
    return {
        "messages": [_show(message) for message in messages],
        "counters": counters,
        "error": error,
    }


def _show(message: Message | Oversized) -> Any:
    if isinstance(message, Oversized):
        return message
    assert message.headers, "the first line is a header"
    assert len(message.headers) == message.raw.count(b"\r\n") + 1
    for key in ("ActionID", "event", "RESPONSE", "Output"):
        values = message.get_all(key)
        assert (message.get(key) in values) == bool(values)
    assert list(message.as_dict()) == list(message) == list(message.keys())
    assert len(message) == len(message.values()) == len(dict(message))
    return (
        type(message).__name__,
        getattr(message, "name", None),
        getattr(message, "status", None),
        message.raw,
    )


# --- the session ---


def session(data: bytes) -> None:
    """Bytes from a server to a session that has all kinds of actions under way."""
    if len(data) >= HEAD:
        first, second = (_converse(data, how) for how in data[2:HEAD])
        if first is not None and second is not None:
            assert first == second, f"cut in two ways: {first} and {second}"


def _converse(data: bytes, how: int) -> dict[str, Any] | None:
    """The results; None if the connection came to an end, which may be in the middle of a piece."""
    ticking = bool(data[0] & 1)
    role = Role.CALLER if data[1] & 4 else Role.LISTENER
    auth = "md5" if data[1] & 16 else "plain"
    ids = ActionIds()
    ids.prefix = PREFIX
    ids._drawn = iter([id_of(number).removeprefix(PREFIX) for number in range(1, 201)])
    talk = Dialogue(
        role,
        ids=ids,
        max_pending_actions=20,
        max_frame_size=4096 << (data[0] >> 1) % 4,
        max_list_items=5,
        auth_type=auth,
        events="call",
    )
    talk.exchange.set_interest(WANTED[data[1] % len(WANTED)])
    if data[1] & 8 or auth == "md5":
        talk.connect()
    else:
        talk.become_ready()
    pendings = [
        talk.send(action)
        for action in (
            Ping(), CoreShowChannels(), Command("x"), QueueStatus(),
            Originate(channel="a", wait=True), Ping(),
        )
    ]  # fmt: skip
    outcomes: dict[int, Any] = {}
    for number, pending in enumerate(pendings):
        _watch(pending, outcomes, number)
    events: list[bytes] = []
    said = re.sub(
        rb"@([0-9a-z])", lambda found: id_of(LETTERS.index(found[1]) + 1).encode(), data[HEAD:]
    )
    for piece in cut(said, how):
        given = talk.say(piece)
        assert talk.exchange.ignored >= 0, talk.exchange.ignored
        assert (
            len(talk.exchange.parser.tail.buffer)
            <= talk.session.config.options.max_frame_size + SLACK_BYTES
        )
        events += [event.raw for event in given]
        talk.exchange.outgoing.clear()
        if ticking:
            talk.now += 0.5
            talk.session.tick(talk.now)
        if talk.session.fault is not None:
            break
        assert len(talk.exchange.pending) >= sum(not pending.done() for pending in pendings)
    counters = (talk.counters.as_dict(), talk.state, len(pendings))
    result = {"outcomes": dict(outcomes), "events": events, "counters": counters}
    over = talk.session.fault is not None
    talk.hang_up(None if over else ConnectionLost("gone", server="node_1"))
    assert (len(talk.exchange.pending), len(outcomes)) == (0, len(pendings)), (
        "everything is settled, once"
    )
    assert talk.exchange.outgoing == b""
    talk.connect()  # it can go on
    assert talk.state == "greeting"
    return None if over or ticking else result


def _watch(pending: PendingAction, outcomes: dict[int, Any], number: int) -> None:
    def settled(_: object) -> None:
        assert number not in outcomes, "settled twice"
        error = pending.exception(0)
        assert error is None or isinstance(error, AmiError), error
        response = (
            error.response
            if isinstance(error, ActionFailed)
            else None
            if error
            else pending.result(0)
        )
        outcomes[number] = (
            str(error),
            response and (response.raw, [event.raw for event in response.events]),
        )

    pending.add_done_callback(settled)


# --- where it begins ---


def seeds(target: str) -> dict[str, bytes]:
    """An input of each recording, and some that have what no recording has."""
    if target == "arguments":
        return {
            f"{number:03}": bytes([0, number, *b"\x01", 0, number, number % len(VALUES)])
            for number in range(len(SLOTS))
        }
    if target == "surroundings":
        return refusals()
    found = {}
    for path in sorted((CAPTURES / "22").iterdir()):
        data = path.read_bytes()[
            :1800
        ]  # short ones are tried more often; the tests read them whole
        if target == "session":
            ids = list(dict.fromkeys(re.findall(rb"\r\nActionID: ([^\r\n]+)", data)))
            for number, name in enumerate(ids[:20]):
                # The first ones are those of the login; then ours follow.
                data = data.replace(
                    b"ActionID: " + name + b"\r\n", b"ActionID: @%c\r\n" % LETTERS[number % 12]
                )
            found[path.stem] = b"\x00\x08\x00\x01" + data
            found[f"{path.stem}-ready"] = b"\x00\x00\x00\x07" + data.partition(b"\r\n")[2]
        else:
            found[path.stem] = b"\x0d\x00\x00\x01" + data
            found[f"{path.stem}-small"] = b"\x05\x02\x07\x08" + data
    head = b"\x00\x00\x00\x01"
    found["lf"] = head + b"Event: X\nA: 1\n\nResponse: Error\nActionID: @3\nMessage: no\n\n"
    found["follows"] = (
        head + b"Response: Follows\r\nActionID: @5\r\na\n\r\n\r\nb\n--END COMMAND--\r\n\r\n"
    )
    found["follows-twice"] = (
        head + b"Response: Follows\r\nActionID: @5\r\na\n--END COMMAND--\r\n\r\n" * 2
    )
    found["forged"] = (
        head
        + b"Event: X\r\nA: 1\r\n\r\nResponse: Follows\r\nPrivilege: Command\r\n\r\nEvent: Y\r\n\r\n"
    )
    found["crlflf"] = head + (
        b"Response: Success\r\nActionID: @4\r\nEventList: start\r\n\nEvent: X\r\n"
        b"ActionID: @4\r\n\r\n"
    )
    found["list"] = head + (
        b"Response: Success\r\nActionID: @6\r\nEventList: start\r\n\r\n"
        + b"Event: I\r\nActionID: @6\r\n\r\n" * 4
        + b"Event: E\r\nEventList: Complete\r\nActionID: @6\r\n\r\n"
    )
    found["outcome"] = head + (
        b"Response: Success\r\nActionID: @7\r\n\r\nEvent: OriginateResponse\r\n"
        b"Privilege: call,all\r\nActionID: @7\r\n"
        b"Response: Failure\r\nReason: 5\r\n\r\n"
    )
    found["large"] = (
        b"\x00\x00\x00\x06" + b"Event: X\r\nA: " + b"x" * 5000 + b"\r\n\r\nEvent: Y\r\n\r\n"
    )
    found["large-first-line"] = (
        head + b"Event: " + b"x" * 5000 + b"\r\nA: 1\r\n\r\nEvent: Y\r\n\r\n"
    )
    found["garbage-behind"] = head + b"Event: X\r\nResponse: Y\r\n\r\nno frame\r\n\r\n"
    found["long-greeting"] = b"\x01\x00\x00\x06" + b"Event: " + b"x" * 600 + b"\r\nA: 1\r\n\r\n"
    return found


TARGETS = {
    "parser": parser,
    "session": session,
    "arguments": arguments,
    "surroundings": surroundings,
}
