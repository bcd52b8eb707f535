"""The keeper of leases, on a table that the test plays: late answers, errors, and the end."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.lease import Lease
from django_ami.operations.conf import options_of
from django_ami.operations.keeper import Keeper
from django_ami.operations.leases import Seen, Unheard
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.django_db(transaction=True)


class PlayedTable:
    """One lease. Its answers come when ``answers`` is set; ``error`` is raised instead of one."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.error: Exception | None = None
        self.seen = Seen(6, "other", "elsewhere", -1.0, 5.0)
        self.mine = True
        self.renewals = 0
        self.released: list[Unheard | None] = []
        self.known = (0, 0.0)
        self.asked_by: str | None = None
        self.looks = self.failures = 0
        self.fails_every_other_time = False

    def _answer(self) -> None:
        self.answers.wait(DEADLINE_SECONDS)
        if self.error is not None:
            self.failures += 1
            raise self.error

    def look(self, server: str, known: int = 0, seconds: float = 0.0) -> Seen:
        self._answer()
        self.looks += 1
        if self.fails_every_other_time and self.looks % 2:
            raise OSError("no route")
        self.known = known, seconds
        return self.seen

    def acquire(self, server: str, token: int, seconds: float) -> bool:
        self._answer()
        return True

    def renew(
        self,
        server: str,
        token: int,
        seconds: float,
        unheard: Unheard | None,
        *,
        unasked: bool = False,
    ) -> bool:
        self.renewals += 1
        self._answer()
        return self.mine and not (unasked and self.asked_by)

    def release(self, server: str, token: int, unheard: Unheard | None) -> bool:
        self.released.append(unheard)
        return True

    def handover_requested_by(self, server: str, token: int) -> str | None:
        return self.asked_by


class Kept:
    """A keeper, and its calls."""

    def __init__(self, **options: object) -> None:
        self.table = PlayedTable()
        self.gained: list[tuple[int, float | None]] = []
        self.lost: list[int] = []
        self.changed = 0
        self.delivered_until: float | None = None
        self.asked: list[tuple[int, str]] = []
        self.queued = 0
        self.handed_over: list[int] = []
        self.keeper = Keeper(
            self.table,  # type: ignore[arg-type]
            options_of({"lease_timeout": 0.6, "standby_interval": 0.05, **options}),
            delivered_until=lambda _: self.delivered_until,
            gained=lambda lease, heard_until: self.gained.append((lease.token, heard_until)),
            lost=lambda lease: self.lost.append(lease.token),
            changed=self._count,
            asked=lambda lease, by: self.asked.append((lease.token, by)),
            queued=lambda _: self.queued,
            handed_over=lambda lease: self.handed_over.append(lease.token),
        )

    def _count(self) -> None:
        self.changed += 1

    @property
    def lease(self) -> Lease:
        lease = self.keeper.get("node_1")
        assert lease is not None
        return lease


@contextmanager
def keeping(**options: object) -> Iterator[Kept]:
    kept = Kept(**options)
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        yield kept


def test_lease_is_got_when_it_is_free_with_what_was_delivered_before() -> None:
    with keeping(lease_timeout=60) as kept:
        wait_until(lambda: kept.gained)
        ((token, heard_until),) = kept.gained
        assert token == 7
        assert heard_until is not None
        assert 5 <= time.monotonic() - heard_until < 5 + DEADLINE_SECONDS
        assert kept.lease.valid
        assert 0 < kept.lease.left <= 40  # the margin is off


def test_lease_is_not_asked_for_while_another_has_it() -> None:
    kept = Kept()
    kept.table.seen = Seen(6, "other", "elsewhere", 0.01, None)
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: "node_1" in kept.keeper.seen)
        assert kept.gained == []
        kept.table.seen = Seen(6, "other", "elsewhere", 0.0, None)
        wait_until(lambda: kept.gained == [(7, None)])


def test_answer_that_comes_late_extends_nothing() -> None:
    """The time of sending counts: the database may have answered at once."""
    with keeping() as kept:
        wait_until(lambda: kept.gained)
        kept.table.answers.clear()
        before = kept.table.renewals
        wait_until(lambda: kept.table.renewals > before and not kept.lease.valid)
        late = kept.lease
        kept.table.answers.set()
        wait_until(lambda: kept.table.renewals > before + 1)
        # The one that was answered late had been sent more than a lease ago. A later one counts.
        wait_until(lambda: late.valid)
        wait_until(lambda: kept.changed == 1)
        assert kept.lost == []


@pytest.mark.slow
def test_answers_that_all_come_late_never_make_a_lease_valid() -> None:
    kept = Kept(renew_interval=0.3)
    renew = kept.table.renew

    def renew_late(
        server: str, token: int, seconds: float, unheard: Unheard | None, **unasked: bool
    ) -> bool:
        threading.Event().wait(0.5)  # longer than the lease less its margin
        return renew(server, token, seconds, unheard, **unasked)

    kept.table.renew = renew_late  # type: ignore[method-assign]
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: kept.table.renewals >= 3)
        assert not kept.lease.valid
        assert (kept.changed, kept.lost) == (0, [])


def test_lease_that_is_got_late_is_not_valid() -> None:
    kept = Kept(renew_interval=0.3)
    kept.table.answers.clear()
    acquire = kept.table.acquire

    def acquire_late(server: str, token: int, seconds: float) -> bool:
        threading.Event().wait(0.5)  # longer than the lease less its margin
        return acquire(server, token, seconds)

    kept.table.acquire = acquire_late  # type: ignore[method-assign]
    valid_at_once: list[bool] = []
    kept.keeper._gained = lambda lease, _: valid_at_once.append(lease.valid)
    kept.table.answers.set()
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: valid_at_once)
    assert valid_at_once == [False]


def test_error_is_no_answer_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with keeping() as kept:
        wait_until(lambda: kept.gained)
        kept.table.error = OSError("no route")
        wait_until(lambda: not kept.lease.valid)
        assert kept.lost == []
        lines = [one.getMessage() for one in caplog.records]
        (line,) = [one for one in lines if "does not answer for the lease" in one]
        assert "OSError: no route" in line
        kept.table.error = None
        wait_until(lambda: kept.lease.valid)
        wait_until(lambda: "answers for leases again" in caplog.text)


def test_lease_that_another_has_had_is_over_for_good() -> None:
    with keeping() as kept:
        wait_until(lambda: kept.gained)
        lease = kept.lease
        kept.table.seen = Seen(8, "other", "elsewhere", 60.0, None)
        kept.table.mine = False
        wait_until(lambda: kept.lost == [7])
        assert not lease.valid
        assert kept.keeper.get("node_1") is None


def test_lease_is_given_back_at_the_end_and_when_its_server_is_removed() -> None:
    with keeping(lease_timeout=60) as kept:
        wait_until(lambda: kept.gained)
        kept.delivered_until = time.monotonic() - 2.0
        lease = kept.lease
        kept.keeper.follow([])
        wait_until(lambda: kept.table.released)
        assert not lease.valid
        kept.keeper.follow(["node_1"])
        wait_until(lambda: len(kept.gained) == 2, 10, what="not after a renewal's time")
    assert len(kept.table.released) == 2
    assert all(unheard is not None and unheard.ago >= 2.0 for unheard in kept.table.released)


def test_lease_that_seems_over_too_early_is_not_taken_before_its_time_here() -> None:
    """The clock of the database was set forward, or it has forgotten a renewal."""
    kept = Kept(lease_timeout=60)
    kept.table.seen = Seen(6, "other", "elsewhere", 1.5, None)
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: "node_1" in kept.keeper.seen)
        seen_at = time.monotonic()
        kept.table.seen = Seen(6, "other", "elsewhere", -3600.0, None)
        wait_until(lambda: kept.gained)
        assert time.monotonic() - seen_at > 1.0


@contextmanager
def standing_by_without_a_database(**options: object) -> Iterator[Kept]:
    """A keeper that has seen the lease of another, and whose database answers no more."""
    kept = Kept(**options)
    kept.table.seen = Seen(6, "other", "elsewhere", 0.01, None)
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: "node_1" in kept.keeper.seen)
        failures = kept.table.failures
        kept.table.error = OSError("no route")
        wait_until(lambda: kept.table.failures > failures)
        yield kept


def test_holder_goes_first_when_the_database_answers_again() -> None:
    """It was without the database, too, and has the events of that time in its queue."""
    with standing_by_without_a_database(lease_timeout=60) as kept:
        kept.table.seen = Seen(6, "other", "elsewhere", -20.0, None)
        kept.table.error = None
        looks = kept.table.looks
        wait_until(lambda: kept.table.looks > looks + 5)
        assert kept.gained == []
        kept.table.seen = Seen(6, "other", "elsewhere", 0.01, None)  # it has renewed
        looks = kept.table.looks
        wait_until(lambda: kept.table.looks > looks + 2)
        kept.table.seen = Seen(6, "other", "elsewhere", -1.0, None)
        wait_until(lambda: kept.gained)


def test_holder_goes_first_once_also_if_the_database_fails_again_and_again() -> None:
    with standing_by_without_a_database(lease_timeout=1.0) as kept:
        kept.table.seen = Seen(6, "other", "elsewhere", -20.0, None)
        kept.table.error, answered_at = None, time.monotonic()
        kept.table.fails_every_other_time = True
        wait_until(lambda: kept.gained)
        assert time.monotonic() - answered_at > 0.4


def test_holder_goes_first_behind_a_database_that_took_no_writes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failover to a replica that is not promoted yet: it tells of leases, and gives none."""
    kept = Kept(lease_timeout=2.0, lease_margin=0.5, renew_interval=0.5)
    kept.table.seen = Seen(6, "other", "elsewhere", 0.01, None)
    refusals = list[float]()

    def refuse(*_: object) -> bool:
        refusals.append(time.monotonic())
        raise OSError("cannot execute UPDATE in a read-only transaction")

    acquire, kept.table.acquire = kept.table.acquire, refuse  # type: ignore[method-assign]
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: kept.table.looks)
        kept.table.seen = Seen(6, "other", "elsewhere", -0.01, None)
        wait_until(lambda: len(refusals) >= 3)
        kept.table.acquire = acquire  # type: ignore[method-assign]
        wait_until(lambda: kept.gained)
    # Half of a lease, and how often a standby looks.
    assert all(other - one >= 1.05 for one, other in pairwise(refusals))
    told = [one.getMessage() for one in caplog.records if "database" in one.msg]
    assert len(told) == 2, told


def test_lease_that_is_given_back_is_taken_before_its_time_is_over() -> None:
    kept = Kept(lease_timeout=3600)
    kept.table.seen = Seen(6, "other", "elsewhere", 3600.0, None)
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: "node_1" in kept.keeper.seen)
        kept.table.seen = Seen(6, "", "elsewhere", 0.0, None)
        wait_until(lambda: kept.gained)


def test_database_is_told_when_all_was_delivered_only_if_the_renewal_before_was_confirmed() -> None:
    kept = Kept()
    renew, given = kept.table.renew, list[tuple[bool, Unheard | None]]()

    def note(*arguments: Any, **unasked: bool) -> bool:
        given.append((kept.table.failures > 0, arguments[3]))
        return renew(*arguments, **unasked)

    kept.table.renew = note  # type: ignore[method-assign]
    kept.delivered_until = time.monotonic()
    with closing(kept.keeper):
        kept.keeper.follow(["node_1"])
        kept.keeper.start()
        wait_until(lambda: len(given) >= 3)
        kept.table.error = OSError("no route")
        wait_until(lambda: kept.table.failures)
        kept.table.error = None
        wait_until(lambda: given[-1][0] and given[-1][1] is not None)
    assert all(heard is not None and heard.before_end > heard.ago for _, heard in given[:3])
    assert next(heard for behind, heard in given if behind) is None


def test_database_is_told_the_highest_token_and_gaps_begin_where_they_did() -> None:
    with keeping() as kept:
        wait_until(lambda: kept.gained)
        kept.delivered_until = time.monotonic()
        kept.table.seen = Seen(3, "", "", 0.0, None)  # older, and nobody was ever heard
        kept.table.mine = False
        wait_until(lambda: len(kept.gained) == 2)
        assert kept.table.known == (7, 0.6)
        assert kept.gained[1] == (4, kept.delivered_until)


def test_lease_that_is_asked_for_goes_when_its_events_are_delivered() -> None:
    with keeping(lease_timeout=60, renew_interval=0.05) as kept:
        wait_until(lambda: kept.gained)
        lease, kept.queued = kept.lease, 3
        kept.table.asked_by = "root"
        wait_until(lambda: kept.asked)
        renewals = kept.table.renewals
        wait_until(lambda: kept.table.renewals > renewals + 5)  # it is kept meanwhile
        assert lease.valid
        assert (kept.table.released, kept.handed_over) == ([], [])
        kept.queued = 0
        wait_until(lambda: kept.handed_over == [7])
        assert not lease.valid
        assert len(kept.table.released) == 1
        assert kept.asked == [(7, "root")]


def test_lease_that_is_asked_for_goes_after_a_lease_timeout_whatever_waits() -> None:
    with keeping(lease_timeout=1.0) as kept:
        wait_until(lambda: kept.gained)
        kept.queued = 3
        kept.table.asked_by = "root"
        wait_until(lambda: kept.asked)
        asked_at = time.monotonic()
        wait_until(lambda: kept.handed_over == [7])
        assert time.monotonic() - asked_at > 0.9


def test_holder_that_has_handed_over_lets_others_go_first() -> None:
    with keeping(lease_timeout=1.0) as kept:
        wait_until(lambda: kept.gained)
        kept.table.asked_by = "root"
        wait_until(lambda: kept.handed_over)
        handed_over_at, kept.table.asked_by = time.monotonic(), None
        wait_until(lambda: len(kept.gained) == 2)  # nobody else has taken it
        assert time.monotonic() - handed_over_at > 0.9


def test_lease_of_a_server_that_is_removed_and_added_is_given_back_and_got_again() -> None:
    """By two reloads while the database hangs: its events were turned off, and come with a gain."""
    with keeping(lease_timeout=60, renew_interval=0.1) as kept:
        wait_until(lambda: kept.gained)
        kept.table.answers.clear()
        before = kept.table.renewals
        wait_until(lambda: kept.table.renewals > before)
        kept.keeper.follow([])
        kept.keeper.follow(["node_1"])
        kept.table.answers.set()
        wait_until(lambda: len(kept.gained) == 2)
        assert len(kept.table.released) == 1
        renewed = kept.table.renewals
        wait_until(lambda: kept.table.renewals > renewed + 1)
        assert (len(kept.gained), len(kept.table.released)) == (2, 1)
