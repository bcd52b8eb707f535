"""A view for each way to talk to Asterisk: synchronous, click to call, and asynchronous."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from demo_project.calls.forms import CallForm
from demo_project.calls.models import Call
from django_ami import ami
from django_ami.actions import Ping, QueueStatus
from django_ami.errors import ActionFailed, ActionTimeout, AmiError
from django_ami.operations.errors import ActionRefused, TooManyCalls


def problem(error: AmiError) -> JsonResponse:
    """An error as a client of ours wants it.

    ``sent`` tells whether the action may have been carried out.
    """
    status = (
        504 if isinstance(error, ActionTimeout) else 502 if isinstance(error, ActionFailed) else 503
    )
    return JsonResponse({"error": str(error), "sent": error.sent}, status=status)


def refusal(error: ActionRefused) -> JsonResponse:
    """An action that this user may not send: 403; or not yet: 429."""
    answer = JsonResponse({"error": str(error), "sent": False}, status=error.status)
    if isinstance(error, TooManyCalls):
        answer["Retry-After"] = str(error.retry_seconds)
    return answer


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """The page: click to call, and the last calls."""
    calls = Call.objects.all()[:20]
    return render(request, "calls/index.html", {"form": CallForm(), "calls": calls})


@require_GET
def ping(request: HttpRequest) -> JsonResponse:
    """Is the server there?"""
    try:
        response = ami.send(Ping()).result(timeout=5)
    except AmiError as error:
        return problem(error)
    return JsonResponse({"ping": response["Ping"], "timestamp": response.get("Timestamp")})


@require_POST
async def originate(request: HttpRequest) -> JsonResponse:
    """Click to call: ring our extension, connect it with the number, and tell whether they talk.

    A call costs money: an open form that dials, or a link, would be an invitation to toll fraud.
    So AMI_PERMISSIONS says who may call which numbers, and the action log has each call.
    """
    form = CallForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"error": form.errors}, status=400)
    user = ami.as_user(await request.auser(), view="click to call")
    try:
        call = await user.aoriginate(
            server="node_1",
            to=settings.DEMO_CHANNEL.format(exten=form.cleaned_data["extension"]),
            context=settings.DEMO_CONTEXT,
            exten=form.cleaned_data["number"],
            caller_id=form.cleaned_data["number"],
            timeout=20,
        )
    except ActionRefused as error:
        return refusal(error)
    answered = await call.answered()
    if call.error is not None:
        return problem(call.error)
    if not answered and call.outcome is not None:
        why = {"result": call.outcome.result, "why": call.outcome.description}
        return JsonResponse({"call": call.id, **why}, status=409)
    return JsonResponse({"call": call.id, "result": "answered"})


@require_GET
async def queue_status(request: HttpRequest) -> JsonResponse:
    """All queues with their members and callers; an async view."""
    try:
        response = await ami.server("node_1").send(QueueStatus(), timeout=5)
    except AmiError as error:
        return problem(error)
    queues: dict[str, dict[str, object]] = {}
    for event in response.events:
        queue = queues.setdefault(event["Queue"], {"calls": 0, "members": [], "callers": []})
        match event.name:
            case "QueueParams":
                queue["calls"] = int(event["Calls"])
            case "QueueMember":
                queue["members"] = [*queue["members"], event["Name"]]  # type: ignore[misc]
            case "QueueEntry":
                queue["callers"] = [*queue["callers"], event["Channel"]]  # type: ignore[misc]
    return JsonResponse({"queues": queues})


@require_GET
def status(request: HttpRequest) -> JsonResponse:
    """How this process's connections are."""
    return JsonResponse({name: server.as_dict() for name, server in ami.status().items()})
