"""The commands of the wallboard on a real Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_ami import ami
from django_ami.actions import CoreShowChannels
from tests.asterisk.phones import answer, needs_sipp, phone
from tests.running import wait_until
from tests.wallboard.commands.visiting import Site, site_of

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call
    from tests.asterisk.conftest import Asterisk

AGENT = "Local/a1@agents/n"


@pytest.fixture
def site(asterisk: Asterisk, settings: Any, transactional_db: None) -> Iterator[Site]:
    with site_of(asterisk.url, settings) as made:
        yield made


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[list[str]]:
    """The dial strings of three telephones that answer."""
    with (
        phone(tmp_path / "a", answer()) as one,
        phone(tmp_path / "b", answer()) as two,
        phone(tmp_path / "c", answer()) as three,
    ):
        # Two channels of one device are one party: the second one is dialled as another device.
        yield [one, two.replace("PJSIP/phone/", "PJSIP/alice/"), three]


@pytest.fixture
def call(site: Site, phones: list[str]) -> Call:
    """Two telephones that talk."""
    one, two, _ = phones
    made = ami.originate(to=one, context="outcomes", exten="dial", variables={"FAR": two})
    return site.seen(made.id, "answered")


def applications() -> dict[str, str]:
    """The application that each channel is in, by Uniqueid, as the server says."""
    channels = ami.send(CoreShowChannels()).result().events
    return {channel["Uniqueid"]: channel["Application"] for channel in channels}


@needs_sipp
def test_a_call_is_placed_once_and_hung_up(site: Site, phones: list[str]) -> None:
    site.telephone = phones[0]
    told = site.post("place", number="860", click="a").json()
    assert site.post("place", number="860", click="a").json()["call"] == told["call"]
    wait_until(lambda: site.get(told["url"]).json()["state"] == "picked up")
    assert site.post("hangup", told["call"]).status_code == 202
    wait_until(lambda: site.get(told["url"]).json()["ended"])
    assert site.get(told["url"]).json()["outcome"] == "answered"


@needs_sipp
def test_the_server_refuses_a_second_call_with_the_id_of_one_that_lives(
    call: Call, phones: list[str]
) -> None:
    again = ami.originate(to=phones[2], context="default", exten="860", call_id=call.id)
    assert not again.wait(10).answered


@needs_sipp
def test_a_live_call_is_hung_up_by_its_id(site: Site, call: Call) -> None:
    assert site.post("hangup", call.id).status_code == 200
    site.seen(call.id, "ended")


@needs_sipp
@pytest.mark.parametrize("role", ["caller", "callee"])
def test_a_party_is_sent_elsewhere_and_the_other_one_is_free(
    site: Site, call: Call, role: str
) -> None:
    party = next(one for one in call.parties if one.role == role)
    response = site.post("transfer", call.id, to="860", party=role)
    assert response.status_code == 200, response.content
    wait_until(
        lambda: (
            (live := ami.live("node_1").call(call.id)) is not None
            and [one.device for one in live.parties if one.left is None] == [party.device]
        )
    )
    assert [applications()[uniqueid] for uniqueid in party.channels] == ["Wait"]
    site.post("hangup", call.id)


@needs_sipp
@pytest.mark.parametrize("mode", ["spy", "whisper", "barge"])
def test_a_third_telephone_hears_a_call(
    site: Site, call: Call, phones: list[str], mode: str
) -> None:
    site.telephone = phones[2]
    told = site.post("listen", call.id, mode=mode).json()
    wait_until(lambda: site.get(told["url"]).json()["state"] == "picked up")
    assert applications()[told["call"]] == "ChanSpy"
    site.post("hangup", call.id)  # and so the listener hears nothing more, and is hung up
    wait_until(lambda: site.get(told["url"]).json()["ended"])


def test_an_agent_is_paused_and_goes_on(site: Site) -> None:
    response = site.post("pause", interface=AGENT, paused="1", reason="lunch")
    assert response.status_code == 200, response.content
    wait_until(lambda: ami.live("node_1").members["support", AGENT].paused)
    assert ami.live("node_1").agents[AGENT].pause_reason == "lunch"
    site.post("pause", interface=AGENT, queue="support", paused="0")
    wait_until(lambda: not ami.live("node_1").members["support", AGENT].paused)
