"""Every argument of the public API with every wrong value, on one connection that stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_ami.core import actions
from django_ami.core.errors import AmiError
from tests.fuzz.arguments import (
    PATIENCE_SECONDS,
    REFUSALS,
    SLOTS,
    VALUES,
    World,
    arguments,
    the_world,
    typed_slots,
    use,
)
from tests.fuzz.targets import seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of those, more are tried where there is time.
EXAMPLES = 2000 if os.environ.get("AMI_TEST_LONG") else 60


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # a coroutine that a callable made, and nobody awaits
def test_no_value_of_an_argument_ends_a_connection_or_a_thread(world: World, slot: str) -> None:
    for value in VALUES:
        use(world, slot, value)
    world.check()


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(SLOTS)), st.sampled_from(list(VALUES))),
        min_size=2,
        max_size=6,
    )
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_order_of_them_does(world: World, calls: list[tuple[str, str]]) -> None:
    for slot, value in calls:
        use(world, slot, value)
    world.check()


def test_no_argument_of_an_action_does(world: World) -> None:
    made = []
    for number, (slot, make) in enumerate(typed_slots().items()):
        for name in list(VALUES)[
            number % 3 :: 3
        ]:  # each argument a third of them: there are hundreds
            try:
                action = make(VALUES[name]())
            except REFUSALS:
                continue
            except Exception as error:
                raise AssertionError(
                    f"{slot} with {name}: {type(error).__name__}: {error}"
                ) from error
            if slot.partition(":")[0] in actions.__all__ and not slot.startswith(
                ("Logoff", "WaitEvent", "Events", "Filter", "Login", "Challenge")
            ):
                made.append((slot, name, action))
    assert len(made) > 500
    for slot, name, action in made[::7]:
        try:
            world.client.send(action, timeout=PATIENCE_SECONDS).result(0)
        except REFUSALS + (TimeoutError, AmiError):  # noqa: RUF005
            continue
        except Exception as error:
            raise AssertionError(f"{slot} with {name}: {type(error).__name__}: {error}") from error
    world.check()


def test_seeds_break_no_invariant() -> None:
    try:
        for data in seeds("arguments").values():
            arguments(data)
    finally:
        the_world().close()
        the_world.cache_clear()


@pytest.mark.parametrize(
    ("slot", "value"),
    [("send: timeout", "a timedelta"), ("result", "a timedelta"), ("Action: value", "a lazy text")],
)
def test_argument_that_is_valid_is_accepted(world: World, slot: str, value: str) -> None:
    if slot == "result":
        assert world.client.send(actions.Ping()).result(VALUES[value]().__class__(seconds=20)).ok
    else:
        pending = SLOTS[slot](world, VALUES[value]())
        assert isinstance(pending.exception(PATIENCE_SECONDS), AmiError | None)


@pytest.mark.parametrize(
    ("slot", "value", "message"),
    [
        (
            "send: timeout",
            "a number in a text",
            "Ping: a timeout is a number of seconds, from 0 to 604800, or a time",
        ),
        ("send: timeout", "a Decimal", "or a timedelta, not Decimal('0.01')"),
        (
            "send: action",
            "a text",
            "send takes an Action, not 'x': make one, as Action('x') or the class of that name",
        ),
        ("send: server", "a list", "unknown server ['x', None, 1]: known are 'pbx'."),
        ("subscribe: function", "a text", "subscribe wants a function of (event), not 'x'."),
        ("on_complete", "a coroutine function", "is asynchronous: nothing awaits it here."),
        ("Client: servers", "an endless iterator", "a server must be a ServerConfig, not 0."),
        (
            "Client: routing",
            "a text",
            "the routing must be a pair of a strategy and a list of names of servers, not 'x'",
        ),
        (
            "set_interest",
            "a list",
            "set_interest wants a frozenset of names in lower case, or None, not ['x', None, 1].",
        ),
        ("Action: key", "bytes", "X: the key of a header must be a text, not b'5'."),
        ("Action: value", "NaN", "X: A is nan, which is not a number: give one, or a text."),
        (
            "close",
            "NaN",
            "a timeout is a number of seconds, from 0 to 604800, or a timedelta, not nan",
        ),
    ],
)
def test_argument_that_is_invalid_is_refused_with_a_clear_message(
    world: World, slot: str, value: str, message: str
) -> None:
    with pytest.raises((TypeError, ValueError, AmiError)) as raised:
        SLOTS[slot](world, VALUES[value]())
    assert message in str(raised.value)
