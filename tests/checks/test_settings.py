"""Settings that cannot be used: every fault of every server by its id, in one line each.

And never a socket.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.core.checks import ERROR
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from django_ami import conf
from django_ami.core.errors import ConfigurationError
from tests.checks.support import KEYS, lines, messages
from tests.running import PYTHON, Program
from tests.test_conf import WRONG

URL = "ami://admin:hush-hush@pbx"


def test_good_settings_pass() -> None:
    assert messages() == []


@pytest.mark.parametrize("value", [None, {}, {"BACKEND": "default"}])
def test_a_setting_for_tasks_is_told_that_forwarding_has_them(settings: Any, value: object) -> None:
    settings.AMI_TASKS = value
    (line,) = lines("E001")
    assert line.startswith("there is no setting AMI_TASKS: remove it, and set AMI_FORWARD = ")


@pytest.mark.parametrize(
    ("number", "entry", "expected"),
    [
        ("E001", "pbx", ["node_1: its setting must be a mapping, not str."]),
        (
            "E001",
            {**KEYS, "PORT": 0},
            ["node_1: 'PORT' must be a whole number from 1 to 65535, not 0."],
        ),
        ("E001", {**KEYS, "OPTIONS": 5}, ["node_1: the options must be a mapping, not int."]),
        (
            "E001",
            {"URL": f"{URL}:x"},
            ["node_1: 'URL' cannot be read: is the port a number from 1 to 65535?"],
        ),
        (
            "E001",
            {"URL": URL.replace("ami", "amis", 1), "TLS": False},
            ["node_1: 'URL' begins with 'amis://', which is TLS, but 'TLS' is off: remove one."],
        ),
        (
            "E001",
            {**KEYS, "TLS": {"VERIFY": 1}},
            ["node_1: TLS key 'VERIFY' must be True or False, not 1."],
        ),
        (
            "E001",
            {**KEYS, "TLS": {"MINIMUM_VERSION": "1.0"}},
            [
                (
                    "node_1: TLS key 'MINIMUM_VERSION' must be one of 'TLSv1', 'TLSv1.1', "
                    "'TLSv1.2', 'TLSv1.3', not '1.0'."
                ),
            ],
        ),
        ("E002", {**KEYS, "PORTT": 1}, ["node_1: unknown key 'PORTT': did you mean 'PORT'?"]),
        (
            "E002",
            {**KEYS, "TLS": {"CAFILE": 1}},
            ["node_1: unknown TLS key 'CAFILE': did you mean 'CA_FILE'?"],
        ),
        (
            "E002",
            {**KEYS, "OPTIONS": {"heartbeat": 1}},
            ["node_1: unknown option 'heartbeat': did you mean 'heartbeat_interval'?"],
        ),
        (
            "E003",
            {},
            [
                "node_1: 'HOST' is missing.",
                "node_1: 'USERNAME' is missing.",
                "node_1: 'SECRET' is missing.",
            ],
        ),
        ("E003", {"URL": URL}, []),
        (
            "E004",
            {"URL": URL, "HOST": "pbx", "PORT": 1},
            ["node_1: 'URL' and 'HOST', 'PORT' are both given."],
        ),
        ("E004", {"URL": URL, "TLS": False}, []),
        (
            "E005",
            {**KEYS, "OPTIONS": {"read_timeout": -1, "circuit_threshold": 2.5}},
            [
                "node_1: option 'read_timeout' must be from 0.01 to 86400 seconds, not -1.",
                "node_1: option 'circuit_threshold' must be a whole number, not 2.5.",
            ],
        ),
        ("E008", {**KEYS, "SECRET": ""}, ["node_1: 'SECRET' is empty."]),
        ("E008", {**KEYS, "SECRET": None}, ["node_1: 'SECRET' is empty."]),
    ],
)
def test_one_server(settings: Any, number: str, entry: object, expected: list[str]) -> None:
    settings.AMI_SERVERS = {"node_1": entry}
    assert lines(number) == expected
    assert {message.id for message in messages()} == (
        {f"django_ami.{number}"} if expected else set()
    )
    assert all(message.level == ERROR and message.obj == "AMI_SERVERS" for message in messages())


@pytest.mark.parametrize(
    ("number", "setting", "value", "expected"),
    [
        (
            "E001",
            "AMI_SERVERS",
            {},
            "the setting is missing or empty: name one server at least in it.",
        ),
        ("E001", "AMI_SERVERS", [1], "the setting AMI_SERVERS must be a mapping, not list."),
        ("E001", "AMI_OPTIONS", [1], "the setting AMI_OPTIONS must be a mapping, not list."),
        (
            "E002",
            "AMI_OPTIONS",
            {"idle_time": 1},
            "unknown option 'idle_time': did you mean 'idle_timeout'?",
        ),
        (
            "E005",
            "AMI_OPTIONS",
            {"idle_timeout": -1},
            "option 'idle_timeout' must be from 0 to 86400 seconds, not -1.",
        ),
        (
            "E006",
            "AMI_DEFAULT_SERVER",
            "node1",
            "unknown server in AMI_DEFAULT_SERVER: 'node1'; did you mean 'node_1'?",
        ),
        (
            "E007",
            "AMI_ROUTING",
            "failovr",
            "unknown strategy in AMI_ROUTING: 'failovr'; did you mean 'failover'?",
        ),
        (
            "E007",
            "AMI_ROUTING",
            ("failover", ["node_1", "node_7"]),
            "unknown server in AMI_ROUTING: 'node_7'; did you mean 'node_1'?",
        ),
        (
            "E001",
            "AMI_CUSTOM_EVENTS",
            {"X": "cal"},
            "the setting AMI_CUSTOM_EVENTS: 'cal' is not a class of events: ",
        ),
        ("E001", "AMI_DISPATCH", [1], "the setting AMI_DISPATCH must be a mapping, not list."),
        (
            "E002",
            "AMI_DISPATCH",
            {"retry_limt": 1},
            "unknown option 'retry_limt': did you mean 'retry_limit'?",
        ),
        (
            "E002",
            "AMI_DISPATCH",
            {"WORKER": 8},
            "unknown option 'worker': did you mean 'workers'?",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"WORKERS": 2, "workers": 8},
            "option 'workers' is given twice: remove one.",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"PARTITION": "calls"},
            "option 'partition' must be 'call', or a function of an event ",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_limit": -1},
            "option 'retry_limit' must be from 0 to 86400 seconds, or None, ",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_max": None},
            "option 'retry_max' must be from 0.01 to 86400 seconds, not None.",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_initial": True},
            "option 'retry_initial' must be from 0.01 to 86400 seconds, ",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_errors": "x"},
            "option 'retry_errors' must be a list of exceptions, not 'x'.",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_errors": ["a.b"]},
            "option 'retry_errors' names 'a.b', which cannot be ",
        ),
        (
            "E005",
            "AMI_DISPATCH",
            {"retry_errors": ["django.db.models"]},
            "option 'retry_errors' must name exceptions, ",
        ),
    ],
)
def test_the_other_settings(
    settings: Any, number: str, setting: str, value: object, expected: str
) -> None:
    setattr(settings, setting, value)
    (message,) = messages()
    assert (message.id, message.obj) == (f"django_ami.{number}", setting)
    assert message.msg.startswith(expected)


def test_a_server_without_a_name(settings: Any) -> None:
    settings.AMI_SERVERS = {"": KEYS}
    [fault] = messages()
    assert (
        fault.msg
        == "the setting AMI_SERVERS: a server's name must be a text that is not empty, not ''."
    )


def test_every_fault_of_every_server_at_once(settings: Any) -> None:
    settings.AMI_SERVERS = {
        "node_1": {
            "HOST": "",
            "PORT": "x",
            "SECRET": "a\n",
            "USER": "admin",
            "TLS": {"CAFILE": "x", "VERIFY": 0},
        },
        "node_2": KEYS,
        "node_3": {"URL": "http://pbx", "OPTIONS": {"evnts": "on", "events": "cal"}},
    }
    settings.AMI_OPTIONS = {"idle_timeout": "1"}
    settings.AMI_DEFAULT_SERVER = "node_4"
    assert sorted((message.id[-4:], message.msg.partition(":")[0]) for message in messages()) == [
        ("E001", "node_1"), ("E001", "node_1"), ("E001", "node_1"), ("E001", "node_1"),
        ("E001", "node_3"),
        ("E002", "node_1"), ("E002", "node_1"), ("E002", "node_3"), ("E003", "node_1"),
        ("E005", "node_3"), ("E005", "option 'idle_timeout' must be a number of seconds, not '1'."),
        ("E006", "unknown server in AMI_DEFAULT_SERVER"),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [pytest.param(row[1], id=row[0]) for row in WRONG])
def test_unreadable_value_is_never_passed_over(settings: Any, values: dict[str, Any]) -> None:
    del settings.AMI_SERVERS
    for name, value in values.items():
        setattr(settings, name, value)
    with pytest.raises(ConfigurationError):
        conf.load()
    assert any(message.level == ERROR for message in messages())


def test_no_check_opens_a_socket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a check opens a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "socketpair", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    settings.AMI_SERVERS = {"node_1": KEYS, "node_2": {"URL": "amis://a:b@pbx.example"}}
    assert {message.id for message in messages(deploy=True)} == {"django_ami.W004"}


def test_the_command_shows_one_line(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {**KEYS, "PORTT": 1}}
    with pytest.raises(SystemCheckError) as raised:
        call_command("check", tags=["ami"])
    shown = [
        line for line in str(raised.value).split("\n") if "AMI" in line or "django_ami" in line
    ]
    assert shown == [
        "AMI_SERVERS: (django_ami.E002) node_1: unknown key 'PORTT': did you mean 'PORT'?"
    ]


@pytest.mark.slow
def test_manage_py_check_of_the_demo() -> None:
    manage = [*PYTHON, "manage.py", "check"]
    with Program(manage) as good:
        assert good.wait() == 0, str(good)
        assert good.out == ["System check identified no issues (0 silenced)."]
    with Program(manage, AMI_NODE1_PORT="99999", AMI_NODE1_SECRET="hush") as bad:
        assert bad.wait() == 1
        shown = [line for line in bad.err if "django_ami" in line]
        assert len(shown) == 1
        assert "node_1: 'PORT' must be a whole number from 1 to 65535, not 99999." in shown[0]
        assert "hush" not in "\n".join(bad.out + bad.err)
        assert not any("Traceback" in line for line in bad.err)
