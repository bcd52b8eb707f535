"""``ami.as_user``: an action beyond the rights is sent by no way, and all is recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied

from django_ami import acting, ami
from django_ami.actions import Action, Originate, Ping, QueuePause, QueueStatus, Redirect
from django_ami.errors import (
    ActionFailed,
    ActionTimeout,
    ConfigurationError,
    InvalidAction,
    WouldBlock,
)
from django_ami.operations import audit
from django_ami.operations.errors import ActionRefused
from django_ami.operations.models import ActionLog
from django_ami.testing import FakeAsterisk
from tests.operations.people import received, rows, user
from tests.running import wait_until

GRANTS = {
    "groups": {
        "supervisors": {
            "actions": ["QueuePause", "Originate", "Redirect", "Hangup"],
            "classes": ["looking"],
            "contexts": ["default"],
        }
    }
}


@pytest.fixture(autouse=True)
def grants(settings: Any, server: FakeAsterisk) -> None:
    settings.AMI_PERMISSIONS = GRANTS


def test_action_that_is_granted_is_sent_and_recorded(server: FakeAsterisk) -> None:
    ann = user("ann", "supervisors")
    server.on("QueuePause").fail("Interface not found")
    pending = ami.as_user(ann, view="desk").send(QueuePause("PJSIP/101", paused=True))
    assert isinstance(pending.exception(5), ActionFailed)
    ami.as_user(ann, view="desk").send(QueueStatus()).result(5)
    failed, done = rows(2)
    assert (failed.action, failed.outcome, failed.sent) == ("QueuePause", "failed", True)
    assert "Interface not found" in failed.reason
    assert failed.headers == [["Interface", "PJSIP/101"], ["Paused", "true"]]
    assert (done.kind, done.who, done.user_pk, done.via) == ("user", "ann", str(ann.pk), "desk")
    assert (done.server, done.action, done.outcome) == ("node_1", "QueueStatus", "success")
    assert done.latency is not None
    assert 0 <= done.latency < 30
    assert done.action_id


@pytest.mark.parametrize("name", ["Command", "COMMAND", "command", "Nonsense"])
def test_action_that_no_grant_has_is_refused_whatever_its_case(
    server: FakeAsterisk, name: str
) -> None:
    with pytest.raises(ActionRefused, match="must name it in 'actions'") as caught:
        ami.as_user(user("ann", "supervisors")).send(Action(name, Command="core show uptime"))
    assert isinstance(caught.value, PermissionDenied)
    assert (caught.value.sent, caught.value.status) == (False, 403)
    (row,) = rows(1)
    assert (row.action, row.outcome, row.sent) == (name, "refused", False)
    assert "may not send" in row.reason
    assert not received(server, name)


def inactive() -> User:
    return user("ann", "supervisors", is_active=False)


def gone() -> User:
    made = user("ann", "supervisors")
    User.objects.all().delete()
    made.pk = 1
    return made


@pytest.mark.parametrize(
    ("person", "text"),
    [
        (AnonymousUser, "nobody is logged in"),
        (lambda: None, "nobody is logged in"),
        (inactive, "ann is inactive"),
        (gone, "ann is gone"),
        (lambda: user("ann"), "gives this user anything"),
        (lambda: user("ann", "others"), "gives this user anything"),
    ],
)
def test_person_without_rights_sends_nothing(person: Any, text: str) -> None:
    with pytest.raises(ActionRefused, match=text):
        ami.as_user(person()).send(Ping())
    assert rows(1)[0].outcome == "refused"


def test_account_that_became_inactive_since_it_was_loaded_sends_nothing() -> None:
    ann = user("ann", "supervisors")
    User.objects.update(is_active=False)
    with pytest.raises(ActionRefused, match="inactive"):
        ami.as_user(ann).send(Ping())


def test_name_that_a_form_has_put_into_the_object_gives_no_grant_of_another(settings: Any) -> None:
    settings.AMI_PERMISSIONS = {"users": {"nightly": {"actions": ["QueueReset"]}}}
    ann = user("ann")
    ann.username = "nightly"
    with pytest.raises(ActionRefused, match="ann may not send"):
        ami.as_user(ann).send(Action("QueueReset", Queue="support"))
    assert rows(1)[0].who == "ann"


def test_name_that_no_database_takes_is_recorded_with_escapes() -> None:
    with pytest.raises(InvalidAction):
        ami.as_user(user("root", is_superuser=True), view="a\0b").send(Action("Pi\0ng\ud800"))
    (row,) = rows(1)
    assert (row.action, row.via, row.outcome) == (r"Pi\x00ng\ud800", r"a\x00b", "not_sent")


def test_superuser_sends_everything_unless_the_setting_says_otherwise(
    server: FakeAsterisk, settings: Any
) -> None:
    root = user("root", is_superuser=True)
    ami.as_user(root).send(Action("Command", Command="core show uptime")).result(5)
    settings.AMI_PERMISSIONS = {**GRANTS, "superusers": False}
    with pytest.raises(ActionRefused):
        ami.as_user(root).send(Action("Command", Command="core show uptime"))
    assert [row.outcome for row in rows(2)] == ["success", "refused"]


def test_no_method_is_a_way_around(server: FakeAsterisk) -> None:
    mine = ami.as_user(user("ann", "supervisors"))
    bad = Redirect("PJSIP/101-00000001", context="internal", exten="900")
    with pytest.raises(ActionRefused, match="Context may not be 'internal'"):
        mine.send(bad)
    for handle in (mine.server("node_1"), mine.default, mine.servers["node_1"]):
        with pytest.raises(ActionRefused):
            handle.send(bad)
        with pytest.raises(ActionRefused):
            handle.originate(to="PJSIP/101", context="internal", exten="900")
    with pytest.raises(ActionRefused):
        mine.originate(to="PJSIP/101", application="System", data="reboot")
    with pytest.raises(ActionRefused):
        mine.originate(to="Local/900@internal", context="default", exten="101")
    assert not received(server, "Redirect") + received(server, "Originate")
    assert {row.outcome for row in rows(9)} == {"refused"}


def test_coroutine_sends_and_is_refused_as_well(server: FakeAsterisk) -> None:
    ann = user("ann", "supervisors")

    async def run() -> None:
        mine = ami.as_user(ann)
        with pytest.raises(WouldBlock, match="asend"):
            mine.send(Ping())
        assert (await mine.asend(Ping())).ok
        assert (await mine.server("node_1").asend(Ping())).ok
        with pytest.raises(ActionRefused):
            await mine.asend(Action("Command", Command="x"))
        with pytest.raises(ActionRefused):
            await mine.aoriginate(to="PJSIP/101", context="internal", exten="1")
        call = await mine.aoriginate(to="PJSIP/101", context="default", exten="102")
        call.hangup()
        await call

    asyncio.run(run())
    outcomes = [row.outcome for row in rows(6)]
    assert outcomes.count("success") >= 2
    assert outcomes.count("refused") == 2


def test_call_of_somebody_else_is_ended_only_with_hangup(
    server: FakeAsterisk, settings: Any
) -> None:
    ann = user("ann", "supervisors")
    call = ami.originate(to="PJSIP/101", application="Wait", data="60")
    wait_until(lambda: call.state == "picked up")
    settings.AMI_PERMISSIONS = {"everybody": {"classes": ["looking"]}}
    found = ami.as_user(ann).call(call.id)
    with pytest.raises(ActionRefused, match="Hangup"):
        found.hangup()
    settings.AMI_PERMISSIONS = {"everybody": {"classes": ["looking"], "actions": ["Hangup"]}}
    ami.as_user(ann).call(call.id).hangup()
    call.wait(10)
    audit.close()
    hangups = ActionLog.objects.filter(action="Hangup").order_by("id")
    assert hangups[0].outcome == "refused"
    assert {row.outcome for row in hangups[1:]} <= {"success", "unknown"}
    assert hangups.count() > 1


def test_channel_that_asterisk_has_named_is_ended_only_with_hangup(
    server: FakeAsterisk, settings: Any
) -> None:
    settings.AMI_PERMISSIONS = {"everybody": {"actions": ["Originate"], "contexts": ["default"]}}
    call = ami.as_user(user("ann", "supervisors")).originate(
        to="PJSIP/101", context="default", exten="102", call_id="pbx-1764570000.17"
    )
    with pytest.raises(ActionRefused, match="Hangup"):
        call.hangup()
    assert not received(server, "Hangup")


def test_functions_about_a_call_get_what_ends_it_for_the_user_alone(server: FakeAsterisk) -> None:
    call = ami.as_user(user("ann", "supervisors")).originate(
        to="PJSIP/101", context="default", exten="102"
    )
    told: list[Any] = []
    call.on_change(lambda one, state: told.append(one))
    call.hangup()
    call.wait(10)
    wait_until(lambda: bool(told))
    assert all(one is call for one in told)


def test_action_that_cannot_be_sent_is_recorded_without_its_headers(server: FakeAsterisk) -> None:
    mine = ami.as_user(user("ann", "supervisors"))
    with pytest.raises(InvalidAction):
        mine.send(Action("QueueStatus", Queue="a\r\nAction: Command\r\nCommand: core stop now"))
    (row,) = rows(1)
    assert (row.action, row.outcome, row.headers) == ("QueueStatus", "not_sent", [])
    assert not received(server, "Command")


def test_row_is_there_when_no_answer_comes(server: FakeAsterisk) -> None:
    server.on("QueueSummary").hang()
    mine = ami.as_user(user("ann", "supervisors"))
    with pytest.raises(ActionTimeout):
        mine.send(Action("QueueSummary"), timeout=0.2).result()
    (row,) = rows(1)
    assert (row.outcome, row.sent, row.latency) == ("timeout", True, None)


def test_action_to_a_server_that_is_away_is_recorded(server: FakeAsterisk, settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": "ami://me:secret@127.0.0.1:1"}}
    mine = ami.as_user(user("ann", "supervisors"))
    mine.send(Ping(), timeout=0.2).exception(5)
    (row,) = rows(1)
    assert (row.outcome, row.sent) in {("not_sent", False), ("timeout", False)}


def test_without_the_app_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acting, "_bookkeepers", [])
    with pytest.raises(ConfigurationError, match=r"django_ami\.operations"):
        ami.as_user(None)


class _Turncoat(Action):
    """An action that is another one when it is asked again."""

    asked = 0

    @property
    def headers(self) -> Any:  # type: ignore[override]
        self.asked += 1
        context = "default" if self.asked < 3 else "internal"
        return (("Channel", "PJSIP/1-1"), ("Context", context), ("Exten", "101"), ("Priority", "1"))

    @headers.setter
    def headers(self, value: object) -> None: ...


def test_action_that_changes_is_sent_as_it_was_judged(server: FakeAsterisk) -> None:
    action = _Turncoat("Redirect")
    mine = ami.as_user(user("ann", "supervisors"))
    try:
        mine.send(action).exception(5)
    except ActionRefused:
        return
    (sent,) = received(server, "Redirect")
    assert sent["Context"] == "default"


def test_calls_of_users_whose_outcome_is_wanted_have_ids_of_their_own(
    server: FakeAsterisk, settings: Any
) -> None:
    server.on("Originate").when(lambda one: one["Channel"] == "PJSIP/102").outcome("busy")
    calls = [
        ami.as_user(user(name, "supervisors")).send(
            Originate(channel=to, context="default", exten="103", priority=1, wait=True)
        )
        for name, to in (("ann", "PJSIP/101"), ("bob", "PJSIP/102"))
    ]
    outcomes = [call.result(10).outcome for call in calls]
    assert [one and one.result for one in outcomes] == ["answered", "busy"]
    assert len({one["ChannelId"] for one in received(server, "Originate")}) == 2
