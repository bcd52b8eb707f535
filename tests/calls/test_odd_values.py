"""A call is stored with any values in it: texts of any signs, numbers of any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random
from typing import Any

import pytest

from django_ami.calls.models import PARTS, Call
from django_ami.calls.store import save_calls
from django_ami.calls.story import story_of
from django_ami.live import snapshots
from django_ami.live.snapshots import Forward, Park, Pickup, Transfer
from tests.calls.support import START, a_queue_call

pytestmark = pytest.mark.django_db

WHOLE = a_queue_call(
    transfers=(Transfer("blind", START, "a", "b", "c", "Success"),),
    pickups=(Pickup(START, "a", "b"),),
    forwards=(Forward(START, "a", "b"),),
    parks=(
        Park(lot="a", space="b", who="c", channel="d", by="e", begin=START, end=START + 1),
    ),
)  # fmt: skip


def text(random: Random) -> str:
    """Any signs: of Unicode, half of a pair, none, and numbers."""
    signs = [
        chr(random.choice((random.randrange(0x110000), random.randrange(256), 0))) for _ in range(9)
    ]
    return random.choice(("", "".join(signs), "9" * 500, "".join(signs) * 40, "%_\\'\";--"))


#: The key of a call, and the field that makes it another's.
KEPT = {"server", "id", "merged_into"}
VALUES: dict[type, Callable[[Random], object]] = {
    str: text,
    float: lambda random: random.choice((random.uniform(-1e9, 1e10), 0.0, START, -0.5, 1e-300)),
    int: lambda random: random.choice((0, -1, 2**31 - 1, 2**31, 2**63, -(10**30), 10**30)),
    dict: lambda random: {text(random): text(random) for _ in range(3)},
}


def odd(random: Random, one: Any) -> Any:
    """The same snapshot with other texts, times and numbers, in some of its fields."""
    changes: dict[str, Any] = {}
    for field in fields(one):
        value = getattr(one, field.name)
        if isinstance(value, tuple) and value and not isinstance(value[0], str):
            changes[field.name] = tuple(odd(random, part) for part in value)
        elif type(value) in VALUES and field.name not in KEPT and random.random() < 0.5:
            changes[field.name] = VALUES[type(value)](random)
    return replace(one, **changes)


@pytest.mark.parametrize("seed", range(25))
def test_a_call_of_any_values_is_stored_and_told(seed: int) -> None:
    call: snapshots.Call = odd(Random(seed), WHOLE)
    save_calls([call, a_queue_call(2)])
    row = Call.objects.get(server=call.server, call_id=call.id)
    assert [model.objects.filter(call=row).exists() for model in PARTS[1:]] == [True] * 3
    assert story_of(row)
