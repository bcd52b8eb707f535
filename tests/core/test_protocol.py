"""The wire format: each odd frame of real servers, any cut of the bytes, every bound.

And what may be written.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_ami.core import framing, kinds
from django_ami.core.actions import Action, MessageSend, Ping
from django_ami.core.actions.base import MAX_HEADERS, MAX_LINE_BYTES, encode
from django_ami.core.errors import InvalidAction, ProtocolError
from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from tests.core.support import CHUNKS, feed, pieces, show

PING = ("response", "Success", ("Ping", "Pong"))
PONG = b"Response: Success\r\nPing: Pong\r\n\r\n"

# --- frames, one row each: the bytes, what they are, and how many bytes of them are garbage ---

FRAMES = {
    "an answer": (
        b"Response: Success\r\nActionID: a-1\r\nMessage: Pong\r\n\r\n",
        [("response", "Success", ("ActionID", "a-1"), ("Message", "Pong"))],
        0,
    ),
    "an error": (
        b"Response: Error\r\nMessage: no\r\n\r\n",
        [("response", "Error", ("Message", "no"))],
        0,
    ),
    "an answer of another kind": (
        b"Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n",
        [("response", "Goodbye", ("Message", "Thanks for all the fish."))],
        0,
    ),
    "an event": (
        b"Event: Hangup\r\nChannel: a\r\n\r\n",
        [("event", "Hangup", ("Channel", "a"))],
        0,
    ),
    "an event of one line": (b"Event: Hangup\r\n\r\n", [("event", "Hangup")], 0),
    "an event without a name": (b"Event: \r\nA: 1\r\n\r\n", [("event", "", ("A", "1"))], 0),
    "keys in any case, no space": (
        b"EVENT:Hangup\r\nA:1\r\n\r\nresponse:Success\r\n\r\n",
        [("event", "Hangup", ("A", "1")), ("response", "Success")],
        0,
    ),
    "a line feed at the end of a message": (
        b"Response: Error\r\nActionID: a-1\r\nMessage: No Contacts found\n\r\n\r\n" + PONG,
        [("response", "Error", ("ActionID", "a-1"), ("Message", "No Contacts found\n")), PING],
        0,
    ),
    "a line feed inside a value": (
        b"Event: X\r\nValue: one\ntwo\n\nthree\r\n\r\n" + PONG,
        [("event", "X", ("Value", "one\ntwo\n\nthree")), PING],
        0,
    ),
    "empty lines between frames": (
        b"\r\n\r\n" + PONG + b"\r\n\n\r\n" + PONG + b"\r\n",
        [PING, PING],
        0,
    ),
    "a raw CR LF in a value": (
        b"Event: Newexten\r\nAppData: one\r\ntwo\nthree\r\n\r\n" + PONG,
        [("event", "Newexten", ("AppData", "one"), ("", "two\nthree")), PING],
        0,
    ),
    "a header that nobody sent": (
        b'Response: Success\r\nValue: "Eve\r\nInjected: yes" <>\r\n\r\n',
        [("response", "Success", ("Value", '"Eve'), ("Injected", 'yes" <>'))],
        0,
    ),
    "a forged frame": (
        b"Event: Newexten\r\nAppData: forged\r\n\r\nEvent: Forged\r\nWho: me\r\n\r\n\r\n" + PONG,
        [("event", "Newexten", ("AppData", "forged")), ("event", "Forged", ("Who", "me")), PING],
        0,
    ),
    "a line without a colon": (
        b"Response: Success\r\nActionID: a-1\r\nNo categories found\r\n\r\n",
        [("response", "Success", ("ActionID", "a-1"), ("", "No categories found"))],
        0,
    ),
    "blanks at the ends of values": (
        b"Event: X\r\nEmpty:\r\nNone: \r\nValue: x y \r\nTable:   a\r\n\r\n",
        [("event", "X", ("Empty", ""), ("None", ""), ("Value", "x y "), ("Table", "  a"))],
        0,
    ),
    "a carriage return in a value": (
        b"Response: Success\r\nOutput: FOO=one\r\r\nOutput: a\rb\r\n\r\n",
        [("response", "Success", ("Output", "FOO=one\r"), ("Output", "a\rb"))],
        0,
    ),
    "colons in the name of a channel": (
        b"Event: OriginateResponse\r\nChanVariable(SIP/10:20-1;1): a=b: c\r\n\r\n",
        [("event", "OriginateResponse", ("ChanVariable(SIP/10:20-1;1)", "a=b: c"))],
        0,
    ),
    "bytes that are no UTF-8": (
        b"Event: \xe9\r\nValue: \xff \xc3\xbc\r\n\r\n",
        [("event", "\\xe9", ("Value", "\\xff ü"))],
        0,
    ),
    "an event with a Response header": (
        b"Event: OriginateResponse\r\nPrivilege: call,all\r\nResponse: Failure\r\n\r\n",
        [("event", "OriginateResponse", ("Privilege", "call,all"), ("Response", "Failure"))],
        0,
    ),
    "an event with a digest in Response": (
        b"Event: ChallengeResponseFailed\r\nResponse: 0a1b\r\n\r\n",
        [("event", "ChallengeResponseFailed", ("Response", "0a1b"))],
        0,
    ),
    "an event with two Event headers": (
        b"Event: UserEvent\r\nEvent: Fake\r\nPrivilege: fake\r\n\r\n",
        [("event", "UserEvent", ("Event", "Fake"), ("Privilege", "fake"))],
        0,
    ),
    "a command's output": (
        (
            b"Response: Success\r\nMessage: Command output follows\r\nOutput: Response: Success\r\n"
            b"Output: \r\n"
            b"Output: --END COMMAND--\r\n\r\n"
        ),
        [
            (
                "response",
                "Success",
                ("Message", "Command output follows"),
                ("Output", "Response: Success"),
                ("Output", ""),
                ("Output", "--END COMMAND--"),
            )
        ],
        0,
    ),
    # frames of line feeds alone
    "line feeds alone": (
        b"Response: Error\nActionID: a-1\nMessage: Permission denied\n\n" + PONG,
        [("response", "Error", ("ActionID", "a-1"), ("Message", "Permission denied")), PING],
        0,
    ),
    "line feeds, ended by CR LF": (
        b"Event: X\nA: 1\r\nB: 2\n\r\n" + PONG,
        [("event", "X", ("A", "1"), ("B", "2")), PING],
        0,
    ),
    "line feeds, the last lines of CR LF": (
        b"Event: X\nA: 1\r\n\r\n" + PONG,
        [("event", "X", ("A", "1")), PING],
        0,
    ),
    "line feeds, nothing but a name": (b"Event: X\n\n" + PONG, [("event", "X"), PING], 0),
    # CR LF LF
    "CR LF LF before an event": (
        b"Response: Success\r\nA: 1\r\n\nEvent: X\r\nB: 2\r\n\r\n" + PONG,
        [("response", "Success", ("A", "1")), ("event", "X", ("B", "2")), PING],
        0,
    ),
    "CR LF LF before an answer": (
        b"Event: X\r\nA: 1\r\n\n" + PONG,
        [("event", "X", ("A", "1")), PING],
        0,
    ),
    "CR LF LF before anything else": (
        b"Event: X\r\nA: 1\r\n\nB: 2\r\n\r\n" + PONG,
        [("event", "X", ("A", "1"), ("\nB", "2")), PING],
        0,
    ),
    "CR LF LF before what is no beginning of ours": (
        b"Event: X\r\nA: 1\r\n\nevent: Y\r\n\nResponse:Z\r\n\r\n" + PONG,
        [("event", "X", ("A", "1"), ("\nevent", "Y"), ("\nResponse", "Z")), PING],
        0,
    ),
    # Command up to Asterisk 13
    "Follows": (
        b"Response: Follows\r\nPrivilege: Command\r\nActionID: a-1\r\nUptime: 1\n\n two\r\n\r\n"
        b"Event: no\r\n\r\n"
        b"end\n--END COMMAND--\r\n\r\n" + PONG,
        [
            (
                "response",
                "Follows",
                ("Privilege", "Command"),
                ("ActionID", "a-1"),
                ("Output", "Uptime: 1"),
                ("Output", ""),
                ("Output", " two"),
                ("Output", ""),
                ("Output", "Event: no"),
                ("Output", ""),
                ("Output", "end"),
            ),
            PING,
        ],
        0,
    ),
    "Follows without a last line feed": (
        b"Response: Follows\r\nActionID: a-1\r\nno newline--END COMMAND--\r\n\r\n" + PONG,
        [("response", "Follows", ("ActionID", "a-1"), ("Output", "no newline")), PING],
        0,
    ),
    "Follows without ActionID": (
        b"Response: Follows\r\nPrivilege: Command\r\n--END COMMAND--\r\n\r\n" + PONG,
        [("response", "Follows", ("Privilege", "Command"), ("Output", "")), PING],
        0,
    ),
    "Follows with nothing": (
        b"Response: Follows\r\n--END COMMAND--\r\n\r\n",
        [("response", "Follows", ("Output", ""))],
        0,
    ),
    "Follows, with a line end of its own in each line": (
        b"Response: Follows\r\nActionID: a-1\r\nName Host\r\nA=one\rtwo\r\n--END COMMAND--\r\n\r\n",
        [
            (
                "response",
                "Follows",
                ("ActionID", "a-1"),
                ("Output", "Name Host"),
                ("Output", "A=one\rtwo"),
            ),
        ],
        0,
    ),
    "Follows, with headers behind its end": (
        (
            b"Response: Follows\r\nActionID: a-1\r\nName Host\r\n--END COMMAND--\r\n"
            b"Server: 127.0.0.1\r\nA: 1\r\n\r\n"
        )
        + PONG,
        [
            (
                "response",
                "Follows",
                ("ActionID", "a-1"),
                ("Output", "Name Host"),
                ("Server", "127.0.0.1"),
                ("A", "1"),
            ),
            PING,
        ],
        0,
    ),
    "Follows, with its ActionID behind its end": (
        b"Response: Follows\r\nup\n--END COMMAND--\r\nActionID: a-1\r\n\r\n" + PONG,
        [("response", "Follows", ("Output", "up"), ("ActionID", "a-1")), PING],
        0,
    ),
    "Follows, with an end inside that is none": (
        (
            b"Response: Follows\r\n--END COMMAND--\n\r\n\r\n--END COMMAND--\r\nno header\n"
            b"--END COMMAND--\r\n\r\n"
        )
        + PONG,
        [
            (
                "response",
                "Follows",
                ("Output", "--END COMMAND--"),
                ("Output", ""),
                ("Output", ""),
                ("Output", "--END COMMAND--"),
                ("Output", "no header"),
            ),
            PING,
        ],
        0,
    ),
    # the ActionID in front
    "an answer that begins with its ActionID": (
        b"ActionID: a-1\r\nResponse: Success\r\nNode: 1999\r\n\r\n" + PONG,
        [("response", "Success", ("ActionID", "a-1"), ("Node", "1999")), PING],
        0,
    ),
    "an answer of two lines, its ActionID first": (
        b"actionid:a-1\r\nresponse:Error\r\n\r\n" + PONG,
        [("response", "Error", ("ActionID", "a-1")), PING],
        0,
    ),
    "an event that begins with an ActionID": (
        b"ActionID: a-1\r\nEvent: QueueMember\r\nQueue: support\r\n\r\n" + PONG,
        [("event", "QueueMember", ("ActionID", "a-1"), ("Queue", "support")), PING],
        0,
    ),
    "a refusal with a header between its ActionID and its first line": (
        b"Via: b\r\nActionID: a-1\r\nServer: c\r\nNode:\r\nResponse: Error\r\nMessage: no\r\n\r\n"
        + PONG,
        [
            (
                "response",
                "Error",
                ("ActionID", "a-1"),
                ("Server", "c"),
                ("Node", ""),
                ("Message", "no"),
            ),
            PING,
        ],
        8,
    ),
    "an event with a header in front of it, and nothing behind it": (
        b"ActionID: a-1\nServer: c\nEvent: X\r\n\r\n" + PONG,
        [("event", "X", ("ActionID", "a-1"), ("Server", "c")), PING],
        0,
    ),
    "an ActionID with more headers than begin a frame": (
        b"ActionID: a-1\r\n" + b"Server: c\r\n" * 30 + b"Response: Success\r\n\r\n",
        [("response", "Success")],
        15 + 11 * 30,
    ),
    "line feeds alone, the ActionID first": (
        b"ActionID: a-1\nResponse: Error\nMessage: no\n\n" + PONG,
        [("response", "Error", ("ActionID", "a-1"), ("Message", "no")), PING],
        0,
    ),
    "line feeds alone, two lines, the ActionID first": (
        b"ActionID: a-1\nResponse: Error\n\n" + PONG,
        [("response", "Error", ("ActionID", "a-1")), PING],
        0,
    ),
    "the output of an old command, the ActionID first": (
        b"ActionID: a-1\r\nResponse: Follows\r\nPrivilege: Command\r\nup\n--END COMMAND--\r\n\r\n"
        + PONG,
        [
            (
                "response",
                "Follows",
                ("ActionID", "a-1"),
                ("Privilege", "Command"),
                ("Output", "up"),
            ),
            PING,
        ],
        0,
    ),
    "two ActionIDs and no frame": (
        b"ActionID: a-1\r\nActionID: a-2\r\nResponse: Success\r\n\r\n",
        [("response", "Success", ("ActionID", "a-2"))],
        15,
    ),
    "an ActionID too long to begin a frame": (
        b"ActionID: " + b"a" * 300 + b"\r\nResponse: Success\r\n\r\n",
        [("response", "Success")],
        312,
    ),
    # garbage
    "garbage between frames": (
        PONG + b"what is this?\r\nand: this\n" + PONG,
        [PING, PING],
        25,
    ),
    "free text of IAXnetstats": (
        b"                    -------- LOCAL ---------------------\nChannel   RTT\n\r\n" + PONG,
        [PING],
        70 + 1,
    ),
    "the rest of a frame cut short": (
        b"Event: Half\r\nChan" + b"Event: Whole\r\nA: 1\r\n\r\n" + PONG,
        [("event", "Half", ("ChanEvent", "Whole"), ("A", "1")), PING],
        0,
    ),
    "a header in front of a frame": (
        b"ActionID: stray\r\n\r\n" + PONG,
        [PING],
        17,
    ),
    # a header line that ends in LF alone (action_agents in apps/app_agent_pool.c)
    "Agents": (
        (
            b"Event: Agents\r\nStatus: AGENT_ONCALL\r\nCallStarted: 1700000000\nChannel: a\r\n"
            b"ActionID: a-1\r\n\r\n"
        ),
        [
            (
                "event",
                "Agents",
                ("Status", "AGENT_ONCALL"),
                ("CallStarted", "1700000000\nChannel: a"),
                ("ActionID", "a-1"),
            )
        ],
        0,
    ),
}


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("data", "expected", "garbage"), FRAMES.values(), ids=FRAMES)
def test_a_frame(data, expected, garbage, size):
    parser = Parser(server="node_1", banner=False)
    messages = feed(parser, pieces(data, size))
    assert [show(message) for message in messages] == expected
    assert (
        parser.counters.garbage_bytes,
        parser.counters.oversized_messages,
        len(parser.tail.buffer),
    ) == (
        garbage,
        0,
        0,
    )
    assert all(message.server == "node_1" for message in messages)


def test_an_unfinished_frame_waits():
    parser = Parser(banner=False)
    assert parser.feed(b"Event: X\r\nA: 1\r\n") == []
    assert len(parser.tail.buffer) == 16
    assert [show(message) for message in parser.feed(b"\r\nEv")] == [("event", "X", ("A", "1"))]
    assert len(parser.tail.buffer) == 2


def test_a_chunk_of_many_megabytes_is_taken_in_pieces():
    parser = Parser(banner=False)
    frame = b"Event: X\r\nA: " + b"x" * 999 + b"\r\n\r\n"
    assert len(parser.feed(frame * 3000)) == 3000
    assert len(parser.tail.buffer) == 0


# --- the greeting ---

BANNERS = {
    "Asterisk": (b"Asterisk Call Manager/11.0.0\r\n", "Asterisk Call Manager/11.0.0"),
    "a vendor's": (b"PBX Call Manager/1.0\r\n", "PBX Call Manager/1.0"),
    "no version, line feed alone": (b"hello\n", "hello"),
    "an empty line": (b"\r\n", ""),
    "missing": (b"", ""),
    "the longest": (b"x" * 511 + b"\r\n", "x" * 511),
}


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("data", "banner"), BANNERS.values(), ids=BANNERS)
def test_a_greeting(data, banner, size):
    parser = Parser()
    messages = feed(parser, pieces(data + PONG, size))
    assert parser.banner == banner
    assert [show(message) for message in messages] == [PING]
    assert parser.counters.garbage_bytes == 0


def test_a_greeting_that_is_not_complete():
    parser = Parser()
    assert parser.feed(b"Asterisk Call Man") == []
    assert (parser.banner, len(parser.tail.buffer)) == (None, 17)
    assert parser.feed(b"ager/1.0\r") == []
    assert parser.feed(b"\n") == []
    assert (parser.banner, len(parser.tail.buffer)) == ("Asterisk Call Manager/1.0", 0)


def test_a_greeting_may_be_longer_than_a_frame():
    parser = Parser(max_frame_size=64)
    assert feed(parser, pieces(b"x" * 500 + b"\r\n", 7)) == []
    assert (parser.banner, parser.counters.oversized_messages) == ("x" * 500, 0)


NO_BANNERS = {
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a TLS alert with a line feed in it": b"\x15\x03\x03\x00\x02\x02\x0a",
    "a line too long": b"x" * 513 + b"\r\n",
    "a message with a first line too long": b"Event: " + b"x" * 513 + b"\r\n\r\n",
    "no end": b"x" * 5000,
    "zeroes": b"\0\0\0\n",
}


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize("data", NO_BANNERS.values(), ids=NO_BANNERS)
def test_parser_refuses_a_first_line_that_is_no_greeting(data, size):
    parser = Parser()
    with pytest.raises(ProtocolError, match=r"no AMI greeting, but .*: is this the port of AMI\?"):
        feed(parser, pieces(data, size))


def test_a_tls_alert_without_a_line_feed_waits_for_the_end_of_the_connection():
    assert Parser().feed(b"\x15\x03\x01\x00\x02\x02\x46") == []


# --- frames that are too large ---

LIMIT_BYTES = 4096
BIG = b"x" * LIMIT_BYTES

OVERSIZED = {
    "an answer": (b"Response: Success\r\nActionID: a-1\r\nOutput: " + BIG + b"\r\n\r\n", "a-1"),
    "an event": (b"Event: X\r\nA: " + BIG + b"\r\nActionID: behind\r\n\r\n", None),
    "one byte too large": (b"Event: X\r\nActionID: a-2\r\nA: " + BIG[28:] + b"x\r\n\r\n", "a-2"),
    "line feeds alone": (b"Response: Success\nActionID: a-1\nA: " + BIG + b"\n\n", "a-1"),
    "Follows": (
        b"Response: Follows\r\nActionID: a-1\r\n"
        + b"line\r\n\r\n" * 600
        + b"--END COMMAND--\r\n\r\n",
        "a-1",
    ),
    "Follows, with headers behind its end": (
        b"Response: Follows\r\nActionID: a-1\r\na\n--END COMMAND--\r\nA: " + BIG + b"\r\n\r\n",
        "a-1",
    ),
    "its ActionID first": (
        b"ActionID: a-1\r\nResponse: Success\r\nOutput: " + BIG + b"\r\n\r\n",
        "a-1",
    ),
    "its ActionID first, a first line": (
        b"ActionID: a-1\r\nResponse: " + BIG + b"\r\nA: 1\r\n\r\n",
        "a-1",
    ),
    "ended by CR LF LF": (b"Event: X\r\nA: " + BIG + b"\r\n\n", None),
    "garbage": (BIG * 2 + b"\r\n", None),
    "a name": (b"Event: " + BIG * 2 + b"\r\nActionID: behind\r\nA: 1\nB: 2\r\n\r\n", None),
    "a name, line feeds alone": (b"Event: " + BIG * 2 + b"\nA: 1\nResponse: Success\n\n", None),
    "a name and nothing else": (b"Event: " + BIG * 2 + b"\r\n\r\n", None),
    "garbage, one byte too large": (BIG + b"x\n", None),
    "garbage that has lost its head": (b"ActionID: a-1" + BIG + b"\n", "a-1" + BIG[:-13].decode()),
    "an ActionID that is no UTF-8": (
        b"Event: X\r\nActionID: \xff\r\nA: " + BIG + b"\r\n\r\n",
        "\\xff",
    ),
}


@pytest.mark.parametrize("size", [*CHUNKS, 4000])
@pytest.mark.parametrize(("data", "action_id"), OVERSIZED.values(), ids=OVERSIZED)
def test_a_frame_that_is_too_large_is_dropped_and_the_next_one_is_read(data, action_id, size):
    parser = Parser(max_frame_size=LIMIT_BYTES, banner=False)
    messages = feed(parser, pieces(PONG + data + PONG, size))
    assert [show(message) for message in messages] == [PING, ("oversized", action_id), PING]
    assert (
        parser.counters.oversized_messages,
        len(parser.tail.buffer),
        parser.tail.discarding,
        parser.counters.garbage_bytes,
    ) == (
        1,
        0,
        False,
        0,
    )


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(
    "data",
    [
        b"Event: X\r\nA: " + b"x" * (LIMIT_BYTES - 13) + b"\r\n\r\n",
        b"Response: Follows\r\n" + b"x" * 4076 + b"\n--END COMMAND--\r\n\r\n",
    ],
)
def test_the_largest_frame(data, size):
    parser = Parser(max_frame_size=LIMIT_BYTES, banner=False)
    assert [type(message).__name__ for message in feed(parser, pieces(data, size))] in (
        ["Event"],
        ["Response"],
    )
    assert parser.counters.oversized_messages == 0


@pytest.mark.parametrize(
    "start", [b"Event: X\r\n", b"Response: Follows\r\n", b"Event: X\n", b"", b"Event: X"]
)
def test_an_endless_frame_needs_no_memory(start):
    parser = Parser(max_frame_size=LIMIT_BYTES, banner=False)
    messages = parser.feed(start)
    for _ in range(100):
        messages += parser.feed(BIG)
        assert len(parser.tail.buffer) <= LIMIT_BYTES + 32
    assert [show(message) for message in messages] == [("oversized", None)]
    assert parser.tail.discarding


def test_the_action_id_of_the_next_frame_is_not_that_of_the_large_one():
    parser = Parser(max_frame_size=40, banner=False)
    data = b"Event: X\r\nA: " + b"x" * 40 + b"\r\n\r\nEvent: Y\r\nActionID: other\r\n\r\n"
    messages = parser.feed(data)
    assert [show(message) for message in messages] == [
        ("oversized", None),
        ("event", "Y", ("ActionID", "other")),
    ]


# --- frames that hold the first line of another one ---

SUSPECTS = {
    "nothing": (PONG, 0),
    "a header that the sender of a UserEvent gave": (b"Event: UserEvent\r\nEvent: Fake\r\n\r\n", 1),
    "an item whose ActionID was cut with its line end": (
        b"Event: QueueMember\r\nActionID: a-1\r\nEvent: QueueMember\r\nActionID: a-1\r\n\r\n",
        1,
    ),
    "an answer that runs into an event": (b"Response: Success\r\nA: 1\r\nEvent: X\r\n\r\n", 1),
    "an event that runs into an answer": (b"Event: X\r\nA: 1\r\nResponse: Success\r\n\r\n", 1),
    "an event that runs into another, before what is no frame": (
        b"Event: X\r\nPrivilege: call,all\r\nEvent: Y\r\n\r\n\r\n\r\n\r\n\r\n",
        1,
    ),
    "several lines, one message": (b"Event: X\r\nEvent: Y\r\nResponse: Z\r\nEvent: Z\r\n\r\n", 1),
    "two messages": (b"Event: X\r\nEvent: Y\r\n\r\n" * 2, 2),
    "a Response by right": (b"Event: OriginateResponse\r\nResponse: Failure\r\n\r\n", 0),
    "a digest": (b"Event: ChallengeResponseFailed\r\nA: 1\r\nResponse: 0a1b\r\n\r\n", 0),
    "two, one by right": (
        b"Event: OriginateResponse\r\nResponse: Success\r\nResponse: Success\r\n\r\n",
        1,
    ),
    "one by right, and an Event": (
        b"Event: OriginateResponse\r\nResponse: Success\r\nEvent: X\r\n\r\n",
        1,
    ),
    "one by right, missing, before an answer": (
        b"Event: OriginateResponse\r\nA: 1\r\n\r\n" + PONG,
        0,
    ),
    "one by right, before an answer": (
        b"Event: OriginateResponse\r\nResponse: Failure\r\n\r\n" + PONG + PONG,
        0,
    ),
    "one by right, and CR LF LF": (
        b"Event: OriginateResponse\r\nA: 1\r\n\nResponse: Error\r\n\r\n",
        0,
    ),
    "behind a bare line feed": (b"Event: X\r\nA: 1\nEvent: Y\nResponse: Z\r\n\r\n", 0),
    "a bare line feed in an OriginateResponse": (
        b"Event: OriginateResponse\r\nA: \nResponse: Z\r\n\r\n",
        0,
    ),
    "line feeds alone": (b"Event: X\nEvent: Y\n\n", 1),
    "within a line": (b"Event: X\r\nUserEvent: Y\r\nA: Event: Z\r\n\r\n", 0),
    "a command's output": (
        b"Response: Success\r\nOutput: Event: X\r\nOutput: Response: Y\r\n\r\n",
        0,
    ),
    "the output of an old one": (
        b"Response: Follows\r\nEvent: X\r\nResponse: Y\n--END COMMAND--\r\n\r\n",
        0,
    ),
}


@pytest.mark.parametrize(
    "before", [b"", PONG, b"Event: OriginateResponse\r\nResponse: Failure\r\n\r\n"]
)
@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(("data", "suspect"), SUSPECTS.values(), ids=SUSPECTS)
def test_a_frame_with_the_first_line_of_another_is_one_message_and_is_counted(
    data, suspect, size, before
):
    for front in (before, b"\r\n" + before):  # the fast way, and the careful one
        parser = Parser(banner=False)
        messages = feed(parser, pieces(front + data + PONG, size))
        assert (
            parser.counters.suspect_messages,
            parser.counters.garbage_bytes,
            show(messages[-1]),
        ) == (suspect, 0, PING)


def test_a_suspect_among_events_that_nobody_wants_is_counted():
    parser = Parser(banner=False)
    parser.kinds.interest = frozenset()
    assert parser.feed(LIVE % b"X" + LIVE % b"X\r\nPrivilege: call\r\nEvent: Y" + LIVE % b"X") == []
    assert (parser.skipped, parser.counters.suspect_messages) == (3, 1)


@pytest.mark.parametrize("interest", [None, frozenset({"x"}), frozenset({"y"})])
@pytest.mark.parametrize("size", CHUNKS)
def test_end_of_a_message_does_not_depend_on_receivers(size, interest):
    data = (
        LIVE
        % b"X\r\nPrivilege: call,all\r\nEvent: Z\r\nB: \r\n\nResponse: Error\r\nC: \r\n\nEvent: Y"
    )
    for front in (b"", b"\r\n"):
        parser = Parser(banner=False)
        parser.kinds.interest = interest
        messages = feed(parser, pieces(front + data * 2 + PONG, size))
        x, y = (interest is None or name in interest for name in "xy")
        each = ["X"] * x + [""] + ["Y"] * y
        assert [getattr(message, "name", "") for message in messages] == each * 2 + [""]
        assert show(messages[-1]) == PING
        assert (
            parser.counters.suspect_messages,
            parser.skipped,
            parser.counters.garbage_bytes,
        ) == (2, 4 - 2 * (x + y), 0)


# --- interest ---

LIVE = b"Event: %s\r\nPrivilege: call,all\r\nA: 1\r\n\r\n"


FORGED = LIVE % b"X\r\nPrivilege: call,all\r\nResponse: Success"


@pytest.mark.parametrize("interest", [None, frozenset({"x"}), frozenset({"y"})])
def test_frames_that_come_one_by_one_are_what_they_are_together(interest):
    parser, other = Parser(banner=False), Parser(banner=False)
    parser.kinds.interest = other.kinds.interest = interest
    frames = [
        LIVE % b"X",
        LIVE % b"Y",
        PONG,
        FORGED,
        LIVE % b"X" + b"\r\n",
        LIVE % b"OriginateResponse",
    ]
    for _ in range(2):  # learned, and known
        together = show_all(other.feed(b"".join(frames)))
        assert [one for frame in frames for one in show_all(parser.feed(frame))] == together
        assert (
            parser.skipped,
            parser.counters.suspect_messages,
            parser.counters.garbage_bytes,
        ) == (
            other.skipped,
            other.counters.suspect_messages,
            other.counters.garbage_bytes,
        )


def show_all(messages):
    return [show(message) for message in messages]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize(
    ("interest", "names"),
    [
        (None, ["Newchannel", "HangUp", "FullyBooted", "Item"]),
        (frozenset(), ["FullyBooted", "Item"]),
        (frozenset({"hangup"}), ["HangUp", "FullyBooted", "Item"]),
    ],
)
def test_events_that_nobody_wants_are_only_counted(interest, names, size):
    parser = Parser(banner=False)
    parser.kinds.interest = interest
    assert parser.kinds.interest == interest
    data = (
        LIVE % b"Newchannel"
        + LIVE % b"HangUp"
        + LIVE % b"FullyBooted"
        + b"Event: Item\r\nA: 1\r\n\r\n"
    )
    for wire in (data, b"\r\n" + data):  # the fast way, and the careful one
        parser.skipped = 0
        assert [message.name for message in feed(parser, pieces(wire, size))] == names
        assert parser.skipped == 4 - len(names)


HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n\r\n"


@pytest.mark.parametrize(
    ("more", "plain"),
    [
        (b"", True),
        (HANGUP, True),
        (b"Event: Newchannel\r\nPrivilege: call,all\r\n\r\n", True),
        (b"Event: Hangup\r\nChannel: item/of-a-list\r\n\r\n", False),
        (b"Event: Status\r\nPrivilege: call,all\r\n\r\n", False),
        (b"Event: FullyBooted\r\nPrivilege: system,all\r\n\r\n", False),
        (b"Event: OriginateResponse\r\nPrivilege: call,all\r\nResponse: Failure\r\n\r\n", False),
        (b"Response: Success\r\nActionID: 1\r\n\r\n", False),
        (b"Event: Odd\nPrivilege: call,all\n\n", False),
        (b"Event: " + b"x" * 5000 + b"\r\n\r\n", False),
        (b"Event: Large\r\nPrivilege: call,all\r\nData: " + b"x" * 5000 + b"\r\n\r\n", False),
    ],
)
@pytest.mark.parametrize("interest", [None, frozenset({"hangup"})])
def test_broadcasts_alone_are_plain(interest, more, plain):
    """The parser tells possible answers, and events for the client itself, from events for
    receivers alone.
    """
    parser = Parser(banner=False, max_frame_size=4096)
    parser.kinds.interest = interest
    for _ in range(2):  # learned, and known
        parser.feed(HANGUP + more + HANGUP)
        assert parser.plain == plain
    parser.feed(HANGUP)
    assert parser.plain


def test_kinds_that_are_forgotten_are_learned_again(monkeypatch):
    monkeypatch.setattr(kinds, "_MAX_KINDS", 2)
    parser = Parser(banner=False)
    names = [f"Name{number}" for number in range(5)]
    flood = b"".join(f"Event: {name}\r\nPrivilege: call,all\r\n\r\n".encode() for name in names)
    for _ in range(2):
        assert [event.name for event in parser.feed(flood)] == names
        assert not parser.plain, "not known to be, any more"
    assert parser.feed(flood[: len(flood) // 5])
    assert parser.plain


def test_names_that_are_too_long_to_be_known_are_not_plain():
    parser = Parser(banner=False)
    parser.feed(LIVE % (b"Very" * 20 + b"Long"))
    assert not parser.plain
    assert len(parser.kinds.plain) == 1, "what is not kept needs no memory"


@pytest.mark.parametrize("frames", [1, 3, 200])
def test_an_event_without_a_name_is_one_all_the_same(frames):
    parser = Parser(banner=False)
    for _ in range(2):  # learned, and known
        assert [event.name for event in parser.feed(LIVE % b"" * frames)] == [""] * frames
    assert parser.skipped == 0


def test_a_new_interest_counts_at_once():
    parser = Parser(banner=False)
    parser.kinds.interest = frozenset()
    assert parser.feed(LIVE % b"Hangup") == []
    parser.kinds.interest = frozenset({"hangup"})
    assert len(parser.feed(LIVE % b"Hangup")) == 1


def test_names_without_end_need_no_memory():
    parser = Parser(banner=False)
    parser.kinds.interest = frozenset({"x9999"})
    given = [message.name for n in range(10_000) for message in parser.feed(LIVE % b"X%d" % n)]
    assert given == ["X9999"]
    assert len(parser.kinds.known) <= 2048


MINE = b"\r\nActionID: f00-"


@pytest.mark.parametrize("size", [*CHUNKS, 4000])
def test_message_with_an_action_id_of_ours_is_given_without_receivers(size):
    """The items of a list may have a Privilege, and its ActionID anywhere."""
    item = b"Event: X\r\nPrivilege: call,all\r\nB: 2\r\nActionID: f00-1\r\n\r\n"
    for front in (b"", b"\r\n"):  # the fast way, and the careful one
        parser = Parser(banner=False)
        parser.kinds.interest = frozenset()
        parser.mine = MINE
        messages = feed(parser, pieces(front + (LIVE % b"X" + item) * 3 + LIVE % b"Y", size))
        assert [(one.name, one["ActionID"]) for one in messages] == [("X", "f00-1")] * 3
        assert parser.skipped == 4
        parser.mine = b""
        assert feed(parser, pieces(front + item * 2, size)) == []
        assert parser.skipped == 6


# --- a frame that has no end yet ---

MESSAGE = b"Event: Tick\r\nPrivilege: call,all\r\n\r\n"

UNFINISHED = {
    "nothing": (b"", (False, False, 0)),
    "a whole message": (PONG, (False, False, 0)),
    "an event": (b"Event: X\r\nA: 1\r\n", (True, False, 0)),
    "no first line yet": (b"Ev", (True, False, 0)),
    "an answer": (b"Response: Success\r\nA: 1\r\n", (True, True, 0)),
    "an answer, its ActionID first": (
        b"ActionID: a-1\r\nresponse: Success\r\nA: 1\r\n",
        (True, True, 0),
    ),
    "an answer, headers first": (
        b"ActionID: a-1\r\nServer: c\r\nResponse: Success\r\n",
        (True, True, 0),
    ),
    "the output of a command": (b"Response: Follows\r\nup\n", (True, True, 0)),
    "the words of a message in it": (
        b"Response: Follows\r\nEvent: X\n\nEvent: Y\n\n",
        (True, True, 0),
    ),
    "a message in it": (b"Response: Follows\r\nup\r\n" + MESSAGE, (True, True, 1)),
    "lines like a message's in it": (
        b"Response: Follows\r\nEvent: X\r\nup\r\nEvent: " + b"x" * 90,
        (True, True, 0),
    ),
    "a message without headers in it": (
        b"Response: Follows\r\nup\nEvent: X\r\n\r\n",
        (True, True, 1),
    ),
    "its ActionID first, a message in it": (
        b"ActionID: a-1\r\nResponse: Follows\r\nup\n" + MESSAGE,
        (True, True, 1),
    ),
    "messages in it": (b"Response: Follows\r\nup\r\n" + MESSAGE * 3 + PONG, (True, True, 4)),
    "messages in it, all known": (
        b"Response: Follows\r\nup\r\n\r\n" + MESSAGE * 3 + PONG,
        (True, True, 4),
    ),
    "the end of the output": (
        b"Response: Follows\r\n" + MESSAGE * 3 + b"--END COMMAND--\r\n\r\n",
        (False, False, 0),
    ),
    "too large, an event": (b"Event: X\r\nA: " + BIG, (True, False, 0)),
    "too large, an answer": (b"Response: Success\r\nA: " + BIG, (True, True, 0)),
    "too large, with messages in it": (b"Response: Follows\r\n" + MESSAGE * 200, (True, True, 200)),
}


@pytest.mark.parametrize("size", [*CHUNKS, 1000])
@pytest.mark.parametrize(("data", "expected"), UNFINISHED.values(), ids=UNFINISHED)
def test_parser_describes_a_frame_that_has_not_ended(data, expected, size):
    parser = Parser(max_frame_size=LIMIT_BYTES, banner=False)
    feed(parser, [PONG, *pieces(data, size)])
    assert (parser.tail.unfinished, parser.tail.answering, parser.tail.swallowed) == expected


# --- text that is no frame ---


@pytest.mark.parametrize(
    ("data", "stray"),
    [
        (PONG, []),
        (PONG + b"\r\n" + PONG, [(1, b"")]),
        (
            b"support has 0 calls\r\n   No Members\n\r\n" + PONG + b"x\n",
            [(0, b"support has 0 calls\n   No Members\n"), (1, b"x\n")],
        ),
    ],
)
def test_text_between_frames_is_kept_until_the_next_bytes_come(data, stray):
    parser = Parser(banner=False)
    parser.feed(data)
    assert parser.stray == stray
    parser.feed(PONG)
    assert parser.stray == []


# --- any cut ---

token = st.text(alphabet="aZ09-:( )\néß\x00", max_size=12).map(str.encode) | st.binary(max_size=12)
line_end = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\n", b""])
first_line = st.sampled_from(
    [
        b"Event: X",
        b"event:Y",
        b"event: z",
        b"Response: Success",
        b"Response: Error",
        b"RESPONSE: Goodbye",
        b"Response: Follows",
        b"Event: ",
        b"Privilege: x",
        b"Event: X\r\nPrivilege: call,all",
        b"ActionID: a-1",
        b"--END COMMAND--",
        b"ActionID: a-1\r\nResponse: Success",
        b"\r\n--END COMMAND--\r\nServer: a",
        b"Channel: a\nEvent: z",
        b"Event: OriginateResponse",
        b"Asterisk Call Manager/1.0",
    ]
)
line = st.builds(lambda text, end: text + end, first_line | token, line_end)
stream = st.lists(line | st.just(b"\r\n") | st.just(PONG), max_size=30).map(b"".join)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(position % (len(data) + 1) for position in at), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(
    stream,
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from([None, frozenset(), frozenset({"x"})]),
)
def test_any_cut_of_the_bytes_gives_the_same_messages(data, at, interest):
    whole, cutting, slow = (Parser(banner=False) for _ in range(3))
    whole.kinds.interest = cutting.kinds.interest = slow.kinds.interest = interest
    expected = feed(whole, [data])
    for parser, chunks in ((cutting, cut(data, at)), (slow, pieces(data, 1))):
        messages = feed(parser, chunks)
        assert messages == expected
        assert list(map(show, messages)) == list(map(show, expected))
        assert (
            parser.counters.garbage_bytes,
            parser.skipped,
            parser.counters.suspect_messages,
        ) == (
            whole.counters.garbage_bytes,
            whole.skipped,
            whole.counters.suspect_messages,
        )
        for what in ("buffer", "unfinished", "answering", "swallowed"):
            assert getattr(parser.tail, what) == getattr(whole.tail, what)


@given(stream, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_gives_the_same_messages_when_some_are_too_large(data, at):
    limit = 60
    whole, cutting = (Parser(banner=False, max_frame_size=limit) for _ in range(2))
    end = b"\n\r\n\r\n--END COMMAND--\r\n\r\n"
    expected = [show(message) for message in feed(whole, [data, end])]
    assert [show(message) for message in feed(cutting, [*cut(data, at), end])] == expected
    assert (cutting.counters.garbage_bytes, cutting.counters.oversized_messages) == (
        whole.counters.garbage_bytes,
        whole.counters.oversized_messages,
    )


@given(st.lists(st.binary(max_size=200) | stream, max_size=20))
def test_only_protocol_error_is_raised_before_the_greeting_is_complete(chunks):
    parser = Parser(max_frame_size=100)
    for chunk in chunks:
        try:
            messages = parser.feed(chunk)
        except ProtocolError:
            assert parser.banner is None
            return
        for message in messages:
            show(message)
        assert len(parser.tail.buffer) <= (512 if parser.banner is None else 100 + 32)


# --- the cost, in bytes that are looked at or copied: no clock ---


class Work:
    """Counts the bytes that the parser's searches and copies touch."""

    def __init__(self) -> None:
        self.bytes = 0

    def install(self, parser: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
        work = self

        class Search:
            def __init__(self, pattern):
                self.pattern = pattern

            def search(self, data, position):
                found = self.pattern.search(data, position)
                work.bytes += (found.end() if found else len(data)) - position
                return found

        class Buffer(bytearray):
            def __iadd__(self, data):
                work.bytes += len(data)
                return super().__iadd__(data)

            def __getitem__(self, key):
                part = super().__getitem__(key)
                work.bytes += len(part)
                return part

            def __bytes__(self):
                work.bytes += len(self)
                return bytes(memoryview(self))

        monkeypatch.setattr(
            framing, "_ENDS", {kind: Search(pattern) for kind, pattern in framing._ENDS.items()}
        )
        parser.tail.buffer = Buffer()


STREAMS = {
    "one line": lambda n: b"Event: X\r\nA: " + b"x" * n + b"\r\n\r\n",
    "many lines": lambda n: b"Event: X\r\n" + b"A: 1\r\n" * (n // 6) + b"\r\n",
    "no end": lambda n: b"Event: X\r\nA: " + b"\r" * n,
    "Follows": lambda n: (
        b"Response: Follows\r\n" + b"a\r\n\r\n" * (n // 5) + b"--END COMMAND--\r\n\r\n"
    ),
    "Follows, many headers behind": lambda n: (
        b"Response: Follows\r\na\n--END COMMAND--\r\n" + b"A: 1\r\n" * (n // 6) + b"\r\n"
    ),
    "Follows, many ends that are none": lambda n: (
        b"Response: Follows\r\n" + b"--END COMMAND--\r\n" * (n // 17)
    ),
    "Follows, many messages inside": lambda n: (
        b"Response: Follows\r\n" + b"Event: X\r\n\r\n" * (n // 12)
    ),
    "the ActionID first": lambda n: b"ActionID: a\r\nResponse: Success\r\n\r\n" * (n // 34),
    "many ActionIDs": lambda n: b"ActionID: a\r\n" * (n // 13),
    "line feeds": lambda n: b"Event: X\n" + b"A: 1\n" * (n // 5) + b"\n",
    "nearly an end": lambda n: b"Event: X\r\n" + b"A: 1\r\n\nEven\r\n" * (n // 13) + b"\r\n",
    "garbage lines": lambda n: b"garbage\n" * (n // 8),
    "garbage": lambda n: b"g" * n,
    "empty lines": lambda n: b"\r\n" * (n // 2),
    "small frames": lambda n: PONG * (n // len(PONG)),
    "answers inside of events": lambda n: (
        (b"Event: OriginateResponse\r\n" + b"Response: Success\r\n" * 9 + b"\r\n") * (n // 199)
    ),
    "irregular frames": lambda n: b"Event: X\nA: 1\n\n" * (n // 15),
}


@pytest.mark.parametrize("limit", [500, 2**20])
@pytest.mark.parametrize("size", [1, 7, None])
@pytest.mark.parametrize("build", STREAMS.values(), ids=STREAMS)
def test_the_cost_is_linear(build, size, limit, monkeypatch):
    costs = []
    for length in (3000, 6000):
        work, parser = Work(), Parser(banner=False, max_frame_size=limit)
        with monkeypatch.context() as patch:
            work.install(parser, patch)
            feed(parser, pieces(build(length), size))
        costs.append(work.bytes)
    assert costs[1] <= 2.2 * max(costs[0], 3000)
    assert costs[1] <= 60 * 6000


# --- writing ---


def test_an_action_on_the_wire():
    action = Action(
        "QueueAdd", Queue="support", Interface="PJSIP/1", Empty="", Name="Zoë", Many=["a", "b: c"]
    )
    assert encode(action, "f00-1") == (
        b"Action: QueueAdd\r\nActionID: f00-1\r\nQueue: support\r\nInterface: PJSIP/1\r\n"
        b"Empty: \r\n"
        b"Name: Zo\xc3\xab\r\nMany: a\r\nMany: b: c\r\n\r\n"
    )
    assert encode(Ping(), "f00-2") == b"Action: Ping\r\nActionID: f00-2\r\n\r\n"


REFUSED = {
    "CR": (Action("X", A="a\rb"), r"the value of A has a '\r' in it"),
    "LF": (Action("X", A="a\nAction: Originate"), r"the value of A has a '\n' in it"),
    "NUL": (Action("X", A="a\0b"), r"the value of A has a '\x00' in it"),
    "an empty key": (Action("X", {"": "a"}), "'' cannot be the key of a header"),
    "a blank in a key": (Action("X", {"A B": "a"}), "'A B' cannot be the key of a header"),
    "a colon in a key": (Action("X", {"A:": "a"}), "'A:' cannot be the key of a header"),
    "a line end in a key": (
        Action("X", {"A\r\nB": "a"}),
        r"'A\r\nB' cannot be the key of a header",
    ),
    "a letter that is none": (Action("X", {"Ä": "a"}), "'Ä' cannot be the key of a header"),
    "an ActionID": (
        Action("X", actionid="mine"),
        "the header actionid is given by the client itself",
    ),
    "an Action": (Action("X", {"ACTION": "Y"}), "the header ACTION is given by the client itself"),
    "no name": (Action(""), "'' cannot be the name of an action"),
    "a name with a line end": (
        Action("Ping\r\nX: y"),
        r"'Ping\r\nX: y' cannot be the name of an action",
    ),
    "a name that is too long": (
        Action("x" * (MAX_LINE_BYTES - 7)),
        "the line of Action has 1023 bytes, but the server takes 1022",
    ),
    "a long line": (
        Action("X", Value="x" * (MAX_LINE_BYTES - 6)),
        "the line of Value has 1023 bytes, but the server takes 1022",
    ),
    "a long line of few letters": (
        Action("X", Value="é" * 508),
        "the line of Value has 1023 bytes",
    ),
    "many lines": (Action("X", A=["a"] * (MAX_HEADERS - 1)), "129 lines, but the server takes 128"),
    "a text of several lines": (
        MessageSend(destination="pjsip:101", body="first\nsecond"),
        (
            "Body has a '\\n' in it, which would end the header: give the text in base64 as "
            "base64_body"
        ),
    ),
    "a lone surrogate": (
        Action("X", A="\ud800"),
        "the value of A has a lone surrogate in it, which cannot be sent: remove it.",
    ),
}


@pytest.mark.parametrize(("action", "text"), REFUSED.values(), ids=REFUSED)
def test_encode_refuses_an_action_that_cannot_be_written(action, text):
    with pytest.raises(InvalidAction) as raised:
        encode(action, "f00-1")
    assert text in str(raised.value)


class Sly(str):
    """Another text whenever it is asked."""

    __slots__ = ()

    def __str__(self):
        return "a\r\nAction: Originate"


def test_a_text_that_pretends_to_be_another_one_is_looked_at_as_it_is_written():
    for action in (Action("X", A=Sly("a")), Action("X", {Sly("A"): "a"}), Action(Sly("X"), A="a")):
        assert encode(action, "f00-1") == b"Action: X\r\nActionID: f00-1\r\nA: a\r\n\r\n"
    action = Action("X")
    action.headers = ((Sly("A"), Sly("a")),)
    with pytest.raises(InvalidAction):
        encode(action, "f00-1")


def test_the_longest_that_is_written():
    wire = encode(
        Action(
            "x" * (MAX_LINE_BYTES - 8),
            Value="x" * (MAX_LINE_BYTES - 7),
            A=["a"] * (MAX_HEADERS - 3),
        ),
        "f00-1",
    )
    lines = wire.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert len(lines) == MAX_HEADERS
    assert max(map(len, lines)) == MAX_LINE_BYTES


def test_a_secret_is_in_no_refusal():
    with pytest.raises(InvalidAction) as raised:
        encode(Action("Login", Secret="hush\n"), "f00-1")
    assert "hush" not in str(raised.value)


header = st.tuples(
    st.text(alphabet="aB9-_.()", max_size=6) | st.text(max_size=6),
    st.text(max_size=20) | st.text(alphabet="a: \t\r\n\0\x0b\x85\u2028", max_size=8),
)


@given(
    st.sampled_from(["Ping", "Action", "x:y", ""]) | st.text(max_size=5),
    st.lists(header, max_size=6),
)
def test_encoded_action_reads_back_with_the_same_headers(name, headers):
    action = Action(name)
    action.headers = tuple(headers)
    try:
        wire = encode(action, "f00-1")
    except InvalidAction:
        return
    assert wire.endswith(b"\r\n\r\n")
    lines = wire.removesuffix(b"\r\n\r\n").decode().split("\r\n")
    assert not set("\r\n\0") & set("".join(lines))
    assert [tuple(line.split(": ", 1)) for line in lines] == [
        ("Action", name),
        ("ActionID", "f00-1"),
        *headers,
    ]


def test_the_parser_reads_what_it_wrote_itself():
    wire = encode(Action("Ping", A="1"), "f00-1").replace(b"Action: Ping", b"Event: Ping", 1)
    (event,) = Parser(banner=False).feed(wire)
    assert isinstance(event, Event)
    assert event.headers[1:] == (("ActionID", "f00-1"), ("A", "1"))


def test_events_for_the_client_itself_are_given_without_receivers():
    parser = Parser(banner=False)
    parser.kinds.interest = frozenset()
    event = b"Event: Hangup\r\nPrivilege: call,all\r\n\r\n"
    assert parser.feed(event) == []
    parser.kinds.also = frozenset({"hangup"})
    assert parser.kinds.also == {"hangup"}
    assert [message.name for message in parser.feed(event)] == ["Hangup"]
    assert parser.skipped == 1


@pytest.mark.parametrize("size", CHUNKS)
def test_lines_that_lead_to_an_endless_line_are_garbage_however_it_comes(size):
    parser = Parser(banner=False, max_frame_size=64)
    data = b"ActionID: 3\r\nMessage: no\n\xff" + b"x" * 200 + b"\r\nEvent: X\r\n\r\n"
    found = feed(parser, pieces(data, size))
    assert [show(message) for message in found] == [("oversized", None), ("event", "X")]
    assert parser.counters.garbage_bytes == len(b"ActionID: 3\r\nMessage: no\n")
