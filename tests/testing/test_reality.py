"""The kit's whole calls against recordings of real telephones: the same events, with the same
headers and values.

Races in Asterisk are not compared: see ``RACES``. Nor are variables and states that depend on the
dialplan, on hints and on the queues of a telephone.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import Recording, scenarios
from tests.recordings import call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django_ami.core.messages import Event


@dataclass(frozen=True)
class Case:
    """A scenario, and the recording of the same call. It names the devices, numbers and queues."""

    scenario: Callable[[], Recording]
    recording: str
    of_kit: str
    recorded: str
    version: str = "22"


#: The roles are A, B, C (the caller, the called, the target of a transfer) and Q, a queue.
#: Telephones that have no role are left out: the other members of the queue, which the kit's queue
#: has not.
CASES = {
    "answered": Case(
        scenarios.answered_call,
        "answered-caller-hangs-up",
        "101=A 102=B",
        "alice=6001=A bob=6002=B",
    ),
    "busy": Case(scenarios.busy_call, "busy-486", "101=A 102=B", "alice=6001=A bob=6002=B"),
    "no answer": Case(
        scenarios.no_answer_call, "no-answer", "101=A 102=B", "alice=6001=A bob=6002=6102=B"
    ),
    "queue": Case(
        scenarios.queue_call,
        "queue-ringall",
        "+49301234567=A 102=B support=Q",
        "alice=6001=A carol=6003=B ringall=7201=Q",
    ),
    "queue, 24": Case(
        scenarios.queue_call,
        "queue-ringall",
        "+49301234567=A 102=B support=Q",
        "alice=6001=A carol=6003=B ringall=7201=Q",
        version="24",
    ),
    "abandoned": Case(
        scenarios.abandoned_call,
        "queue-abandoned",
        "+49301234567=A 102=B support=Q",
        "alice=6001=A carol=6003=B ringall=7201=Q",
    ),
    "blind transfer": Case(
        scenarios.blind_transfer,
        "blind-transfer-by-callee",
        "101=A 102=B 103=C",
        "alice=6001=A bob=6002=B carol=6003=C",
    ),
    "attended transfer": Case(
        scenarios.attended_transfer,
        "attended-transfer",
        "101=A 102=B 103=C",
        "alice=6001=A bob=6002=B carol=6003=C",
    ),
    "attended transfer, 24": Case(
        scenarios.attended_transfer,
        "attended-transfer",
        "101=A 102=B 103=C",
        "alice=6001=A bob=6002=B carol=6003=C",
        version="24",
    ),
}

#: Events of devices and of the connection itself; variables; and what a build with TEST_FRAMEWORK
#: adds.
LEFT_OUT = {
    *(
        "ChallengeSent",
        "SuccessfulAuth",
        "ContactStatus",
        "TestEvent",
        "VarSet",
        "RTCPSent",
        "RTCPReceived",
    ),
    *("DeviceStateChange", "ExtensionStatus", "QueueMemberStatus"),
}
#: Headers that differ from call to call, and from one configuration to another.
VALUES_LEFT_OUT = re.compile(
    r".*(CallerIDName|ConnectedLineName|Language|Context|Priority|BridgeTechnology)|CallerID|MemberName"
    r"|HoldTime|RingTime|TalkTime|StartTime|AnswerTime|EndTime|Duration|BillableSeconds"
)
#: Threads of their own tell these: their place among the others is never sure.
RACES = {
    *(
        "Cdr",
        "DialState",
        "DialEnd",
        "HangupRequest",
        "SoftHangupRequest",
        "NewConnectedLine",
        "Newexten",
    ),
    *("MusicOnHoldStart", "MusicOnHoldStop", "AgentComplete"),
}


class Story:
    """Events, with roles in the place of names, numbers and ids."""

    def __init__(self, events: Iterable[Event], roles: str) -> None:
        names = dict(self._pairs(roles))
        self._words = re.compile(
            "|".join(rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in names)
        )
        self._names = names
        self._ids: dict[str, str] = {}
        self.told = [
            self._with_roles(event)
            for event in events
            if event.name not in LEFT_OUT and self._is_of(event)
        ]

    def _pairs(self, roles: str) -> Iterable[tuple[str, str]]:
        for one in roles.split():
            *names, role = one.split("=")
            yield from ((name, role) for name in names)

    def _is_of(self, event: Event) -> bool:
        """Whether everybody in it has a role.

        A dialplan's last step, which hangs up, is the laboratory's own.
        """
        channels = (
            value
            for key, value in event.headers
            if key.endswith("Channel") and value.startswith("PJSIP/")
        )
        return event.get("Application") != "Hangup" and all(
            self._device(name) in self._names for name in channels
        )

    def _device(self, channel: str) -> str:
        return channel.removeprefix("PJSIP/").rpartition("-")[0]

    def _with_roles(self, event: Event) -> tuple[str, tuple[tuple[str, str], ...]]:
        if event.name == "Newchannel":
            role = self._names[self._device(event["Channel"])]
            label = f"{role}{sum(one[0] == role for one in set(self._ids.values())) + 1}"
            self._ids |= {event["Channel"]: label, event["Uniqueid"]: label}
        if event.name == "BridgeCreate":
            self._ids[event["BridgeUniqueid"]] = (
                f"bridge {sum('bridge' in one for one in self._ids.values()) + 1}"
            )
        return event.name, tuple((key, self._value(key, value)) for key, value in event.headers[1:])

    def _value(self, key: str, value: str) -> str:
        if VALUES_LEFT_OUT.fullmatch(key):
            return "..."
        if key in {"AppData", "LastData"}:
            value = value.partition(",")[0]  # the rest are options
        return self._ids.get(value) or self._words.sub(lambda found: self._names[found[0]], value)

    def of_channel(self, label: str) -> list[str]:
        """The events of a channel, in their order, but for races."""
        return [
            name for name, headers in self.told
            if name not in RACES and label in (dict(headers).get("Channel"),
                                               dict(headers).get("TransfereeChannel"))
        ]  # fmt: skip

    @property
    def channels(self) -> set[str]:
        return {label for label in self._ids.values() if "bridge" not in label}

    def place(self, name: str, **headers: str) -> int:
        return next(
            place
            for place, (one, has) in enumerate(self.told)
            if one == name and headers.items() <= set(has)
        )


def stories(name: str) -> tuple[Story, Story]:
    case = CASES[name]
    return Story(case.scenario().events, case.of_kit), Story(
        call(case.recording, case.version), case.recorded
    )


def test_every_scenario_has_its_recording() -> None:
    assert {case.scenario.__name__ for case in CASES.values()} == set(scenarios.__all__)


@pytest.mark.parametrize("name", CASES)
def test_the_events_are_those_of_the_recording(name: str) -> None:
    kit, recorded = stories(name)
    told, expected = Counter(kit.told), Counter(recorded.told)
    assert (list(expected - told), list(told - expected)) == ([], [])
    assert len(kit.told) > 12


@pytest.mark.parametrize("name", CASES)
def test_each_channel_does_it_in_the_order_of_the_recording(name: str) -> None:
    kit, recorded = stories(name)
    assert kit.channels == recorded.channels
    for label in kit.channels:
        assert kit.of_channel(label) == recorded.of_channel(label)


@pytest.mark.parametrize("story", [0, 1], ids=["kit", "recording"])
@pytest.mark.parametrize("name", ["queue", "queue, 24"])
def test_an_agent_has_left_and_is_complete_before_anybody_hangs_up(name: str, story: int) -> None:
    it = stories(name)[story]
    left = max(it.place("BridgeLeave", Channel=channel) for channel in ("A1", "B1"))
    assert (
        it.place("AgentComplete")
        < it.place("Hangup", Channel="B1")
        < it.place("Hangup", Channel="A1")
    )
    assert left < it.place("Hangup", Channel="B1")
