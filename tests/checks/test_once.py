"""``AMI_FORWARD["ONCE"]``: a table that is not there, and a cache that keeps too little."""

from __future__ import annotations

from typing import Any

import pytest

from django_ami.conf.forward import read_forward
from django_ami.conf.once import Once, read_once
from django_ami.core.errors import ConfigurationError
from tests.checks.support import lines, messages

REDIS = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://pbx"}
ENGINE = {"OUTLET": "redis", "URL": "redis://pbx", "SPOOL": None}


def test_without_the_setting_nothing_is_said(settings: Any) -> None:
    settings.INSTALLED_APPS = ["django_ami"]
    assert messages() == []
    assert read_once() == Once()


def test_the_model_without_its_app_is_an_error(settings: Any) -> None:
    settings.AMI_FORWARD = {"ONCE": "model"}
    assert messages() == []
    settings.INSTALLED_APPS = ["django_ami"]
    (line,) = lines("E009")
    assert line.endswith(
        "add 'django_ami.forwarding' to INSTALLED_APPS and run migrate, or set "
        "AMI_FORWARD['ONCE'] to 'cache'."
    )


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_a_cache_of_one_process_is_warned_of(settings: Any, backend: str) -> None:
    settings.CACHES = {
        "default": REDIS,
        "own": {"BACKEND": f"django.core.cache.backends.{backend}"},
    }
    settings.AMI_FORWARD = {"ONCE": "cache"}
    assert messages() == []
    settings.AMI_FORWARD = {"ONCE": {"STORE": "cache", "USING": "own"}}
    assert [line.partition(",")[0] for line in lines("W009")] == [
        "'ONCE' keeps processed events in the cache 'own'"
    ]


def test_a_cache_that_forgets_before_the_engine_does_is_warned_of(settings: Any) -> None:
    settings.CACHES = {"default": REDIS}
    settings.AMI_FORWARD = {**ENGINE, "ONCE": "cache"}
    assert messages() == []
    settings.AMI_FORWARD = {**ENGINE, "ONCE": {"STORE": "cache", "SECONDS": 3600}}
    (line,) = lines("W010")
    assert line.startswith("the cache forgets a processed event after 3600 s (SECONDS of 'ONCE')")
    assert line.endswith("the engine may repeat it for 86400 s (MAX_AGE).")


@pytest.mark.parametrize(
    ("once", "told"),
    [
        (7, "'ONCE' must be 'model', 'cache', or a mapping with STORE, not 7."),
        ("modle", "unknown store of 'ONCE': 'modle'; did you mean 'model'?"),
        ({"STORE": "cache", "TTL": 1}, "unknown key of 'ONCE': 'TTL'; known are"),
        ({"STORE": "cache", "SECONDS": 0}, "'SECONDS' of 'ONCE' must be a whole number of seconds"),
        ({"STORE": "cache", "CLAIM_SECONDS": True}, "'CLAIM_SECONDS' of 'ONCE' must be a whole"),
        ({"STORE": "cache", "USING": "redis"}, "unknown USING of 'ONCE', which has the store"),
        ({"USING": ["default"]}, "unknown USING of 'ONCE', which has the store 'model'"),
    ],
)
def test_a_value_that_it_cannot_have_is_told(settings: Any, once: object, told: str) -> None:
    settings.AMI_FORWARD = {"ONCE": once}
    for read in (read_once, read_forward):
        with pytest.raises(ConfigurationError) as raised:
            read()
        assert str(raised.value).startswith(f"the setting AMI_FORWARD: {told}")


def test_the_setting_alone_forwards_nothing(settings: Any) -> None:
    settings.AMI_FORWARD = {"ONCE": {"STORE": "model", "USING": "default"}}
    assert read_forward() is None
    assert read_once() == Once(using="default")
