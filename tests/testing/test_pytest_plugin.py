"""The fixtures in a project of somebody.

With and without Django, pytest-django, xdist and randomly.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from django_ami.testing import scenarios
from tests.running import environment

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

WITH_DJANGO = """
import pytest
from django.test import override_settings
from django_ami import ami
from django_ami.actions import Action, Originate, Ping
from django_ami.errors import ActionFailed
from django_ami.testing import events, scenarios

def test_outbox(ami_outbox):
    assert ami.send(Ping()).result().ok
    ami_outbox.assert_action_sent("Ping", count=1)
    assert ami.status()["node_1"].address == "memory"

def test_the_outbox_is_empty_again(ami_outbox):
    assert len(ami_outbox) == 0
    ami_outbox.on("Ping").fail("no")
    with pytest.raises(ActionFailed):
        ami.send(Ping()).result()

def test_server(ami_server):
    ami_server.on("Ping").fail("Permission denied").once()
    with pytest.raises(ActionFailed):
        ami.send(Ping()).result(20)
    assert ami.send(Ping()).result(20).ok
    ami_server.assert_action_sent("Ping", count=2)

def test_client(ami_client, ami_server):
    seen = []
    ami_client.subscribe("Hangup", seen.append)
    assert ami_client.send(Ping()).result(20).ok
    ami_server.play(scenarios.busy_call())
    ami_client.send(Ping()).result(20)
    ami_server.wait_for(lambda: len(seen) == 2)
    assert ami.send(Ping()).result(20).ok
    assert ami_server.logins == 2

def test_replay(ami_replay, ami_outbox, recording):
    seen = []
    def on_any_event(sender, event, **_):
        seen.append((sender.name, event.name))
        ami.send(Action("Note"))
    ami.on_any_event(on_any_event)
    try:
        loaded = ami_replay(recording)
        assert seen == [("node_1", name) for name in loaded.names]
        assert len(ami_outbox) == len(loaded) > 10
        ami_replay(loaded, speed=1000)
        ami_replay(scenarios.busy_call())
    finally:
        from django_ami.signals import ami_event
        ami_event.disconnect(on_any_event)

def test_replay_alone_calls_nobody(ami_replay, recording):
    ami_replay(recording)
    assert ami.status()["node_1"].address == "memory"

def test_replay_with_a_server(ami_replay, ami_server, recording):
    ami_replay(recording)
    assert ami.send(Ping()).result(20).ok
    ami_server.assert_action_sent("Ping")

def test_settings_are_back_after_the_test():
    from django.conf import settings
    assert settings.AMI_SERVERS == {"node_1": {"URL": "ami://u:s@real.example"}}

@pytest.fixture
def two():
    servers = {"node_1": {"URL": "ami://u:s@real.example", "OPTIONS": {"action_timeout": 7}},
               "node_2": {"URL": "amis://u:s@real.example"}}
    with override_settings(AMI_SERVERS=servers, AMI_DEFAULT_SERVER="node_2"):
        yield

def test_servers(two, ami_servers, ami_server):
    assert list(ami_servers) == list(ami.servers) == ["node_1", "node_2"]
    assert ami_server is ami_servers["node_2"]
    for name, server in ami_servers.items():
        assert ami.server(name).send(Ping()).result(20).ok
        server.assert_action_sent("Ping", count=1)
    assert ami.server("node_1").send(Ping()).timeout == 7
"""

#: Settings that are changed by hand, before and behind those of the fixtures.
WITH_SETTINGS = """
import pytest
from django_ami import ami
from django_ami.actions import Ping

@pytest.mark.parametrize("time", [1, 2])
def test_before(settings, ami_outbox, time):
    settings.AMI_OPTIONS = {"action_timeout": 7}
    assert ami.send(Ping()).timeout == 7

@pytest.mark.parametrize("time", [1, 2])
def test_behind(ami_server, settings, time):
    settings.AMI_OPTIONS = {"action_timeout": 7}
    assert ami.send(Ping()).timeout == 7

@pytest.mark.parametrize("time", [1, 2])
def test_as_ever(time):
    from django.conf import settings
    assert settings.AMI_SERVERS == {"node_1": {"URL": "ami://u:s@real.example"}}
    assert not hasattr(settings, "AMI_OPTIONS")
"""

WITHOUT_DJANGO = """
import sys
from django_ami.core import ServerConfig
from django_ami.core.actions import Ping
from django_ami.testing import locmem

def test_server_and_client(ami_server, ami_servers, ami_client):
    assert ami_servers == {"node_1": ami_server}
    assert ami_client.send(Ping()).result(20).ok
    ami_server.assert_action_sent("Ping", count=1)

def test_outbox(ami_outbox):
    assert locmem.Client([ServerConfig.from_url("a", "ami://u:s@pbx")]).send(Ping()).result().ok
    ami_outbox.assert_action_sent("Ping")

def test_the_outbox_is_empty_again(ami_outbox):
    assert len(ami_outbox) == 0

def test_there_is_no_django():
    assert "django" not in sys.modules
"""

SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django_ami"]
USE_TZ = True
AMI_SERVERS = {"node_1": {"URL": "ami://u:s@real.example"}}
"""


def run(pytester: pytest.Pytester, *arguments: str, **env: str) -> pytest.RunResult:
    """Run its tests in a process of their own, in which warnings are errors."""
    for key in set(os.environ) - set(environment()):
        pytester._monkeypatch.delenv(key, raising=False)
    for key, value in {"PYTHONPATH": environment()["PYTHONPATH"], **env}.items():
        pytester._monkeypatch.setenv(key, value)
    return pytester.run(
        sys.executable,
        "-W",
        "error",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        *arguments,
        timeout=100,
    )


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Somebody's project, with a recording."""
    pytester.makepyfile(shop_settings=SETTINGS, test_shop=WITH_DJANGO)
    recording = pytester.path / "calls.txt"
    scenarios.queue_call().save(recording)
    pytester.makeconftest(
        f"import pytest\n@pytest.fixture\ndef recording():\n    return {str(recording)!r}\n"
    )
    return pytester


TESTS = WITH_DJANGO.count("def test_")


@pytest.mark.slow
def test_with_pytest_django(project: pytest.Pytester) -> None:
    run(project, "-p", "no:randomly", DJANGO_SETTINGS_MODULE="shop_settings").assert_outcomes(
        passed=TESTS
    )


@pytest.mark.slow
def test_settings_that_are_changed_by_hand_are_taken_back_in_order(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(test_shop=WITH_SETTINGS)
    result = run(
        project, "-p", "randomly", "-p", "no:xdist", DJANGO_SETTINGS_MODULE="shop_settings"
    )
    result.assert_outcomes(passed=6)


@pytest.mark.long
def test_with_xdist_and_in_any_order(project: pytest.Pytester) -> None:
    result = run(project, "-n2", "-p", "randomly", DJANGO_SETTINGS_MODULE="shop_settings")
    result.assert_outcomes(passed=TESTS)


@pytest.mark.slow
def test_without_pytest_django(project: pytest.Pytester) -> None:
    """A project that sets Django up itself, in a conftest.py."""
    path: Path = project.path / "conftest.py"
    path.write_text(f"import django\ndjango.setup()\n{path.read_text()}")
    result = run(
        project, "-p", "no:django", "-p", "no:randomly", DJANGO_SETTINGS_MODULE="shop_settings"
    )
    result.assert_outcomes(passed=TESTS)


@pytest.mark.slow
def test_with_settings_that_nobody_named(project: pytest.Pytester) -> None:
    """settings.configure() and no environment."""
    path: Path = project.path / "conftest.py"
    setup = (
        "import django\nfrom django.conf import settings\nimport shop_settings\n"
        "settings.configure(**{name: value for name, value in vars(shop_settings).items() if "
        "name.isupper()})\ndjango.setup()\n"
    )
    path.write_text(f"{setup}{path.read_text()}")
    run(project, "-p", "no:django").assert_outcomes(passed=TESTS)


@pytest.mark.slow
def test_without_django(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WITHOUT_DJANGO)
    run(pytester, "-p", "no:django", "-p", "no:randomly").assert_outcomes(passed=4)


@pytest.mark.slow
def test_a_project_that_does_not_use_it_is_not_touched(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_nothing():
            packages = ("django_ami", "django", "asyncio", "ssl")
            loaded = {name for name in sys.modules if name.split(".")[0] in packages}
            ours = {name for name in loaded if name.startswith("django_ami")}
            assert ours == {"django_ami", "django_ami.testing", "django_ami.testing.pytest_plugin"}
            assert "django" not in loaded
        """
    )
    run(pytester, "-p", "no:django", "-p", "no:randomly").assert_outcomes(passed=1)


def test_the_fixtures_are_explained(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--fixtures", "-p", "no:randomly", "-p", "no:xdist")
    for name in ("ami_server", "ami_servers", "ami_client", "ami_outbox", "ami_replay"):
        result.stdout.re_match_lines([rf"{name} -- .*pytest_plugin.py:\d+"])
    assert "no docstring available" not in "\n".join(
        line for line in result.outlines if "ami_" in line
    )
