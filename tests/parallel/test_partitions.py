"""Which events stay in order: in every recording of telephones, those that are of one call."""

from __future__ import annotations

from collections import defaultdict

import pytest

from django_ami.core.messages import Event
from django_ami.core.protocol import Parser
from django_ami.live.tracker import Tracker
from django_ami.parallel import partitions
from django_ami.parallel.partitions import CallPartitions
from tests.recordings import scenarios, timed

RECORDINGS = [
    pytest.param(folder, name, version, id=f"{folder}-{version}-{name}")
    for folder in ("calls", "phones")
    for name, version in scenarios(folder)
]
#: Behind these the calls of the tracker may be others than before.
JOINING = frozenset(
    {"DialBegin", "DialEnd", "BridgeEnter", "LocalBridge", "AttendedTransfer", "Pickup", "Hangup"}
)


@pytest.mark.parametrize(("folder", "name", "version"), RECORDINGS)
def test_channels_of_one_call_have_one_partition_from_when_the_tracker_knows_it(
    folder: str, name: str, version: str
) -> None:
    tracker, found = Tracker("pbx"), CallPartitions()
    for at, event in timed(name, version, folder):
        tracker.feed(event, at)
        found.place(event)
        if event.name not in JOINING:
            continue
        by_call = defaultdict(set)
        for channel in tracker.channels.values():
            by_call[channel.call].add(found.find(channel.uniqueid))
        for call, partition in by_call.items():
            assert len(partition) == 1, (call, partition, event)


def event(name: str, **headers: object) -> Event:
    text = "".join(f"{key}: {value}\r\n" for key, value in {"Event": name, **headers}.items())
    (found,) = Parser().feed(f"{text}\r\n".encode())
    assert isinstance(found, Event)
    return found


def test_a_linkedid_that_changes_within_a_call_leaves_its_partition_as_it_is() -> None:
    found = CallPartitions()
    first, _ = found.place(event("Newchannel", Uniqueid="9.1", Linkedid="9.1"))
    second, gone = found.place(event("Newchannel", Uniqueid="9.2", Linkedid="9.1"))
    again, _ = found.place(event("Newexten", Uniqueid="9.2", Linkedid="9.0"))
    assert first is second is again
    assert not gone


def test_the_younger_of_two_calls_goes_on_as_the_older() -> None:
    found = CallPartitions()
    older, _ = found.place(event("Newchannel", Uniqueid="9.1", Linkedid="9.1"))
    younger, _ = found.place(event("Newchannel", Uniqueid="9.2", Linkedid="9.2"))
    both, gone = found.place(event("DialBegin", Uniqueid="9.2", DestUniqueid="9.1"))
    assert (both, gone) == (older, [younger])
    assert found.place(event("Hangup", Uniqueid="9.2", Linkedid="9.2"))[0] is older
    assert found.place(event("Cdr", UniqueID="9.2"))[0] is older


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"Queue": "sales", "Interface": "PJSIP/1"}, "Queue:sales"),
        ({"Device": "PJSIP/1"}, "Device:PJSIP/1"),
        ({"Nothing": "1"}, "Some"),
    ],
)
def test_an_event_without_a_channel_belongs_to_what_it_names(
    headers: dict[str, str], key: str
) -> None:
    found, gone = CallPartitions().place(event("Some", **headers))
    assert (found.key, gone) == (key, [])


def test_channels_without_a_hangup_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "MOST_IDS", 50)
    monkeypatch.setattr(partitions, "MOST_ENDED", 10)
    found = CallPartitions()
    for number in range(500):
        found.place(event("Newchannel", Uniqueid=f"9.{number}", Linkedid=f"9.{number}"))
        if number % 2:
            found.place(event("Hangup", Uniqueid=f"9.{number}", Linkedid=f"9.{number}"))
    assert len(found) <= 50
