"""The feed of a process: where the settings say that it is, and how its readers share it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks

from django_ami import ami, feeds
from django_ami.conf.feed import read_feed
from django_ami.core.errors import ConfigurationError
from django_ami.live.feed.database import DatabaseBackend
from django_ami.live.feed.memory import MemoryBackend
from django_ami.live.feed.publisher import Publisher
from django_ami.live.feed.records import Heading
from django_ami.live.feed.redis import RedisBackend
from django_ami.testing import FakeAsterisk, scenarios
from tests.running import wait_until
from tests.wallboard.commands.visiting import listening

if TYPE_CHECKING:
    from django_ami.live.snapshots import Call
    from django_ami.testing import Simulator

WRONG = [
    (7, "must be the name of a backend, or a mapping with BACKEND and its arguments, not 7."),
    ({"URL": "redis://x"}, "or a mapping with BACKEND"),
    ("reddis", "'reddis' cannot be used: "),
    ("reddis", "did you mean 'redis'?"),
    ({"BACKEND": "memory", "SIZE": 7}, "'memory' cannot be used: "),
    ({"BACKEND": "redis", "URL": "10.0.0.7"}, "'redis' cannot be used: "),
    ("django_ami.live.feed.records.Heading", "cannot be used"),
    ("builtins.dict", "'builtins.dict' is no backend of a feed."),
]


@pytest.mark.parametrize(("value", "message"), WRONG)
def test_a_wrong_setting_is_refused_with_its_name(settings: Any, value: Any, message: str) -> None:
    settings.AMI_FEED = value
    with pytest.raises(ConfigurationError) as caught:
        read_feed()
    assert str(caught.value).startswith("the setting AMI_FEED")
    assert message in str(caught.value)
    settings.AMI_SERVERS = {"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}}
    assert any("AMI_FEED" in str(found.msg) for found in run_checks(tags=["ami"]))


def test_a_missing_extra_is_told_with_its_cure(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "django_ami.live.feed.redis", raising=False)
    settings.AMI_FEED = "redis"
    with pytest.raises(ConfigurationError) as caught:
        read_feed()
    assert str(caught.value).endswith("pip install 'django-ami[redis]'.")


def test_the_database_is_the_default_if_its_app_is_installed(settings: Any) -> None:
    del settings.AMI_FEED
    assert isinstance(read_feed(), DatabaseBackend)
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if name != "django_ami.live.feed"
    ]
    assert read_feed() is None
    settings.AMI_FEED = "database"
    with pytest.raises(ConfigurationError, match="to INSTALLED_APPS and run migrate"):
        read_feed()


def test_a_backend_takes_its_arguments_from_the_setting(settings: Any) -> None:
    settings.AMI_FEED = {"BACKEND": "redis", "URL": "redis://10.0.0.7:1/3", "PREFIX": "mine"}
    backend = read_feed()
    assert isinstance(backend, RedisBackend)


def test_those_who_look_in_one_process_share_a_mirror(settings: Any) -> None:
    settings.AMI_SERVERS = {"node_1": {"URL": "ami://me:amp111@127.0.0.1:1"}}
    settings.AMI_FEED = "memory"
    backend = feeds.backend()
    assert isinstance(backend, MemoryBackend)
    publisher = Publisher(backend)
    try:
        publisher.note("node_1", [("server:", Heading("node_1", ready=True, complete=True))])
        picture = ami.live("node_1")
        wait_until(lambda: picture.complete)
        assert ami.live("node_1").fresh
        assert feeds.mirror() is feeds.mirror()
        with pytest.raises(ConfigurationError, match="node_1: channels, bridges"):
            _ = picture.channels
    finally:
        publisher.close()


def test_a_forked_child_has_a_feed_of_its_own(settings: Any) -> None:
    settings.AMI_FEED = "memory"
    mine = feeds.backend()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"another" if feeds.backend() is not mine else b"the same")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"another"
    os.close(reading)
    os.close(writing)


def test_listener_of_this_process_publishes_to_it(settings: Any) -> None:
    with FakeAsterisk() as server:
        settings.AMI_SERVERS = {"node_1": {"URL": server.url}}
        settings.AMI_FEED = "memory"
        with listening():
            picture = ami.live("node_1")
            wait_until(lambda: picture.server.complete and picture.server.received)
            assert picture.server.ready
            assert asyncio.run(asyncio.wait_for(first_call(server), 20)).state == "ended"
        wait_until(lambda: not ami.live("node_1").fresh)
        assert not ami.live("node_1").server.listening


async def first_call(server: Simulator) -> Call:
    """The first call that has ended, as a coroutine beside the listener follows it."""
    server.play(scenarios.busy_call())
    async for change in ami.live("node_1").changes():
        if change.kind == "call" and change.object is not None and change.object.ended:
            return change.object
    raise AssertionError("the changes have ended")
