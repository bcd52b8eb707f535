"""Events of a real Asterisk, from its socket to the receivers of Django signals.

All of them, once, and in order.

A second session with the same mask, recorded over a plain socket, tells what Asterisk sent.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import signals
from django_ami.core.actions import Action, Hangup, Originate, Ping, QueuePause, UserEvent
from django_ami.dispatch import Dispatcher
from tests.asterisk.clients import (
    NAME,
    PATIENCE_SECONDS,
    call,
    connected,
    other_half,
    status,
    until,
)
from tests.asterisk.wire import assert_same_events, recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.core.messages import Event
    from tests.asterisk.conftest import Asterisk
    from tests.asterisk.wire import Recording

#: How long after the last event a mark overtakes none.
QUIET_SECONDS = 0.2


class Scene:
    """A listener whose events go through the Dispatcher to receivers.

    Beside it a caller, and the recorded session.
    """

    def __init__(
        self, listener: Client, caller: Client, recorded: Recording, dispatcher: Dispatcher
    ) -> None:
        self.listener = listener
        self.caller = caller
        self.dispatcher = dispatcher
        self.heard: list[Event] = []
        self._recorded = recorded

    def play(
        self, act: Callable[[], object], *, until_heard: Callable[[], object] | None = None
    ) -> list[bytes]:
        """Do something.

        Give what Asterisk sent from its beginning until a condition on what was heard is met.
        """
        del self.heard[: self._mark("Begin") + 1]
        self._recorded.until("Begin")
        act()
        if until_heard is not None:
            until(lambda: self._turn() or until_heard(), timeout=30)
            self._let_it_be_quiet()
        del self.heard[self._mark("End") :]
        return self._recorded.until("End")

    def _let_it_be_quiet(self) -> None:
        """Returns when nothing has come for a moment.

        A mark may overtake what was raised just before it.
        """
        heard, since = len(self.heard), time.monotonic()
        while time.monotonic() < since + QUIET_SECONDS:
            self._turn()
            if len(self.heard) != heard:
                heard, since = len(self.heard), time.monotonic()

    def _mark(self, name: str) -> int:
        """Send a mark, and say where among the events it is."""
        self.caller.send(UserEvent(name)).result(PATIENCE_SECONDS)
        until(lambda: self._turn() or name in self._marks(), f"the mark {name}")
        return self._marks().index(name)

    def _marks(self) -> list[str | None]:
        return [
            event.get("UserEvent") if event.name == "UserEvent" else None for event in self.heard
        ]

    def _turn(self) -> None:
        self.dispatcher.run(0.01)

    def names(self) -> list[str]:
        return [event.name for event in self.heard]

    def named(self, *names: str) -> list[Event]:
        return [event for event in self.heard if event.name in names]


@contextmanager
def connect(signal: Any, receiver: Callable[..., Any]) -> Iterator[None]:
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@contextmanager
def scene(asterisk: Asterisk, *, mask: str = "on", **options: Any) -> Iterator[Scene]:
    with (
        connected(asterisk) as caller,
        connected(asterisk, role="listener", dispatcher=False, events=mask, **options) as listener,
        recording(asterisk, mask=mask) as recorded,
        Dispatcher(listener) as dispatcher,
    ):
        it = Scene(listener, caller, recorded, dispatcher)
        handle = listener.server(NAME)

        def receive(sender: object, event: Event, **kwargs: Any) -> None:
            assert sender is handle
            it.heard.append(event)

        with connect(signals.ami_event, receive):
            # Its answer comes after the reactor has learnt that every event is wanted.
            listener.send(Ping()).result(PATIENCE_SECONDS)
            yield it
        caller.send(Hangup("/^Local/")).result(PATIENCE_SECONDS)


def raw_of(events: list[Event]) -> list[bytes]:
    return [event.raw for event in events]


def names_of(blocks: list[bytes]) -> list[str]:
    return [block.partition(b"\r\n")[0].removeprefix(b"Event: ").decode() for block in blocks]


@pytest.fixture(autouse=True)
def _no_other_receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of other apps are set aside; and those of a test must not fail."""
    monkeypatch.setattr(signals, "events", signals.EventSignals())
    monkeypatch.setattr(signals, "ami_event", signals.EventSignal())
    before = dict(signals.classes.receivers.failures)
    yield
    assert dict(signals.classes.receivers.failures) == before


# --- calls ---


@pytest.mark.parametrize("mask", ["on", "call", "call,dialplan,user"])
def test_twenty_calls_from_their_beginning_to_their_end(asterisk: Asterisk, mask: str) -> None:
    count = 20
    born: list[str] = []
    gone: list[str] = []
    asked = mask.replace(",", "-")
    # "user" brings the marks.
    mask = mask if "user" in mask or mask == "on" else f"{mask},user"

    def on_new_channel(sender: object, event: Event, **kwargs: Any) -> None:
        born.append(event["Uniqueid"])

    def on_hangup(sender: object, event: Event, **kwargs: Any) -> None:
        gone.append(event["Uniqueid"])

    with (
        scene(asterisk, mask=mask) as it,
        connect(signals.events["Newchannel"], on_new_channel),
        connect(signals.events["hangup"], on_hangup),
    ):
        # Asterisk refuses an id for as long as there is anything left of a channel that had it,
        # and, as was seen here, one that another channel's id begins with: so none of these is the
        # beginning of another.
        ids = [f"life-{asked}-{number:02}" for number in range(count)]

        def place_calls() -> None:
            calls = [
                Originate(channel="Local/500@default", application="Wait", data="30",
                          variables={"__WAITSECS": "0.2"},
                          channel_id=name, other_channel_id=f"other-{name}", wait=True)
                for name in ids
            ]  # fmt: skip
            pendings = [it.caller.send(one) for one in calls]
            for pending in pendings:
                outcome = pending.result(PATIENCE_SECONDS).outcome
                assert outcome is not None
                assert outcome.answered

        sent = it.play(place_calls, until_heard=lambda: len(gone) == 2 * count)

        # Everything that Asterisk sent, to the byte.
        assert_same_events(raw_of(it.heard), sent)
        everybody = {name for one in ids for name in (one, f"other-{one}")}
        assert sorted(born) == sorted(gone) == sorted(everybody)
        for told, name in ((born, "Newchannel"), (gone, "Hangup")):
            of_asterisk = [
                match[1].decode()
                for block in sent
                if block.startswith(f"Event: {name}\r\n".encode())
                and (match := re.search(rb"\r\nUniqueid: (\S+)", block))
            ]
            assert sorted(told) == sorted(of_asterisk)
        # Of each channel the first event is its beginning, and of the calls' own events the last is
        # its end.
        for channel in everybody:
            story = [event.name for event in it.heard if event.get("Uniqueid") == channel]
            assert story[0] in ("Newchannel", "OriginateResponse")
            assert [name for name in story if name not in ("Cdr", "CEL", "OriginateResponse")][
                -1
            ] == "Hangup"
        assert sorted(event["Uniqueid"] for event in it.named("OriginateResponse")) == sorted(ids)


def test_only_events_with_receivers_are_delivered_and_the_rest_is_counted(
    asterisk: Asterisk,
) -> None:
    heard: list[Event] = []

    def on_hangup(sender: object, event: Event, **kwargs: Any) -> None:
        heard.append(event)

    with (
        connected(asterisk) as caller,
        connected(asterisk, role="listener", dispatcher=False) as listener,
        recording(asterisk) as recorded,
        Dispatcher(listener) as dispatcher,
        connect(signals.events["Hangup"], on_hangup),
    ):
        listener.send(Ping()).result(PATIENCE_SECONDS)
        caller.send(UserEvent("Begin")).result(PATIENCE_SECONDS)
        recorded.until("Begin")
        calls = [Originate(channel="Local/500@default", application="Wait", data="30",
                           variables={"__WAITSECS": "0.1"}) for _ in range(3)]  # fmt: skip
        for one in calls:
            caller.send(one).result(PATIENCE_SECONDS)
        until(lambda: dispatcher.run(0.01) and len(heard) == 6)
        caller.send(UserEvent("End")).result(PATIENCE_SECONDS)
        sent = recorded.until("End")
        assert_same_events(
            raw_of(heard), [block for block in sent if block.startswith(b"Event: Hangup\r\n")]
        )
        assert dispatcher.delivered == 6
        until(lambda: status(listener).received > len(sent))
        assert status(listener).delivered == 6


def test_a_receiver_that_raises_stops_nobody(
    asterisk: Asterisk, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []

    def bad_receiver(sender: object, event: Event, **kwargs: Any) -> None:
        raise RuntimeError(event.name)

    with scene(asterisk, mask="user") as it, connect(signals.events["UserEvent"], bad_receiver):
        sent = it.play(
            lambda: [
                it.caller.send(UserEvent("Numbered", Number=n)).result(PATIENCE_SECONDS)
                for n in range(10)
            ]
        )
        heard = list(it.heard)
        assert [event["Number"] for event in heard] == [str(n) for n in range(10)]
        assert_same_events(raw_of(heard), sent)
    name = f"{__name__}.test_a_receiver_that_raises_stops_nobody.<locals>.bad_receiver"
    assert it.listener.receivers.failures[name] == 12  # the marks, too
    assert sum("bad_receiver" in record.getMessage() for record in caplog.records) == 12


# --- queues and parking ---


def test_a_call_to_a_queue(asterisk: Asterisk) -> None:
    with scene(asterisk) as it:
        to_queue = Originate(
            channel="Local/530@default/n", application="Wait", data="30", channel_id="customer"
        )
        sent = it.play(lambda: it.caller.send(to_queue).result(PATIENCE_SECONDS),
                       until_heard=lambda: "AgentComplete" in it.names())  # fmt: skip
        assert_same_events(raw_of(it.heard), sent)
        join, *called, leave, connect_, complete = it.named(
            "QueueCallerJoin", "AgentCalled", "QueueCallerLeave", "AgentConnect", "AgentComplete"
        )
        assert (join.name, join["Queue"], join["Position"]) == ("QueueCallerJoin", "support", "1")
        assert [event["MemberName"] for event in called] == [
            "Agent One"
        ]  # the other one has a penalty
        assert {leave.name, connect_.name} == {"QueueCallerLeave", "AgentConnect"}
        assert complete["Interface"] == "Local/a1@agents/n"
        # AgentComplete names no caller if the channel is gone by then.
        told = (join, leave, connect_, *([complete] if "Uniqueid" in complete else []))
        assert {event["Uniqueid"] for event in told} == {join["Uniqueid"]}


def test_caller_gives_up_in_a_queue(asterisk: Asterisk) -> None:
    agents = [f"Local/{name}@agents/n" for name in ("a1", "a2")]
    with scene(asterisk) as it:
        for agent in agents:
            it.caller.send(QueuePause(agent, queue="support")).result(PATIENCE_SECONDS)
        try:

            def give_up() -> None:
                channel = call(it.caller, "530@default")
                until(lambda: it._turn() or "QueueCallerJoin" in it.names())
                it.caller.send(Hangup(channel)).result(PATIENCE_SECONDS)

            sent = it.play(give_up, until_heard=lambda: "QueueCallerLeave" in it.names() and
                           len(it.named("Hangup")) == 2)  # fmt: skip
        finally:
            for agent in agents:
                it.caller.send(QueuePause(agent, paused=False, queue="support")).result(
                    PATIENCE_SECONDS
                )
        assert_same_events(raw_of(it.heard), sent)
        story = [
            event.name for event in it.heard if event.name.startswith(("QueueCaller", "Agent"))
        ]
        assert sorted(story) == ["QueueCallerAbandon", "QueueCallerJoin", "QueueCallerLeave"]
        assert story[0] == "QueueCallerJoin"


def test_a_parked_call_is_picked_up_and_another_gives_up(asterisk: Asterisk) -> None:
    with scene(asterisk) as it:
        to_park = Originate(channel="Local/550@default/n", application="Wait", data="30")

        def park() -> None:
            it.caller.send(to_park).result(PATIENCE_SECONDS)

        assert raw_of(it.heard) == []
        sent = it.play(park, until_heard=lambda: it.named("ParkedCall"))
        assert_same_events(raw_of(it.heard), sent)
        (parked,) = it.named("ParkedCall")
        space, parkee = parked["ParkingSpace"], parked["ParkeeChannel"]
        fetch = Originate(channel=f"Local/{space}@default/n", application="Wait", data="30")
        sent = it.play(
            lambda: it.caller.send(fetch).result(PATIENCE_SECONDS),
            until_heard=lambda: it.named("UnParkedCall"),
        )
        assert_same_events(raw_of(it.heard), sent)
        assert it.named("UnParkedCall")[0]["ParkeeChannel"] == parkee
        it.play(park, until_heard=lambda: it.named("ParkedCall"))
        parkee = it.named("ParkedCall")[0]["ParkeeChannel"]
        sent = it.play(lambda: it.caller.send(Hangup(parkee)).result(PATIENCE_SECONDS),
                       until_heard=lambda: it.named("ParkedCallGiveUp"))  # fmt: skip
        assert_same_events(raw_of(it.heard), sent)
        assert it.named("ParkedCallGiveUp")[0]["ParkeeChannel"] == parkee
        assert it.caller.send(Action("ParkedCalls")).result(PATIENCE_SECONDS).events == ()


# --- odd text ---


def test_odd_text_arrives_as_it_was_sent(asterisk: Asterisk) -> None:
    with scene(asterisk) as it:
        odd = Originate(channel="Local/510@default", application="Wait", data="5")
        sent = it.play(
            lambda: it.caller.send(odd).result(PATIENCE_SECONDS),
            until_heard=lambda: len(it.named("Hangup")) == 2,
        )
        assert_same_events(raw_of(it.heard), sent)
        user = {event["UserEvent"]: event for event in it.named("UserEvent")}
        assert list(user) == ["TestStart", "TestOdd", "TestBare", "TestEnd"]
        assert (user["TestStart"]["Channelvar"], user["TestStart"]["Note"]) == ("bar", "a: b: c")
        assert user["TestStart"].get_all("Exten") == ["510", "510"]
        assert (user["TestOdd"]["Unicode"], user["TestOdd"]["Empty"]) == ("Grüße 日本", "")
        values = {event["Variable"]: event["Value"] for event in it.named("VarSet")}
        assert values["ODD"] == 'key: value; \\"quoted\\" ünï  '
        assert values["EMPTY"] == ""


def test_line_ends_and_a_forged_message_inside_values(asterisk: Asterisk) -> None:
    with scene(asterisk) as it:
        lines = Originate(
            channel="Local/511@default",
            application="Wait",
            data="5",
            variables={"__WAITSECS": "0.1"},
        )
        sent = it.play(lambda: it.caller.send(lines).result(PATIENCE_SECONDS),
                       until_heard=lambda: len(it.named("Hangup")) == 2)  # fmt: skip
        assert_same_events(raw_of(it.heard), sent)
        (event,) = [one for one in it.named("UserEvent") if one["UserEvent"] == "TestLines"]
        # A line end in a value ends the line: the rest has no colon, and is kept.
        assert event["Text"] == "one"
        assert ("", "two\nthree\ttabbackslash") in event.headers
        assert event["After"] == "x"
        # Nobody can tell that this was not sent by Asterisk itself.
        (forged,) = it.named("Forged")
        assert forged["Who"] == "me"
        values = {one["Variable"]: one["Value"] for one in it.named("VarSet")}
        assert values["NL"] == r"one\r\ntwo\nthree\ttab\\backslash"
        assert it.named("UserEvent")[-1]["UserEvent"] == "TestEnd"
    assert "Forged" in names_of(sent)


# --- bursts ---


@pytest.mark.parametrize("mask", ["user", "on"])
def test_a_burst_is_whole_and_in_order(asterisk: Asterisk, mask: str) -> None:
    count = 5_000
    numbers: list[int] = []

    def on_user_event(sender: object, event: Event, **kwargs: Any) -> None:
        if event["UserEvent"] == "Burst":
            numbers.append(int(event["Number"]))

    with (
        scene(asterisk, mask=mask, event_queue_capacity=200_000) as it,
        connect(signals.events["UserEvent"], on_user_event),
    ):
        burst = Originate(channel=f"Local/9{count:04}@default", application="Wait", data="20")
        sent = it.play(
            lambda: it.caller.send(burst).result(PATIENCE_SECONDS),
            until_heard=lambda: len(numbers) == count,
        )
        assert numbers == list(range(1, count + 1))
        assert_same_events(raw_of(it.heard), sent)
        assert len(sent) >= count
        now = status(it.listener)
        # Events behind the burst may be waiting still.
        assert (now.dropped, now.delivered + now.queued) == (0, now.received - now.ignored)


def test_two_bursts_at_once_to_a_listener_that_makes_calls_itself(asterisk: Asterisk) -> None:
    numbers: dict[str, list[int]] = {}

    def on_user_event(sender: object, event: Event, **kwargs: Any) -> None:
        if event["UserEvent"] == "Burst":
            numbers.setdefault(event["Channel"], []).append(int(event["Number"]))

    with (
        scene(asterisk, mask="call,user") as it,
        connect(signals.events["UserEvent"], on_user_event),
    ):

        def both() -> None:
            for _ in range(2):
                it.listener.send(
                    Originate(
                        channel="Local/91000@default", application="Wait", data="20", wait=True
                    )
                ).result(PATIENCE_SECONDS)
            for number in range(100):
                it.listener.send(UserEvent("Own", Number=number))

        sent = it.play(
            both, until_heard=lambda: [len(some) for some in numbers.values()] == [1_000, 1_000]
        )
        assert list(numbers.values()) == [list(range(1, 1_001))] * 2
        own = [event["Number"] for event in it.named("UserEvent") if event["UserEvent"] == "Own"]
        assert own == [str(number) for number in range(100)]
        assert_same_events(raw_of(it.heard), sent)
    assert all(
        channel.endswith(";2") and other_half(channel[:-1] + "1") == channel for channel in numbers
    )
