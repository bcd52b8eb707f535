"""The reactor: wake-ups, order, timers, and that it sleeps when there is nothing to do."""

import contextlib
import logging
import math
import socket
import threading
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE, SelectorKey

import pytest

from django_ami.core.reactor import Reactor
from tests.core.io_support import PATIENCE, wait_until


class CountingReactor(Reactor):
    """Counts its turns."""

    turns = 0

    def turn(self, timeout: float | None = None, *, eager: bool = True) -> None:
        self.turns += 1
        super().turn(timeout, eager=eager)


@pytest.fixture
def reactor() -> Iterator[CountingReactor]:
    made = CountingReactor()
    yield made
    made.close()


@pytest.mark.parametrize("eager", [True, False])
def test_who_waits_for_an_answer_himself_is_eager(
    reactor: Reactor, eager: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def select(timeout: float, *, eager: bool = False) -> list[tuple[SelectorKey, int]]:
        told.append(eager)
        return []

    monkeypatch.setattr(reactor.sockets, "select", select)
    reactor.turn(0, eager=eager)
    assert told == [eager]


@contextlib.contextmanager
def turning(reactor: Reactor) -> Iterator[threading.Thread]:
    """The reactor turned by a thread of its own."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            reactor.turn()

    thread = threading.Thread(target=run, name="turning")
    thread.start()
    try:
        yield thread
    finally:
        reactor.call_soon(stopping.set)
        thread.join()


def test_a_call_from_another_thread_wakes_it(reactor: CountingReactor) -> None:
    with turning(reactor):
        for _ in range(100):  # asleep or on its way to bed: every time
            called = threading.Event()
            reactor.call_soon(called.set)
            assert called.wait(20)


def test_calls_keep_their_order(reactor: CountingReactor) -> None:
    seen: list[tuple[str, int]] = []

    def send(name: str) -> None:
        for number in range(1000):
            reactor.call_soon(lambda number=number: seen.append((name, number)))

    senders = [threading.Thread(target=send, args=(name,)) for name in "abcd"]
    with turning(reactor):
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wait_until(lambda: len(seen) == 4000)
    for name in "abcd":
        assert [number for who, number in seen if who == name] == list(range(1000))


def test_a_call_made_by_a_call_has_the_next_turn(reactor: CountingReactor) -> None:
    """Else a call that calls again would keep the sockets waiting for ever."""
    seen: list[int] = []

    def again() -> None:
        seen.append(reactor.turns)
        reactor.call_soon(again)

    reactor.call_soon(again)
    for _ in range(3):
        reactor.turn(0)
    assert seen == [1, 2, 3]


def test_timers_run_in_the_order_of_their_times(reactor: CountingReactor) -> None:
    seen: list[str] = []
    start = reactor.now
    for name, after in (("c", 0.03), ("a", 0.01), ("b", 0.02), ("b2", 0.02)):
        reactor.call_at(start + after, lambda name=name: seen.append(name))
    wait_until(lambda: reactor.turn() or len(seen) == 4)
    assert seen == ["a", "b", "b2", "c"]
    assert reactor.now >= start + 0.03


def test_a_timer_that_a_call_sets_for_now_has_the_same_turn(reactor: CountingReactor) -> None:
    """Whoever waits would wait for a rest otherwise."""
    seen: list[str] = []

    def call() -> None:
        seen.append("call")
        reactor.call_at(reactor.now, lambda: seen.append("timer"))

    reactor.call_soon(call)
    reactor.turn(0)
    assert seen == ["call", "timer"]


def test_a_cancelled_timer_is_not_called(reactor: CountingReactor) -> None:
    seen: list[str] = []
    first = reactor.call_at(reactor.now, lambda: seen.append("cancelled"))
    by_an_earlier_one = reactor.call_at(reactor.now + 0.002, lambda: seen.append("cancelled"))
    reactor.call_at(reactor.now + 0.001, by_an_earlier_one.cancel)
    reactor.call_at(reactor.now + 0.003, lambda: seen.append("kept"))
    first.cancel()
    wait_until(lambda: reactor.turn() or seen)
    assert seen == ["kept"]


@pytest.mark.parametrize("kind", ["call", "timer", "socket"])
def test_a_callback_that_raises_stops_nothing(
    reactor: CountingReactor, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(kind)

    seen: list[str] = []
    left, right = socket.socketpair()
    with left, right:
        left.send(b"x")
        if kind == "call":
            reactor.call_soon(fail)
        elif kind == "timer":
            reactor.call_at(reactor.now, fail)
        else:
            reactor.sockets.watch(right.fileno(), EVENT_READ, fail)
        reactor.call_at(reactor.now, lambda: seen.append("timer"))
        reactor.call_soon(lambda: seen.append("call"))
        with caplog.at_level(logging.ERROR):
            reactor.turn(0)  # the calls
            reactor.turn(0)  # the sockets and the timers
        reactor.sockets.unwatch(right.fileno())
    assert sorted(seen) == ["call", "timer"]
    assert "ZeroDivisionError" in caplog.text


def test_idle_it_sleeps_and_does_not_turn(reactor: CountingReactor) -> None:
    left, right = socket.socketpair()
    done = threading.Event()
    with left, right:
        reactor.sockets.watch(right.fileno(), EVENT_READ, lambda _: None)  # nothing ever comes
        reactor.call_at(reactor.now + 0.3, done.set)
        with turning(reactor):
            assert done.wait(20)
            turns = reactor.turns
        reactor.sockets.unwatch(right.fileno())
    # One that sleeps until the timer, and one that has just begun; a tick of 10 ms would have made 30.
    assert turns <= 3


def test_a_wake_up_is_used_up(reactor: CountingReactor) -> None:
    """A byte left in the wake-up's socket would make every later turn return at once."""
    done = threading.Event()
    with turning(reactor):
        woken = threading.Event()
        reactor.call_soon(woken.set)
        assert woken.wait(20)
        before = reactor.turns
        reactor.call_soon(lambda: reactor.call_at(reactor.now + 0.2, done.set))
        assert done.wait(20)
        assert reactor.turns - before <= 6


def test_many_calls_are_one_wake_up(reactor: CountingReactor) -> None:
    """Called while nobody sleeps, no byte is written: the socket of the wake-up cannot fill up."""
    seen: list[int] = []
    for number in range(10_000):
        reactor.call_soon(lambda number=number: seen.append(number))
    reactor.turn()
    assert seen == list(range(10_000))


def test_watching_again_changes_what_is_waited_for(reactor: CountingReactor) -> None:
    seen: list[int] = []
    left, right = socket.socketpair()
    with left, right:
        reactor.sockets.watch(right.fileno(), EVENT_READ, lambda _: seen.append(EVENT_READ))
        reactor.turn(0)
        assert seen == []
        reactor.sockets.watch(right.fileno(), EVENT_READ | EVENT_WRITE, seen.append)
        reactor.turn(0)
        assert seen == [EVENT_WRITE]
        reactor.sockets.unwatch(right.fileno())
        reactor.turn(0)
        assert seen == [EVENT_WRITE]
        reactor.sockets.unwatch(right.fileno())  # twice is harmless


def test_no_rest_while_there_is_more_to_do(reactor: CountingReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_ami.core.reactor.sockets.LONGEST_TURN", 0)
    monkeypatch.setattr("django_ami.core.reactor.reactor.REST", 3600)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            ours, theirs = (stack.enter_context(sock) for sock in socket.socketpair())
            theirs.send(b"never read: it is always ready")
            reactor.sockets.watch(ours.fileno(), EVENT_READ, lambda _: reactor.has_read(events=True, more=False))
        reactor.turn(0)
        reactor.rest()  # one is left
        reactor.sockets.unwatch(ours.fileno())
        reactor.sockets.watch(ours.fileno(), EVENT_READ, lambda _: reactor.has_read(events=True, more=True))
        monkeypatch.setattr("django_ami.core.reactor.sockets.LONGEST_TURN", 3600)
        reactor.turn(0)
        reactor.rest()  # it has not read everything


def test_who_leads_leaves_when_it_is_over_and_the_rest_to_its_own_thread(
    reactor: CountingReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others bring is not his business: it is served behind him, and not when a rest is over."""
    monkeypatch.setattr("django_ami.core.reactor.reactor.REST", 3600)
    served: list[tuple[str, str]] = []

    def serve(name: str, sock: socket.socket) -> None:
        sock.recv(1)
        served.append((name, threading.current_thread().name))
        reactor.sockets.hurry(sock.fileno(), 0)
        reactor.has_read(events=True, more=False)

    with contextlib.ExitStack() as stack:
        pairs = {name: socket.socketpair() for name in ("first", "other", "urgent")}
        for name, (ours, theirs) in pairs.items():
            stack.enter_context(ours)
            stack.enter_context(theirs)
            reactor.sockets.watch(ours.fileno(), EVENT_READ, lambda _, name=name, sock=ours: serve(name, sock))
        own = threading.Thread(target=reactor.run, name="own")
        own.start()
        try:
            pairs["first"][1].send(b"x")
            wait_until(lambda: served and reactor._resting)
            for name in ("other", "urgent"):
                pairs[name][1].send(b"x")
            reactor.sockets.hurry(pairs["urgent"][0].fileno(), 1)
            assert reactor.lead(lambda: ("urgent", threading.current_thread().name) in served, 20)
            wait_until(lambda: len(served) == 3)
        finally:
            reactor.stopping = True
            reactor.call_soon(lambda: None)
            own.join()
    assert served == [("first", "own"), ("urgent", threading.current_thread().name), ("other", "own")]


def test_it_knows_its_thread(reactor: CountingReactor) -> None:
    seen: list[bool] = []
    with turning(reactor):
        reactor.call_soon(lambda: seen.append(reactor.in_thread))
        wait_until(lambda: seen)
        assert not reactor.in_thread
    assert seen == [True]


def test_closing_runs_the_calls_that_are_left() -> None:
    reactor = Reactor()
    seen: list[str] = []
    reactor.call_soon(lambda: seen.append("left"))
    reactor.close()
    assert seen == ["left"]


def test_a_call_after_the_end_is_harmless() -> None:
    reactor = Reactor()
    reactor.close()
    reactor.call_soon(lambda: None)


# --- its own thread on watch ---


@pytest.fixture
def watching(reactor: CountingReactor) -> Iterator[CountingReactor]:
    """One whose own thread sleeps, and does not hold the turn."""
    own = threading.Thread(target=reactor.run, name="own")
    own.start()
    wait_until(lambda: reactor._on_watch)
    yield reactor
    reactor.stopping = True
    reactor.call_soon(lambda: None)
    own.join(PATIENCE)
    assert not own.is_alive()


def test_on_watch_it_sleeps_and_does_not_turn(watching: CountingReactor) -> None:
    done = threading.Event()
    watching.call_soon(lambda: watching.call_at(watching.now + 0.3, done.set) and None)
    assert done.wait(PATIENCE)
    # The call, the sockets that woke it for it, and the timer.
    assert watching.turns <= 6


@pytest.mark.parametrize("how", ["call_soon", "call_lazily", "call_here"])
def test_a_call_is_made_at_once_though_it_is_on_watch(watching: CountingReactor, how: str) -> None:
    seen: list[str] = []
    getattr(watching, how)(lambda: seen.append(threading.current_thread().name))
    wait_until(lambda: seen)
    assert seen == [threading.current_thread().name if how == "call_here" else "own"]


def test_a_call_here_keeps_its_place(watching: CountingReactor) -> None:
    seen: list[str] = []
    with watching._turning:
        watching.call_here(lambda: seen.append("first"))
        watching.call_lazily(lambda: seen.append("second"))
        assert seen == []
    watching.call_here(lambda: seen.append("third"))
    wait_until(lambda: len(seen) == 3)
    assert seen == ["first", "second", "third"]


@pytest.mark.parametrize("what", ["a call that came too late for him", "a timer that is due before it would wake"])
def test_what_a_leader_leaves_behind_is_done(watching: CountingReactor, what: str) -> None:
    seen: list[str] = []

    def done() -> None:
        seen.append(threading.current_thread().name)

    def leave_behind() -> None:
        if what.startswith("a call"):
            watching._calls.append(done)
        else:
            watching.call_at(watching.now + 0.05, done)

    watching.call_here(leave_behind)
    wait_until(lambda: seen)
    assert seen == ["own"]


def test_who_wakes_while_somebody_leads_sleeps_on(watching: CountingReactor) -> None:
    seen: list[str] = []

    def done() -> None:
        seen.append(threading.current_thread().name)

    watching.call_soon(lambda: watching.call_at(watching.now + 1, done) and None)
    wait_until(lambda: watching._on_watch and watching._watch_ends < math.inf)
    ends = watching._watch_ends + 0.1
    assert watching.lead(lambda: watching.now >= ends, 1.3)
    assert watching._on_watch
    assert seen == [threading.current_thread().name]
    # It still hears of what is due before it would wake.
    watching.call_here(lambda: watching.call_at(watching.now + 0.05, done) and None)
    wait_until(lambda: len(seen) == 2)
    assert seen[1] == "own"


def test_calls_here_do_not_prolong_a_rest(watching: CountingReactor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes them looks at no socket."""
    monkeypatch.setattr("django_ami.core.reactor.reactor.REST", 1)
    watching.call_soon(lambda: setattr(watching, "_wanted", True))
    wait_until(lambda: watching._resting)
    calling = threading.Event()

    def call() -> None:
        while not calling.wait(0.005):
            watching.call_here(lambda: None)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        wait_until(lambda: not watching._resting)
    finally:
        calling.set()
        caller.join()


def test_once_it_stops_no_call_is_made_here(reactor: CountingReactor) -> None:
    """Its own thread may be closing it."""
    seen: list[str] = []
    reactor.stopping = True
    reactor.call_here(lambda: seen.append("call"))
    assert seen == []
    reactor.close()
    assert seen == ["call"]


def test_a_leader_who_ends_it_ends_its_own_thread(reactor: CountingReactor) -> None:
    own = threading.Thread(target=reactor.run)
    own.start()
    wait_until(lambda: reactor._on_watch)

    def stop() -> None:
        reactor.stopping = True

    reactor.call_here(stop)
    own.join(PATIENCE)
    assert not own.is_alive()


def test_what_comes_while_somebody_leads_wakes_him_alone(watching: CountingReactor) -> None:
    served: list[str] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def serve(_events: int) -> None:
            ours.recv(1)
            served.append(threading.current_thread().name)

        def ring() -> None:
            wait_until(lambda: watching._led and watching._asleep)
            theirs.send(b"x")

        watching.call_here(lambda: watching.sockets.watch(ours.fileno(), EVENT_READ, serve))
        ringing = threading.Thread(target=ring)
        ringing.start()
        turns = watching.turns
        assert watching.lead(lambda: bool(served), PATIENCE)
        ringing.join()
        assert watching._on_watch
        assert watching.turns - turns <= 2, "its own thread has turned, too"
        theirs.send(b"x")
        wait_until(lambda: len(served) == 2)
        watching.call_here(lambda: watching.sockets.unwatch(ours.fileno()))
    assert served == [threading.current_thread().name, "own"]


def test_eyes_that_a_leader_has_not_opened_are_opened_by_its_own_thread(watching: CountingReactor) -> None:
    """He may be interrupted by an exception wherever he is."""
    served: list[bytes] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def forget() -> None:
            watching.sockets.watch(ours.fileno(), EVENT_READ, lambda _: served.append(ours.recv(1)))
            assert watching._lookout is not None
            watching._relieved = True
            watching._lookout.close_eyes()

        watching.call_soon(forget)
        wait_until(lambda: not watching._calls and watching._on_watch)
        theirs.send(b"x")
        wait_until(lambda: served)
        watching.call_here(lambda: watching.sockets.unwatch(ours.fileno()))
