"""BACKEND: which client serves which server, several side by side, and wrong values."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from django_ami import ami, conf
from django_ami.actions import Ping
from django_ami.errors import ConfigurationError
from django_ami.testing import FakeAsterisk, ami_outbox
from tests.running import DEADLINE_SECONDS

LOCMEM = "django_ami.testing.locmem"


@pytest.mark.parametrize(
    ("backend", "told"),
    [
        (
            "django_ami.testing.locmen",
            (
                "node_1: 'BACKEND' 'django_ami.testing.locmen' cannot be imported (No module "
                "named 'django_ami.testing."
            ),
        ),
        (
            "json",
            "node_1: 'BACKEND' 'json' has no Client: it names a module with a Client, such as",
        ),
        ("", "node_1: 'BACKEND' '' cannot be imported (Empty module name)"),
        (7, "node_1: 'BACKEND' must be the name of a module, not 7."),
        (".locmem", "node_1: 'BACKEND' '.locmem' cannot be imported"),
    ],
)
def test_wrong_backend_is_reported_in_one_line(backend: object, told: str) -> None:
    with override_settings(AMI_SERVERS={"node_1": {"URL": "ami://u:hush@x", "BACKEND": backend}}):
        with pytest.raises(ConfigurationError) as raised:
            ami.status()
        assert str(raised.value).startswith(told)
        assert "\n" not in str(raised.value)
        with pytest.raises(SystemCheckError) as checked:
            call_command("check", tags=["ami"])
        assert told in str(checked.value)
        assert "django_ami.E001" in str(checked.value)


def test_a_module_that_fails_when_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "broken_backend.py").write_text("raise RuntimeError('of its own')")
    monkeypatch.syspath_prepend(tmp_path)
    entry = {"USERNAME": "u", "SECRET": "hush", "HOST": "x", "BACKEND": "broken_backend"}
    with override_settings(AMI_SERVERS={"node_1": entry}):
        with pytest.raises(
            ConfigurationError, match=r"cannot be imported \(of its own\)"
        ) as raised:
            conf.load()
        trace = raised.value.__traceback__
        while trace is not None:
            assert (
                "hush" not in repr(trace.tb_frame.f_locals)
                or trace.tb_frame.f_code.co_filename == __file__
            )
            trace = trace.tb_next


def test_no_backend_and_the_default_one_are_the_same() -> None:
    with (
        FakeAsterisk() as server,
        override_settings(
            AMI_SERVERS={"node_1": {"URL": server.url, "BACKEND": "django_ami.core.client"}}
        ),
    ):
        assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        server.assert_action_sent("Ping")
        with override_settings(AMI_SERVERS={"node_1": {"URL": server.url, "BACKEND": None}}):
            assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
        server.wait_for(lambda: server.logins == 2)


def test_one_in_memory_and_one_over_tcp() -> None:
    with FakeAsterisk() as server, ami_outbox.set_aside():
        servers = {
            "node_2": {"BACKEND": LOCMEM},
            "node_1": {"URL": server.url},
            "node_3": {"BACKEND": LOCMEM},
        }
        with override_settings(AMI_SERVERS=servers):
            assert list(ami.servers) == list(ami.status()) == ["node_2", "node_1", "node_3"]
            for name in servers:
                assert ami.server(name).send(Ping()).result(DEADLINE_SECONDS).ok
            assert [action.server for action in ami_outbox] == ["node_2", "node_3"]
            server.assert_action_sent("Ping", count=1)
            assert [one.address for one in ami.status().values()] == [
                "memory",
                f"127.0.0.1:{server.port}",
                "memory",
            ]
            with pytest.raises(
                ConfigurationError, match=r"unknown server 'node_4': did you mean 'node_"
            ):
                ami.server("node_4")
            with pytest.raises(ConfigurationError, match="none is the default"):
                ami.send(Ping())
            with override_settings(AMI_DEFAULT_SERVER="node_1"):
                assert ami.send(Ping()).result(DEADLINE_SECONDS).ok
                assert ami.default.name == "node_1"
            told = "AMI_ROUTING is set, but not all servers have the same"
            with (
                override_settings(AMI_ROUTING="failover"),
                pytest.raises(ConfigurationError, match=told),
            ):
                ami.send(Ping())
            with (
                override_settings(AMI_ROUTING=("failover", ["node_1"])),
                pytest.raises(ConfigurationError),
            ):
                ami.send(Ping())
        server.wait_for(lambda: server.logoffs == 2)


def test_calls_are_made_and_found_on_the_server_that_is_named_or_the_default_one() -> None:
    to: dict[str, Any] = {"to": "PJSIP/101", "context": "default", "exten": "102"}
    with (
        FakeAsterisk() as server,
        override_settings(
            AMI_SERVERS={"memory": {"BACKEND": LOCMEM}, "real": {"URL": server.url}},
            AMI_DEFAULT_SERVER="memory",
        ),
        ami_outbox.set_aside(),
    ):
        call_id = ami.new_call_id()
        assert ami.originate(**to, call_id=call_id).wait(DEADLINE_SECONDS).answered
        ami_outbox.assert_action_sent("Originate", ChannelId=call_id)
        call = ami.originate(**to, server="real")
        assert ami.call(call.id, server="real").server == call.server == "real"
        assert call.wait(DEADLINE_SECONDS).answered
        server.assert_action_sent("Originate", ChannelId=call.id)
        assert (
            ami.call(call.id).wait(DEADLINE_SECONDS).result == "unknown"
        )  # the default one has it not
        with override_settings(AMI_DEFAULT_SERVER=None), pytest.raises(ConfigurationError):
            ami.originate(**to)


def test_a_backend_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made as the core's client is, and gets the same calls."""
    calls: list[Any] = []

    class Client:
        def __init__(self, servers: Any, **settings: Any) -> None:
            calls.append(([server.host for server in servers], settings))

        def start(self, **settings: Any) -> None:
            calls.append(settings)

        def send(self, action: Any, **settings: Any) -> str:
            return f"{action.name} {settings}"

        def close(self) -> None:
            calls.append("closed")

    module = ModuleType("own_backend")
    module.Client = Client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_backend", module)
    entry = {"HOST": "pbx", "USERNAME": "u", "SECRET": "s", "BACKEND": "own_backend"}
    with override_settings(AMI_SERVERS={"node_1": entry}):
        assert ami.send(Ping(), timeout=3) == "Ping {'server': None, 'timeout': 3}"
    assert calls == [
        (["pbx"], {"role": "caller", "default": "node_1", "routing": None}),
        {"connect": False},
        "closed",
    ]


def test_server_in_memory_needs_no_address() -> None:
    with override_settings(
        AMI_SERVERS={"a": {"BACKEND": LOCMEM}, "b": {"BACKEND": LOCMEM, "HOST": "pbx"}}
    ):
        call_command("check", tags=["ami"])
        settings = conf.load()
        assert [server.host for server in settings.servers] == ["a.invalid", "pbx"]
        assert settings.select(["b"]).backends == {"b": LOCMEM}
        assert settings.backend("a") == LOCMEM
        with pytest.raises(ConfigurationError, match="b: its BACKEND"):
            settings.select(["b"]).connectable()
    with override_settings(AMI_SERVERS={"a": {"URL": "ami://u:s@pbx"}}):
        assert conf.load().connectable().backend("a") == "django_ami.core.client"


def test_the_checks_find_no_fault_with_it() -> None:
    from django.core import checks

    with override_settings(
        AMI_SERVERS={"a": {"BACKEND": LOCMEM}, "b": {"BACKEND": LOCMEM}}, DEBUG=False
    ):
        found = checks.run_checks(tags=["ami"], include_deployment_checks=True)
    assert [one for one in found if str(one.id).startswith("django_ami.")] == []
