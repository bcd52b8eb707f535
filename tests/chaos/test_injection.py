"""Nothing smuggles a line past us.

Through every public way in, what would be another header never leaves.
"""

from __future__ import annotations

import inspect
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser

from django_ami import actions, ami
from django_ami.core.actions import (
    Action,
    Originate,
    Ping,
    QueueReset,
    Status,
    UserEvent,
    WaitEvent,
    generated,
)
from django_ami.core.actions.base import encode
from django_ami.core.config import Options, ServerConfig
from django_ami.core.errors import ConfigurationError, InvalidAction
from tests.core.io_support import PATIENCE_SECONDS, config, no_bugs, ready, started, wait_until
from tests.core.servers import ScriptedServer, take_login

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from django_ami.core.pending import PendingAction

__all__ = ["no_bugs"]

pytestmark = pytest.mark.usefixtures("no_bugs")


class Witness:
    """A server that keeps every byte after the login, and answers each whole action."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.connections = 0
        #: Whether it closes after a Logoff, as a server does.
        self.closes = False
        #: Whether it refuses each Originate.
        self.refuses_calls = False
        self._lock = threading.Lock()

    def __call__(self, sock: socket.socket) -> None:
        self.connections += 1
        stream = take_login(sock)
        unread = b""
        while data := stream.read1(65536):  # type: ignore[attr-defined]
            with self._lock:
                self.taken += data
            *frames, unread = (unread + data).split(b"\r\n\r\n")
            for frame in frames:
                headers = dict(line.partition(b": ")[::2] for line in frame.split(b"\r\n"))
                refused = self.refuses_calls and headers.get(b"Action") == b"Originate"
                sock.sendall(
                    b"Response: %s\r\nActionID: %s\r\n\r\n"
                    % (b"Error" if refused else b"Success", headers.get(b"ActionID", b""))
                )
                if headers.get(b"Action") == b"Logoff" and self.closes:
                    return

    def since(self, send: Callable[[Action], PendingAction]) -> bytes:
        """The bytes since the last look, up to a Ping that is sent now, without the Ping."""
        pending = send(Ping())
        pending.result(PATIENCE_SECONDS)
        with self._lock:
            taken = bytes(self.taken)
            self.taken.clear()
        ping = encode(Ping(), pending.action_id)
        assert taken.endswith(ping)
        return taken.removesuffix(ping)


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def send(witness: Witness) -> Iterator[Callable[[Action], PendingAction]]:
    # A caller's Events is the last that the login sends: all that comes behind is the test's.
    with (
        ScriptedServer(witness) as server,
        started(config(server.port, auth_type="plain"), role="caller") as client,
    ):
        ready(client)
        wait_until(lambda: client.status()["node_1"].pending_actions == 0)
        witness.since(client.send)
        yield client.send
        witness.closes = True


class Sly(str):
    """A text that is another one when it is asked."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a\r\nAction: Originate"


HOSTILE: dict[str, Any] = {
    "CR": "a\rb",
    "LF": "a\nb",
    "CR LF": "a\r\nApplication: System",
    "a frame": "a\r\n\r\nAction: Command\r\nCommand: core stop now\r\n\r\n",
    "at the end": "a\r\n",
    "at the beginning": "\na",
    "NUL": "a\0b",
    "too long": "x" * 1100,
    "too long in bytes": "é" * 600,
    "no Unicode": "\ud800",
}
#: Further texts that cannot stand in a key.
HOSTILE_KEYS = {
    **HOSTILE,
    "a colon": "A: b",
    "a blank": "A b",
    "nothing": "",
    "an ActionID": "actionid",
}

CLASSES = sorted(
    (
        value
        for name in {*actions.__all__, *generated.__all__}
        if inspect.isclass(value := getattr(actions, name)) and issubclass(value, Action)
        # Action has a test of its own; WaitEvent calculates with its one number, so that a text is
        # a TypeError.
        if value not in (Action, WaitEvent)
    ),
    key=lambda one: one.__name__,
)
#: Arguments for parameters that take no plain value.
GIVEN: dict[str, Any] = {
    "changes": [{"Action": "Update", "Cat": "1"}],
    "headers": {"X": "1"},
    "unit_amounts": [1],
    "unit_types": [1],
    "variables": {"X": "1"},
}
#: Parameters that take a number alone.
NUMBERS = ("timeout_ms", "cause", "penalty")


def parameters(kind: type[Action]) -> dict[str, inspect.Parameter]:
    return {
        name: parameter
        for name, parameter in inspect.signature(kind).parameters.items()
        if name not in ("wait", "more")  # these are no headers of their own
    }


def build(kind: type[Action], changed: str | None = None, value: Any = None) -> Action:
    """An action with every parameter given; one of them may be something else."""
    positional, named = [], {}
    for name, parameter in parameters(kind).items():
        given: Any = ["X"] if kind is Status and name == "variables" else GIVEN.get(name, "1")
        if name == changed:
            given = value
        elif name in NUMBERS:
            given = 1
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[name] = given
        else:
            positional.append(given)
    return kind(*positional, **named)


def with_value(kind: type[Action], name: str, value: Any) -> list[Callable[[], Action]]:
    """The ways in which a parameter can have a value.

    As it is, and in whatever else the parameter takes.
    """
    match name:
        case "variables" if kind is Status:
            given: list[Any] = [["X", value]]
        case "variables" | "headers":
            given = [{"X": value}]
        case "changes":
            given = [[{"Action": "Update", "Cat": value}]]
        case "unit_amounts" | "unit_types":
            given = [["good", value]]
        case _:
            given = [value, ["good", value]]
    return [partial(build, kind, name, one) for one in given]


def refused(send: Callable[[Action], PendingAction], make: Callable[[], Action]) -> None:
    with pytest.raises(InvalidAction) as raised:
        send(make())
    assert "\n" not in str(raised.value)
    assert "\r" not in str(raised.value)


def test_every_class_is_looked_at() -> None:
    assert len(CLASSES) > 150
    assert {Originate, Status, UserEvent, QueueReset} <= set(CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_parameter_of_a_typed_action_takes_another_line(
    kind: type[Action], send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    for name in parameters(kind):
        for value in HOSTILE.values():
            for make in with_value(kind, name, value):
                refused(send, make)
    assert witness.since(send) == b"", "nothing of it arrived"
    # The action without the hostile value arrives as it is: the test sees actions that are sent.
    pending = send(good := build(kind))
    if good.final_event is None:
        assert pending.result(PATIENCE_SECONDS).ok
    assert witness.since(send) == encode(good, pending.action_id)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_of_a_text_that_calls_itself_another_one_its_own_characters_are_sent(
    kind: type[Action],
) -> None:
    for name in parameters(kind).keys() - NUMBERS:
        sly, honest = (with_value(kind, name, one)[0]() for one in (Sly("1"), "1"))
        assert encode(sly, "id") == encode(honest, "id"), name


def test_of_a_name_that_calls_itself_another_one_its_own_characters_are_sent() -> None:
    assert encode(Action(Sly("Ping")), "id") == encode(Action("Ping"), "id")
    assert encode(Action("X", {Sly("Key"): "a"}), "id") == encode(Action("X", {"Key": "a"}), "id")
    assert encode(Action("X", A=["a", Sly("b")]), "id") == encode(Action("X", A=["a", "b"]), "id")
    sly = Originate(channel="a", variables={Sly("NAME"): Sly("1")})
    assert encode(sly, "id") == encode(Originate(channel="a", variables={"NAME": "1"}), "id")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_no_value_of_any_action_takes_another_line(
    value: str, send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    for make in (
        lambda: Action("X", A=value),
        lambda: Action("X", {"A": value}),
        lambda: Action("X", A=["good", value]),
        lambda: Action("X", A=("good", value)),
        lambda: Action("X", A=(text for text in ["good", value])),
        lambda: Action(value),
        lambda: UserEvent("X", A=value),
    ):
        refused(send, make)
    assert witness.since(send) == b""


@pytest.mark.parametrize("key", HOSTILE_KEYS.values(), ids=HOSTILE_KEYS)
def test_no_key_takes_another_line(
    key: str, send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    for make in (
        lambda: Action("X", {key: "1"}),
        lambda: Action("X", **{key: "1"}),
        lambda: UserEvent("X", {key: "1"}),
        lambda: UserEvent("X", **{key: "1"}),
    ):
        refused(send, make)
    assert witness.since(send) == b""


@pytest.mark.parametrize(
    "name",
    [
        *HOSTILE.values(),
        "B=1,A",
        "B,A",
        "A=1",
        "",
        "A B",
        'A"',
        "A\\",
        "(A",
        "A)",
        "F(x),B",
        "F(G(x))",
    ],
    ids=lambda name: ascii(name[:20]),
)
def test_the_name_of_a_variable_smuggles_no_other_one(
    name: str, send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    refused(send, lambda: Originate(channel="a", variables={"GOOD": "1", name: "2"}))
    refused(send, lambda: Status("a", variables=["GOOD", name]))
    assert witness.since(send) == b""


@pytest.mark.parametrize("value", ["1,B=2", '"', "1\\,B=2", "(", "[", "a=b", "${SHELL(id)}", " "])
def test_the_value_of_a_variable_is_one_value(
    value: str, send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    send(Originate(channel="a", variables={"A": value, "F(x,y)": value})).result(PATIENCE_SECONDS)
    lines = [
        line for line in witness.since(send).decode().split("\r\n") if line.startswith("Variable: ")
    ]
    assert [line.partition("=")[0] for line in lines] == ["Variable: A", "Variable: F(x,y)"]
    assert [_split(line.removeprefix("Variable: ")) for line in lines] == [
        [f"A={value}"],
        [f"F(x,y)={value}"],
    ]


def _split(text: str) -> list[str]:
    """Arguments as Asterisk separates them (__ast_app_separate_args in main/app.c)."""
    arguments, parentheses, quoted, brackets = [""], 0, False, 0
    characters = iter(text)
    for character in characters:
        if character == "(":
            parentheses += 1
        elif character == ")" and parentheses:
            parentheses -= 1
        elif character == "[":
            brackets += 1
        elif character == "]" and brackets:
            brackets -= 1
        elif character == '"':
            quoted = not quoted
            continue
        elif character == "\\":
            character = next(characters, "")
        elif character == "," and not (parentheses or brackets or quoted):
            arguments.append("")
            continue
        arguments[-1] += character
    return arguments


TOO_MANY = {
    "headers": lambda: Action("X", A=["1"] * 127),
    "variables": lambda: Originate(
        channel="a", variables={f"V{number}": number for number in range(126)}
    ),
    "headers of a UserEvent": lambda: UserEvent(
        "X", {f"H{number}": number for number in range(126)}
    ),
    "variables to read": lambda: Status(variables=[f"VARIABLE{number}" for number in range(126)]),
}


@pytest.mark.parametrize("make", TOO_MANY.values(), ids=TOO_MANY)
def test_too_many_are_refused(
    make: Callable[[], Action], send: Callable[[Action], PendingAction], witness: Witness
) -> None:
    refused(send, make)
    assert witness.since(send) == b""


# --- through Django ---


@pytest.fixture
def site(no_bugs: None, settings: Any, witness: Witness) -> Iterator[None]:
    with ScriptedServer(witness) as server:
        address = {
            "HOST": "127.0.0.1",
            "PORT": server.port,
            "USERNAME": "admin",
            "SECRET": "amp111",
        }
        settings.AMI_SERVERS = {
            "node_1": {**address, "OPTIONS": {"auth_type": "plain", "boot_grace": 0.05}}
        }
        yield
        witness.closes = True
        ami.close()


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.usefixtures("site")
def test_ami_sends_no_second_line(value: str, witness: Witness) -> None:
    for send in (ami.send, ami.server("node_1").send, ami.default.send, ami.servers["node_1"].send):
        refused(send, lambda: Action("X", A=value))
        refused(send, lambda: Originate(channel=value, variables={"A": value}))
    assert witness.connections == 0
    ami.send(Ping()).result(PATIENCE_SECONDS)
    assert witness.since(ami.send).count(b"Action: ") == 1, "the Ping alone"


@pytest.mark.parametrize("field", ["extension", "number"])
@pytest.mark.operations
@pytest.mark.django_db
@pytest.mark.usefixtures("site")
def test_click_to_call_takes_no_second_line(field: str, witness: Witness) -> None:
    browser = Browser(raise_request_exception=True)
    browser.force_login(User.objects.create_superuser("ann"))
    for value in [
        *HOSTILE.values(),
        "1,System(x)",
        "1&PJSIP/2",
        "1@other",
        "",
        "1;2",
        "${SHELL(id)}",
    ]:
        form = {"extension": "501", "number": "500", field: str(value)}
        if "\ud800" in str(value) or str(value).strip() == "a":
            continue  # no browser can send the one; of the other, a form takes the blanks away
        response = browser.post("/originate/", form)
        assert (response.status_code, list(response.json()["error"])) == (400, [field]), value
    assert witness.connections == 0
    witness.refuses_calls = True
    refused_call = browser.post("/originate/", {"extension": "501", "number": "500"})
    assert refused_call.status_code == 502, refused_call.content
    assert witness.since(ami.send).count(b"Action: Originate\r\n") == 1


# --- through the settings: the values of the login ---


@pytest.mark.parametrize("key", ["username", "secret", "host"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_setting_takes_another_line(key: str, name: str) -> None:
    value = HOSTILE[name]
    if key == "host" and name.startswith("too long"):
        return  # it is asked of DNS, and is in no line
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig(
            **{"name": "node_1", "host": "pbx", "username": "admin", "secret": "amp111", key: value}
        )
    assert key.upper() in str(raised.value)
    assert key != "secret" or repr(value)[1:-1] not in str(raised.value)


@pytest.mark.parametrize("value", ["call\r\nAction: x", "on\n", "call,\0", "on,x" * 300])
def test_no_mask_of_events_takes_another_line(value: str) -> None:
    try:
        mask = Options(events=value).events
    except ConfigurationError:
        return
    assert mask == "on"
