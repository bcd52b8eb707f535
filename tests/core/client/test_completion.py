"""The completion of an action, over real TCP: a response, a list of any kind, an event of its own.

And nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from django_ami.actions import (
    AbsoluteTimeout,
    Action,
    Agents,
    BridgeInfo,
    BridgeList,
    ConfbridgeListRooms,
    DBDelTree,
    DBGetTree,
    DBPut,
    DeviceStateList,
    ExtensionStateList,
    FAXSession,
    FAXSessions,
    FAXStats,
    GetConfig,
    IAXnetstats,
    IAXpeers,
    JabberSend,
    LoggerRotate,
    MailboxCount,
    ModuleCheck,
    Parkinglots,
    PresenceStateList,
    QueuePenalty,
    QueueReset,
    QueueRule,
    Reload,
    StopMixMonitor,
    VoicemailUsersList,
    WaitEvent,
)
from django_ami.core.catalog import ACTIONS
from django_ami.core.errors import ActionFailed
from tests.core.io_support import PATIENCE_SECONDS, Recorder, config, ready, started, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_ami.core.client import Client
    from django_ami.testing import ReceivedAction, Simulator

pytestmark = pytest.mark.usefixtures("no_bugs")


@pytest.fixture(params=["caller", "listener"])
def client(sim: Simulator, request: pytest.FixtureRequest) -> Iterator[Client]:
    with started(config(sim), role=request.param) as client:
        ready(client)
        yield client
        status = client.status()["node_1"]
        assert (status.pending_actions, status.unmatched_answers, status.garbage_bytes) == (0, 0, 0)


def frames(*texts: str) -> Callable[[ReceivedAction], bytes]:
    """An answer of these frames.

    Lines are separated by ``|``, and ``@`` stands for the action's own ActionID.
    """
    whole = "".join("".join(f"{line}\r\n" for line in text.split("|")) + "\r\n" for text in texts)
    return lambda action: whole.replace("@", action.action_id).encode()


def names_heard(client: Client, heard: Recorder) -> list[str]:
    """The names that the receiver has had of all events until now."""

    def handed_over() -> bool:
        status = client.status()["node_1"]
        return status.received == status.ignored + status.delivered

    client.send(QueueReset()).result(
        PATIENCE_SECONDS
    )  # its answer comes behind everything that was sent before
    wait_until(handed_over)
    return [event.name for event in heard.firsts]


SAMPLE: list[Action] = [
    Agents(),
    BridgeList(),
    DBGetTree(family="none"),
    DeviceStateList(),
    ExtensionStateList(),
    FAXSessions(),
    MailboxCount(mailbox="101@default"),
    ModuleCheck(module="app_queue"),
    Parkinglots(),
    PresenceStateList(),
    QueueReset(),
    QueueReset(queue="support"),
    QueueRule(),
    Reload(),
    LoggerRotate(),
]


@pytest.mark.parametrize("action", SAMPLE, ids=str)
def test_a_generated_action_is_complete(client: Client, action: Action) -> None:
    response = client.send(action).result(PATIENCE_SECONDS)
    assert response.ok
    info = ACTIONS[action.name]
    assert {event.name for event in response.events} <= set(info.items)
    assert (response.final_event.name if response.final_event else None) == info.final_event


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (AbsoluteTimeout(channel="nosuch", seconds=5), "No such channel"),
        (BridgeInfo(bridge_uniqueid="nosuch"), "Specified BridgeUniqueid not found"),
        (ConfbridgeListRooms(), "No active conferences."),
        (DBDelTree(family="nosuch"), "Database entry not found"),
        (GetConfig(filename="nosuch.conf"), "Config file not found"),
        (
            QueuePenalty(interface="PJSIP/nosuch", penalty=3),
            "Invalid interface, queuename or penalty",
        ),
        (StopMixMonitor(channel="nosuch"), ""),
    ],
    ids=str,
)
def test_a_generated_action_is_refused(client: Client, action: Action, message: str) -> None:
    with pytest.raises(ActionFailed) as caught:
        client.send(action).result(PATIENCE_SECONDS)
    assert message in caught.value.response.message


def test_a_tree_that_was_written_is_deleted(client: Client) -> None:
    for key in ("a", "b"):
        client.send(DBPut("catalogue", key, "1")).result(PATIENCE_SECONDS)
    assert len(client.send(DBGetTree(family="catalogue")).result(PATIENCE_SECONDS).events) == 2
    client.send(DBDelTree(family="catalogue", key="a")).result(PATIENCE_SECONDS)
    [left] = client.send(DBGetTree(family="catalogue")).result(PATIENCE_SECONDS).events
    assert left["Key"] == "/catalogue/b"


FIGURES = "Event: FAXStats|ActionID: @|CurrentSessions: 3|FailedFAXes: 0"


def test_figures_that_come_as_one_event(sim: Simulator, client: Client) -> None:
    """An answer without EventList, and yet not finished (manager_fax_stats in res/res_fax.c)."""
    heard = Recorder()
    client.subscribe(None, heard)
    sim.on("FAXStats").raw(
        frames("Response: Success|ActionID: @|Message: FAXStats event will follow", FIGURES)
    )
    response = client.send(FAXStats()).result(PATIENCE_SECONDS)
    assert response.final_event is not None
    assert response.final_event["CurrentSessions"] == "3"
    assert response.events == ()
    assert "FAXStats" not in names_heard(client, heard)


def test_one_event_that_is_refused_is_not_waited_for(sim: Simulator, client: Client) -> None:
    sim.on("FAXSession").fail("Session not found")
    with pytest.raises(ActionFailed, match="FAXSession refused: Session not found"):
        client.send(FAXSession(session_number=7)).result(PATIENCE_SECONDS)


def test_the_wait_for_an_event(sim: Simulator, client: Client) -> None:
    response = client.send(WaitEvent(0)).result(PATIENCE_SECONDS)
    assert response.message == "Waiting for Event completed."
    assert response.final_event is not None
    assert response.final_event.name == "WaitEventComplete"


PEERS = [
    "Response: Success|ActionID: @|EventList: start|Message: Peer status list will follow",
    "Event: PeerEntry|Channeltype: IAX2|ObjectName: one",
    "Event: PeerEntry|Channeltype: IAX2|ObjectName: two",
    "Event: PeerlistComplete|ActionID: @|EventList: Complete|ListItems: 2",
]


def test_items_that_do_not_say_whose_they_are(sim: Simulator, client: Client) -> None:
    """As Asterisk 22 sends those of IAXpeers: without ActionID."""
    heard = Recorder()
    client.subscribe(None, heard)
    sim.on("IAXpeers").raw(frames(*PEERS))
    responses = [
        pending.result(PATIENCE_SECONDS) for pending in [client.send(IAXpeers()) for _ in range(3)]
    ]
    for response in responses:
        assert [event["ObjectName"] for event in response.events] == ["one", "two"]
        assert response.final_event is not None
    sim.emit("PeerStatus", Peer="IAX2/one")
    assert "PeerEntry" not in names_heard(client, heard)


def test_a_list_that_has_no_beginning_if_it_is_empty(sim: Simulator, client: Client) -> None:
    sim.on("VoicemailUsersList").raw(
        frames("Response: Success|ActionID: @|Message: There are no voicemail users.")
    )
    response = client.send(VoicemailUsersList()).result(PATIENCE_SECONDS)
    assert (response.events, response.final_event) == ((), None)


def test_the_first_of_two_answers_counts(sim: Simulator, client: Client) -> None:
    both = frames(
        "Response: Success|ActionID: @|Message: Attempting",
        "Response: Success|ActionID: @|Message: Queued",
    )
    sim.on("JabberSend").raw(both)
    action = JabberSend(jabber="asterisk", screen_name="a@b", message="hello")
    assert client.send(action).result(PATIENCE_SECONDS).message == "Attempting"
    client.send(QueueReset()).result(PATIENCE_SECONDS)
    assert client.status()["node_1"].late_answers == 1


def test_an_action_that_is_answered_with_mere_text_has_it(sim: Simulator) -> None:
    sim.on("IAXnetstats").raw(b"peer  1 2 3\nother  1 2 3\n\r\n")
    with started(config(sim), role="caller") as client:
        ready(client)
        assert (
            client.send(IAXnetstats()).result(PATIENCE_SECONDS).output
            == "peer  1 2 3\nother  1 2 3"
        )
        assert client.send(QueueReset()).result(PATIENCE_SECONDS).ok


def test_sent_action_arrives(sim: Simulator, client: Client) -> None:
    """A parameter of every kind.

    Plain, renamed, yes and no, numbered, repeated, with a blank in its name's place.
    """
    from django_ami import actions

    sent: list[tuple[Action, dict[str, Any]]] = [
        (
            actions.QueueReload(queue="support", members=True, rules=False),
            {"Members": "yes", "Rules": "no"},
        ),
        (
            actions.PlayDTMF(channel="PJSIP/1", digit=5, duration_ms=200),
            {"Digit": "5", "Duration": "200"},
        ),
        (
            actions.AOCMessage(msg_type="D", channel="PJSIP/1", unit_amounts=[1, 2]),
            {"UnitAmount(1)": "2"},
        ),
        (
            actions.SendText(channel="PJSIP/1", message="a: b", content_type="text/plain"),
            {"Content-Type": "text/plain"},
        ),
        (
            actions.MessageSend(to="pjsip:1", from_="a", variables={"X": "1,2"}),
            {"From": "a", "Variable": r"X=1\,2"},
        ),
    ]
    for action, headers in sent:
        sim.on(action.name).reply()
        client.send(action).result(PATIENCE_SECONDS)
        [received] = [one for one in sim.received if one.name == action.name]
        assert {key: received.get(key) for key in headers} == headers
        assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]{16}", received.action_id)
