"""``manage.py ami_send``: its actions, its output, and the exit code of every end."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import FakeAsterisk, User
from tests.management.tools import Done, run, start
from tests.running import free_port

if TYPE_CHECKING:
    from django_ami.testing import ReceivedAction, Simulator


def send(sim: Simulator, *arguments: str) -> Done:
    return run("ami_send", *arguments, servers=(sim,))


# --- the answer ---


def test_the_answer_and_its_headers(sim: Simulator) -> None:
    done = send(sim, "CoreSettings")
    assert (done.code, done.err) == (0, "")
    assert done.lines[0] == "node_1: Success"
    assert "AMIversion:          11.0.0" in done.lines
    assert "ActionID" not in done.out
    sim.wait_for(lambda: sim.logoffs == 1)
    assert (sim.connections, sim.logins) == (1, 1)


def test_arguments_are_sent_as_given(sim: Simulator) -> None:
    done = send(
        sim, "UserEvent", "UserEvent=Test", "Variable=a=b", "variable=c", "Variable=a=b=c", "Empty="
    )
    assert done.lines == ["node_1: Success: Event Sent"]
    (action,) = (action for action in sim.received if action.name == "UserEvent")
    assert action.get_all("Variable") == ("a=b", "a=b=c", "c")
    assert action.headers[-1] == ("Empty", "")
    assert [one.get("Events") for one in sim.received if one.name == "Login"] == ["system"]


def test_options_may_stand_anywhere(sim: Simulator) -> None:
    done = send(sim, "UserEvent", "UserEvent=Test", "--timeout=30", "A=1", "--json", "B=2")
    assert (done.code, done.err) == (0, "")
    (action,) = (action for action in sim.received if action.name == "UserEvent")
    assert action.headers[-2:] == (("A", "1"), ("B", "2"))


def test_a_list_is_a_table_for_each_kind_of_item(sim: Simulator) -> None:
    done = send(sim, "QueueStatus", "Queue=support")
    assert done.code == 0
    headings = [line for line in done.lines if line.startswith("Queue") and "(" in line]
    assert headings == ["QueueParams (1)", "QueueMember (2)"]
    at = done.lines.index("QueueMember (2)")
    head, *rows = done.lines[at + 1 : at + 4]
    column = head.index("Location")
    assert {row[column : column + 6] for row in rows} == {"PJSIP/"}


def test_only_some_columns(sim: Simulator) -> None:
    done = send(sim, "QueueSummary", "--fields=queue,Callers")
    assert done.lines[3].split() == ["queue", "Callers"]
    assert [len(line.split()) for line in done.lines[4:6]] == [2, 2]


def test_columns_that_some_kinds_of_items_do_not_have(sim: Simulator) -> None:
    done = send(sim, "QueueStatus", "Queue=support", "--fields=Name,Location")
    assert done.code == 0
    at = done.lines.index("QueueParams (1)")
    assert done.lines[at + 1 : at + 3] == ["none of these fields", ""]
    assert done.lines[done.lines.index("QueueMember (2)") + 1].split() == ["Name", "Location"]


def test_an_empty_list(sim: Simulator) -> None:
    done = send(sim, "CoreShowChannels")
    assert (done.code, done.lines) == (0, ["node_1: Success: Channels will follow", "0 items"])
    done = send(sim, "Ping")
    assert "items" not in done.out


def test_a_command_of_the_console(sim: Simulator) -> None:
    done = send(sim, "Command", "Command=core show version")
    assert done.lines[0] == "node_1: Success: Command output follows"
    assert done.lines[1].startswith("Asterisk 22.10.1 built by")


def test_json(sim: Simulator) -> None:
    done = send(sim, "QueueSummary", "--json")
    found = done.json
    assert (found["server"], found["ok"], found["error"], found["final_event"]["ListItems"]) == (
        "node_1", True, None, "2",
    )  # fmt: skip
    assert found["response"]["Response"] == "Success"
    assert [event["Event"] for event in found["events"]] == ["QueueSummary", "QueueSummary"]
    assert 0 < found["seconds"] < 60


def test_text_of_a_caller_does_not_steer_the_terminal(sim: Simulator) -> None:
    sim.on("Getvar").reply(Value="\x1b[2J\x07")
    assert send(sim, "Getvar", "Variable=X").lines[1] == "Value: \\x1b[2J\\x07"


def test_secrets_of_others_are_masked(sim: Simulator) -> None:
    sim.on("GetConfig").reply(**{"Line-000000-000000": "secret=hushhush", "Password": "hushhush"})
    for more in ((), ("--json",)):
        done = send(sim, "GetConfig", "Filename=manager.conf", *more)
        assert "hushhush" not in done.out
        assert "***" in done.out


# --- calls ---


def test_an_originate_does_not_block_the_connection(sim: Simulator) -> None:
    arguments = ("Originate", "Channel=Local/500@default", "Application=Wait", "Data=1")
    assert send(sim, *arguments).lines == ["node_1: Success: Originate successfully queued"]
    assert send(sim, *arguments, "async=false").code == 0
    assert [one.get("Async") for one in sim.received if one.name == "Originate"] == [
        "true",
        "false",
    ]


@pytest.mark.parametrize(
    ("exten", "code", "said", "reasons"),
    [
        ("500", 0, "The call: answered", "4 (answered"),
        ("busy", 5, "The call: busy", "5 ("),
    ],
)
def test_outcome_of_a_call(sim: Simulator, exten: str, code: int, said: str, reasons: str) -> None:
    arguments = ("Originate", f"Channel=Local/{exten}@default", "Application=Wait", "Data=1")
    done = send(sim, *arguments, "--wait-event=OriginateResponse")
    assert (done.code, done.err) == (code, "")
    assert done.lines[0] == "node_1: Success: Originate successfully queued"
    assert "OriginateResponse" in done.lines
    assert done.lines[-1] == said
    (reason,) = [line.split(maxsplit=1)[1] for line in done.lines if line.startswith("Reason:")]
    assert reason.startswith(reasons)
    found = send(sim, *arguments, "--wait-event=OriginateResponse", "--json")
    assert (found.code, found.json["ok"]) == (code, code == 0)
    assert found.json["final_event"]["Event"] == "OriginateResponse"


def test_waiting_for_an_event_needs_no_right_to_filters() -> None:
    with FakeAsterisk(users={"admin": User(secret="amp111", read="all", write="user")}) as sim:
        done = send(sim, "UserEvent", "UserEvent=Test", "Colour=blue", "--wait-event=UserEvent")
    assert (done.code, done.err) == (0, "")
    assert done.lines[-1].split() == ["Colour:", "blue"]


def test_an_event_that_nobody_else_waits_for(sim: Simulator) -> None:
    def answer(action: ReceivedAction) -> bytes:
        both = (
            "Response: Success\r\nActionID: {0}\r\nMessage: SIP peer found\r\n\r\n"
            "Event: SIPQualifyPeerDone\r\nPrivilege: call,all\r\nPeer: 101\r\nActionID: {0}\r\n\r\n"
        )
        return both.format(action.action_id).encode()

    sim.on("SIPqualifypeer").raw(answer)
    done = send(
        sim, "SIPqualifypeer", "Peer=101", "--wait-event=SIPQualifyPeerDone", "--timeout=20"
    )
    assert (done.code, done.err) == (0, "")
    assert done.lines[-1] == "Peer: 101"


@pytest.mark.slow
def test_an_event_that_never_comes(sim: Simulator) -> None:
    done = send(sim, "Ping", "--wait-event=Xyzzy", "--timeout=3")
    assert done.code == 6
    assert done.lines[0] == "node_1: Success"
    assert "it was accepted, but no Xyzzy came" in done.err


# --- refused before anything is sent ---


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("Ping", "Channel"),
            (
                "'Channel' is no KEY=VALUE: Ping was not sent. Write a header as in "
                "Channel=PJSIP/101-00000001"
            ),
        ),
        (("Ping", "A=b\r\nAction: Originate"), "the value of A has a '\\r' in it"),
        (("Ping", "A=b\nAction: Originate"), "the value of A has a '\\n' in it"),
        (("Ping", "A\r\nB=c"), "cannot be the key of a header"),
        (("Ping", "A: b=c"), "cannot be the key of a header"),
        (("Ping\r\nAction: Originate",), "cannot be the name of an action"),
        (("Ping", "ActionID=7"), "the header ActionID is given by the client itself"),
        (("Ping", f"A={'x' * 2000}"), "but the server takes 1022"),
        (("Ping", "--server=node_7"), "unknown server: 'node_7'; did you mean 'node_1'?"),
    ],
)
def test_command_sends_nothing_for_a_text_that_is_no_action(
    sim: Simulator, arguments: tuple[str, ...], said: str
) -> None:
    done = send(sim, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert sim.connections == 0


def test_which_server(sim: Simulator) -> None:
    dead = "ami://admin:amp111@127.0.0.1:1"
    done = run("ami_send", "Ping", servers=(dead, sim))
    assert (
        done.code,
        "which server? Give --server=NAME (known are node_1, node_2)." in done.err,
    ) == (2, True)
    assert run("ami_send", "Ping", "--server=node_2", servers=(dead, sim)).code == 0
    default = {"AMI_DEFAULT_SERVER": "node_2"}
    assert (
        run("ami_send", "Ping", servers=(dead, sim), settings=default).lines[0] == "node_2: Success"
    )


# --- how it ends ---


def test_an_error_is_5(sim: Simulator) -> None:
    done = send(sim, "Hangup", "Channel=Nobody")
    assert (done.code, done.lines[0]) == (5, "node_1: Error: No such channel")
    assert done.err == "node_1: Hangup refused: No such channel\n"
    found = send(sim, "Hangup", "Channel=Nobody", "--json")
    assert found.code == 5
    assert found.json["error"] == {
        "type": "ActionFailed",
        "message": "Hangup refused: No such channel",
        "sent": True,
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("QueueSumary", "Asterisk has no action 'QueueSumary': did you mean 'QueueSummary'?"),
        ("iaxpeers", "IAXpeers is of the module chan_iax2: is it loaded?"),
        ("SIPpeers", "SIPpeers is of the module chan_sip, which Asterisk 21 no longer has."),
    ],
)
def test_an_action_that_the_server_does_not_know(sim: Simulator, name: str, said: str) -> None:
    sim.on(name).fail(
        f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
    )
    done = send(sim, name)
    assert done.code == 5
    assert done.err.count("\n") == 1
    assert done.err.endswith(f"{said}\n")
    assert said not in send(sim, "Hangup", "Channel=nobody").err


@pytest.mark.slow
def test_no_answer_is_6_and_says_whether_it_was_sent(sim: Simulator) -> None:
    sim.on("QueueReset").hang()
    done = send(sim, "QueueReset", "--timeout=3", "--json")
    assert (done.code, done.json["error"]["sent"], done.json["response"]) == (6, True, None)
    assert "it was sent, so it may have been carried out: look before you repeat it." in done.err


def test_a_refused_login_is_3(sim: Simulator) -> None:
    done = run("ami_send", "Ping", servers=(f"ami://admin:wrong@127.0.0.1:{sim.port}",))
    assert (done.code, done.out) == (3, "")
    assert "Authentication failed for user 'admin'" in done.err
    assert sim.login_attempts == 1


def test_exit_code_is_7_when_no_server_is_there() -> None:
    done = run("ami_send", "Ping", servers=(f"ami://admin:amp111@127.0.0.1:{free_port()}",))
    assert (done.code, done.out) == (7, "")
    assert "connection refused: does Asterisk run" in done.err
    assert "Ping was not sent." in done.err


def test_a_connection_that_breaks_is_7(sim: Simulator) -> None:
    sim.on("QueueReset").cut(after=0)
    done = send(sim, "QueueReset")
    assert done.code == 7
    assert "it may have been carried out: look before you repeat it." in done.err


# --- as a process ---


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_and_logs_off(sim: Simulator, number: int) -> None:
    sim.on("QueueReset").hang()
    with start("ami_send", "QueueReset", servers=(sim,)) as tool:
        sim.wait_for(lambda: any(action.name == "QueueReset" for action in sim.received), 30)
        tool.signal(number)
        assert tool.wait() == 128 + number, str(tool)
        assert tool.err == [
            "node_1: QueueReset was sent, so it may be carried out: look before you repeat it.",
            f"CommandError: stopped by {signal.Signals(number).name}.",
        ]
    sim.wait_for(lambda: sim.logoffs == 1)


@pytest.mark.slow
def test_a_process_says_it_with_its_exit_code(sim: Simulator) -> None:
    with start("ami_send", "Hangup", "Channel=Nobody", servers=(sim,)) as tool:
        assert tool.wait() == 5, str(tool)
    assert tool.out == ["node_1: Error: No such channel"]
    assert tool.err == ["CommandError: node_1: Hangup refused: No such channel"]


@pytest.mark.slow
def test_wrong_usage_is_2() -> None:
    with start("ami_send", "--nonsense", servers=()) as tool:
        assert tool.wait() == 2, str(tool)
