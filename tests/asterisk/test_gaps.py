"""A listener of a real Asterisk, behind a gap, and with filters at the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_ami.actions import Originate, Ping
from django_ami.signals import call_ended, call_started, events, gap
from tests.receiving import Listener, fresh_registry, listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.asterisk.conftest import Asterisk


@pytest.fixture(autouse=True)
def registry(django_db_blocker: Any) -> Iterator[None]:
    with fresh_registry(), django_db_blocker.unblock():
        yield


def ring(listener: Listener, channel: str, seconds: float) -> None:
    action = Originate(channel=channel, application="Wait", data=str(seconds))
    listener.client.server("node_1").send(action)


def test_a_call_that_a_restart_ended_has_an_end(asterisk: Asterisk) -> None:
    told: list[tuple[str, Any]] = []

    def on_start(call: Any, **_: Any) -> None:
        told.append(("started", call.id))

    def on_end(call: Any, inferred: bool, **_: Any) -> None:
        told.append(("ended", (call.id, inferred)))

    def on_gap(begin: Any, end: Any, reason: Any, lost: Any, **_: Any) -> None:
        told.append(("gap", (begin < end, str(reason), lost)))

    call_started.connect(on_start)
    call_ended.connect(on_end)
    gap.connect(on_gap)
    with listening(asterisk.url) as listener:
        listener.make_ready()
        ring(listener, "PJSIP/500@loop", 120)
        listener.run_until(lambda: told)
        asterisk.kill()
        asterisk.start()
        began = {call for what, call in told if what == "started"}
        listener.run_until(
            lambda: (
                {(call, True) for call in began} <= {call for what, call in told if what == "ended"}
            )
        )
        assert ("gap", (True, "connection lost", None)) in told
        assert listener.status.gaps >= 1


@pytest.mark.parametrize("filters", ["off", "auto"])
def test_the_server_sends_what_has_receivers(asterisk: Asterisk, filters: str) -> None:
    seen: list[str] = []

    def on_hangup(event: Any, **_: Any) -> None:
        seen.append(event["Channel"])

    events["Hangup"].connect(on_hangup)
    with listening(asterisk.url, server_filters=filters) as listener:
        listener.make_ready()
        before = listener.status.ignored
        ring(listener, "Local/answer@outcomes/n", 0.1)
        listener.run_until(lambda: len(seen) >= 2)
        listener.client.server("node_1").send(Ping()).result(10)
        listener.run_until(lambda: not listener.status.queued)
        assert all(name.startswith("Local/answer@outcomes") for name in seen)
        others = listener.status.ignored - before
        # With filters, those that the client itself needs: OriginateResponse, DialEnd.
        assert others <= 2 if filters == "auto" else others > 5


def test_a_receiver_connected_later_costs_no_action_under_way(asterisk: Asterisk) -> None:
    reasons: list[str] = []
    seen: list[str] = []

    def on_gap(reason: Any, **_: Any) -> None:
        reasons.append(str(reason))

    def on_event(event: Any, **_: Any) -> None:
        seen.append(event.name)

    gap.connect(on_gap)
    events["Hangup"].connect(on_event)
    with listening(asterisk.url, server_filters="auto") as listener:
        listener.make_ready()
        call = Originate(
            channel="Local/answer@outcomes/n", application="Wait", data="0.1", wait=True
        )
        pending = listener.client.server("node_1").send(call)
        events["Newchannel"].connect(on_event)
        listener.run_until(lambda: reasons)
        outcome = pending.result(10).outcome
        assert outcome is not None
        assert outcome.answered
        assert reasons == ["filters widened"]
        listener.run_until(lambda: listener.status.ready)
        seen.clear()
        ring(listener, "Local/answer@outcomes/n", 0.1)
        listener.run_until(lambda: {"Newchannel", "Hangup"} <= {*seen})
