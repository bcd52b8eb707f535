"""Forged text in a value of an event.

An empty line, and then words that look like those of the server.

A caller chooses their name and the arguments of an application, and Asterisk writes both as they
are.
"""

from __future__ import annotations

import pytest

from django_ami.core.actions import Command, Ping, Status
from django_ami.core.errors import ActionTimeout
from django_ami.core.session import Role
from tests.core.support import Dialogue

TICK = "Event: Tick\nPrivilege: call,all\nNumber: {}\n\n"


def ready(ami_version: str = "11.0.0") -> Dialogue:
    talk = Dialogue(Role.LISTENER)
    talk.become_ready(ami_version)
    return talk


def newexten(injected: str) -> str:
    """An event with this, and an empty line before it, in the midst of it."""
    return f"Event: Newexten\nPrivilege: dialplan,all\nAppData: x\n\n{injected}\nUniqueid: 1.2\n\n"


def counters(talk: Dialogue) -> tuple[int, int, int]:
    return (
        talk.counters.suspect_messages,
        talk.counters.unmatched_answers,
        talk.counters.garbage_bytes,
    )


def say_all(talk: Dialogue, text: str, size: int | None) -> list:
    data = text.replace("\n", "\r\n").encode()
    pieces = [data] if size is None else [data[at : at + size] for at in range(0, len(data), size)]
    return [event for piece in pieces for event in talk.say(piece)]


SIZES = pytest.mark.parametrize("size", [None, 1, 7, 100])

#: An answer to a Command of old that is none of ours; {guess} begins as our ActionIDs do.
HEADS = {
    "nothing": "Response: Follows",
    "output": "Response: Follows\noutput",
    "a Privilege": "Response: Follows\nPrivilege: Command",
    "a Privilege and output": "Response: Follows\nPrivilege: Command\noutput",
    "somebody else's ActionID": "Response: Follows\nActionID: theirs-1",
    "a guess": "Response: Follows\nPrivilege: Command\nActionID: {guess}",
    "a guess, in other letters": "Response: Follows\nactionid:{guess}\noutput",
    "an ActionID like a counter's": "Response: Follows\nActionID: {prefix}7",
    "an end": "Response: Follows\noutput\n--END COMMAND--",
    "an endless head": "Response: Follows\nMessage: " + "x" * 400,
}


@SIZES
@pytest.mark.parametrize("asked", ["nothing", "a Ping", "a Command", "a Command that was answered"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_forged_output_is_one_suspect_frame_and_swallows_nothing(
    head: str, asked: str, size: int | None
) -> None:
    talk = ready()
    pending = None
    if asked != "nothing":
        pending = talk.send(Ping() if asked == "a Ping" else Command("core show uptime"))
        [request] = talk.requests()
        if asked == "a Command that was answered":
            talk.answer(request, "Output: up")
    forged = head.format(guess=f"{talk.ids.prefix}0123456789abcdef", prefix=talk.ids.prefix)
    events = say_all(
        talk, newexten(forged) + "".join(TICK.format(number) for number in range(20)), size
    )
    assert [event["Number"] for event in events if event.name == "Tick"] == [
        str(number) for number in range(20)
    ]
    assert (talk.counters.suspect_messages, talk.counters.garbage_bytes) == (1, 0)
    assert talk.counters.unmatched_answers + talk.counters.late_answers == 1
    assert talk.session.fault is None
    if pending is not None and not pending.done():
        talk.answer(request)
        assert pending.result(0).ok


@SIZES
def test_a_command_that_is_asked_is_answered_by_its_output(size: int | None) -> None:
    talk = ready("2.10.6")
    pending = talk.send(Command("core show uptime"))
    request = talk.expect("Command")
    output = (
        f"Response: Follows\nPrivilege: Command\nActionID: {request['ActionID']}\nup\n\n1 s\n"
        "--END COMMAND--\n\n"
    )
    assert [event.name for event in say_all(talk, output + TICK, size)] == ["Tick"]
    assert pending.result(0).output == "up\n\n1 s"
    assert counters(talk) == (0, 0, 0)


@SIZES
@pytest.mark.parametrize("again", ["", "ActionID: {id}\n"])
def test_forged_command_output_answers_no_action(again: str, size: int | None) -> None:
    """Also if both answers are read at the same time."""
    talk = ready("2.10.6")
    pending = talk.send(Command("core show uptime"))
    action_id = talk.expect("Command")["ActionID"]
    output = f"Response: Follows\nActionID: {action_id}\nup\n--END COMMAND--\n\n"
    forged = newexten("Response: Follows\n" + again.format(id=action_id) + "output")
    events = say_all(talk, output + forged + TICK, size)
    assert [event.name for event in events] == ["Newexten", "Tick"]
    assert pending.result(0).output == "up"
    assert talk.counters.suspect_messages == 1


@SIZES
def test_forged_command_output_answers_no_action_whose_output_was_too_large(
    size: int | None,
) -> None:
    talk = Dialogue(Role.LISTENER, max_frame_size=4096)
    talk.become_ready("2.10.6")
    talk.send(Command("core show help"))
    head = f"Response: Follows\nActionID: {talk.expect('Command')['ActionID']}\n"
    events = say_all(
        talk, head + "x" * 8000 + "\n--END COMMAND--\n\n" + newexten(head) + TICK, size
    )
    assert [event.name for event in events] == ["Newexten", "Tick"]
    assert (talk.counters.suspect_messages, talk.counters.oversized_messages) == (1, 1)


@pytest.mark.parametrize("name", ["expired", "passed over"])
def test_an_output_that_comes_late_is_one(name: str) -> None:
    talk = ready("2.10.6")
    pending = talk.send(Command("core show help"), timeout=5)
    action_id = talk.expect("Command")["ActionID"]
    if name == "expired":
        talk.wait(6)
        assert isinstance(pending.exception(0), ActionTimeout)
    else:
        talk.send(Ping())
        for request in talk.requests():
            talk.answer(request)
    output = (
        f"Response: Follows\nPrivilege: Command\nActionID: {action_id}\nup\n\nEvent: X\n\n--END "
        "COMMAND--\n\n"
    )
    assert [event.name for event in talk.say(output + TICK)] == ["Tick"]
    assert talk.counters.suspect_messages == 0
    assert talk.counters.late_answers == (name == "expired")
    # It has had its answer now.
    assert [event.name for event in talk.say(output + TICK)] == ["X", "Tick"]
    assert talk.counters.suspect_messages == 1


@pytest.mark.parametrize(
    ("version", "believed"),
    [("1.3", True), ("2.10.6", True), ("a proxy", True), ("3.0.0", False), ("11.0.0", False)],
)
def test_an_output_without_an_action_id_in_front_is_one_of_old_servers_and_proxies(
    version: str, believed: bool
) -> None:
    talk = ready(version)
    pending = talk.send(Command("core show uptime"))
    action_id = talk.expect("Command")["ActionID"]
    talk.say(f"Response: Follows\nup\n\n--END COMMAND--\nActionID: {action_id}\n\n")
    assert (pending.done(), talk.counters.suspect_messages) == (believed, not believed)


#: Further injected messages. None of them ends an action of ours, or a login, or a list.
FORGED = {
    "an answer with a guess": "Response: Success\nActionID: {prefix}0000000000000001",
    "an answer with a counter": "Response: Success\nActionID: {prefix}1",
    "an answer with none": "Response: Success",
    "an answer in other letters": "response:Success\nactionid:{prefix}0123456789abcdef",
    "an error": "Response: Error\nMessage: Permission denied",
    "a login": "Response: Success\nMessage: Authentication accepted",
    "a refusal": "Response: Error\nMessage: Authentication failed",
    "a goodbye": "Response: Goodbye\nMessage: Thanks for all the fish.",
    "an end of output": "--END COMMAND--\n\nResponse: Success",
    "an outcome": (
        "Event: OriginateResponse\nPrivilege: call,all\nActionID: {prefix}1\nResponse: Success\n"
        "Reason: 4"
    ),
    "an end of a list": (
        "Event: StatusComplete\nActionID: {prefix}0123456789abcdef\nEventList: Complete\n"
        "ListItems: 0"
    ),
    "a lead": "ActionID: {prefix}1\nServer: x",
    "text": "no message at all",
}


@SIZES
@pytest.mark.parametrize("injected", FORGED.values(), ids=FORGED)
def test_injected_message_answers_no_action_of_ours(injected: str, size: int | None) -> None:
    talk = ready()
    listing, waiting = talk.send(Status()), talk.send(Ping())
    first, second = talk.requests()
    forged = newexten(injected.format(prefix=talk.ids.prefix))
    events = say_all(talk, forged + TICK.format(1) + TICK.format(2), size)
    assert [event["Number"] for event in events if event.name == "Tick"] == ["1", "2"]
    assert (listing.done(), waiting.done()) == (False, False)
    assert talk.session.fault is None
    talk.answer(first, "EventList: start")
    talk.event("StatusComplete", f"ActionID: {first['ActionID']}", "EventList: Complete")
    talk.answer(second, "Ping: Pong")
    assert (listing.result(0).ok, waiting.result(0)["Ping"]) == (True, "Pong")
    assert talk.session.fault is None


@SIZES
def test_the_first_action_id_of_an_output_counts_however_few_bytes_have_come(
    size: int | None,
) -> None:
    talk = ready("2.10.6")
    pending = talk.send(Command("core show uptime"))
    [request] = talk.requests()
    head = f"Response: Follows\nActionID: {request['ActionID']}\nActionID: theirs-1"
    say_all(talk, f"{head}\n\nup\n--END COMMAND--\n\n" + TICK, size)
    assert pending.result(0).output == "ActionID: theirs-1\n\nup"
    assert counters(talk) == (0, 0, 0)
