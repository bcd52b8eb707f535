"""Comparing what a worker was told with what Asterisk sent, event by event."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.asterisk.relay import Relay
    from tests.asterisk.worker import Worker


def events_of(between: Relay) -> list[bytes]:
    """The events that have come through it, one connection after the other.

    One that was cut short is none.
    """
    blocks = [
        block
        for _, received in between.conversations
        for block in bytes(received).split(b"\r\n\r\n")[:-1]
    ]
    return [block for block in blocks if block.startswith(b"Event: ")]


def names_of(events: list[bytes]) -> set[bytes]:
    return {event.partition(b"\r\n")[0].removeprefix(b"Event: ") for event in events}


def since(number: int, events: list[bytes]) -> list[bytes]:
    """The events from that number of the load on."""
    for place, event in enumerate(events):
        lines = event.split(b"\r\n")
        if b"UserEvent: Numbered" in lines and b"Number: %d" % number in lines:
            return events[place:]
    raise AssertionError(f"no number {number}")


def before_end(events: list[bytes]) -> list[bytes]:
    """The events before the mark at the end of ``watched``."""
    return list(takewhile(lambda event: b"UserEvent: End" not in event.split(b"\r\n"), events))


def after_login(events: list[bytes]) -> list[bytes]:
    """Without FullyBooted, which belongs to the login and comes to nobody else."""
    assert events[0].startswith(b"Event: FullyBooted\r\n")
    return events[1:]


def own(blocks: list[bytes], server: str = "pbx") -> Counter[int]:
    """The worker's own actions, or the events that came of them: how often each number is there."""
    lines = [block.split(b"\r\n") for block in blocks]
    by = b"By: " + server.encode()
    return Counter(
        int(line.removeprefix(b"Number: "))
        for one in lines
        if b"UserEvent: Own" in one and by in one
        for line in one
        if line.startswith(b"Number: ")
    )


def assert_parts_of(whole: list[bytes], *parts: list[bytes]) -> None:
    """Each is a part of the whole without a gap, one behind the other."""
    place = 0
    for part in parts:
        found = (
            start for start in range(place, len(whole)) if whole[start : start + len(part)] == part
        )
        start = next(found, None)
        assert start is not None, (
            f"{len(part)} events from {part[:1]} to {part[-1:]} were not sent like that"
        )
        place = start + len(part)


def assert_settled_once(worker: Worker, seen: Counter[int], server: str = "pbx") -> None:
    """No action of the worker was sent twice, and each ended as the ledger expects."""
    told = worker.actions(server)
    assert Counter(one.number for one in told).most_common(1)[0][1] == 1
    assert set(seen.values()) == {1}
    assert [one for one in told if not one.error and not seen[one.number]] == []
    assert [one for one in told if not one.sent and seen[one.number]] == []


def failures(worker: Worker) -> Counter[tuple[str, bool]]:
    """How its actions failed, and whether they had been sent.

    Those that were under way when it was stopped are not.
    """
    ended = (one for one in worker.actions() if "the client was closed" not in one.text)
    return Counter((one.error, one.sent) for one in ended if one.error)


def in_a_row(numbers: list[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of numbers without a gap."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs
