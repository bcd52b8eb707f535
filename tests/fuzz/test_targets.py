"""The fuzzer's targets with what the fuzzer begins with, and with what it once found."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS, seeds

#: The findings of the fuzzer, as small as they get.
FOUND = {
    "a greeting longer than a frame": ("parser", b"\x01\x00\x00\x01" + b"x" * 600),
    "a login whose answer begins a list": (
        "session",
        (
            b"\x00\x08\x00\x01Asterisk Call Manager/1\r\nResponse: Success\r\nActionID: @6\r\n"
            b"EventList: start\r\n\r\n"
        ),
    ),
    "an output whose head is too long": (
        "parser",
        b"\0\0\0\1Response: Follows\r\nPrivilege: " + b"x" * 200 + b"\n\r\n\r\nEvent: Y\r\n\r\n",
    ),
}


@pytest.mark.parametrize(("target", "data"), FOUND.values(), ids=FOUND)
def test_earlier_finds_break_no_invariant(target: str, data: bytes) -> None:
    TARGETS[target](data)


@pytest.mark.parametrize(
    "target", sorted(TARGETS.keys() - {"arguments"})
)  # test_arguments.py has a server for these
def test_seeds_break_no_invariant(target: str) -> None:
    for name, data in seeds(target).items():
        try:
            TARGETS[target](data)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
