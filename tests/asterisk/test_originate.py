"""Calls between SIP telephones, followed from their first ring to their end."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.asterisk.clients import NAME, PATIENCE_SECONDS, connected, until
from tests.asterisk.phones import answer, needs_sipp, never_answer, phone, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from django_ami.types import OriginatedCall
    from tests.asterisk.conftest import Asterisk

pytestmark = needs_sipp

#: The acts of the first telephone and of the second one, and then: result, first picked up.
CALLS: dict[str, tuple[str, str | None, tuple[str, bool]]] = {
    "first busy": (refuse(486), None, ("busy", False)),
    "first rejects": (refuse(603), None, ("rejected", False)),
    "first rings out": (never_answer(), None, ("no answer", False)),
    "second busy": (answer(), refuse(486), ("busy", True)),
    "second rejects": (answer(), refuse(603), ("rejected", True)),
    "second unknown": (answer(), refuse(404), ("not found", True)),
    "second fails": (answer(), refuse(503), ("failed", True)),
    "second rings out": (answer(), never_answer(), ("no answer", True)),
}


def to(first: str, second: str, **more: Any) -> dict[str, Any]:
    """From the one to the other, by an extension that dials the variable FAR."""
    return {
        "to": first, "context": "outcomes", "exten": "dial", "timeout": 2,
        "variables": {"__FAR": second, "__FAR_SECONDS": 1}, **more,
    }  # fmt: skip


@pytest.mark.parametrize("role", ["caller", "listener"])
def test_outcome_for_each_answer_of_two_telephones(
    asterisk: Asterisk, tmp_path: Path, role: str
) -> None:
    with ExitStack() as phones, connected(asterisk, role=role) as client:

        def ready(name: str, does: str | None) -> str:
            if does is None:
                return "PJSIP/nobody"
            return phones.enter_context(phone(tmp_path / name, does))

        calls: dict[str, OriginatedCall] = {}
        for name, (first, second, _) in CALLS.items():
            far = ready(f"{name} 2", second)
            calls[name] = client.originate(**to(ready(f"{name} 1", first), far))
        outcomes = {name: call.wait(60) for name, call in calls.items()}
    found = {name: (each.result, each.picked_up) for name, each in outcomes.items()}
    assert found == {name: told for name, (*_, told) in CALLS.items()}, outcomes


def test_two_telephones_talk_until_the_call_is_hung_up(asterisk: Asterisk, tmp_path: Path) -> None:
    with (
        phone(tmp_path / "first", answer()) as first,
        phone(tmp_path / "second", answer()) as second,
        connected(asterisk) as client,
        connected(asterisk) as other,
    ):
        call = client.originate(**to(first, second))
        states: list[str] = []
        call.on_change(lambda _, state: states.append(str(state)))
        assert call.answered().result(PATIENCE_SECONDS)
        found = other.call(call.id)
        assert found.answered().result(PATIENCE_SECONDS)
        found.hangup()
        assert found.wait(PATIENCE_SECONDS).answered
        outcome = call.wait(PATIENCE_SECONDS)
        assert (outcome.result, outcome.cause) == ("answered", 16)
        assert outcome.talk_seconds > 0
        until(lambda: states and states[-1] == "ended")
        assert states[-2:] == ["answered", "ended"]


def test_a_telephone_that_is_not_there_and_an_extension_that_is_not(asterisk: Asterisk) -> None:
    with connected(asterisk) as client:
        nobody = client.originate(**to("PJSIP/nobody", "PJSIP/nobody"))
        nowhere = client.originate(to="Local/500@default", context="outcomes", exten="none")
        assert nobody.wait(PATIENCE_SECONDS).result == "unavailable"
        assert nowhere.wait(PATIENCE_SECONDS).result in ("not found", "failed", "answered")


def test_an_optimised_local_channel_leaves_one_call(asterisk: Asterisk, tmp_path: Path) -> None:
    with (
        phone(tmp_path / "first", answer()) as first,
        phone(tmp_path / "second", answer()) as second,
        connected(asterisk) as client,
    ):
        call = client.originate(
            to="Local/near@outcomes", context="outcomes", exten="dial",
            variables={"__NEAR": first, "__FAR": second}, server=NAME,
        )  # fmt: skip
        assert call.answered().result(PATIENCE_SECONDS), call.outcome
        call.hangup()
        assert call.wait(PATIENCE_SECONDS).answered
