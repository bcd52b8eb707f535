"""Whether a listener moves: a real client, whose loop or whose receivers the test holds."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django_ami.core import Client, ServerConfig
from django_ami.dispatch import Dispatcher
from django_ami.testing import FakeAsterisk
from django_ami.tools.progress import Progress
from tests.receiving import Listener
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def listening() -> Iterator[tuple[Listener, Progress]]:
    with FakeAsterisk() as sim:
        client = Client([ServerConfig.from_url("node_1", sim.url)])
        listener = Listener(client, Dispatcher(client))
        listener.dispatcher = Dispatcher(client, listener.notices.append)
        try:
            with listener.dispatcher:
                client.start(dispatcher=False)
                listener.make_ready()
                yield listener, Progress(client)
        finally:
            client.close()


def test_listener_that_goes_on_does_not_stand_still() -> None:
    with listening() as (listener, progress):
        for _ in range(3):
            progress.standstill_seconds()
            wait_until(lambda: progress.loop_turns)
            listener.run_until(lambda: progress._taken)
            assert progress.standstill_seconds() == 0.0


def test_receiver_that_does_not_return_is_a_standstill_until_it_does() -> None:
    with listening() as (listener, progress):
        assert progress.standstill_seconds() == 0.0
        wait_until(lambda: progress.standstill_seconds() > 0.1)  # nobody calls ``run``
        listener.run_until(lambda: progress.standstill_seconds() == 0.0)


def test_event_loop_that_is_held_is_a_standstill_until_it_turns() -> None:
    held = threading.Event()
    with listening() as (listener, progress):
        listener.client.inbox.when_turned(lambda: held.wait(DEADLINE_SECONDS))
        try:
            listener.run_until(lambda: progress.standstill_seconds() > 0.1)
        finally:
            held.set()
        listener.run_until(lambda: progress.standstill_seconds() == 0.0)


def test_receiver_that_is_tried_again_moves() -> None:
    with listening() as (listener, progress):
        progress.standstill_seconds()
        wait_until(lambda: progress.loop_turns)
        wait_until(lambda: progress.standstill_seconds() > 0.05)
        wait_until(lambda: progress.loop_turns)
        listener.client.receivers.failing.attempts += 1  # as a receiver whose database is away
        assert progress.standstill_seconds() == 0.0


def test_thread_of_receivers_that_hangs_is_a_standstill_though_the_others_move() -> None:
    with listening() as (listener, progress):
        receivers = listener.client.receivers.beside()
        held, entered = threading.Event(), threading.Event()

        def hang() -> None:
            entered.set()
            held.wait(DEADLINE_SECONDS)

        thread = threading.Thread(target=receivers.call, args=(hang, None))
        thread.start()
        try:
            assert entered.wait(DEADLINE_SECONDS)
            listener.run_until(lambda: progress.standstill_seconds() > 0.1)
        finally:
            held.set()
            thread.join()
        listener.run_until(lambda: progress.standstill_seconds() == 0.0)
