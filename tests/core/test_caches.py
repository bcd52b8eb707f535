"""Caches of bytes from the wire are bounded in bytes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from django_ami.core import layouts
from django_ami.core.messages import Event
from django_ami.core.plans import Plans
from django_ami.core.protocol import Parser

LONG = 100_000
#: More than any of the caches has places.
MANY = 2500


def kept(one: Callable[[int], object], times: int) -> int:
    """Bytes that are kept when this was done so many times."""
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(times):
            one(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_layouts", "_candidates"):
        monkeypatch.setattr(layouts, name, {})
    monkeypatch.setattr("django_ami.core.messages._needles", {})


def test_caches_keep_no_long_names_and_keys() -> None:
    """Each event of another name, with keys of its own, goes all the way that an event goes, and is
    let go of.
    """
    parser, plans = Parser(banner=False), Plans(lambda _: ())

    def one(number: int) -> None:
        name, key = b"%d" % number + b"n" * LONG, b"%d" % number + b"k" * LONG
        frame = b"Event: %b\r\nPrivilege: user,all\r\n%b: value\r\n\r\n" % (name, key)
        (event,) = parser.feed(frame)
        assert isinstance(event, Event)
        assert plans[event.name] == ()
        assert event.get(key.decode()) == "value"
        assert event.as_dict()["Privilege"] == "user,all"

    assert kept(one, 100) < LONG, "less than one of them"


@pytest.mark.long
def test_not_much_of_many_short_ones() -> None:
    """As many kinds of events as can be told apart, and each often enough to be learnt."""
    parser, plans = Parser(banner=False), Plans(lambda _: ())

    def one(number: int) -> None:
        keys = b"".join(b"%040d: \r\n" % (number * 100 + key) for key in range(50))
        frame = b"Event: name-%d\r\nPrivilege: user,all\r\n%b\r\n" % (number, keys)
        (event,) = parser.feed(frame)
        assert isinstance(event, Event)
        assert plans[event.name] == ()
        event.as_dict()

    assert kept(one, MANY) < 16 * 2**20
