"""Readers see the objects as they were published."""

from __future__ import annotations

import json

import pytest

from django_ami.live.changes import Kind
from django_ami.live.feed.codec import KINDS, decode, encode
from django_ami.live.feed.keys import object_of
from django_ami.live.feed.records import Heading, Position
from django_ami.live.tracker import Tracker
from tests.recordings import scenarios, timed

FOLDERS = ("calls",)
SCENARIOS = [
    pytest.param(name, version, folder, id=f"{folder}-{version}-{name}")
    for folder in FOLDERS
    for name, version in scenarios(folder)
]


def through_json(kind: str, subject: object) -> object:
    return decode(kind, json.loads(json.dumps(encode(subject))))


@pytest.mark.parametrize(("name", "version", "folder"), SCENARIOS)
def test_every_object_of_a_recording_is_read_as_it_was_published(
    name: str, version: str, folder: str
) -> None:
    tracker = Tracker("pbx")
    for at, event in timed(name, version, folder):
        for change in tracker.feed(event, at):
            key, subject = object_of(change)
            if subject is not None:
                assert through_json(key.partition(":")[0], subject) == subject
            if change.kind is Kind.MEMBER:
                for agent in tracker.agents(at).values():
                    assert through_json("agent", agent) == agent
            if change.kind is Kind.QUEUE:
                for curve in tracker.curves.values():
                    assert through_json("curve", curve) == curve


def test_unknown_fields_of_another_release_are_ignored() -> None:
    assert decode("server", {"name": "pbx", "ready": True, "mood": "good"}) == Heading("pbx", True)


def test_a_kind_that_is_not_known_is_an_error() -> None:
    assert "weather" not in KINDS
    with pytest.raises(KeyError):
        decode("weather", {})


@pytest.mark.parametrize("text", ["", "abc", ".7", "abc.", "abc.x", "abc.-1", "abc.1.5x"])
def test_a_text_that_is_no_position_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_a_position_is_read_as_it_was_written() -> None:
    assert Position.parse(str(Position("ab12", 7))) == Position("ab12", 7)
