"""Views: send, wait, read."""

from typing import assert_type

from django.http import HttpRequest, HttpResponse

from django_ami import ami
from django_ami.actions import (
    Action,
    Command,
    GetVar,
    MuteAudio,
    Originate,
    QueueAdd,
    QueueReset,
    QueueStatus,
    UpdateConfig,
)
from django_ami.errors import ActionFailed, ActionTimeout, AmiError
from django_ami.types import CallResult, Event, PendingAction, Response, ServerHandle, ServerStatus


def call(request: HttpRequest) -> HttpResponse:
    action = Originate(channel="PJSIP/101", context="default", exten="500", priority=1, wait=True)
    try:
        response = ami.server("node_1").send(action).result(timeout=5)
    except ActionTimeout as error:
        assert_type(error.sent, bool)
        return HttpResponse(str(error), status=504)
    except ActionFailed as error:
        assert_type(error.response, Response)
        return HttpResponse(error.response.message, status=502)
    except AmiError as error:
        assert_type(error.server, str | None)
        return HttpResponse(error.message, status=503)
    outcome = response.outcome
    if outcome is None:
        return HttpResponse()
    assert_type(outcome.answered, bool)
    assert_type(outcome.result, CallResult)
    return HttpResponse(outcome.description)


async def queues(request: HttpRequest) -> HttpResponse:
    response = await ami.send(QueueStatus("support"))
    assert_type(response, Response)
    assert_type(response.events, tuple[Event, ...])
    return HttpResponse(", ".join(event["Queue"] for event in response.events))


def later() -> PendingAction:
    def done(error: AmiError | None, response: Response | None) -> None: ...

    pending = ami.send(Action("QueueSummary", Queue="support"), timeout=3)
    pending.on_complete(done)
    assert_type(pending.result(), Response)
    assert_type(pending.done(), bool)
    return pending


def look() -> None:
    response = ami.send(GetVar("X")).result()
    assert_type(response["Value"], str)
    assert_type(response.ok, bool)
    assert_type(response.message, str)
    assert_type(ami.send(Command("core show uptime")).result().output, str)
    assert_type(ami.default, ServerHandle)
    assert_type(ami.status()["node_1"], ServerStatus)
    assert_type([handle.ready for handle in ami.servers.values()], list[bool])
    assert_type(QueueReset(queue="support"), QueueReset)
    assert_type(QueueReset(queue="support").headers, tuple[tuple[str, str], ...])
    ami.send(MuteAudio(channel="PJSIP/101-1", direction="in", state=True))
    ami.send(QueueAdd("support", "PJSIP/101", penalty=1))
    ami.send(
        UpdateConfig(
            "pjsip.conf", changes=[{"Action": "Update", "Cat": "a", "Var": "b", "Value": "c"}]
        )
    )
