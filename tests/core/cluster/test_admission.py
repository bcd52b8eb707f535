"""Who may connect: so many at a time, each of them once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from django_ami.core.cluster.admission import MAX_CONNECTING, Admission
from django_ami.core.reactor import Reactor

if TYPE_CHECKING:
    from collections.abc import Iterator


class Applicant:
    """Counts its attempts."""

    attempts = 0

    def attempt(self) -> None:
        self.attempts += 1


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


def turns(reactor: Reactor, many: int) -> None:
    for _ in range(many):
        reactor.turn(0)


def test_so_many_at_a_time_and_one_in_each_turn(reactor: Reactor) -> None:
    admission, applicants = Admission(reactor), [Applicant() for _ in range(MAX_CONNECTING + 1)]
    for applicant in applicants:
        admission.request(cast("Any", applicant))
    for number in range(MAX_CONNECTING):
        reactor.turn(0)
        assert sum(one.attempts for one in applicants) == number + 1
    turns(reactor, 3)
    assert [one.attempts for one in applicants] == [1] * MAX_CONNECTING + [0]
    admission.leave(cast("Any", applicants[0]))
    turns(reactor, 3)
    assert [one.attempts for one in applicants] == [1] * (MAX_CONNECTING + 1)


def test_who_leaves_before_his_attempt_makes_none_and_later_one_alone(reactor: Reactor) -> None:
    admission, applicant = Admission(reactor), cast("Any", Applicant())
    admission.request(applicant)
    admission.leave(applicant)
    admission.request(applicant)
    turns(reactor, 4)
    assert applicant.attempts == 1
    admission.leave(applicant)
    assert applicant not in admission
