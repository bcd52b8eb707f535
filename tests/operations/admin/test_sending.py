"""The form of an action: built from the catalogue, sent once, answered with tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from django_ami import ami, catalog
from django_ami.operations.admin.parameters import ActionForm
from django_ami.operations.admin.sending import OF_CONNECTIONS
from django_ami.operations.models import ActionLog, IdempotencyKey
from django_ami.testing import FakeAsterisk, Simulator
from tests.operations.people import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/ami_operations/lease/send/"
KEY = "0123456789abcdef" * 2


@pytest.fixture
def sim(settings: SettingsWrapper) -> Iterator[Simulator]:
    with FakeAsterisk() as simulator:
        settings.AMI_SERVERS = {"node_1": {"URL": simulator.url}}
        yield simulator
        ami.close()


@pytest.fixture
def operator(log_in: Callable[..., Client]) -> Client:
    """A superuser, who may send everything."""
    return log_in(is_superuser=True)


def form(visitor: Client, action: str) -> str:
    answer = visitor.get(ADDRESS, {"action": action})
    assert answer.status_code == 200
    return answer.content.decode()


def send(visitor: Client, action: str, key: str = KEY, **values: str) -> Any:
    own = ("confirm", "more")
    data = {f"header-{name}": value for name, value in values.items() if name not in own}
    data |= {"key": key, "server": "node_1", "more": values.get("more", "")}
    if values.get("confirm", "on"):
        data["confirm"] = "on"
    return visitor.post(f"{ADDRESS}?action={action}", data)


def text_of(answer: Any) -> str:
    return answer.content.decode()


def headers_of(simulator: Simulator, action: str) -> list[list[tuple[str, str]]]:
    """Those of each action of this name that the server has got."""
    return [
        [pair for pair in one.headers if pair[0] not in {"Action", "ActionID"}]
        for one in simulator.received
        if one.name == action
    ]


def test_choice_has_every_action_but_those_of_connections(operator: Client) -> None:
    text = text_of(operator.get(ADDRESS))
    offered = set(re.findall(r'<option value="(\w+)">', text))
    assert offered == set(catalog.ACTIONS) - OF_CONNECTIONS
    assert "QueuePause: Pause a member of one queue or of all" in text


@pytest.mark.parametrize("name", ["Quest", "Login", "logoff", "<script>"])
def test_action_that_is_not_to_be_sent_here_is_refused_with_a_hint(
    name: str, operator: Client
) -> None:
    answer = operator.get(ADDRESS, {"action": name})
    assert answer.status_code == 404
    assert "There is no action" in text_of(answer)
    assert "<script>'" not in text_of(answer)


def test_every_action_has_a_form_with_its_parameters() -> None:
    for info in catalog.ACTIONS.values():
        html = ActionForm(info, ["node_1"]).as_p()
        for parameter in info.parameters:
            assert f'name="header-{parameter.name}"' in html
            assert not parameter.repeatable or f'<textarea name="header-{parameter.name}"' in html


def test_form_tells_of_each_parameter(operator: Client) -> None:
    text = form(operator, "Originate")
    assert re.search(r'<label[^>]*class="required"[^>]*>Channel', text)
    assert not re.search(r'<label[^>]*class="required"[^>]*>Exten', text)
    assert "whom to call, as <code>PJSIP/101</code>" in text
    assert "by default 30000" in text
    assert re.search(r'<textarea name="header-Variable"', text)
    assert "one on each line" in text
    assert '<option value="true"></option>' in form(operator, "Status")


def test_password_is_typed_unseen_and_never_shown_again(operator: Client, sim: Simulator) -> None:
    name, secret = "UpdateConfig", "Value-000000"
    assert re.search(rf'<input type="password" name="header-{secret}"', form(operator, name))
    text = text_of(send(operator, name, SrcFilename="a", DstFilename="a", **{secret: "s3cr3t"}))
    assert "Answer" in text
    assert "s3cr3t" not in text
    refused = send(operator, name, SrcFilename="a", **{secret: "s3cr3t"})
    assert refused.status_code == 400
    assert "s3cr3t" not in text_of(refused)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("UserEvent", {"UserEvent": "a", "more": "Note: kept\nSecret: s3cr3t"}),
        ("Setvar", {"Variable": "DB_PASSWORD", "Value": "s3cr3t", "more": "Note: kept"}),
        ("Originate", {"Channel": "PJSIP/1", "Variable": "NOTE=kept\nPASSWORD=my s3cr3t"}),
    ],
)
def test_secret_that_only_its_words_tell_is_never_shown_again(
    name: str, values: dict[str, str], operator: Client, sim: Simulator
) -> None:
    for answer in (send(operator, name, **values), send(operator, name, confirm="", **values)):
        assert "s3cr3t" not in text_of(answer)
        assert "kept" in text_of(answer)
    assert "s3cr3t" in str(headers_of(sim, name))


def test_form_without_what_is_required_sends_nothing(operator: Client, sim: Simulator) -> None:
    answer = send(operator, "QueuePause", Interface="PJSIP/101")
    assert answer.status_code == 400
    assert "nothing was sent" in text_of(answer)
    assert "This field is required." in text_of(answer)
    assert 'value="PJSIP/101"' in text_of(answer)
    assert sim.received == ()
    assert not IdempotencyKey.objects.exists()


def test_action_is_sent_with_what_is_filled_in(operator: Client, sim: Simulator) -> None:
    answer = send(
        operator,
        "Originate",
        Channel="Local/7101@default",
        Context="default",
        Exten="7102",
        Priority="1",
        Variable="A=1\r\nB=2\r\n",
        more="X-One: 1\n\nX-Two:2",
    )
    assert answer.status_code == 200, text_of(answer)
    (sent,) = headers_of(sim, "Originate")
    assert sent == [
        ("Channel", "Local/7101@default"),
        ("Exten", "7102"),
        ("Context", "default"),
        ("Priority", "1"),
        ("Variable", "A=1"),
        ("Variable", "B=2"),
        ("X-One", "1"),
        ("X-Two", "2"),
        ("Async", "true"),
    ]
    assert "Answer: Success" in text_of(answer)


@pytest.mark.parametrize("line", ["no header", ": value"])
def test_line_that_is_no_header_is_told(line: str, operator: Client, sim: Simulator) -> None:
    answer = send(operator, "Ping", more=line)
    assert answer.status_code == 400
    assert "is no header" in text_of(answer)
    assert sim.received == ()


def test_list_is_shown_as_a_table_for_each_of_its_events(operator: Client, sim: Simulator) -> None:
    text = text_of(send(operator, "QueueStatus"))
    for name in ("QueueParams", "QueueMember", "QueueStatusComplete"):
        assert f">{name}</h3>" in text
    assert '<th scope="col">Queue</th>' in text
    assert "<td>support</td>" in text
    assert "ActionID" not in text


def test_answer_is_escaped_and_has_no_secrets(operator: Client, sim: Simulator) -> None:
    sim.on("GetConfig").reply(
        "Success", {"Message": "<script>x</script>", "Secret": "hunter2", "Line": "secret=hunter3"}
    )
    text = text_of(send(operator, "GetConfig", Filename="sip.conf"))
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "<script>x" not in text
    assert "hunter" not in text


def test_output_of_the_console_is_shown_as_it_is(operator: Client, sim: Simulator) -> None:
    text = text_of(send(operator, "Command", Command="core show version"))
    assert re.search(r"<pre[^>]*>Asterisk ", text)


def test_refusal_of_the_server_is_shown(operator: Client, sim: Simulator) -> None:
    sim.on("Park").fail("No such channel")
    text = text_of(send(operator, "Park", Channel="PJSIP/1"))
    assert "Answer: Error: No such channel" in text
    assert IdempotencyKey.objects.get().outcome == "No such channel"


def test_action_without_an_answer_says_that_it_has_left(
    operator: Client, sim: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_ami.operations.admin.sending._LONGEST_WAIT_SECONDS", 0.2)
    sim.on("Park").raw(lambda _: b"")
    text = text_of(send(operator, "Park", Channel="PJSIP/1"))
    assert "The action has left, and may be carried out" in text


def test_form_that_is_sent_twice_sends_once(operator: Client, sim: Simulator) -> None:
    assert send(operator, "Ping").status_code == 200
    again = send(operator, "Ping")
    assert again.status_code == 409
    assert "is not sent again. How it went: Success" in text_of(again)
    assert len(headers_of(sim, "Ping")) == 1
    (key,) = re.findall(r'name="key" value="(\w+)"', text_of(again))
    assert send(operator, "Ping", key).status_code == 200
    assert len(headers_of(sim, "Ping")) == 2


@pytest.mark.parametrize("key", ["", "x", "A" * 32, "a" * 64])
def test_form_that_has_lost_its_key_sends_nothing(
    key: str, operator: Client, sim: Simulator
) -> None:
    assert send(operator, "Ping", key).status_code == 400
    assert sim.received == ()


def test_each_form_has_a_key_of_its_own(operator: Client) -> None:
    keys = {re.findall(r'name="key" value="(\w+)"', form(operator, "Ping"))[0] for _ in range(3)}
    assert len(keys) == 3


def test_form_needs_the_token_against_forgery(operator: Client, sim: Simulator) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = operator.cookies
    assert send(careful, "Ping").status_code == 403
    assert sim.received == ()


@pytest.mark.parametrize("action", ["Command", "Originate", "UpdateConfig", "DBDelTree"])
def test_dangerous_action_is_sent_when_it_is_confirmed(
    action: str, operator: Client, sim: Simulator
) -> None:
    text = form(operator, action)
    assert 'type="checkbox" name="confirm"' in text
    assert "This action is dangerous: it " in text
    required = {one.name: "1" for one in catalog.ACTIONS[action].parameters if one.required}
    refused = send(operator, action, confirm="", **required)
    assert refused.status_code == 400
    assert "confirm that you mean it" in text_of(refused)
    assert sim.received == ()
    assert send(operator, action, **required).status_code == 200
    assert len(headers_of(sim, action)) == 1


def test_harmless_action_needs_no_confirmation(operator: Client) -> None:
    assert 'name="confirm"' not in form(operator, "QueueStatus")


def test_user_is_offered_what_is_granted_and_gets_403_for_the_rest(
    log_in: Callable[..., Client], sim: Simulator
) -> None:
    visitor = log_in("send_actions")
    text = text_of(visitor.get(ADDRESS))
    assert '<option value="QueueStatus">' in text
    assert '<option value="Originate">' not in text
    assert '<option value="Hangup">' not in text
    assert visitor.get(ADDRESS, {"action": "Originate"}).status_code == 403
    assert send(visitor, "Originate", Channel="PJSIP/1").status_code == 403
    assert send(visitor, "QueueStatus").status_code == 200
    assert [one.name for one in sim.received if one.name in {"Originate", "QueueStatus"}] == [
        "QueueStatus"
    ]


def test_user_without_grants_is_told(log_in: Callable[..., Client], settings: Any) -> None:
    settings.AMI_PERMISSIONS = {}
    text = text_of(log_in("send_actions").get(ADDRESS))
    assert "You may send no action" in text


def test_header_beyond_the_grant_is_refused_and_recorded(
    log_in: Callable[..., Client], sim: Simulator, settings: Any
) -> None:
    settings.AMI_PERMISSIONS = {"everybody": {"actions": ["Originate"], "contexts": ["internal"]}}
    visitor = log_in("send_actions", name="eve")
    answer = send(
        visitor, "Originate", Channel="PJSIP/1", Context="from-trunk", Exten="7102", Priority="1"
    )
    assert answer.status_code == 403
    assert "eve may not send this Originate" in text_of(answer)
    assert headers_of(sim, "Originate") == []
    row = ActionLog.objects.get()
    assert (row.who, row.via, row.action, row.outcome) == ("eve", "admin", "Originate", "refused")


@pytest.mark.django_db(transaction=True)
def test_action_is_in_the_log_with_its_sender(operator: Client, sim: Simulator) -> None:
    send(operator, "QueueStatus", Queue="support")
    (row,) = rows(1)
    assert (row.who, row.via, row.server) == ("operator", "admin", "node_1")
    assert (row.action, row.outcome) == ("QueueStatus", "success")
