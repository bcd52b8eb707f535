"""Arguments of callers: refused in one line, and shown by no traceback if they may be a secret."""

from __future__ import annotations

import copy
import inspect
import traceback
from functools import partial
from itertools import count, repeat

import pytest

from django_ami.core import actions
from django_ami.core.actions import Action, Login, Originate, Ping
from django_ami.core.actions.base import encode
from django_ami.core.arguments import callable_of, is_number, plain_text, shown
from django_ami.core.config import Options, ServerConfig
from django_ami.core.errors import ConfigurationError, InvalidAction

SECRET = "S3kr3t"
#: Ends of a pasted password, and a byte that no text has.
PASTED = (f"{SECRET}\r\n", f"{SECRET}\ud800", f"{SECRET}\0", SECRET * 300)


class Silent:
    """Nothing can be asked of it."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("ask me nothing")

    def __repr__(self) -> str:
        raise RuntimeError("ask me nothing")


def behind_the_caller(error: BaseException) -> str:
    """All that a page would show of the frames behind the test.

    The repr of every local variable, and of the errors.
    """
    parts, seen = [], []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        waiting += [one.__cause__, one.__context__]
        parts += [str(one), repr(one), repr(one.args), repr(vars(one))]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if frame.f_globals["__name__"] != __name__:
                parts.append(f"{frame.f_code.co_name}: {frame.f_locals!r}")
    return "\n".join(parts)


# --- secrets ---

ENCODED = {
    "the secret of a login": lambda text: Login("admin", secret=text),
    "a header of any name": lambda text: Action("X", Note=text),
    "a variable of a call": lambda text: Action("Originate", Channel="x", Variable=f"PIN={text}"),
    "a value behind others": lambda text: Action("X", A="1", Secret=SECRET, B=text),
    "a secret before a wrong key": lambda text: Action("X", {"Secret": SECRET, "no key": text}),
    "a secret before an ActionID": lambda text: Action("X", {"Secret": SECRET, "ActionID": text}),
    "an entry of a database": lambda text: actions.DBPut("accounts", "password", text),
    "a line of a file": lambda text: actions.UpdateConfig(
        "a.conf", changes=[{"Action": "Append", "Cat": "b", "Var": "secret", "Value": text}]
    ),
}


@pytest.mark.parametrize("text", PASTED, ids=["line end", "surrogate", "NUL", "too long"])
@pytest.mark.parametrize("make", ENCODED.values(), ids=ENCODED)
def test_error_about_an_unwritable_value_does_not_show_it(make, text):
    with pytest.raises(InvalidAction) as raised:
        encode(make(text), "f00-1")
    assert SECRET not in behind_the_caller(raised.value)


MADE = {
    "a header of the wrong type": lambda: Action("X", Secret=SECRET, Other=b"x"),
    "a header in a mapping": lambda: Action("X", {"Secret": SECRET, "Other": b"x"}),
    "a key that is no text": lambda: Action("X", {"Secret": SECRET, 5: "x"}),
    "a name that is no text": lambda: Action(5, Secret=SECRET),
    "a secret of the wrong type": lambda: Login("admin", secret=SECRET.encode()),
    "a user beside a secret": lambda: Login(b"admin", secret=SECRET),
    "an argument that is missing": lambda: Login(secret=SECRET),
    "an argument that is unknown": lambda: Login("admin", secrets=SECRET),
    "a variable whose name is wrong": lambda: Originate(
        channel="x", variables={"PIN": SECRET, "a b": "x"}
    ),
    "a variable that is True": lambda: Originate(channel="x", variables={"PIN": SECRET, "B": True}),
    "a time of a call": lambda: Originate(channel="x", timeout_ms="1", variables={"PIN": SECRET}),
    "a change of a file": lambda: actions.UpdateConfig(
        "a", changes=[{"Action": "x", "Cat": "y", "Value": [[SECRET]]}]
    ),
    "a text of a call": lambda: actions.SetVar("PIN", [SECRET]),
    "an event": lambda: actions.UserEvent("x", {"Password": SECRET}, Other=b"x"),
    "a generated one": lambda: actions.MessageSend(to="x", variables={"PIN": SECRET, "a b": "x"}),
    "a list in a list": lambda: Action("X", Secret=[[SECRET]]),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_error_of_a_refused_argument_shows_no_secret(make):
    with pytest.raises((InvalidAction, TypeError)) as raised:
        make()
    assert SECRET not in behind_the_caller(raised.value)


SERVERS = {
    "a secret with a line end": {"secret": f"{SECRET}\n"},
    "a secret that is too long": {"secret": SECRET * 300},
    "a secret of bytes": {"secret": SECRET.encode()},
    "a port": {"secret": SECRET, "port": 0},
    "options": {"secret": SECRET, "options": {}},
    "an argument that is unknown": {"secret": SECRET, "hots": "x"},
}


def test_configuration_refuses_options_and_tls_of_the_wrong_type():
    with pytest.raises(ConfigurationError, match="options must be a mapping, not 5"):
        Options.from_mapping(5)
    with pytest.raises(
        ConfigurationError, match="pbx: 'TLS' must be a TLSConfig or None, not True"
    ):
        ServerConfig(name="pbx", host="h", username="u", secret="s", tls=True)


@pytest.mark.parametrize("given", SERVERS.values(), ids=SERVERS)
def test_a_server_that_is_refused_shows_no_secret(given):
    with pytest.raises((ConfigurationError, TypeError)) as raised:
        ServerConfig(**{"name": "pbx", "host": "h", "username": "u", **given})
    assert SECRET not in behind_the_caller(raised.value)


def test_a_setting_that_fails_by_its_own_value_shows_no_secret():
    class Port:
        @property
        def __class__(self):
            raise ValueError(SECRET)

    with pytest.raises(
        ConfigurationError, match="pbx: its setting cannot be read: ValueError"
    ) as raised:
        ServerConfig.from_setting(
            "pbx", {"HOST": "h", "USERNAME": "u", "SECRET": SECRET, "PORT": Port()}
        )
    assert SECRET not in behind_the_caller(raised.value)


def test_a_value_whose_text_raises_is_refused_and_shows_no_secret():
    class Value:
        def __str__(self):
            return self.broken

    with pytest.raises(
        InvalidAction, match=r"CallerID cannot be written as a text \(AttributeError\)"
    ) as raised:
        Originate(channel="x", caller_id=Value(), variables={"PIN": SECRET})
    assert SECRET not in behind_the_caller(raised.value)


def test_the_frames_of_a_users_own_code_stay():
    def parts():
        yield "a"
        raise AttributeError("broken")

    with pytest.raises(AttributeError) as raised:
        Action("X", Part=parts(), Secret=SECRET)
    assert [frame.f_code.co_name for frame, _ in traceback.walk_tb(raised.value.__traceback__)][
        -1
    ] == "parts"
    assert SECRET not in behind_the_caller(raised.value)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (
            Originate(channel="x", variables={"PIN": SECRET, "A": 1}),
            "Variable='PIN=***', Variable='A=1'",
        ),
        (actions.SetVar("PIN", SECRET), "Variable='PIN', Value=***"),
        (actions.DBPut("accounts", "password", SECRET), "Key='password', Val=***"),
        (Action("X", ApiToken=SECRET), "ApiToken=***"),
        (Action("X", Url=f"https://u:{SECRET}@host/"), "Url='https://u:***@host/'"),
        (actions.UserEvent("x", {"Passcode": SECRET}), "Passcode=***"),
    ],
)
def test_a_repr_shows_no_secret_wherever_it_stands(action, text):
    assert text in repr(action)
    assert SECRET not in repr(action)


def test_a_copy_of_headers_is_the_same_too():
    headers = copy.deepcopy(Login("admin", secret=SECRET).headers)
    assert dict(headers)["Secret"] == SECRET
    assert SECRET not in repr(headers)


def test_how_an_action_is_made_can_be_asked_for():
    assert (
        str(inspect.signature(actions.GetVar))
        == "(variable: 'str', *, channel: 'str | None' = None)"
    )
    assert list(inspect.signature(ServerConfig).parameters)[:3] == ["name", "host", "port"]


# --- words for what is wrong ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("5", "'5'"),
        (None, "None"),
        ("x" * 100, f"'{'x' * 59}… of the type str"),
    ],
)
def test_a_value_in_a_message(value, text):
    assert shown(value) == text


def test_a_value_that_tells_nothing_in_a_message():
    assert shown(Silent()) == "one of the type Silent"
    assert shown(10**5000) == "one of the type int"


def test_a_plain_text_is_no_subclass():
    class Sly(str):
        __slots__ = ()

        def __str__(self):
            return "another"

    assert plain_text(Sly("x")) == "x"
    assert type(plain_text(Sly("x"))) is str


async def _asynchronous() -> None: ...


@pytest.mark.parametrize(
    "function", [5, "f", None, _asynchronous], ids=lambda value: type(value).__name__
)
def test_callback_that_cannot_take_the_arguments_is_refused(function):
    with pytest.raises(TypeError, match=r"^subscribe wants a function of \(event\)"):
        callable_of(function, "subscribe", "event")


@pytest.mark.parametrize("function", [print, partial(print), len.__call__, Ping, lambda: None])
def test_callback_that_can_take_the_arguments_is_accepted(function):
    assert callable_of(function, "x") is function


# --- endless iterables ---

ENDLESS = {
    "the values of a header": lambda: Action("X", A=count()),
    "values that are none": lambda: Action("X", A=repeat(None)),
    "variables": lambda: Originate(channel="x", variables=repeat(("A", "1"))),
    "names of variables": lambda: actions.Status(variables=repeat("A")),
    "changes": lambda: actions.UpdateConfig("a", changes=repeat({"Action": "x", "Cat": "y"})),
    "numbered headers": lambda: actions.AOCMessage(
        channel="x", msg_type="x", charge_type="x", unit_amounts=count()
    ),
}


@pytest.mark.parametrize("make", ENDLESS.values(), ids=ENDLESS)
def test_a_list_without_an_end_is_refused(make):
    with pytest.raises(InvalidAction, match="has more than 1000 values"):
        make()


def test_options_that_go_on_for_ever_have_an_end():
    assert Options(events=repeat("call")).events == "call"
    assert set(Options(important_events=repeat("Hangup")).important_events) == {"Hangup"}


LETTERS = {
    "variables": lambda: Originate(channel="x", variables="ab"),
    "a pair": lambda: Originate(channel="x", variables=["ab"]),
    "names": lambda: actions.Status(variables="ab"),
    "bytes": lambda: actions.Status(variables=b"ab"),
    "numbered headers": lambda: actions.AOCMessage(
        channel="x", msg_type="x", charge_type="x", unit_amounts="ab"
    ),
    "changes": lambda: actions.UpdateConfig("a", changes="ab"),
    "a name of bytes": lambda: Action(b"Ping"),
    "a key of bytes": lambda: Action("X", {b"A": "1"}),
    "a variable of bytes": lambda: Originate(channel="x", variables={b"A": "1"}),
    "a change that has no such key": lambda: actions.UpdateConfig("a", changes=[{"Acton": "x"}]),
    "a change that is no mapping": lambda: actions.UpdateConfig("a", changes=["x"]),
    "headers of pairs": lambda: Action("X", [("A", "1")]),
    "NaN": lambda: Action("X", A=float("nan")),
    "infinity": lambda: Action("X", A=float("-inf")),
    "an int of thousands of digits": lambda: Action("X", A=10**5000),
    "more time than the server counts": lambda: Originate(channel="x", timeout_ms=2**31),
    "seconds that are none": lambda: actions.WaitEvent("5"),
}


@pytest.mark.parametrize("make", LETTERS.values(), ids=LETTERS)
def test_argument_of_another_type_is_refused(make):
    with pytest.raises(InvalidAction):
        make()


@pytest.mark.parametrize("value", [0, -1.5, 10**300])
def test_number_that_a_float_can_hold_is_one(value: float) -> None:
    assert is_number(value)


@pytest.mark.parametrize(
    "value", [True, "1", None, float("inf"), float("nan"), 10**400, -(10**400)]
)
def test_anything_else_is_no_number(value: object) -> None:
    assert not is_number(value)
