"""The dispatcher under leases, in this process: a real client, and a keeper that the test plays."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import signals
from django_ami.conf import Parallel
from django_ami.conf.forward import Forward
from django_ami.core import Client, Options, ServerConfig
from django_ami.core.lease import Lease, boottime
from django_ami.feeding import Feeding
from django_ami.forwarding.forwarder import Forwarder
from django_ami.live.feed.memory import MemoryBackend
from django_ami.operations.dispatching import LeasedDispatcher
from django_ami.testing import FakeAsterisk, Simulator
from tests.forwarding.sink import SinkOutlet, sinking
from tests.receiving import Listener, fresh_registry
from tests.running import DEADLINE_SECONDS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


class PlayedKeeper:
    """Has the leases that the test gives."""

    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}

    def get(self, server: str) -> Lease | None:
        return self.leases.get(server)


class Site:
    """A listener under leases, and the numbers of events and the signals that its receivers got."""

    def __init__(self, listener: Listener, keeper: PlayedKeeper, sim: Simulator) -> None:
        self.listener, self.keeper, self.sim = listener, keeper, sim
        self.got: list[Any] = []
        self.tokens: list[int | None] = []
        self.end_lease_at: int | None = None

    def on_event(self, sender: Any, event: Any, **kwargs: Any) -> None:
        number = int(event["Number"])
        self.got.append(number)
        self.tokens.append(None if sender.lease is None else sender.lease.token)
        if number == self.end_lease_at:
            self.lease.renew(0.0)

    def on_signal(self, signal: Any, **kwargs: Any) -> None:
        names = {
            signals.server_ready: "ready",
            signals.server_lost: "lost",
            signals.gap: "gap",
            signals.lease_lost: "lease_lost",
        }
        self.got.append(names[signal])

    @property
    def lease(self) -> Lease:
        return self.keeper.leases["node_1"]

    def give(self, token: int, seconds: float = 3600) -> None:
        """This process gets the lease."""
        self.keeper.leases = {"node_1": Lease("node_1", token, boottime() + seconds)}
        self.listener.client.take_over("node_1", token, None)

    def take(self) -> None:
        """Another process gets it."""
        lease, self.keeper.leases = self.lease, {}
        lease.end()
        self.dispatcher.look_soon()
        self.listener.client.stand_by("node_1")

    @property
    def dispatcher(self) -> LeasedDispatcher:
        assert isinstance(self.listener.dispatcher, LeasedDispatcher)
        return self.listener.dispatcher

    def renew(self) -> None:
        """The lease is renewed; nobody else has had it."""
        self.lease.renew(boottime() + 3600)
        self.dispatcher.look_soon()

    def emit(self, *numbers: int) -> None:
        for number in numbers:
            self.sim.emit("UserEvent", UserEvent="Test", Number=number)

    def run_until(self, got: list[Any]) -> None:
        self.listener.run_until(lambda: self.got == got)

    @property
    def status(self) -> Any:
        return self.listener.status


@pytest.fixture(params=[1, 3], ids=["one thread", "three threads"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with (
        FakeAsterisk() as sim,
        fresh_registry(),
        _listening(sim, workers=request.param) as made,
    ):
        signals.events["UserEvent"].connect(made.on_event)
        for signal in (
            signals.server_ready,
            signals.server_lost,
            signals.gap,
            signals.lease_lost,
        ):
            signal.connect(made.on_signal)
        try:
            yield made
        finally:
            signals.lease_lost.disconnect(made.on_signal)


@contextmanager
def _listening(
    sim: Simulator,
    store: MemoryBackend | None = None,
    workers: int = 1,
    forward: Forward | None = None,
) -> Iterator[Site]:
    config = ServerConfig.from_url("node_1", sim.url, Options(reconnect_initial=0.02))
    client, keeper = Client([config]), PlayedKeeper()
    listener = Listener(client, LeasedDispatcher(keeper, client))  # type: ignore[arg-type]
    feeding = None if store is None else Feeding(store, lambda _: 0)
    listener.dispatcher = LeasedDispatcher(
        keeper,  # type: ignore[arg-type]
        client,
        listener.notices.append,
        feeding=feeding,
        parallel=Parallel(workers=workers),
        forwarder=None if forward is None else Forwarder(forward, client),
    )
    try:
        with listener.dispatcher:
            client.start(dispatcher=False, connect=False)
            client.stand_by("node_1")
            client.connect()
            listener.make_ready()
            yield Site(listener, keeper, sim)
    finally:
        client.close()
        if feeding is not None:
            feeding.close()


def test_live_picture_is_published_under_the_lease_alone() -> None:
    store = MemoryBackend()

    def term() -> str:
        whole = store.whole("node_1")
        return "" if whole is None else whole.position.term

    def lists() -> int:
        own = {"Challenge", "Login", "Events", "CoreSettings", "Ping"}
        return sum(action.name not in own for action in sim.received)

    with FakeAsterisk() as sim, fresh_registry(), _listening(sim, store) as site:
        assert site.listener.dispatcher._tracking is not None
        site.listener.dispatcher._tracking._tick_at = 0.0
        site.listener.dispatcher.run(0)
        site.listener.settle()
        assert (term(), lists()) == ("", 0)
        site.give(7)
        site.listener.run_until(lambda: term().endswith("7"))
        site.listener.run_until(lists)
        site.take()
        site.listener.run_until(lambda: not site.listener.dispatcher.serves("node_1"))
        site.give(9)
        site.listener.run_until(lambda: term().endswith("9"))


def test_events_are_forwarded_under_the_lease_alone_and_with_its_token() -> None:
    path = f"{SinkOutlet.__module__}.{SinkOutlet.__qualname__}"
    with sinking() as sink, FakeAsterisk() as sim, fresh_registry():
        forward = Forward(path, events=frozenset({"userevent"}), options={"port": sink.port})
        with _listening(sim, forward=forward) as site:
            site.emit(1)
            site.give(7)
            site.listener.run_until(lambda: sink.batches)
            site.emit(2, 3)
            site.listener.run_until(lambda: sink.numbers() == [2, 3])
            assert [one.token for one in sink.envelopes] == [7, 7, 7]
            sink.freeze()
            site.emit(4)
            site.listener.run_until(lambda: site.status.received == 4)
            site.lease.renew(0.0)
            site.emit(5)
            site.listener.wait_for_queued(2)
            site.take()
            sink.thaw()
            site.listener.run_until(lambda: site.status.queued == 0)
            site.listener.assert_accounted()
            site.give(9)
            site.listener.run_until(lambda: sink.envelopes[-1].token == 9)  # it is ready
            site.emit(6)
            site.listener.run_until(lambda: 6 in sink.numbers())
            assert site.status.dropped in (1, 2)
        assert sink.numbers() in ([2, 3, 6], [2, 3, 4, 6])
        assert [one.token for one in sink.events if one.raw.endswith(b"6")] == [9]


def test_standby_tells_nobody_that_its_server_is_ready(site: Site) -> None:
    site.emit(1)
    site.listener.settle()
    site.listener.dispatcher.run(0)
    assert site.got == []
    assert not site.listener.dispatcher.serves("node_1")


def test_takeover_delivers_what_comes_from_then_on(site: Site) -> None:
    site.emit(1)
    site.give(7)
    site.run_until(["ready"])
    site.emit(2, 3)
    site.run_until(["ready", 2, 3])
    assert site.tokens == [7, 7]


def test_batch_ends_in_the_midst_when_the_lease_is_over(site: Site) -> None:
    site.give(7)
    site.run_until(["ready"])
    site.end_lease_at = 2
    site.emit(1, 2, 3, 4)
    site.run_until(["ready", 1, 2])
    site.emit(5)
    site.listener.wait_for_queued(3)
    for _ in range(3):
        site.listener.dispatcher.run(0)
    assert site.got == ["ready", 1, 2]
    site.renew()
    site.run_until(["ready", 1, 2, 3, 4, 5])
    site.listener.assert_accounted()
    assert site.status.dropped == 0


@pytest.mark.parametrize("site", [1], indirect=True)
@pytest.mark.parametrize("ends", ["renewed", "lost"])
def test_run_that_has_looked_at_leases_alone_does_not_end_a_drain(site: Site, ends: str) -> None:
    """A drain goes on until a run has found nothing to do."""
    site.give(7)
    site.run_until(["ready"])
    site.end_lease_at = 2
    site.emit(1, 2, 3, 4)
    site.run_until(["ready", 1, 2])
    site.emit(5, 6)
    site.listener.wait_for_queued(4)
    while site.dispatcher.run(0):
        pass
    if ends == "renewed":
        site.renew()
    else:
        site.take()
    while site.dispatcher.run(0):
        pass
    assert site.got[3:] == ([3, 4, 5, 6] if ends == "renewed" else ["lease_lost"])
    assert site.status.queued == 0
    site.listener.assert_accounted()


def test_lease_that_is_over_is_told_of_in_time_even_if_no_event_comes(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that hangs answers nothing, and the keeper waits for it."""
    site.give(7, seconds=2)
    site.run_until(["ready"])
    until = site.lease.until
    while site.lease.valid:
        site.listener.dispatcher.run(
            DEADLINE_SECONDS
        )  # for so long, if it does not look at the lease
    assert boottime() - until < DEADLINE_SECONDS / 2
    site.listener.dispatcher.run(0)
    wait_until(lambda: "its events wait" in caplog.text, what="another thread writes the log")
    (fields,) = (one.__dict__ for one in caplog.records if "its events wait" in one.getMessage())
    assert (fields["server"], fields["lease"], fields["queue_depth"]) == ("node_1", 7, 0)
    site.lease.renew(boottime() + 3600)
    site.emit(1)
    site.run_until(["ready", 1])
    wait_until(lambda: "nobody else had it" in caplog.text, what="another thread writes the log")


@pytest.mark.parametrize("site", [1], indirect=True)
def test_batch_is_given_when_it_is_due_under_a_lease_too(site: Site) -> None:
    given: list[list[str]] = []

    @signals.batch_receiver("UserEvent", max_seconds=0.05)
    def on_some(sender: Any, events: list[Any], **kwargs: Any) -> None:
        given.append([event["Number"] for event in events])

    site.give(7)
    site.run_until(["ready"])
    site.emit(1)
    site.run_until(["ready", 1])
    began = time.monotonic()
    while not given:
        site.listener.dispatcher.run(DEADLINE_SECONDS)
    assert given == [["1"]]
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


@pytest.mark.parametrize("site", [1], indirect=True)
def test_project_with_a_batch_receiver_ends_in_the_midst_too_when_the_lease_is_over(
    site: Site,
) -> None:
    given: list[int] = []

    @signals.batch_receiver("UserEvent", max_seconds=0.01)
    def on_some(sender: Any, events: list[Any], **kwargs: Any) -> None:
        given.extend(int(event["Number"]) for event in events)

    site.give(7)
    site.run_until(["ready"])
    site.end_lease_at = 2
    site.emit(1, 2, 3, 4)
    site.run_until(["ready", 1, 2])
    site.emit(5)
    site.listener.wait_for_queued(5)  # two of them in a batch
    for _ in range(3):
        site.listener.dispatcher.run(0)
    assert (site.got, given) == (["ready", 1, 2], [])
    site.renew()
    site.listener.run_until(lambda: given == [1, 2, 3, 4, 5])
    assert site.got == ["ready", 1, 2, 3, 4, 5]
    site.listener.assert_accounted()


def test_events_that_waited_are_dropped_when_another_has_had_the_lease(site: Site) -> None:
    site.give(7)
    site.run_until(["ready"])
    site.end_lease_at = 1
    site.emit(1, 2, 3)
    site.run_until(["ready", 1])
    site.listener.wait_for_queued(2)
    site.take()
    site.run_until(["ready", 1, "lease_lost"])
    site.give(9)
    site.run_until(["ready", 1, "lease_lost", "ready"])
    site.emit(4)
    site.run_until(["ready", 1, "lease_lost", "ready", 4])
    assert site.tokens == [7, 9]
    site.listener.run_until(lambda: site.status.dropped == 2)
    site.listener.assert_accounted()


def test_lease_that_was_lost_and_got_again_unseen_keeps_old_events_out(site: Site) -> None:
    """As in a process that was stopped for so long: its keeper is faster than its dispatcher."""
    site.give(7)
    site.run_until(["ready"])
    site.emit(1, 2, 3)
    site.listener.wait_for_queued(3)
    site.take()
    site.give(9)
    site.run_until(["ready", "lease_lost", "ready"])
    site.emit(4)
    site.run_until(["ready", "lease_lost", "ready", 4])
    assert site.status.dropped == 3
    site.listener.assert_accounted()


def test_takeover_of_an_earlier_lease_that_was_not_seen_in_time_begins_nothing(
    site: Site,
) -> None:
    site.give(7)
    wait_until(lambda: site.status.gaps == 0 and len(masks(site)) == 2)
    site.emit(1, 2)
    site.listener.wait_for_queued(2)
    site.take()
    site.give(9)
    site.run_until(["ready"])
    site.emit(3)
    site.run_until(["ready", 3])
    assert site.tokens == [9]
    assert site.status.dropped == 2


def masks(site: Site) -> list[str]:
    """The masks that the server was asked for, after the login."""
    return [action["EventMask"] for action in site.sim.received if action.name == "Events"]


def test_sender_has_a_lease_only_while_it_is_this_processs(site: Site) -> None:
    site.give(7)
    site.run_until(["ready"])
    handle = site.listener.client.handle("node_1")
    assert handle.lease is site.lease
    site.take()
    site.run_until(["ready", "lease_lost"])
    assert handle.lease is None


def test_all_is_delivered_up_to_what_was_heard_last(site: Site) -> None:
    site.give(7)
    site.run_until(["ready"])
    dispatcher = site.dispatcher
    before = dispatcher.delivered_until("node_1")
    site.emit(1)
    site.run_until(["ready", 1])
    after = dispatcher.delivered_until("node_1")
    assert before is not None
    assert after is not None
    assert before < after
    wait_until(lambda: site.listener.client.heard_at("node_1") is not None)


@pytest.mark.parametrize("site", [1], indirect=True)
def test_all_is_delivered_up_to_the_oldest_that_waits_while_others_come(site: Site) -> None:
    site.give(7)
    site.run_until(["ready"])
    dispatcher, client = site.dispatcher, site.listener.client
    before = dispatcher.delivered_until("node_1")
    site.emit(1)
    site.listener.wait_for_queued(1)
    until, heard_at = dispatcher.delivered_until("node_1"), client.heard_at("node_1")
    assert before is not None
    assert until is not None
    assert heard_at is not None
    assert before <= until == client.inbox.oldest("node_1") <= heard_at
