"""The fuzzer's targets with what the fuzzer begins with, and with what it once found."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS, seeds

#: What the fuzzer has found, as small as it gets.
FOUND = {
    "a greeting longer than a frame": ("parser", b"\x01\x00\x00\x01" + b"x" * 600),
    "a login whose answer begins a list": (
        "session",
        b"\x00\x08\x00\x01Asterisk Call Manager/1\r\nResponse: Success\r\nActionID: @6\r\nEventList: start\r\n\r\n",
    ),
}


@pytest.mark.parametrize(("target", "data"), FOUND.values(), ids=FOUND)
def test_nothing_is_wrong_with_what_was_found_once(target: str, data: bytes) -> None:
    TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_wrong_with_the_seeds(target: str) -> None:
    for name, data in seeds(target).items():
        try:
            TARGETS[target](data)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
