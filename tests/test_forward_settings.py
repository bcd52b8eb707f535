"""``AMI_FORWARD``: read, or refused in a line that names the key and the cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from django_ami.conf.forward import Forward, read_forward
from django_ami.core.errors import ConfigurationError
from tests.checks.support import messages

GOOD = {"OUTLET": "redis", "URL": "redis://:hush-hush@10.0.0.7/2", "SPOOL": "/var/lib/pbx"}


def key_of(event: Any) -> str:
    return "x"


def test_no_setting_forwards_nothing(settings: Any) -> None:
    settings.AMI_FORWARD = None
    assert read_forward() is None


def test_setting_has_defaults_and_shows_no_password(settings: Any) -> None:
    settings.AMI_FORWARD = GOOD
    found = read_forward()
    assert found == Forward(
        "redis", GOOD["URL"], 16, None, None, False, Path("/var/lib/pbx"), 2**32, 86400
    )
    assert "hush" not in repr(found)


def test_all_keys_are_read(settings: Any) -> None:
    settings.AMI_FORWARD = {
        **GOOD, "PARTITIONS": 4, "PARTITION": f"{__name__}.key_of", "EVENTS": ["Hangup"],
        "LOCAL": True, "SPOOL": None, "SPOOL_BYTES": 2**20, "MAX_AGE": 60, "OPTIONS": {"a": 1},
    }  # fmt: skip
    assert read_forward() == Forward(
        "redis", GOOD["URL"], 4, key_of, frozenset({"hangup"}), True, None, 2**20, 60, {"a": 1}
    )


async def by_nothing(event: Any) -> str:
    return event.name


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"OUTLET": None}, "'OUTLET' must be one of redis, celery, tasks, or the dotted path"),
        ({"OUTLET": "redsi"}, "unknown outlet: 'redsi'; did you mean 'redis'?"),
        ({"URL": 7}, "'URL' must be a text, not a int."),
        ({"SPOLL": "/x"}, "unknown key: 'SPOLL'; did you mean 'SPOOL'?"),
        ({"SPOOL": "relative"}, "'SPOOL' must be the absolute path of a directory, or None"),
        ({"SPOOL": "/tmp/a\0b"}, "'SPOOL' must be the absolute path of a directory, or None"),
        ({"SPOOL": "/tmp/\ud800"}, "'SPOOL' must be the absolute path of a directory, or None"),
        ({"SPOOL": 7}, "'SPOOL' must be the absolute path of a directory, or None"),
        ({"SPOOL_BYTES": 5}, "'SPOOL_BYTES' must be a whole number from 1048576"),
        ({"PARTITIONS": 0}, "'PARTITIONS' must be a whole number from 1 to 1024, not 0."),
        ({"PARTITIONS": True}, "'PARTITIONS' must be a whole number"),
        ({"PARTITION": 5}, "option 'partition' must be 'call', or a function of an event"),
        ({"PARTITION": by_nothing}, "make it a def, not an async def"),
        ({"EVENTS": "Hangup"}, "'EVENTS' must be None (the events that have receivers), '*'"),
        ({"EVENTS": []}, "'EVENTS' must be None"),
        ({"LOCAL": "yes"}, "'LOCAL' must be True or False, not 'yes'."),
        ({"MAX_AGE": -1}, "'MAX_AGE' must be a whole number"),
        ({"OPTIONS": 5}, "'OPTIONS' must be a mapping, not int."),
    ],
)
def test_wrong_key_is_refused_in_a_line(settings: Any, keys: dict[str, Any], words: str) -> None:
    settings.AMI_FORWARD = {**GOOD, **keys}
    with pytest.raises(ConfigurationError) as caught:
        read_forward()
    assert str(caught.value).startswith("the setting AMI_FORWARD: ")
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)
    assert any(words in one.msg for one in messages())


def test_spool_has_to_be_named(settings: Any) -> None:
    settings.AMI_FORWARD = {"OUTLET": "redis"}
    with pytest.raises(ConfigurationError, match="'SPOOL' is missing: name a directory"):
        read_forward()


def test_outlet_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a class with the methods of an outlet"):
        _ = Forward("pathlib.Path").outlet_class
    with pytest.raises(ConfigurationError, match="cannot be imported"):
        _ = Forward("nowhere.Outlet").outlet_class


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://me:hidden@10.0.0.1:6379/0?password=hidden", "redis at 10.0.0.1:6379,"),
        ("rediss://queue", "redis at queue,"),
        ("unix:///run/redis.sock?password=hidden", "redis at /run/redis.sock,"),
        ("me:hidden@queue:1", "redis at an unreadable address,"),
        ("redis://[hidden", "redis at an unreadable address,"),
        ("", "redis,"),
    ],
)
def test_words_of_a_forward_name_the_engine_and_hide_what_may_be_secret(url, words):
    said = str(Forward("redis", url))
    assert said.startswith(f"to {words} in 16 partitions, instead of receivers here; spool in mem")
    assert "hidden" not in said
    assert str(Forward("x.Y", local=True, spool=Path("/spool"))).endswith(
        "beside receivers here; spool /spool"
    )
