"""Errors for a type checker to find: a comment that is not needed is an error, too."""

# ruff: noqa: B018

import django_ami
from django_ami import actions, ami, core, testing
from django_ami.actions import Originate, QueueReset
from django_ami.testing import Outbox, events
from django_ami.types import Event, Response

django_ami.amy  # type: ignore[attr-defined]
core.Clientt  # type: ignore[attr-defined]
actions.Pong  # type: ignore[attr-defined]
core.actions.Pong  # type: ignore[attr-defined]
testing.FakeAsterisks  # type: ignore[attr-defined]

Originate(chanel="PJSIP/101")  # type: ignore[call-arg]
QueueReset("support")  # type: ignore[call-arg]
ami.send("Ping")  # type: ignore[arg-type]
ami.servr("node_1")  # type: ignore[attr-defined]


def read(response: Response, event: Event, ami_outbox: Outbox) -> None:
    response.okay  # type: ignore[attr-defined]
    event["Channel"] + 1  # type: ignore[operator]
    ami_outbox.on("Ping").replay()  # type: ignore[attr-defined]
    events.hangupp()  # type: ignore[attr-defined]
