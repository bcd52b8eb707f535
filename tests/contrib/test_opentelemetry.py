"""Spans of actions: from ``ami.send`` to the answer, with the context of the sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from django_ami import ami
from django_ami.actions import Action, Ping
from django_ami.contrib.opentelemetry import instrument
from django_ami.core.client.sending import Sender
from django_ami.testing import FakeAsterisk
from tests.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from django_ami.testing import Simulator


class Traces:
    """The spans that have ended."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.tracer = self.provider.get_tracer("a test")

    @property
    def ended(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    def wait_for(self, *names: str) -> list[ReadableSpan]:
        wait_until(lambda: self.ended.keys() >= set(names), what=str(names))
        return [self.ended[name] for name in names]


@pytest.fixture
def traces() -> Iterator[Traces]:
    made = Traces()
    take_back = instrument(made.provider)
    try:
        yield made
    finally:
        take_back()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with FakeAsterisk() as running, override_settings(AMI_SERVERS={"node_1": {"URL": running.url}}):
        yield running


def test_action_is_a_span_of_the_one_that_sent_it(sim: Simulator, traces: Traces) -> None:
    sim.on("Ping").after(0.1)
    with traces.tracer.start_as_current_span("a view"):
        pending = ami.send(Ping())
    pending.result(20)
    view, span = traces.wait_for("a view", "send node_1")
    assert dict(span.attributes) == {
        "messaging.system": "asterisk_ami",
        "messaging.operation.name": "Ping",
        "messaging.operation.type": "send",
        "messaging.destination.name": "node_1",
        "messaging.message.id": pending.action_id,
    }
    assert span.kind is trace.SpanKind.CLIENT
    assert span.parent.span_id == view.context.span_id
    assert 0.1 <= (span.end_time - span.start_time) / 1e9 < 20
    assert span.status.is_ok or span.status.is_unset


def test_span_of_a_refused_action_says_so(sim: Simulator, traces: Traces) -> None:
    sim.on("ModuleLoad").fail("No such module amp111.")
    ami.send(Action("ModuleLoad")).exception(20)
    (span,) = traces.wait_for("send node_1")
    assert span.attributes["error.type"] == "refused"
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "amp111" not in span.to_json(), "the text of an error may hold anything"


def test_function_for_the_answer_runs_in_the_context_of_its_action(
    sim: Simulator, traces: Traces
) -> None:
    def on_answer(error: Any, response: Any) -> None:
        traces.tracer.start_span("the answer").end()

    ami.send(Ping()).on_complete(on_answer)
    answer, span = traces.wait_for("the answer", "send node_1")
    assert answer.parent.span_id == span.context.span_id
    assert answer.context.trace_id == span.context.trace_id


def test_taken_back_there_are_no_more_spans(sim: Simulator) -> None:
    before, made = Sender.observers, Traces()
    take_back = instrument(made.provider)
    assert len(Sender.observers) == len(before) + 1
    take_back()
    assert Sender.observers == before
    ami.send(Ping()).result(20)
    assert made.ended == {}
