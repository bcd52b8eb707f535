"""The same scripts, once over TCP to a simulated Asterisk and once in memory.

A caller cannot tell the difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core import Action, Client, Options, ServerConfig
from django_ami.core.actions import (
    Command,
    CoreShowChannels,
    GetVar,
    Originate,
    Ping,
    QueueStatus,
    UserEvent,
)
from django_ami.core.errors import AmiError
from django_ami.testing import FakeAsterisk, events, locmem
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from django_ami.testing import Rule

CALL = {"channel": "PJSIP/101", "context": "default", "exten": "102", "priority": 1}

#: The script for the action, and the action.
CASES: dict[str, tuple[Callable[[Rule], object] | None, Action]] = {
    "as ever": (None, Ping()),
    "a late answer": (lambda rule: rule.after(0.05), Ping()),
    "other headers": (
        lambda rule: rule.reply(Message="Well done", Echo=["one", "two"]),
        Action("Some", Key="value"),
    ),
    "headers from a mapping": (
        lambda rule: rule.reply("Success", {"Cause-txt": "none"}),
        Action("Some"),
    ),
    "a refusal": (lambda rule: rule.fail("Permission denied"), Ping()),
    "an unknown name": (lambda rule: rule.fail("Invalid/unknown command"), Action("Nonsense")),
    "silence": (lambda rule: rule.hang(), Ping()),
    "an answer behind the deadline": (lambda rule: rule.after(600), Ping()),
    "the link is cut instead": (lambda rule: rule.drop(), Ping()),
    "the link is cut in the middle": (lambda rule: rule.cut(after=12), Ping()),
    "the link is cut behind it": (lambda rule: rule.cut(), Ping()),
    "bytes": (lambda rule: rule.raw(_raw), Ping()),
    "a list": (
        lambda rule: rule.items(events.queue_params(), events.queue_member(Name="Ann")),
        QueueStatus(),
    ),
    "an empty list": (lambda rule: rule.items(), CoreShowChannels()),
    "a list of its own": (
        lambda rule: rule.items(events.event("Own", X=1), complete="TheEnd"),
        Action("Own"),
    ),
    "a call": (None, Originate(**CALL)),
    "a call that is answered": (None, Originate(**CALL, wait=True)),
    "a call that is told to be busy": (
        lambda rule: rule.outcome("busy"),
        Originate(**CALL, wait=True),
    ),
    "a call that is told to fail": (
        lambda rule: rule.outcome("failed"),
        Originate(**CALL, wait=True),
    ),
    "a call that is told to be rejected": (
        lambda rule: rule.outcome("rejected"),
        Originate(**CALL, wait=True),
    ),
    "a call that nobody answers": (
        lambda rule: rule.outcome("no answer"),
        Originate(**CALL, wait=True),
    ),
    "a variable": (lambda rule: rule.reply(Value="x"), GetVar("X")),
    "a command": (
        lambda rule: rule.reply(Message="Command output follows", Output=["a", "b"]),
        Command("core x"),
    ),
    "an event of one's own": (None, UserEvent("Something", Header="value")),
}


def _raw(action: Any) -> bytes:
    return b"Response: Success\r\nActionID: %s\r\nRaw: yes\r\n\r\n" % action.action_id.encode()


def told(pending: Any) -> dict[str, Any]:
    """All that its sender can see, but for what differs from run to run."""
    try:
        response, error = pending.result(DEADLINE_SECONDS), None
    except AmiError as raised:
        response, error = getattr(raised, "response", None), raised
    outcome = None if response is None else response.outcome
    headers = () if response is None else response.headers
    final_event = None if response is None else response.final_event
    return {
        "error": type(error),
        "message": error and error.message,
        "sent": error and error.sent,
        "status": response and response.status,
        "headers": [(key, value) for key, value in headers if key not in ("ActionID", "Timestamp")],
        "events": [
            [pair for pair in event.headers if pair[0] != "ActionID"] for event in response.events
        ]
        if response and outcome is None
        else [],
        "final event": final_event and final_event.name,
        "outcome": outcome
        and (
            outcome.result,
            outcome.reason,
            outcome.description,
            outcome.cause,
            outcome.sip_code,
            outcome.rang,
        ),
    }


def over_tcp(
    script: Callable[[Rule], object] | None, action: Action, timeout: float | None
) -> dict[str, Any]:
    with FakeAsterisk() as server:
        if script is not None:
            script(server.on(action.name))
        client = Client(
            [
                ServerConfig.from_url(
                    "node_1", server.url, Options(reconnect_initial=60, reconnect_max=60)
                )
            ],
            role="caller",
        )
        client.start()
        try:
            wait_until(lambda: client.server("node_1").ready)
            return told(client.send(action, timeout=timeout))
        finally:
            client.close()


def in_memory(
    script: Callable[[Rule], object] | None, action: Action, timeout: float | None
) -> dict[str, Any]:
    with locmem.outbox.set_aside():
        if script is not None:
            script(locmem.outbox.on(action.name))
        client = locmem.Client([ServerConfig.from_url("node_1", "ami://admin:amp111@127.0.0.1")])
        found = told(client.send(action, timeout=timeout))
        client.close()
        assert [sent.name for sent in locmem.outbox] == [action.name]
        return found


@pytest.mark.parametrize("name", CASES)
def test_backend_in_memory_answers_as_one_over_tcp(name: str) -> None:
    script, action = CASES[name]
    timeout = 0.5 if name in ("silence", "an answer behind the deadline") else None
    assert in_memory(script, action, timeout) == over_tcp(script, action, timeout)


@pytest.mark.parametrize(
    "action",
    [
        Action("Ping", Note="x\r\nAction: Originate"),
        Action("Ping", {"No good": "x"}),
        Action("Ping", ActionID="mine"),
        Action("Ping", Note="x" * 2000),
        Action("No good"),
    ],
    ids=lambda action: repr(action)[:40],
)
def test_action_that_cannot_be_sent_is_refused_in_the_same_words(action: Action) -> None:
    config = ServerConfig.from_url("node_1", "ami://admin:amp111@127.0.0.1")
    client = Client([config], role="caller")
    try:
        with pytest.raises(AmiError) as real:
            client.send(action)
    finally:
        client.close()
    with locmem.outbox.set_aside():
        with pytest.raises(type(real.value)) as made:
            locmem.Client([config]).send(action)
        assert made.value.args == real.value.args
        assert len(locmem.outbox) == 0


def test_success_has_the_words_of_the_real_one() -> None:
    """The table of messages agrees with the simulated server wherever that succeeds."""
    actions = [
        Action("Setvar", Variable="X", Value="1"),
        Action("DBPut", Family="x", Key="y", Val="1"),
        Action("DBDel", Family="x", Key="y"),
        Action("QueueAdd", Queue="support", Interface="PJSIP/7"),
        Action("QueuePause", Interface="PJSIP/7", Paused="true"),
        Action("QueueRemove", Queue="support", Interface="PJSIP/7"),
        Action(
            "Originate", Channel="Local/500@default", Application="Wait", Data="9", Async="true"
        ),
        Action("UserEvent", UserEvent="x"),
        Action("Reload"),
        Action("Command", Command="core show version"),
        Action("Filter", Operation="Add", Filter="x"),
    ]
    with FakeAsterisk() as server, locmem.outbox.set_aside():
        config = ServerConfig.from_url("node_1", server.url)
        real, made = Client([config], role="caller"), locmem.Client([config])
        real.start()
        try:
            for action in actions:
                assert (
                    made.send(action).result().message
                    == real.send(action).result(DEADLINE_SECONDS).message
                ), action
        finally:
            real.close()
