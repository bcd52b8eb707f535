"""The signals: one for each name of an event in any case, their receivers, and receivers that
raise.
"""

from __future__ import annotations

import gc
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.dispatch import receiver

from django_ami import signals
from django_ami.core import Event
from django_ami.signals import ami_event, events, server_lost, server_ready
from tests.receiving import fresh_registry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    with fresh_registry():
        yield


HANGUP = Event("Hangup", b"Event: Hangup\r\nChannel: PJSIP/101-1", server="node_1")


class Handle:
    """Stands for a server: any object is a sender."""


def test_there_is_one_signal_per_name_whatever_its_case() -> None:
    assert events["Hangup"] is events["hangup"] is events["HANGUP"]
    assert events["Hangup"] is not events["Newchannel"]
    assert list(events) == ["Hangup", "Newchannel"]
    assert repr(events["hangup"]) == "<EventSignal Hangup>"
    assert repr(ami_event) == "<EventSignal of every event>"


def test_a_name_is_in_the_registry_whatever_its_case_once_its_signal_was_made() -> None:
    assert "Hangup" not in events
    assert len(events) == 0
    _ = events["Hangup"]
    assert "hangup" in events
    assert "HANGUP" in events
    assert "Newchannel" not in events
    assert 7 not in events
    assert len(events) == len(list(events)) == 1


def test_looking_a_signal_up_makes_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = []
    initialise = signals.EventSignal.__init__

    def count(self: signals.EventSignal, name: str | None = None) -> None:
        made.append(name)
        initialise(self, name)

    monkeypatch.setattr(signals.EventSignal, "__init__", count)
    for name in ("Hangup", "hangup", "HANGUP", "Hangup"):
        _ = events[name]
    assert made == ["Hangup"]


def test_a_name_off_the_wire_makes_no_signal() -> None:
    assert events.get("Hangup") is None
    assert list(events) == []
    made = events["Hangup"]
    assert events.get("HANGUP") is made


def test_a_receiver_gets_the_sender_and_the_event() -> None:
    seen: list[Any] = []
    handle = Handle()

    @receiver(events["Hangup"])
    def on_hangup(sender: Any, event: Any, **kwargs: Any) -> None:
        seen.append((sender, event, set(kwargs)))

    events["hangup"].send_robust(sender=handle, event=HANGUP)
    assert seen == [(handle, HANGUP, {"signal"})]


def test_a_receiver_may_ask_for_one_server_only() -> None:
    one, two = Handle(), Handle()
    seen: list[Any] = []

    @receiver(events["Hangup"], sender=one)
    def on_hangup(sender: Any, **kwargs: Any) -> None:
        seen.append(sender)

    for handle in (two, one, two):
        events["Hangup"].send_robust(sender=handle, event=HANGUP)
    assert seen == [one]


# --- interest ---


def nobody(**_: Any) -> None:
    pass


def test_connecting_and_disconnecting_change_the_interest() -> None:
    assert signals.interest() == frozenset()
    assert not signals.events_have_receivers()
    events["Hangup"].connect(nobody)
    assert signals.interest() == {"hangup"}
    assert signals.events_have_receivers()
    events["NewChannel"].connect(nobody)
    assert signals.interest() == {"hangup", "newchannel"}
    ami_event.connect(nobody)
    assert signals.interest() is None
    assert signals.events_have_receivers()
    ami_event.disconnect(nobody)
    events["hangup"].disconnect(nobody)
    assert signals.interest() == {"newchannel"}


def test_asking_for_a_signal_is_no_interest() -> None:
    _ = events["Hangup"]
    assert signals.interest() == frozenset()


def test_signals_of_the_connection_are_no_events() -> None:
    server_ready.connect(nobody)
    server_lost.connect(nobody)
    assert not signals.events_have_receivers()


def test_watcher_gets_every_change_until_the_end() -> None:
    told: list[Any] = []
    end = signals.classes.watch_interest(lambda: told.append(signals.interest()))
    events["Hangup"].connect(nobody)
    ami_event.connect(nobody)
    ami_event.disconnect(nobody)
    assert not events["Hangup"].disconnect(partial(nobody))  # not connected
    events["Hangup"].disconnect(nobody)
    assert told == [{"hangup"}, None, {"hangup"}, {"hangup"}, frozenset()]
    end()
    events["Hangup"].connect(nobody)
    assert len(told) == 5


def test_the_end_of_a_watch_ends_no_other_one_of_the_same_function() -> None:
    told: list[int] = []
    watcher = partial(told.append, 1)
    first, second = signals.classes.watch_interest(watcher), signals.classes.watch_interest(watcher)
    first()
    first()
    events["Hangup"].connect(nobody)
    assert told == [1]
    second()
    events["Newchannel"].connect(nobody)
    assert told == [1]


def test_a_dispatch_uid_connects_once() -> None:
    seen: list[int] = []
    for number in range(3):
        events["Hangup"].connect(
            lambda number=number, **_: seen.append(number), weak=False, dispatch_uid="one"
        )
    events["Hangup"].send_robust(sender=Handle(), event=HANGUP)
    assert seen == [0]
    assert events["Hangup"].disconnect(dispatch_uid="one")
    assert signals.interest() == frozenset()


def test_a_receiver_that_nobody_keeps_is_gone() -> None:
    seen: list[int] = []

    def connect() -> None:
        def forgotten(**_: Any) -> None:
            seen.append(1)

        events["Hangup"].connect(forgotten)

    connect()
    gc.collect()
    events["Hangup"].send_robust(sender=Handle(), event=HANGUP)
    assert seen == []


# --- receivers that raise ---


def raises(**_: Any) -> None:
    raise KeyError("Channel")


class Log:
    """One whose method is a receiver."""

    def on_event(self, **_: Any) -> None:
        raise ValueError("no")


@pytest.mark.parametrize("name", ["hangup", "ami_event", "server_ready", "server_lost"])
def test_one_that_raises_is_logged_with_its_name_and_counted_and_stops_nobody(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    signal = events["Hangup"] if name == "hangup" else getattr(signals, name)
    named = {"event": HANGUP} if isinstance(signal, signals.EventSignal) else {"again": False}
    seen: list[str] = []
    log = Log()
    first = lambda **_: seen.append("first")  # noqa: E731
    last = lambda **_: seen.append("last")  # noqa: E731
    for one in (first, raises, log.on_event, last):
        signal.connect(one)
    with caplog.at_level(logging.ERROR, "django_ami"):
        for _ in range(2):
            signal.send_robust(sender=Handle(), **named)
    assert seen == ["first", "last"] * 2
    assert [record.getMessage() for record in caplog.records] == [
        f"The receiver {__name__}.raises raised KeyError; the others go on.",
        f"The receiver {__name__}.Log.on_event raised ValueError; the others go on.",
        (
            f"The receiver {__name__}.raises raised KeyError, failure 2 of it: 'Channel'; the "
            "others go on."
        ),
        (
            f"The receiver {__name__}.Log.on_event raised ValueError, failure 2 of it: no; the "
            "others go on."
        ),
    ]
    assert all(record.name.startswith("django_ami.") for record in caplog.records)
    assert [bool(record.exc_info) for record in caplog.records] == [True, True, False, False], (
        "one traceback of each"
    )
    assert signals.classes.receivers.failures == {
        f"{__name__}.raises": 2,
        f"{__name__}.Log.on_event": 2,
    }


def test_a_receiver_without_a_name_is_told_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    def fail(reason: str, **_: Any) -> None:
        raise ValueError(reason)

    partial_receiver = partial(fail, "no")
    events["Hangup"].connect(partial_receiver)
    events["Hangup"].send_robust(sender=Handle(), event=HANGUP)
    (record,) = caplog.records
    assert "<locals>.fail raised ValueError" in record.getMessage()


def test_an_event_that_is_asked_for_as_an_attribute_is_told_how() -> None:
    with pytest.raises(AttributeError, match=r"write events\['Hangup'\]"):
        _ = events.Hangup
    assert not hasattr(events, "__wrapped__")
