"""The outcomes of calls to SIP telephones.

Originate(wait=True) tells busy from rejected, and names the SIP code.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.core.actions import Hangup, Originate
from tests.asterisk.clients import PATIENCE_SECONDS, ask, connected, until
from tests.asterisk.phones import answer, forward, needs_sipp, never_answer, phone, refuse

if TYPE_CHECKING:
    from pathlib import Path

    from django_ami.core.messages import Event
    from django_ami.core.outcome import OriginateOutcome
    from tests.asterisk.conftest import Asterisk

pytestmark = needs_sipp

#: The act of a telephone, and then: result, cause, SIP code, whether it rang.
PHONES: dict[str, tuple[str, tuple[str, int | None, int | None, bool]]] = {
    "486": (refuse(486), ("busy", 17, 486, True)),
    "486 at once": (refuse(486, rings=False), ("busy", 17, 486, False)),
    "600": (refuse(600), ("busy", 17, 600, True)),
    "603": (refuse(603), ("rejected", 21, 603, True)),
    "403": (refuse(403), ("rejected", 21, 403, True)),
    "480": (refuse(480), ("unavailable", 19, 480, True)),
    "404": (refuse(404), ("not found", 1, 404, True)),
    "410": (refuse(410), ("not found", 22, 410, True)),
    "484": (refuse(484), ("not found", 28, 484, True)),
    "408": (refuse(408), ("no answer", 18, 408, True)),
    "488": (refuse(488), ("failed", 58, 488, True)),
    "415": (refuse(415), ("failed", 127, 415, True)),
    "607": (refuse(607), ("rejected", 127, 607, True)),
    "500": (refuse(500), ("failed", 38, 500, True)),
    "503": (refuse(503), ("failed", 34, 503, True)),
    "rings out": (never_answer(), ("no answer", 19, 480, True)),
    "never rings": (never_answer(rings=False), ("no answer", 19, 480, False)),
    "answers": (answer(), ("answered", None, None, True)),
}
RUNG_OUT = ("rings out", "never rings")


def to(channel: str, **more: Any) -> Originate:
    return Originate(
        channel=channel,
        **{"application": "Wait", "data": "0", "timeout_ms": 10_000, "wait": True, **more},
    )


def facts(outcome: OriginateOutcome | None) -> tuple[str, int | None, int | None, bool | None]:
    assert outcome is not None
    return outcome.result, outcome.cause, outcome.sip_code, outcome.rang


@pytest.mark.parametrize("role", ["caller", "listener"])
@pytest.mark.parametrize("ids", ["ours", "theirs"])
def test_outcome_for_each_answer_of_a_telephone(
    asterisk: Asterisk, tmp_path: Path, role: str, ids: str
) -> None:
    with ExitStack() as phones, connected(asterisk, role=role) as client:
        dialed = {
            name: phones.enter_context(phone(tmp_path / name, does))
            for name, (does, _) in PHONES.items()
        }
        under_way = {
            name: client.send(
                to(
                    channel,
                    timeout_ms=1_500 if name in RUNG_OUT else 10_000,
                    channel_id=f"{role}-{name.replace(' ', '-')}." if ids == "theirs" else None,
                )
            )
            for name, channel in dialed.items()
        }
        found = {
            name: facts(pending.result(PATIENCE_SECONDS).outcome)
            for name, pending in under_way.items()
        }
    expected = {name: told for name, (_, told) in PHONES.items()}
    if asterisk.version == "16":  # which has no TechCause, and no cause of a call that rang out
        expected = {
            name: (
                "failed" if cause == 127 else result,
                0 if name in RUNG_OUT else cause,
                None,
                rang,
            )
            for name, (result, cause, _, rang) in expected.items()
        }
    assert found == expected


@pytest.mark.parametrize("code", [486, 603, 404])
def test_a_telephone_behind_a_local_channel(asterisk: Asterisk, tmp_path: Path, code: int) -> None:
    with phone(tmp_path / "phone", refuse(code)) as far, connected(asterisk) as client:
        outcome = ask(client, to("Local/dial@outcomes", variables={"__FAR": far})).outcome
        assert outcome is not None
        result, cause, *_ = PHONES[str(code)][1]
        assert (outcome.result, outcome.cause) == (result, cause)


def test_a_call_that_is_hung_up_while_it_rings(asterisk: Asterisk, tmp_path: Path) -> None:
    ringing: list[Event] = []
    with (
        phone(tmp_path / "phone", never_answer()) as far,
        connected(asterisk) as client,
        connected(asterisk, role="listener") as listener,
    ):
        listener.subscribe("Newstate", ringing.append)
        pending = client.send(to(far, channel_id="hang-up-while-it-rings"))
        until(lambda: ringing)
        assert ask(client, Hangup("hang-up-while-it-rings")).ok
        assert facts(pending.result(PATIENCE_SECONDS).outcome) == ("cancelled", 0, None, True)


def test_a_telephone_that_sends_the_call_on(asterisk: Asterisk, tmp_path: Path) -> None:
    with phone(tmp_path / "phone", forward("500")) as far, connected(asterisk) as client:
        outcome = ask(client, to(far)).outcome
        assert outcome is not None
        assert (outcome.result, outcome.forwarded_to) == ("answered", "500")


def test_call_that_its_telephone_sends_on_is_followed_to_its_end_where_events_come(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    with (
        phone(tmp_path / "phone", forward("500")) as far,
        connected(asterisk, role="listener") as client,
    ):
        for name in ("Newchannel", "DialEnd", "Newstate", "Hangup"):
            client.subscribe(name, lambda _: None)
        call = client.originate(to=far, application="Wait", data="2")
        assert call.answered().result(PATIENCE_SECONDS)
        assert call.state == "picked up"
        outcome = call.wait(PATIENCE_SECONDS)
        assert (outcome.result, outcome.inferred) == ("answered", False)
        assert outcome.talk_seconds > 0.5


def test_end_of_a_call_that_its_telephone_sends_on_is_not_claimed_without_its_events(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    with phone(tmp_path / "phone", forward("500")) as far, connected(asterisk) as client:
        call = client.originate(to=far, application="Wait", data="2")
        outcome = call.wait(PATIENCE_SECONDS)
        assert (outcome.result, outcome.inferred) == ("answered", True)
        assert "500 has answered" in outcome.description


def test_receivers_are_told_of_it_too(asterisk: Asterisk, tmp_path: Path) -> None:
    heard: list[Event] = []
    with (
        phone(tmp_path / "phone", refuse(486)) as far,
        connected(asterisk, role="listener") as client,
    ):
        for name in ("Hangup", "DialEnd", "OriginateResponse"):
            client.subscribe(name, heard.append)
        outcome = ask(client, to(far)).outcome
        assert outcome is not None
        until(lambda: {event.name for event in heard} == {"Hangup", "DialEnd", "OriginateResponse"})
        assert outcome.result == "busy"


@pytest.mark.parametrize("hidden", ["!Event: Hangup", "!Event: DialEnd"])
def test_an_account_whose_filters_hide_one_of_them(
    asterisk: Asterisk, tmp_path: Path, hidden: str
) -> None:
    filtered = f"secret = fallible111\neventfilter = {hidden}\n"
    with (
        asterisk.configured("secret = fallible111\n", filtered),
        phone(tmp_path / "phone", refuse(486)) as far,
        connected(asterisk, "fallible") as client,
    ):
        assert facts(ask(client, to(far)).outcome)[0] == "busy"


def test_an_account_that_is_shown_something_else(asterisk: Asterisk, tmp_path: Path) -> None:
    filtered = "secret = fallible111\neventfilter = Event: QueueMemberStatus\n"
    with (
        asterisk.configured("secret = fallible111\n", filtered),
        phone(tmp_path / "phone", refuse(603)) as far,
        connected(asterisk, "fallible", boot_grace=0.1) as client,
    ):
        assert facts(ask(client, to(far)).outcome)[0] == "rejected"
