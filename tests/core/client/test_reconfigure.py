"""Other servers while it runs.

An unchanged one notices nothing, and every event and action is accounted for.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Changes, Client
from django_ami.core.config import TLSConfig
from django_ami.core.errors import AmiError, ConfigurationError, ConnectionFailed, ConnectionLost
from django_ami.core.request import Request
from django_ami.core.session import Ready, TookOver
from django_ami.testing import FakeAsterisk
from tests.core.io_support import Recorder, config, ready, started, wait_until
from tests.core.servers import black_hole
from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_ami.testing import Simulator

pytestmark = pytest.mark.usefixtures("no_bugs")


@pytest.fixture
def other() -> Iterator[Simulator]:
    with FakeAsterisk() as running:
        yield running


def numbers(recorder: Recorder, server: str) -> list[int]:
    return [int(event["Number"]) for event in recorder.firsts if event.server == server]


def say(sim: Simulator, *which: int) -> None:
    for number in which:
        sim.emit("UserEvent", {"UserEvent": "Count", "Number": str(number)})


# --- a listener ---


def test_a_server_is_added_and_removed_and_the_others_keep_their_connection(
    sim: Simulator, other: Simulator
) -> None:
    one, two = config(sim, "one"), config(other, "two")
    seen, became_ready = Recorder(), Recorder()
    with started(one) as client:
        client.subscribe("UserEvent", seen)
        client.on_ready(became_ready)
        ready(client)
        handle = client.server("one")
        assert client.reconfigure([one, two], default="one") == Changes(added=("two",))
        ready(client, "two")
        assert list(client.servers) == list(client.status()) == ["one", "two"]
        assert client.server("one") is handle
        say(sim, 1)
        say(other, 1, 2)
        wait_until(lambda: len(seen) == 3, "events of both")
        gone = client.server("two")
        assert client.reconfigure([one]) == Changes(removed=("two",))
        other.wait_for(lambda: other.logoffs == 1)
        say(sim, 2)
        wait_until(lambda: len(seen) == 4)
        assert (numbers(seen, "one"), numbers(seen, "two")) == ([1, 2], [1, 2])
        assert list(client.servers) == list(client.status()) == ["one"]
        for use in (
            lambda: gone.send(Ping()),
            gone.status,
            lambda: gone.ready,
            lambda: gone.address,
        ):
            with pytest.raises(ConfigurationError, match="unknown server 'two'"):
                use()
        assert (sim.logins, sim.logoffs) == (1, 0)
        total = client.totals()
        assert (total.received - total.ignored, total.delivered, total.queued) == (4, 4, 0)
        assert client.reconfigure([one, two], default="one") == Changes(added=("two",))
        ready(client, "two")
        assert client.server("two") is gone
        say(other, 3)
        wait_until(lambda: numbers(seen, "two") == [1, 2, 3])
        assert client.status()["two"].delivered == 3, "it goes on counting"
    assert (sim.logins, sim.logoffs, other.logins, other.logoffs) == (1, 1, 2, 2)


def test_a_server_that_has_changed_is_never_listened_to_twice(sim: Simulator) -> None:
    """The new connection comes when the old one has ended.

    With both at a time each event would come twice.
    """
    seen = Recorder()
    before = config(sim, "one")
    with started(before) as client:
        client.subscribe("UserEvent", seen)
        ready(client)
        handle = client.server("one")
        for number in range(5):
            before = replace(
                before, options=replace(before.options, heartbeat_interval=10.0 + number)
            )
            assert client.reconfigure([before]) == Changes(changed=("one",))
            # Not waited for every time: the successor may have to go before it has come.
            if number % 2:
                ready(client)
                say(sim, number)
                wait_until(lambda number=number: number in numbers(seen, "one"))
        sim.wait_for(lambda: sim.logoffs == sim.logins - 1)
        ready(client)
        say(sim, 99)
        wait_until(lambda: 99 in numbers(seen, "one"))
        assert numbers(seen, "one") == [1, 3, 99]
        assert client.server("one") is handle
        assert handle.send(Ping()).result(20).ok
        assert max(len(moment) for moment in sessions_at_a_time(sim)) == 1


def sessions_at_a_time(sim: Simulator) -> list[set[object]]:
    """Which sessions were logged in after each action that was received."""
    now: set[object] = set()
    moments = []
    for action in sim.received:
        if action.name == "Login":
            now = now | {action.session}
        elif action.name == "Logoff":
            now = now - {action.session}
        moments.append(now)
    return moments


def test_events_of_a_removed_server_are_delivered_and_counted(
    sim: Simulator, other: Simulator
) -> None:
    one, two = config(sim, "one"), config(other, "two")
    with started(one, two, dispatcher=False) as client:
        client.set_interest(None)
        ready(client)
        say(other, *range(500))
        wait_until(lambda: client.status()["two"].queued >= 500, "they are read")
        client.reconfigure([one])
        other.wait_for(lambda: other.logoffs == 1)
        assert list(client.status()) == ["one"]
        assert client.totals().queued >= 500
        while client.dispatch(0):
            pass
        total = client.totals()
        assert (total.queued, total.dropped) == (0, 0)
        assert total.received == total.delivered + total.ignored >= 500


# --- actions ---


def test_actions_under_way_at_a_server_that_goes_end_at_once(
    sim: Simulator, other: Simulator
) -> None:
    one, two = config(sim, "one"), config(other, "two")
    for server in (sim, other):
        server.on("Slow").hang()
    with started(one, two, role="caller", connect=False) as client:
        kept = client.send(Action("Slow"), server="one", timeout=30)
        lost = client.send(Action("Slow"), server="two", timeout=30)
        for server in (sim, other):
            server.wait_for(
                lambda server=server: any(action.name == "Slow" for action in server.received)
            )
        client.reconfigure([one])
        with pytest.raises(
            ConnectionLost, match=r"two: this server was removed. Slow was under way"
        ) as raised:
            lost.result(10)
        assert raised.value.sent
        assert client.send(Ping()).result(20).ok, "the only one is the default"
        assert not kept.done()
        assert (sim.logins, sim.logoffs) == (1, 0)


def test_actions_that_had_not_left_are_safe_to_repeat(sim: Simulator) -> None:
    with (
        black_hole() as port,
        started(config(port, "one"), role="caller", connect=False) as client,
    ):
        pending = client.send(Ping(), timeout=30)
        wait_until(lambda: client.status()["one"].state == "connecting")
        assert client.reconfigure([config(sim, "one")]) == Changes(changed=("one",))
        with pytest.raises(
            ConnectionFailed, match=r"one: this server's settings were changed. Ping was not"
        ) as raised:
            pending.result(10)
        assert not raised.value.sent
        assert client.send(Ping()).result(20).ok
        assert client.server("one").address == f"127.0.0.1:{sim.port}"
        assert sim.logins == 1


def test_one_that_reaches_a_server_after_it_was_removed(sim: Simulator, other: Simulator) -> None:
    """It was on its way to the reactor: it opens no connection there."""
    one, two = config(sim, "one"), config(other, "two")
    with started(one, two, role="caller", connect=False) as client:
        gone = client.member("two")
        client.reconfigure([one])
        assert client.send(Ping()).result(20).ok
        request = Request(Ping(), "x", b"", server="two", timeout=5.0, owner=client)
        client._submit(gone, request)
        with pytest.raises(
            ConnectionFailed, match=r"two: this server was removed. Ping was not sent"
        ) as raised:
            request.pending.result(10)
        assert not raised.value.sent
        assert other.connections == 0


def test_the_default_and_the_routing_follow(sim: Simulator, other: Simulator) -> None:
    one, two = config(sim, "one"), config(other, "two")
    with started(one, role="caller", connect=False) as client:
        assert client.send(Ping()).server == "one"
        client.reconfigure([one, two], default="two")
        assert client.send(Ping()).server == "two"
        for name in ("one", "two"):  # those that are well take turns
            assert client.send(Ping(), server=name).result(20).ok
        client.reconfigure([two, one], routing=("round_robin", []))
        assert {client.send(Ping()).server for _ in range(4)} == {"one", "two"}
        assert not client.reconfigure([two, one], routing=("failover", ["one"]))
        assert client.send(Ping()).server == "one"
        client.reconfigure([one, two])
        with pytest.raises(ConfigurationError, match="none is the default"):
            client.send(Ping())


def test_reloads_while_many_send(sim: Simulator, other: Simulator) -> None:
    """Every action is answered once, or its error tells the truth of whether it has left."""
    for server in (sim, other):
        server.on("Mine").reply()
    plans = [[config(sim, "one")], [config(sim, "one"), config(other, "two")]]
    numbered, over = count(), threading.Event()
    answered: list[int] = []
    unsent: list[int] = []

    def work() -> None:
        while not over.is_set():
            number = next(numbered)
            try:
                client.send(
                    Action("Mine", Number=str(number)),
                    server=("one", "two")[number % 2],
                    timeout=20,
                ).result()
            except AmiError as error:
                if not error.sent:
                    unsent.append(number)
            else:
                answered.append(number)

    with started(*plans[1], default="one") as client:
        ready(client)
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for turn in range(40):
            client.reconfigure(plans[turn % 2], default="one")
            before = len(answered)
            wait_until(lambda before=before: len(answered) >= before + 20, "actions go on")
        over.set()
        for thread in threads:
            thread.join()
        received = Counter(
            int(action.get("Number"))
            for server in (sim, other)
            for action in server.received
            if action.name == "Mine"
        )
        assert set(received.values()) == {1}
        assert set(answered) <= set(received)
        assert not set(unsent) & set(received)
        assert sim.logins == 1


# --- wrong settings ---


def test_a_fault_leaves_all_as_it_was(sim: Simulator, tmp_path: object) -> None:
    one = config(sim, "one")
    with started(one, role="caller", connect=False) as client:
        assert client.send(Ping()).result(20).ok
        unreadable = config(sim, "two", tls=TLSConfig(ca_file=f"{tmp_path}/none.pem"))
        for servers, settings, told in (
            ([], {}, "no servers are given"),
            ([one, one], {}, "two servers are named 'one'"),
            ([config(sim, "two")], {"default": "one"}, "unknown server 'one'"),
            ([config(sim, "two")], {"routing": ("failover", ["one"])}, "unknown server 'one'"),
            ([one, unreadable], {}, "two: TLS key 'CA_FILE'"),
        ):
            with pytest.raises(ConfigurationError, match=told):
                client.reconfigure(servers, **settings)
            assert list(client.servers) == list(client.status()) == ["one"]
            assert client.send(Ping()).result(20).ok
        assert (sim.logins, sim.logoffs) == (1, 0)


def test_a_closed_client_takes_no_other_servers(sim: Simulator) -> None:
    client = Client([config(sim)])
    client.close()
    with pytest.raises(
        ConfigurationError, match="a closed client cannot be used again: make a new one"
    ):
        client.reconfigure([config(sim)])


def test_without_a_thread_the_ticks_change_over(sim: Simulator, other: Simulator) -> None:
    client = Client([config(sim, "one")], role="caller")
    assert client.send(Ping()).result(20).ok
    client.reconfigure([config(other, "two")])
    assert client.send(Ping()).result(20).ok
    assert (sim.logoffs, other.logins) == (1, 1)
    client.close()
    assert other.logoffs == 1


@pytest.mark.parametrize(
    "words", ["added: a, b; removed: c", "changed: d", "no server has changed"]
)
def test_changes_in_words(words: str) -> None:
    changes = {
        "added: a, b; removed: c": Changes(added=("a",)) + Changes(added=("b",), removed=("c",)),
        "changed: d": Changes(changed=("d",)),
        "no server has changed": Changes(),
    }[words]
    assert str(changes) == words
    assert bool(changes) == (words != "no server has changed")


def test_takeover_is_told_by_the_connection_with_the_right_port(sim: Simulator) -> None:
    """The first port was wrong, so that the server was never reached."""
    right = config(sim, "one")
    with black_hole() as port, closing(Client([replace(right, port=port)])) as client:
        client.start(connect=False, dispatcher=False)
        client.stand_by("one")
        client.connect()
        client.take_over("one", 7)
        turned = threading.Event()
        client.inbox.when_turned(turned.set)
        assert turned.wait(DEADLINE_SECONDS)
        client.reconfigure([right])
        told: list[object] = []

        def is_ready() -> bool:
            told.extend(client.inbox.take(0.1)[1])
            return any(isinstance(one, Ready) for one in told)

        wait_until(is_ready)
        assert [one for one in told if isinstance(one, TookOver)] == [TookOver("one", 7)]
