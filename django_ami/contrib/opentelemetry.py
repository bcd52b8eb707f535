"""Traces with OpenTelemetry: a span from each action to its answer; needs ``django-ami[otel]``.

::

    from django.apps import AppConfig

    class PhoneConfig(AppConfig):
        name = "phone"

        def ready(self):
            from django_ami.contrib.opentelemetry import instrument

            instrument()

The names are those of the messaging conventions (v1.44), which are in development there.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final

from django_ami.contrib import extra
from django_ami.core.client.sending import Sender
from django_ami.core.request import OUTCOMES

with extra("otel"):
    from opentelemetry import context, trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span, TracerProvider

    from django_ami.core.actions import Action
    from django_ami.core.errors import AmiError
    from django_ami.core.messages import Response
    from django_ami.core.pending import PendingAction

__all__ = ["instrument"]

SYSTEM: Final = "asterisk_ami"


def instrument(tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Begin a span with each action of this process, and end it with the answer.

    The span is a child of the caller's. Functions that are given to ``on_complete`` run in its
    context, so that spans of theirs belong to it. ``tracer_provider`` is by default the global one.
    Call it once, in ``AppConfig.ready``; returns a function that takes it back.
    """
    tracer = trace.get_tracer("django_ami", tracer_provider=tracer_provider)

    def observe(action: Action, pending: PendingAction) -> None:
        span = tracer.start_span(
            f"send {pending.server}",
            kind=trace.SpanKind.CLIENT,
            attributes={
                "messaging.system": SYSTEM,
                "messaging.operation.name": action.name,
                "messaging.operation.type": "send",
                "messaging.destination.name": pending.server,
                "messaging.message.id": pending.action_id,
            },
        )
        pending.on_complete(partial(_end, span))
        _carry(trace.set_span_in_context(span), pending)

    Sender.observers += (observe,)

    def take_back() -> None:
        Sender.observers = tuple(one for one in Sender.observers if one is not observe)

    return take_back


def _carry(carried: context.Context, pending: PendingAction) -> None:
    """Run the functions that will be told of the answer in that context."""
    register = pending.on_complete

    def on_complete(function: Callable[..., Any]) -> None:
        @wraps(function)
        def inside(*arguments: Any) -> Any:
            token = context.attach(carried)
            try:
                return function(*arguments)
            finally:
                context.detach(token)

        register(inside)

    pending.on_complete = on_complete  # type: ignore[method-assign]


def _end(span: Span, error: AmiError | None, response: Response | None) -> None:
    server = response.server if response is not None else error and error.server
    if server:  # it may have moved on to another one
        span.set_attribute("messaging.destination.name", server)
    if error is not None:
        span.set_attribute("error.type", OUTCOMES.get(type(error), type(error).__name__))
        span.set_status(trace.StatusCode.ERROR, type(error).__name__)
    span.end()
