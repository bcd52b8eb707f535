"""In which order the addresses of a server are tried."""

from __future__ import annotations

from django_ami.core.cluster.preference import Preference
from tests.core.io_support import addresses

A, B, C = addresses(("192.0.2.1", 5038), ("192.0.2.2", 5038), ("192.0.2.3", 5038))


def test_at_first_the_resolver_orders_and_no_address_comes_twice() -> None:
    assert Preference().order([B, A, B, C]) == [B, A, C]


def test_the_one_that_worked_last_goes_first() -> None:
    preference = Preference()
    preference.worked(B)
    preference.worked(C)
    assert preference.order([A, B, C]) == [C, A, B]


def test_the_one_that_failed_goes_behind_and_failures_are_compared() -> None:
    preference = Preference()
    preference.failed(A)
    assert preference.order([A, B, C]) == [B, C, A]
    for address in (B, B, C):
        preference.failed(address)
    assert preference.order([A, B, C]) == [A, C, B]


def test_one_that_worked_and_fails_is_as_any_other_that_failed() -> None:
    preference = Preference()
    preference.worked(B)
    preference.failed(B)
    assert preference.order([A, B]) == [A, B]
    assert preference.order([B, A]) == [A, B]
    preference.failed(A)
    assert preference.order([B, A]) == [B, A]


def test_success_forgives_the_others() -> None:
    preference = Preference()
    for address in (A, A, B):
        preference.failed(address)
    preference.worked(C)
    assert preference.order([A, B, C]) == [C, A, B]


def test_an_address_that_is_gone_is_forgotten() -> None:
    preference = Preference()
    preference.failed(A)
    preference.order([B])
    assert preference.order([A, B]) == [A, B]
