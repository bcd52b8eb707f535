"""Heartbeat, back-off, circuit breaker: all with a clock that the test holds."""

from __future__ import annotations

from random import Random

import pytest

from django_ami.core.health import Backoff, CircuitBreaker, Heartbeat

# --- heartbeat ---


def hear(heart: Heartbeat, now: float, size: int = 0) -> None:
    heart.last_received = now
    heart.received_bytes += size


def answer(heart: Heartbeat, now: float) -> None:
    hear(heart, now)
    heart.last_answer = now
    heart.answers += 1


@pytest.mark.parametrize(
    ("interval", "read_timeout", "ping_at"),
    [(15, 30, 15), (60, 30, 15), (1, 30, 1), (30, 30, 15)],
)
def test_a_ping_is_due_early_enough_to_be_answered(interval, read_timeout, ping_at):
    heart = Heartbeat(interval, read_timeout, now=100)
    assert heart.next_deadline() == 100 + ping_at
    assert not heart.ping_due(100 + ping_at - 0.1)
    assert heart.ping_due(100 + ping_at)


def test_one_ping_until_an_answer_comes():
    heart = Heartbeat(15, 30, now=0)
    heart.pinged(15)
    assert not heart.ping_due(20)
    hear(heart, 21)
    assert not heart.ping_due(40)
    answer(heart, 41)
    assert not heart.ping_due(55)
    assert heart.ping_due(56)


def test_a_server_that_talks_is_asked_all_the_same():
    heart = Heartbeat(15, 30, now=0)
    for now in range(15):
        hear(heart, now)
    assert heart.next_deadline() == 15
    assert heart.ping_due(15)


@pytest.mark.parametrize(
    ("busy_until", "lost_at"),
    [(None, 30), (10, 30), (30, 30), (75, 75)],
)
def test_a_silence_counts_from_the_end_of_what_the_server_may_be_doing(busy_until, lost_at):
    heart = Heartbeat(15, 30, now=0)
    heart.pinged(15)
    assert heart.next_deadline(lambda: busy_until) == lost_at
    assert not heart.lost(lost_at - 0.1, busy_until)
    assert heart.lost(lost_at, busy_until)


def test_a_message_is_a_sign_of_life_but_no_answer():
    heart = Heartbeat(15, 30, now=0)
    heart.pinged(15)
    hear(heart, 29)
    assert not heart.lost(44.9)
    assert heart.lost(45), "the Ping was not answered within the read timeout, whatever else came"
    answer(heart, 45)
    assert not heart.lost(1000)


def test_no_server_is_lost_unasked():
    heart = Heartbeat(15, 30, now=0)
    assert not heart.lost(3600)
    assert heart.ping_due(3600)
    assert heart.patience(3600) == 15
    heart.pinged(3600)
    assert not heart.lost(3614.9)
    assert heart.lost(3615)


def test_a_flood_gives_a_ping_time_to_be_answered():
    heart = Heartbeat(15, 30, now=0)
    hear(heart, 14, 10**9)  # before the Ping
    heart.pinged(15)
    for now in range(16, 75):
        hear(heart, now, 1_000_000)
        assert not heart.lost(now)
    assert heart.lost(105), "then it falls silent"
    hear(heart, 105, 1)
    assert heart.next_deadline() == 135


@pytest.mark.parametrize(("busy_until", "lost_at"), [(None, 60), (80, 80)])
def test_a_server_that_is_seen_to_be_busy_is_excused_once(busy_until, lost_at):
    heart = Heartbeat(15, 30, now=0)
    heart.pinged(15)
    heart.excuse(30)
    assert heart.next_deadline(lambda: busy_until) == lost_at
    heart.excuse(59)
    assert heart.next_deadline(lambda: busy_until) == lost_at
    answer(heart, 60)
    heart.excuse(60)
    heart.pinged(75)
    assert heart.next_deadline() == 90


def test_overslept_session_asks_again_once():
    heart = Heartbeat(15, 30, now=0)
    heart.overslept()
    heart.pinged(15)
    heart.overslept()
    assert heart.ping_due(1000)
    assert not heart.lost(1000)
    heart.pinged(1000)
    heart.overslept()
    assert heart.lost(1015)


# --- back-off ---


class Highest(Random):
    """Draws the upper end always."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(Random):
    def uniform(self, a: float, b: float) -> float:
        return a


def test_the_first_pauses_are_short_and_later_ones_a_quarter_of_the_outage():
    backoff = Backoff(1, 30, random=Highest())
    assert [backoff.next_delay(now) for now in (100, 101, 104, 108, 120, 180, 220, 10**9)] == [
        1,
        1,
        1,
        2,
        5,
        20,
        30,
        30,
    ]


def test_backoff_begins_anew_after_a_reset():
    backoff = Backoff(1, 30, random=Highest())
    assert [backoff.next_delay(now) for now in (0, 100)] == [1, 25]
    backoff.reset()
    assert backoff.next_delay(101) == 1


@pytest.mark.parametrize(
    ("up", "pause"),
    [(0, 15), (0.1, 14.975), (20, 10), (40, 5), (49.9, 2.525), (50, 1), (59.9, 1), (1000, 1)],
)
def test_a_connection_makes_good_for_as_much_of_the_outage_as_it_was_ready_or_for_all(up, pause):
    backoff = Backoff(1, 30, stable_after=50, random=Highest())
    backoff.next_delay(0)
    backoff.was_ready(up, now=60 + up)
    assert backoff.next_delay(60 + up) == pytest.approx(pause)


def test_an_outage_of_hours_is_made_good_for_like_one_of_the_longest_pause():
    backoff = Backoff(1, 30, stable_after=1000, random=Highest())
    backoff.next_delay(0)
    backoff.was_ready(60, now=10_000)
    assert backoff.next_delay(10_000) == 15  # 120 s without the 60


def test_without_an_outage_there_is_nothing_to_make_good_for():
    backoff = Backoff(1, 30, random=Highest())
    backoff.was_ready(5, now=5)
    assert backoff.next_delay(5) == 1


def test_no_pause_is_nothing_and_none_is_over_the_most():
    assert Backoff(1, 30, random=Lowest()).next_delay(0) == 0.05
    assert Backoff(0.01, 30, random=Lowest()).next_delay(0) == 0.01


def test_full_jitter_spreads_over_the_whole_span():
    delays = [Backoff(8, 30, random=Random(seed)).next_delay(0) for seed in range(400)]
    for quarter in range(4):
        assert 60 <= sum(2 * quarter <= delay < 2 * quarter + 2 for delay in delays) <= 140


def test_the_long_pause_is_never_shorter_than_was_asked_for_and_not_the_same_for_all():
    delays = [Backoff(1, 30, random=Random(seed)).long_delay(300) for seed in range(400)]
    assert 300 <= min(delays) < 305
    assert 445 < max(delays) <= 450


# --- circuit breaker ---


def test_the_circuit_opens_after_so_many_failures_in_a_row():
    breaker = CircuitBreaker(2)
    breaker.failed(0)
    assert not breaker.open
    breaker.failed(0)
    assert breaker.open
    breaker.succeeded()
    assert (breaker.open, breaker.failures) == (False, 0)


def test_failures_in_quick_succession_open_it_no_sooner():
    breaker = CircuitBreaker(3, apart=1)
    for now in (0, 0.1, 0.9, 1.0, 1.5, 1.99):
        breaker.failed(now)
    assert (breaker.open, breaker.failures) == (False, 6)
    breaker.failed(2)
    assert breaker.open
