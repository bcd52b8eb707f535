"""Which objects changed since a reader was here."""

from __future__ import annotations

import pytest

from django_ami.live.feed import journal as journal_module
from django_ami.live.feed.journal import Journal
from django_ami.live.feed.records import Batch, Position


def at(number: int, epoch: str = "ab") -> Position:
    return Position(epoch, number)


def batch(number: int, *keys: str) -> Batch:
    return Batch(at(number), 1.0, dict.fromkeys(keys))


@pytest.fixture
def journal() -> Journal:
    journal = Journal()
    journal.begin(at(5), [])
    journal.note(at(6), ["a", "b"])
    journal.note(at(7), ["a", "c"])
    return journal


def test_reader_gets_the_objects_behind_its_position(journal: Journal) -> None:
    assert journal.since(at(5)) == {"a", "b", "c"}
    assert journal.since(at(6)) == {"a", "c"}
    assert journal.since(at(7)) == set()


@pytest.mark.parametrize("position", [at(4), at(8), at(6, "cd")])
def test_position_is_not_known_outside_of_the_journal(journal: Journal, position: Position) -> None:
    assert journal.since(position) is None
    assert Journal().since(position) is None


def test_earlier_batches_are_known_up_to_a_gap() -> None:
    journal = Journal()
    journal.begin(at(5), [batch(1, "a"), batch(3, "b"), batch(4, "c"), batch(5), batch(6, "d")])
    assert journal.since(at(1)) is None
    assert journal.since(at(2)) == {"b", "c"}
    assert journal.since(at(4)) == set()


def test_earlier_batches_that_end_before_the_picture_are_no_help() -> None:
    journal = Journal()
    journal.begin(at(5), [batch(2, "a"), batch(3, "b")])
    assert journal.since(at(3)) is None
    assert journal.since(at(5)) == set()


def test_journal_forgets_the_oldest_changes(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr(journal_module, "_MOST_OBJECTS", 3)
    journal.note(at(8), ["d"])
    assert journal.since(at(5)) is None
    assert journal.since(at(6)) == {"a", "c", "d"}
    journal.note(at(9), ["e", "f", "g", "h"])
    assert journal.since(at(8)) is None
    assert journal.since(at(9)) == set()


def test_another_epoch_begins_anew(journal: Journal) -> None:
    journal.begin(at(1, "cd"), [])
    assert journal.since(at(7)) is None
    assert journal.since(at(1, "cd")) == set()
