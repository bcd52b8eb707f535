"""Admission of attempts to connect: a limited number at a time, each of them once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from django_ami.core.cluster.admission import MAX_CONNECTING_SERVERS, SILENCE_SECONDS, Admission
from django_ami.core.reactor import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Applicant:
    """Counts its attempts."""

    attempts = 0

    def attempt(self) -> None:
        self.attempts += 1


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def turns(loop: Loop, many: int) -> None:
    for _ in range(many):
        loop.run_once(0)


def wait_for(loop: Loop, condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        loop.run_once(0.01)


def test_servers_are_admitted_up_to_the_limit_and_one_in_each_turn(loop: Loop) -> None:
    admission, applicants = (
        Admission(loop),
        [Applicant() for _ in range(MAX_CONNECTING_SERVERS + 1)],
    )
    for applicant in applicants:
        admission.request(cast("Any", applicant))
    for number in range(MAX_CONNECTING_SERVERS):
        loop.run_once(0)
        assert sum(one.attempts for one in applicants) == number + 1
    turns(loop, 3)
    assert [one.attempts for one in applicants] == [1] * MAX_CONNECTING_SERVERS + [0]
    admission.leave(cast("Any", applicants[0]))
    turns(loop, 3)
    assert [one.attempts for one in applicants] == [1] * (MAX_CONNECTING_SERVERS + 1)


def test_applicant_that_leaves_early_makes_no_attempt_and_one_after_it_returns(loop: Loop) -> None:
    admission, applicant = Admission(loop), cast("Any", Applicant())
    admission.request(applicant)
    admission.leave(applicant)
    admission.request(applicant)
    turns(loop, 4)
    assert applicant.attempts == 1
    admission.leave(applicant)
    assert applicant not in admission


def test_a_place_is_lost_by_silence_only_if_another_waits(loop: Loop) -> None:
    admission, applicants = (
        Admission(loop),
        [Applicant() for _ in range(MAX_CONNECTING_SERVERS + 2)],
    )
    for applicant in applicants[:MAX_CONNECTING_SERVERS]:
        admission.request(cast("Any", applicant))
    turns(loop, MAX_CONNECTING_SERVERS + 1)
    loud, silent = applicants[0], applicants[1]
    end = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < end:
        loop.run_once(0.01)
    turns(loop, 3)
    assert all(applicant in admission._inside for applicant in applicants[:MAX_CONNECTING_SERVERS])
    admission.heard(cast("Any", loud))
    for applicant in applicants[MAX_CONNECTING_SERVERS:]:
        admission.request(cast("Any", applicant))
    wait_for(loop, lambda: applicants[-1].attempts)
    assert applicants[-2].attempts == 1
    assert loud in admission._inside
    assert silent in admission
    assert silent not in admission._inside
    admission.leave(cast("Any", silent))
    assert silent not in admission


def test_applicant_keeps_its_place_while_news_of_it_arrive(loop: Loop) -> None:
    admission, applicants = (
        Admission(loop),
        [Applicant() for _ in range(MAX_CONNECTING_SERVERS + 1)],
    )
    for applicant in applicants:
        admission.request(cast("Any", applicant))
    end = time.monotonic() + 3 * SILENCE_SECONDS
    while time.monotonic() < end:
        loop.run_once(0.01)
        for applicant in applicants[:MAX_CONNECTING_SERVERS]:
            admission.heard(cast("Any", applicant))
    assert applicants[-1].attempts == 0
