"""Secrets that are none, and connections that others can read or take over."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import WARNING

from django_ami.checks.security import is_loopback
from tests.checks.support import KEYS, lines, messages


@pytest.mark.parametrize("secret", ["amp111", "AMP111", "mysecret", "admin", "Admin"])
def test_w003_a_secret_that_everybody_knows(settings: Any, secret: str) -> None:
    settings.AMI_SERVERS = {
        "node_1": {**KEYS, "SECRET": secret},
        "node_2": {**KEYS, "HOST": "other"},
    }
    (message,) = messages()
    assert (message.id, message.level) == ("django_ami.W003", WARNING)
    assert lines("W003", deploy=True) == [message.msg]
    assert message.msg == "node_1: the SECRET of user 'admin' is one that everybody tries first."
    if secret.lower() != "admin":
        assert secret not in message.msg + message.hint


def test_w003_is_no_matter_while_one_debugs_unless_one_asks_for_a_site(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {**KEYS, "SECRET": "amp111"}}
    settings.DEBUG = True
    assert messages() == []
    assert lines("W003", deploy=True) == [
        "node_1: the SECRET of user 'admin' is one that everybody tries first."
    ]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost.", True),
        ("pbx.localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("fe80::1", False),
        ("pbx", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)
def test_w004_plain_tcp_to_another_machine(settings: Any, host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    settings.AMI_SERVERS = {
        "node_1": {**KEYS, "HOST": host},
        "node_2": {**KEYS, "HOST": host, "TLS": True},
    }
    assert messages() == []
    found = lines("W004", deploy=True)
    assert len(found) == (not loopback)
    assert all(line.startswith(f"node_1: plain TCP to {host}") or ":" in host for line in found)


def test_w005_any_certificate_will_do(settings: Any) -> None:
    settings.AMI_SERVERS = {
        "node_1": {**KEYS, "TLS": {"VERIFY": False}},
        "node_2": {"URL": "amis://a:b@pbx?verify=false"},
        "node_3": {**KEYS, "PORT": 1, "TLS": {"VERIFY": False, "FINGERPRINT": "ab" * 32}},
        "node_4": {**KEYS, "PORT": 2, "TLS": True},
    }
    assert messages() == []
    assert lines("W005", deploy=True) == [
        f"{name}: the TLS key VERIFY is False: anybody in between can be the server."
        for name in ("node_1", "node_2")
    ]
