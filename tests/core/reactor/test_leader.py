"""Which thread runs the loop: the reactor thread, which sleeps and pauses, or a leader."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from selectors import EVENT_READ
from typing import Any

import pytest

from django_ami.core.reactor import Leader, Loop, Traffic, When, pause, spin
from django_ami.core.reactor import priority as priorities
from django_ami.core.reactor.leader import Phase
from tests.core.io_support import PATIENCE_SECONDS, wait_until


class CountingLoop(Loop):
    """Counts its turns."""

    turns = 0

    def run_once(self, timeout: float | None = None, **more: Any) -> bool:
        self.turns += 1
        return super().run_once(timeout, **more)


@pytest.fixture
def loop() -> CountingLoop:
    return CountingLoop()


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def leader(loop: Loop, traffic: Traffic) -> Iterator[Leader]:
    made = Leader(loop, traffic, is_behind=lambda: False, on_interruption=lambda: None)
    yield made
    made.close()


@contextlib.contextmanager
def running(leader: Leader, loop: Loop) -> Iterator[threading.Thread]:
    """The reactor thread of a leader."""
    thread = threading.Thread(target=leader.run, name="reactor")
    thread.start()
    try:
        yield thread
    finally:

        def stop() -> None:
            leader.stopping = True

        leader.call_soon(stop)
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def sleeping(leader: Leader, loop: CountingLoop) -> Iterator[Leader]:
    """One whose reactor thread sleeps, and does not hold the turn."""
    with running(leader, loop):
        wait_until(lambda: leader.phase is Phase.SLEEPING)
        yield leader


@pytest.fixture
def endless_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reactor thread, once it pauses, does not come back by itself."""
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 3600)


def here() -> str:
    return threading.current_thread().name


@pytest.mark.usefixtures("endless_pause")
@pytest.mark.parametrize("left", ["a socket that is ready", "bytes to read"])
def test_reactor_thread_does_not_pause_while_there_is_more_to_do(
    leader: Leader, loop: Loop, traffic: Traffic, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    monkeypatch.setattr(priorities, "LONGEST_TURN_SECONDS", 0)
    served = [0, 0]
    unread = left == "bytes to read"
    with contextlib.ExitStack() as stack:
        pairs = [socket.socketpair() for _ in served[: 1 if unread else 2]]
        for number, (ours, theirs) in enumerate(pairs):
            stack.enter_context(ours)
            stack.enter_context(theirs)
            theirs.send(b"never read, so it is always ready")

            def serve(_events: int, number: int = number) -> None:
                served[number] += 1
                traffic.eventful, traffic.unread = True, unread

            loop.watch(ours.fileno(), EVENT_READ, serve)
        with running(leader, loop):
            wait_until(lambda: all(count > 3 for count in served[: len(pairs)]))


@pytest.mark.usefixtures("endless_pause")
def test_leader_leaves_when_its_wait_is_over_and_leaves_other_sockets_to_the_reactor_thread(
    leader: Leader, loop: Loop, traffic: Traffic
) -> None:
    """The other sockets are served behind the leader's turn, and not when a pause is over."""
    served: list[tuple[str, str]] = []

    def serve(name: str, sock: socket.socket) -> None:
        sock.recv(1)
        served.append((name, here()))
        loop.priority.await_replies(sock.fileno(), 0)
        traffic.eventful = True

    with contextlib.ExitStack() as stack:
        pairs = {name: socket.socketpair() for name in ("first", "other", "urgent")}
        for name, (ours, theirs) in pairs.items():
            stack.enter_context(ours)
            stack.enter_context(theirs)
            loop.watch(ours.fileno(), EVENT_READ, lambda _, name=name, sock=ours: serve(name, sock))
        with running(leader, loop):
            pairs["first"][1].send(b"x")
            wait_until(lambda: served and leader.phase is Phase.PAUSING)
            for name in ("other", "urgent"):
                pairs[name][1].send(b"x")
            loop.priority.await_replies(pairs["urgent"][0].fileno(), 1)
            assert leader.lead(When(lambda: ("urgent", here()) in served), PATIENCE_SECONDS)
            wait_until(lambda: len(served) == 3)
    assert served == [("first", "reactor"), ("urgent", here()), ("other", "reactor")]


def test_sleeping_reactor_thread_makes_no_turns(sleeping: Leader, loop: CountingLoop) -> None:
    done = threading.Event()
    sleeping.call_soon(lambda: loop.call_at(loop.now + 0.3, done.set) and None)
    assert done.wait(PATIENCE_SECONDS)
    # The call, the sockets that woke the thread for it, and the timer.
    assert loop.turns <= 6


@pytest.mark.parametrize("how", ["call_soon", "call_lazily", "call_here"])
def test_call_is_made_at_once_while_the_reactor_thread_sleeps(sleeping: Leader, how: str) -> None:
    seen: list[str] = []
    getattr(sleeping, how)(lambda: seen.append(here()))
    wait_until(lambda: seen)
    assert seen == [here() if how == "call_here" else "reactor"]


def test_call_here_keeps_its_place_behind_earlier_calls(sleeping: Leader, loop: Loop) -> None:
    seen: list[str] = []
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go_on.wait(PATIENCE_SECONDS)

    sleeping.call_soon(hold)
    assert held.wait(PATIENCE_SECONDS)
    sleeping.call_here(lambda: seen.append("first"))
    sleeping.call_lazily(lambda: seen.append("second"))
    assert seen == []
    go_on.set()
    wait_until(lambda: not loop.calls)
    sleeping.call_here(lambda: seen.append("third"))
    wait_until(lambda: len(seen) == 3)
    assert seen == ["first", "second", "third"]


@pytest.mark.parametrize(
    "what", ["a call that came too late for it", "a timer that is due before it would wake"]
)
def test_reactor_thread_does_the_work_that_a_leader_leaves_behind(
    sleeping: Leader, loop: Loop, what: str
) -> None:
    seen: list[str] = []

    def leave_behind() -> None:
        if what.startswith("a call"):
            loop.calls.append(lambda: seen.append(here()))
        else:
            loop.call_at(loop.now + 0.05, lambda: seen.append(here()))

    sleeping.call_here(leave_behind)
    wait_until(lambda: seen)
    assert seen == ["reactor"]


def test_reactor_thread_that_wakes_while_a_leader_leads_sleeps_on(
    sleeping: Leader, loop: Loop
) -> None:
    seen: list[str] = []
    at: list[float] = []
    sleeping.call_soon(
        lambda: at.append(loop.call_at(loop.now + 1, lambda: seen.append(here())).when)
    )
    wait_until(lambda: at and sleeping.phase is Phase.SLEEPING and not loop.calls)
    ends = at[0] + 0.1
    assert sleeping.lead(When(lambda: loop.now >= ends), 3)
    assert sleeping.phase is Phase.SLEEPING
    assert seen == [here()]
    # It still hears of what is due before it would wake.
    sleeping.call_here(lambda: loop.call_at(loop.now + 0.05, lambda: seen.append(here())) and None)
    wait_until(lambda: len(seen) == 2)
    assert seen[1] == "reactor"


def test_calls_here_do_not_prolong_a_pause(
    sleeping: Leader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that makes them looks at no socket."""
    monkeypatch.setattr(pause, "COALESCE_SECONDS", 1)
    sleeping.call_soon(
        lambda: sleeping.lead(When(lambda: True), 0) and None
    )  # the reactor thread holds the turn
    wait_until(lambda: sleeping.phase is Phase.PAUSING)
    over = threading.Event()

    def call() -> None:
        while not over.wait(0.005):
            sleeping.call_here(lambda: None)

    caller = threading.Thread(target=call)
    caller.start()
    try:
        wait_until(lambda: sleeping.phase is not Phase.PAUSING)
    finally:
        over.set()
        caller.join()


def test_call_here_is_not_made_by_the_caller_once_the_loop_stops(
    loop: Loop, traffic: Traffic
) -> None:
    """The reactor thread may be closing it."""
    leader = Leader(loop, traffic, is_behind=lambda: False, on_interruption=lambda: None)
    seen: list[str] = []
    leader.stopping = True
    leader.call_here(lambda: seen.append("call"))
    assert seen == []
    leader.close()
    assert seen == ["call"]


def test_leader_that_stops_the_loop_ends_the_reactor_thread(leader: Leader, loop: Loop) -> None:
    thread = threading.Thread(target=leader.run)
    thread.start()
    wait_until(lambda: leader.phase is Phase.SLEEPING)

    def stop() -> None:
        leader.stopping = True

    leader.call_here(stop)
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_socket_that_becomes_ready_wakes_the_leader_alone(
    sleeping: Leader, loop: CountingLoop
) -> None:
    served: list[str] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def serve(_events: int) -> None:
            ours.recv(1)
            served.append(here())

        def send() -> None:
            wait_until(lambda: sleeping.polling)
            theirs.send(b"x")

        sleeping.call_here(lambda: loop.watch(ours.fileno(), EVENT_READ, serve))
        sender = threading.Thread(target=send)
        sender.start()
        turns = loop.turns
        assert sleeping.lead(When(lambda: bool(served)), PATIENCE_SECONDS)
        sender.join()
        assert sleeping.phase is Phase.SLEEPING
        assert loop.turns - turns <= 2, "the reactor thread has made a turn, too"
        theirs.send(b"x")
        wait_until(lambda: len(served) == 2)
        sleeping.call_here(lambda: loop.unwatch(ours.fileno()))
    assert served == [here(), "reactor"]


def test_leader_unmutes_the_outer_epoll_though_an_exception_from_outside_comes_just_then(
    sleeping: Leader, loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[bytes] = []
    ours, theirs = socket.socketpair()
    outer = sleeping._outer
    assert outer is not None
    unmute, forgotten = outer.unmute, []

    def forget() -> None:
        forgotten.append(True)
        monkeypatch.setattr(outer, "unmute", unmute)
        raise KeyboardInterrupt

    with ours, theirs:
        sleeping.call_here(
            lambda: loop.watch(ours.fileno(), EVENT_READ, lambda _: served.append(ours.recv(1)))
        )
        monkeypatch.setattr(outer, "unmute", forget)
        with pytest.raises(KeyboardInterrupt):
            sleeping.lead(When(lambda: False), 0.05)
        assert forgotten
        theirs.send(b"x")
        wait_until(lambda: served)
        sleeping.call_here(lambda: loop.unwatch(ours.fileno()))


class TestSpinning:
    """A thread that waits for one reply, and had the last one soon, polls for a while before it
    sleeps.
    """

    @pytest.fixture(autouse=True)
    def long_spin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spin, "SPIN_SECONDS", 3600)

    @pytest.fixture
    def pairs(self, loop: Loop) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
        with contextlib.ExitStack() as stack:
            made = [socket.socketpair() for _ in range(2)]
            for ours, theirs in made:
                stack.enter_context(ours)
                stack.enter_context(theirs)
                loop.watch(ours.fileno(), EVENT_READ, lambda _, sock=ours: sock.recv(1) and None)
            yield made

    @pytest.fixture
    def slept(
        self, leader: Leader, loop: Loop, pairs: list[tuple[socket.socket, socket.socket]]
    ) -> Callable[..., bool]:
        """Wait for a reply on the second socket, and say whether the thread slept till it came."""

        def wait(come: Callable[[], object] | None = None, *, guest: bool = True) -> bool:
            timeouts: list[float] = []
            selector = loop.selector

            class Spy:
                def __getattr__(self, name: str) -> Any:
                    return getattr(selector, name)

                def select(self, timeout: float) -> Any:
                    timeouts.append(timeout)
                    return selector.select(timeout)

            loop.selector = Spy()  # type: ignore[assignment]
            came: list[bool] = []
            pairs_ours = pairs[1][0]
            loop.watch(
                pairs_ours.fileno(), EVENT_READ, lambda _: came.append(bool(pairs_ours.recv(1)))
            )

            def arrive() -> None:
                (come or (lambda: pairs[1][1].send(b"x")))()

            timer = threading.Timer(0.01, arrive)
            timer.start()
            leader.lead(
                When(
                    lambda: (
                        bool(came) or (come is not None and not loop.calls and len(timeouts) > 1)
                    )
                ),
                20,
                guest=guest,
            )
            timer.join()
            loop.selector = selector
            return any(timeout > 0 for timeout in timeouts)

        return wait

    @pytest.fixture
    def reply(self, leader: Leader, loop: Loop) -> Callable[[Any], None]:
        """A thread waits for a reply on that pair of sockets, which is there."""

        def arrive(pair: tuple[socket.socket, socket.socket]) -> None:
            ours, theirs = pair
            came: list[bytes] = []

            def read(_events: int) -> None:
                came.append(ours.recv(1))
                loop.priority.await_replies(ours.fileno(), 0)

            loop.watch(ours.fileno(), EVENT_READ, read)
            loop.priority.await_replies(ours.fileno(), 1)
            theirs.send(b"x")
            assert leader.lead(When(lambda: bool(came)), PATIENCE_SECONDS, guest=True)

        return arrive

    @staticmethod
    def ask(loop: Loop, sock: socket.socket, count: int = 1) -> None:
        loop.priority.await_replies(sock.fileno(), count)

    def test_thread_sleeps_for_the_first_reply(self, loop: Loop, pairs: Any, slept: Any) -> None:
        self.ask(loop, pairs[1][0])
        assert slept()

    def test_thread_polls_after_a_prompt_reply(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any
    ) -> None:
        reply(pairs[1])
        self.ask(loop, pairs[1][0])
        assert not slept()

    def test_thread_that_waits_for_events_sleeps(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any
    ) -> None:
        reply(pairs[1])
        self.ask(loop, pairs[1][0])
        assert slept(guest=False)

    def test_thread_sleeps_after_a_slow_reply(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reply(pairs[1])
        monkeypatch.setattr(spin, "SPIN_SECONDS", 0)
        reply(pairs[1])
        monkeypatch.setattr(spin, "SPIN_SECONDS", 3600)
        self.ask(loop, pairs[1][0])
        assert slept()

    def test_each_socket_has_its_own_pace(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any
    ) -> None:
        reply(pairs[0])
        self.ask(loop, pairs[1][0])
        assert slept()

    def test_thread_polls_for_a_while_only(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spin, "SPIN_SECONDS", 0.001)
        reply(pairs[1])
        self.ask(loop, pairs[1][0])
        assert slept()

    @pytest.mark.parametrize("awaited", [(0, 1), (1, 1), (0, 2)])
    def test_thread_sleeps_unless_one_single_reply_is_awaited(
        self, loop: Loop, pairs: Any, slept: Any, reply: Any, awaited: tuple[int, int]
    ) -> None:
        reply(pairs[1])
        for (ours, _), count in zip(pairs, awaited, strict=True):
            self.ask(loop, ours, count)
        assert slept() == (awaited != (0, 1))

    def test_wake_up_ends_the_polling(
        self, leader: Leader, loop: Loop, pairs: Any, slept: Any, reply: Any
    ) -> None:
        reply(pairs[1])
        self.ask(loop, pairs[1][0])
        called: list[bool] = []
        assert not slept(lambda: leader.call_soon(lambda: called.append(True)))
        assert called
