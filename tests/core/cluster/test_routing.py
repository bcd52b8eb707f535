"""Which server an action goes to that names none, and that one which names a server goes nowhere
else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from django_ami.core.actions import Action, Ping
from django_ami.core.client import Client
from django_ami.core.cluster import Strategy
from django_ami.core.config import ServerConfig
from django_ami.core.errors import (
    AmiError,
    AuthenticationFailed,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
)
from django_ami.testing import FakeAsterisk, Simulator
from tests.core.io_support import config, ready, started, wait_until
from tests.core.servers import refusing_port

pytestmark = pytest.mark.usefixtures("no_bugs")

NAMES = ("a", "b", "c")


@pytest.fixture
def sims() -> Iterator[dict[str, Simulator]]:
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(FakeAsterisk()) for name in NAMES}


def configs(sims: dict[str, Simulator], **options: object) -> list[ServerConfig]:
    return [config(sim, name, **options) for name, sim in sims.items()]


def where(client: Client, count: int = 1) -> list[str]:
    """Which servers so many actions go to, one after the other."""
    answers = [client.send(Action("Setvar", Variable="X", Value="1")) for _ in range(count)]
    return [answer.result(20).server for answer in answers]


def count(sim: Simulator) -> int:
    return sum(action.name == "Setvar" for action in sim.received)


# --- default ---


def test_the_only_server_is_the_default(sim: Simulator) -> None:
    with started(config(sim, "only"), role="caller") as client:
        assert where(client) == ["only"]


def test_the_default_server(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller", default="b") as client:
        assert where(client, 3) == ["b"] * 3


def test_several_servers_without_a_default_must_be_named(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller") as client:
        with pytest.raises(ConfigurationError, match="none is the default"):
            client.send(Ping())
        assert client.send(Ping(), server="c").result(20).server == "c"
        assert client.server("a").send(Ping()).result(20).server == "a"


def test_the_default_never_fails_over(sims: dict[str, Simulator]) -> None:
    sims["a"].stop()
    with started(*configs(sims), role="caller", default="a") as client:
        error = client.send(Ping()).exception(20)
        assert isinstance(error, ConnectionFailed)
        assert error.server == "a"


# --- round robin ---


def test_round_robin_is_everybody_in_turn(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller", routing=(Strategy.ROUND_ROBIN, [])) as client:
        ready(client)
        assert where(client, 9) == ["a", "b", "c"] * 3
    assert [count(sim) for sim in sims.values()] == [3, 3, 3]


def test_round_robin_of_some(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller", routing=("round_robin", ["c", "a"])) as client:
        ready(client)
        assert where(client, 4) == ["c", "a", "c", "a"]


def test_round_robin_leaves_out_servers_that_are_down(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller", routing=("round_robin", [])) as client:
        ready(client)
        sims["b"].stop()
        wait_until(lambda: client.status()["b"].failures)
        assert set(where(client, 9)) == {"a", "c"}


# --- failover ---


def test_failover_is_the_first_one_that_is_well(sims: dict[str, Simulator]) -> None:
    with started(*configs(sims), role="caller", routing=("failover", ["b", "c", "a"])) as client:
        ready(client)
        assert where(client, 3) == ["b"] * 3
        sims["b"].stop()
        wait_until(lambda: client.status()["b"].failures)
        assert where(client, 3) == ["c"] * 3
        sims["c"].stop()
        wait_until(lambda: client.status()["c"].failures)
        assert where(client, 3) == ["a"] * 3
        sims["b"].start()
        ready(client, "b")
        assert where(client, 3) == ["b"] * 3


def test_failover_at_first_use(sims: dict[str, Simulator]) -> None:
    """Nobody knows yet that the first one is down.

    The action finds out, and goes on, since nothing of it had left.
    """
    with refusing_port() as port:
        servers = [config(port, "down"), *configs(sims)]
        with started(*servers, role="caller", connect=False, routing=("failover", [])) as client:
            pending = client.send(Ping())
            assert pending.result(20).server == "a"
            assert pending.server == "a"


def test_failover_leaves_out_a_server_that_refuses_us(sims: dict[str, Simulator]) -> None:
    servers = [config(sims["a"], "a", secret="wrong"), config(sims["b"], "b")]
    with started(*servers, role="caller", routing=("failover", [])) as client:
        wait_until(lambda: client.status()["a"].state == "refused")
        assert where(client, 3) == ["b"] * 3
        assert isinstance(client.server("a").send(Ping()).exception(20), AuthenticationFailed)


def test_failover_to_nobody(sims: dict[str, Simulator]) -> None:
    for sim in sims.values():
        sim.stop()
    with started(*configs(sims), role="caller", connect=False, routing=("failover", [])) as client:
        pending = client.send(Ping())
        error = pending.exception(20)
        assert isinstance(error, ConnectionFailed)
        assert error.sent is False
        assert (
            error.server == pending.server
        )  # the last one that was asked, and not the first one that failed


def test_action_that_has_left_is_never_repeated_elsewhere(sims: dict[str, Simulator]) -> None:
    sims["a"].on("Setvar").cut(after=0)
    with started(*configs(sims), role="caller", routing=("failover", [])) as client:
        ready(client)
        error = client.send(Action("Setvar", Variable="X", Value="1")).exception(20)
        assert isinstance(error, ConnectionLost)
        assert error.sent is True
    assert [count(sim) for sim in sims.values()] == [1, 0, 0]


@pytest.mark.parametrize("routing", ["round_robin", "failover"])
def test_an_action_that_names_its_server_goes_nowhere_else(
    sims: dict[str, Simulator], routing: str
) -> None:
    sims["a"].stop()
    with started(*configs(sims), role="caller", connect=False, routing=(routing, [])) as client:
        for pending in (client.send(Ping(), server="a"), client.server("a").send(Ping())):
            error = pending.exception(20)
            assert isinstance(error, AmiError)
            assert error.server == "a"
    assert sims["b"].connections == sims["c"].connections == 0


# --- names ---


def test_an_unknown_server_is_told_with_the_one_that_was_meant() -> None:
    servers = [config(5038, "node_1"), config(5038, "node_2")]
    with contextlib.closing(Client(servers)) as client:
        for ask in (client.server, lambda name: client.send(Ping(), server=name)):
            with pytest.raises(
                ConfigurationError, match=r"unknown server 'node1': did you mean 'node_1'\?"
            ):
                ask("node1")
        with pytest.raises(
            ConfigurationError, match=r"unknown server 'xyz': known are 'node_1', 'node_2'"
        ):
            client.server("xyz")
    for settings in ({"default": "nod_2"}, {"routing": ("failover", ["nod_2"])}):
        with pytest.raises(ConfigurationError, match=r"did you mean 'node_2'\?"):
            Client(servers, **settings)


def test_an_unknown_routing_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(
        ConfigurationError, match=r"unknown routing 'failovr': did you mean 'failover'\?"
    ):
        Client([config(5038)], routing=("failovr", []))
