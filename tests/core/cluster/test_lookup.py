"""The name of a server: DNS may be slow, and its late answer is not lost."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.core.io_support import config, ready, resolving, started, wait_until
from tests.core.servers import LOOPBACK, black_hole

if TYPE_CHECKING:
    from django_ami.testing import Simulator

pytestmark = pytest.mark.usefixtures("no_bugs")


def test_dns_may_take_more_than_half_of_the_time(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with black_hole() as hole:

        def resolve() -> list[tuple[str, int]]:
            time.sleep(1.1)  # as a resolver does, too
            return [(LOOPBACK, hole), (LOOPBACK, sim.port)]

        resolving(monkeypatch, {"pbx.test": resolve})
        with started(config(1, host="pbx.test", connect_timeout=2)) as client:
            ready(client)


def test_an_answer_of_dns_that_comes_too_late_is_for_the_next_attempt(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever it comes, also between two attempts.

    An attempt that ends without an answer says so.
    """
    asked, answer = [], threading.Event()

    def resolve() -> list[tuple[str, int]]:
        asked.append("pbx.test")
        assert answer.wait(20)
        return [(LOOPBACK, sim.port)]

    resolving(monkeypatch, {"pbx.test": resolve})
    with started(
        config(1, host="pbx.test", connect_timeout=0.1, reconnect_initial=1.5, reconnect_max=1.5)
    ) as client:
        wait_until(
            lambda: (
                client.status()["node_1"].failures and client.status()["node_1"].state == "waiting"
            )
        )
        assert (
            "no answer about the name 'pbx.test' within 0.1 s (option connect_timeout): does DNS"
            in str(client.status()["node_1"].last_error)
        )
        answer.set()
        ready(client)
        assert len(asked) == 1


def test_a_late_answer_of_dns_is_no_permission(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = threading.Event()

    def resolve() -> list[tuple[str, int]]:
        assert answer.wait(20)
        return [(LOOPBACK, sim.port)]

    resolving(monkeypatch, {"pbx.test": resolve})
    with started(
        config(1, host="pbx.test", connect_timeout=0.1, reconnect_initial=1.5, reconnect_max=1.5)
    ) as client:
        wait_until(
            lambda: (
                client.status()["node_1"].failures and client.status()["node_1"].state == "waiting"
            )
        )
        monkeypatch.setenv("DJANGO_AMI_CONNECTIONS", "forbid")
        monkeypatch.setenv("DJANGO_AMI_SIMULATORS", "")
        answer.set()
        wait_until(lambda: client.status()["node_1"].state == "refused")
        assert "tests may not connect to pbx.test:1" in str(client.status()["node_1"].last_error)
    assert sim.connections == 0


def test_a_late_answer_of_dns_is_not_used_for_long(
    sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_ami.core.cluster.lookup.LATE_ANSWER_SECONDS", 0)
    asked, answer = [], threading.Event()

    def resolve() -> list[tuple[str, int]]:
        asked.append("pbx.test")
        assert answer.wait(20)
        return [(LOOPBACK, sim.port)]

    resolving(monkeypatch, {"pbx.test": resolve})
    with started(
        config(1, host="pbx.test", connect_timeout=0.1, reconnect_initial=0.5, reconnect_max=0.5)
    ) as client:
        wait_until(
            lambda: (
                client.status()["node_1"].failures and client.status()["node_1"].state == "waiting"
            )
        )
        answer.set()
        ready(client)
        assert len(asked) == 2
