"""Notices as bytes, and back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from django_ami.core.errors import ConnectionLost
from django_ami.core.session import Gap, GapReason, Lost, Ready, TookOver
from django_ami.forwarding.notices import decode, encode


def test_ready_says_whether_it_is_again() -> None:
    raw = encode(Ready("a", "9.0.0", "20.1.0", again=True))
    assert raw is not None
    assert decode(raw, "a") == ("server_ready", {"again": True})


def test_lost_keeps_the_kind_of_the_error_and_its_times() -> None:
    raw = encode(Lost("a", ConnectionLost("it is gone", "a"), True, 2.5, time.monotonic() - 60, 3))
    assert raw is not None
    name, named = decode(raw, "a")
    error = named.pop("error")
    assert (name, type(error), str(error)) == ("server_lost", ConnectionLost, "a: it is gone")
    ago = datetime.now(UTC) - named.pop("last_event_at")
    assert timedelta(seconds=59) < ago < timedelta(seconds=80)
    assert named == {"retry_in": 2.5, "missing": 3}


def test_a_gap_keeps_its_length() -> None:
    end = time.monotonic()
    raw = encode(Gap("a", end - 12, end, GapReason.OVERLOAD, 7))
    assert raw is not None
    name, named = decode(raw, "a")
    assert abs((named.pop("end") - named.pop("begin")).total_seconds() - 12) < 0.01
    assert (name, named) == ("gap", {"reason": GapReason.OVERLOAD, "lost": 7})


def test_notice_without_a_signal_does_not_travel() -> None:
    assert encode(Lost("a", ConnectionLost("again", "a"), False, 2.5)) is None
    assert encode(TookOver("a", 3)) is None


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"signal": "ami_event"}'])
def test_other_bytes_are_no_notice(raw: bytes) -> None:
    with pytest.raises(ValueError):
        decode(raw, "a")
