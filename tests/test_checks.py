"""The system checks: by their ids, in one line each, and never a socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import ERROR, WARNING, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from tests.running import PYTHON, Program

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

KEYS = {"HOST": "pbx", "USERNAME": "admin", "SECRET": "hush"}


def ours() -> list[CheckMessage]:
    return [message for message in run_checks() if (message.id or "").startswith("django_ami.")]


def test_good_settings_pass(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": KEYS}
    assert ours() == []


def test_e001_settings_that_cannot_be_used(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {**KEYS, "PORTT": 1}}
    (message,) = ours()
    assert (message.id, message.level) == ("django_ami.E001", ERROR)
    assert message.msg == "The AMI settings cannot be used: node_1: unknown key 'PORTT': did you mean 'PORT'?"


@pytest.mark.parametrize("missing", ["AMI_SERVERS"])
def test_e001_no_settings_at_all(settings: Any, missing: str) -> None:
    delattr(settings, missing)
    assert [message.id for message in ours()] == ["django_ami.E001"]


@pytest.mark.parametrize(
    ("shared", "own", "named"),
    [
        ({"heartbeat_interval": 30}, {}, ["node_1", "node_2"]),
        ({"heartbeat_interval": 29.9}, {}, []),
        ({}, {"heartbeat_interval": 40}, ["node_2"]),
        ({}, {"read_timeout": 15}, ["node_2"]),
        ({"heartbeat_interval": 50}, {"read_timeout": 120}, ["node_1"]),
    ],
)
def test_w001_a_heartbeat_that_comes_too_late(settings: Any, shared: Any, own: Any, named: list[str]) -> None:
    settings.AMI_SERVERS = {"node_1": KEYS, "node_2": {**KEYS, "OPTIONS": own}}
    settings.AMI_OPTIONS = shared
    messages = ours()
    assert [message.id for message in messages] == ["django_ami.W001"] * len(named)
    assert all(message.level == WARNING and message.hint for message in messages)
    assert [message.msg.split(":")[0] for message in messages] == named


def test_every_fault_has_an_id_of_its_own(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {**KEYS, "OPTIONS": {"heartbeat_interval": 50}}}
    found = {message.id for message in ours()}
    settings.AMI_SERVERS = {}
    found |= {message.id for message in ours()}
    assert found == {"django_ami.E001", "django_ami.W001"}


def test_no_check_opens_a_socket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a check opens a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "socketpair", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    settings.AMI_SERVERS = {"node_1": KEYS, "node_2": {"URL": "amis://a:b@pbx.example"}}
    assert ours() == []


def test_the_command_shows_one_line(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {**KEYS, "SECRET": ""}}
    with pytest.raises(SystemCheckError) as raised:
        call_command("check")
    lines = [line for line in str(raised.value).split("\n") if "AMI" in line or "django_ami" in line]
    assert lines == [
        "?: (django_ami.E001) The AMI settings cannot be used: node_1: 'SECRET' must be a text that is not empty."
    ]


def test_manage_py_check_of_the_demo() -> None:
    manage = [*PYTHON, "manage.py", "check"]
    with Program(manage) as good:
        assert good.wait() == 0, str(good)
        assert good.out == ["System check identified no issues (0 silenced)."]
    with Program(manage, AMI_NODE1_PORT="99999", AMI_NODE1_SECRET="hush") as bad:
        assert bad.wait() == 1
        lines = [line for line in bad.err if "django_ami" in line]
        assert len(lines) == 1
        assert "node_1: 'PORT' must be a whole number from 1 to 65535, not 99999." in lines[0]
        assert "hush" not in "\n".join(bad.out + bad.err)
        assert not any("Traceback" in line for line in bad.err)
