"""Values of a Django project.

Settings, and arguments of ``ami``, signals and the test kit, of every wrong type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.core.checks import run_checks
from django.test import override_settings
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override

from django_ami import ami, conf
from django_ami.actions import Action, Ping
from django_ami.core.actions.base import encode
from django_ami.errors import InvalidAction
from django_ami.signals import ami_event, events, server_ready
from django_ami.testing import ami_outbox, override_ami, scenarios
from tests.fuzz.arguments import REFUSALS, VALUES
from tests.receiving import fresh_registry
from tests.running import DEADLINE_SECONDS

if TYPE_CHECKING:
    from django_ami.testing import FakeAsterisk

Use = Callable[[Any], Any]


def _setting(name: str) -> Use:
    def use(value: Any) -> None:
        with override_settings(**{name: value}):
            conf.load()
            conf.custom_events()

    return use


def _entry(key: str) -> Use:
    return lambda value: _setting("AMI_SERVERS")(
        {"pbx": {"HOST": "h", "USERNAME": "u", "SECRET": "s", key: value}}
    )


SLOTS: dict[str, Use] = {
    **{name: _setting(name) for name in conf.NAMES},
    **{
        f"AMI_SERVERS: {key}": _entry(key)
        for key in ("HOST", "PORT", "SECRET", "TLS", "URL", "OPTIONS", "BACKEND")
    },
    "AMI_SERVERS: name": lambda value: _setting("AMI_SERVERS")({value: {"URL": "ami://u:s@h"}}),
    "AMI_SERVERS: entry": lambda value: _setting("AMI_SERVERS")({"pbx": value}),
    **{
        f"AMI_DISPATCH: {key}": lambda value, key=key: _setting("AMI_DISPATCH")({key: value})
        for key in ("retry_errors", "retry_initial", "retry_max", "retry_limit")
    },
    "ami.send: action": lambda value: ami.send(value),
    "ami.send: server": lambda value: ami.send(Ping(), server=value),
    "ami.send: timeout": lambda value: ami.send(Ping(), timeout=value),
    "ami.server": lambda value: ami.server(value),
    "ami.on_event: name": lambda value: ami.on_event(value, lambda **_: None),
    "ami.on_event: function": lambda value: _disconnected(
        events["X"], lambda: ami.on_event("X", value)
    ),
    "ami.on_any_event": lambda value: _disconnected(ami_event, lambda: ami.on_any_event(value)),
    "events": lambda value: events[value],
    "EventSignal.connect": lambda value: _disconnected(
        events["X"], lambda: events["X"].connect(value)
    ),
    "server_ready.connect": lambda value: _disconnected(
        server_ready, lambda: server_ready.connect(value)
    ),
    "override_ami": lambda value: _within(override_ami, value),
    "ami_outbox.on": lambda value: ami_outbox.on(value).remove(),
    "ami_outbox.reply": lambda value: ami_outbox.on("X").reply(value).remove(),
    "ami_outbox.after": lambda value: ami_outbox.on("X").after(value).remove(),
    "ami_outbox.items": lambda value: ami_outbox.on("X").items(value).remove(),
    "ami_outbox.outcome": lambda value: ami_outbox.on("X").outcome(value).remove(),
    "ami_outbox.down": lambda value: _up_again(value),
    "ami_outbox.emit": lambda value: ami_outbox.emit(value),
    "ami_outbox.emit: value": lambda value: ami_outbox.emit("Hangup", Channel=value),
    "ami_outbox.emit: server": lambda value: ami_outbox.emit("Hangup", server=value),
    "ami_outbox.play": lambda value: ami_outbox.play(value),
    "scenarios": lambda value: scenarios.answered_call(value),
}


def _disconnected(signal: Any, use: Callable[[], object]) -> None:
    before = list(signal.receivers)
    try:
        use()
    finally:
        signal.receivers[:] = before
        signal.sender_receivers_cache.clear()


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Receivers that are connected here are not there for other tests."""
    with fresh_registry():
        yield


def _within(manager: Any, value: Any) -> None:
    with manager(value):
        pass


def _up_again(value: Any) -> None:
    try:
        ami_outbox.down(value)
    finally:
        ami_outbox.up()


@pytest.mark.django_db
@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # a coroutine that a callable made, and nobody awaits
def test_no_value_of_an_argument_does_harm(ami_server: FakeAsterisk, slot: str) -> None:
    wrong = []
    for name, value in VALUES.items():
        try:
            SLOTS[slot](value())
        except REFUSALS:
            continue
        except Exception as error:  # noqa: BLE001  (all of them are told)
            wrong.append(f"{name}: {type(error).__name__}: {error!r:.150}")
    assert not wrong, "\n".join(wrong)
    assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
    assert ami_server.logins <= 1 + ("override" in slot) * len(VALUES)


@pytest.mark.django_db  # Django 6.1 asks the database about fields of JSON
@pytest.mark.parametrize("setting", conf.NAMES)
def test_the_checks_tell_of_a_wrong_setting_in_words(setting: str) -> None:
    for name, value in list(VALUES.items())[::6]:  # all checks of Django are run for each
        if "raises" in name or "no attributes" in name:
            continue
        with override_settings(**{setting: value()}):
            for message in run_checks(include_deployment_checks=True):
                assert isinstance(message.msg, str)


class Plain(Enum):
    ONE = 1
    YES = True
    TEXT = gettext_lazy("Yes")


class Mixed(str, Enum):  # noqa: UP042  (what projects of before 3.11 have)
    ANSWERED = "answered"


class Word(StrEnum):
    ANSWERED = "answered"


class Number(IntEnum):
    FIVE = 5


TEXTS: dict[str, tuple[Any, list[str]]] = {
    "gettext_lazy": (gettext_lazy("Yes"), ["Ja"]),
    "lazystr": (lazystr("später"), ["später"]),
    "SimpleLazyObject": (SimpleLazyObject(lambda: "später"), ["später"]),
    "SimpleLazyObject of an int": (SimpleLazyObject(lambda: 5), ["5"]),
    "SimpleLazyObject of a bool": (SimpleLazyObject(lambda: True), ["true"]),
    "SafeString": (mark_safe("a & b"), ["a & b"]),
    "int": (5, ["5"]),
    "bool": (True, ["true"]),
    "Decimal": (Decimal("1.50"), ["1.50"]),
    "float": (0.5, ["0.5"]),
    "UUID": (UUID(int=5), ["00000000-0000-0000-0000-000000000005"]),
    "datetime": (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), ["2026-01-02 03:04:00+00:00"]),
    "date": (date(2026, 1, 2), ["2026-01-02"]),
    "time": (time(3, 4), ["03:04:00"]),
    "Enum": (Plain.ONE, ["1"]),
    "Enum of a bool": (Plain.YES, ["1"]),
    "Enum of a lazy text": (Plain.TEXT, ["Ja"]),
    "str and Enum": (Mixed.ANSWERED, ["answered"]),
    "StrEnum": (Word.ANSWERED, ["answered"]),
    "IntEnum": (Number.FIVE, ["5"]),
    "Path": (Path("/var/x"), ["/var/x"]),
    "PurePosixPath": (PurePosixPath("x"), ["x"]),
    "None": (None, []),
    "list": (["a", gettext_lazy("Yes"), None, 1], ["a", "Ja", "1"]),
    "set": ({"a"}, ["a"]),
    "empty list": ([], []),
}


@pytest.mark.parametrize(("value", "texts"), TEXTS.values(), ids=TEXTS)
def test_a_value_is_one_text_or_a_list_of_texts(value: Any, texts: list[str]) -> None:
    with override("de"):
        action = Action("X", V=value)
    assert [text for _, text in action.headers] == texts
    assert all(type(text) is str for _, text in action.headers)
    assert (
        encode(action, "1")
        == "".join(
            ["Action: X\r\nActionID: 1\r\n", *(f"V: {text}\r\n" for text in texts), "\r\n"]
        ).encode()
    )


@pytest.mark.parametrize(
    "value",
    [
        b"x",
        bytearray(b"x"),
        memoryview(b"x"),
        {"a": 1},
        [b"x"],
        [["x"]],
        {"a": gettext_lazy("Yes")},
        float("nan"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_value_that_is_not_a_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidAction, match=r"^X: (a value of )?V is "):
        Action("X", V=value)
