"""The checks name what keeps the wallboard from working."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks

from django_ami.tools.needs import gather

urlpatterns: list[object] = []
KEYS = {"HOST": "pbx", "USERNAME": "admin", "SECRET": "hush-hush"}


@pytest.fixture(autouse=True)
def _good_settings(settings: Any) -> None:
    settings.AMI_FEED = "database"
    settings.AMI_SERVERS = {"node_1": KEYS}
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "django.contrib.staticfiles"]
    settings.ROOT_URLCONF = "tests.wallboard.urls"


def found(*, deploy: bool = False) -> list[str]:
    messages = run_checks(tags=["ami"], include_deployment_checks=deploy)
    own = [one for one in messages if one.id and one.id.startswith("ami_wallboard.")]
    return [f"{str(one.id).removeprefix('ami_wallboard.')} {one.msg}" for one in own]


def test_good_settings_are_silent() -> None:
    assert found(deploy=True) == []


def test_setting_that_cannot_be_used_is_an_error(settings: Any) -> None:
    settings.AMI_WALLBOARD = {"MAX_STREAMS": 0}
    assert found() == [
        "E001 the setting AMI_WALLBOARD: MAX_STREAMS must be a whole number from 1 on, not 0."
    ]


def test_project_without_a_feed_is_warned(settings: Any) -> None:
    settings.AMI_FEED = None
    (message,) = found()
    assert message.startswith("W001 The wallboard has nothing to show")


def test_feed_that_cannot_be_used_is_told_by_another_check(settings: Any) -> None:
    settings.AMI_FEED = "nothing.like.it"
    assert found(deploy=True) == []


def test_project_without_users_is_warned_unless_its_function_knows_them(settings: Any) -> None:
    settings.MIDDLEWARE = []
    (message,) = found()
    assert message.startswith("W002 The wallboard does not know its visitors")
    settings.AMI_WALLBOARD = {"ACCESS": "tests.wallboard.urls.everybody"}
    assert found() == []


def test_app_whose_urls_are_not_included_is_warned(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    (message,) = found()
    assert message.startswith("W003 django_ami.wallboard is installed, and has no address")


def test_project_that_serves_no_static_files_is_warned(settings: Any) -> None:
    settings.INSTALLED_APPS = settings.INSTALLED_APPS[:-1]
    (message,) = found()
    assert message.startswith("W004 The wallboard needs its scripts")


def test_unknown_server_of_click_to_call_is_warned(settings: Any) -> None:
    settings.AMI_WALLBOARD = {"CLICK_TO_CALL": {"SERVER": "node_2"}}
    (message,) = found()
    assert message.endswith("names 'node_2', which is not in AMI_SERVERS; did you mean 'node_1'?")
    settings.AMI_SERVERS = lambda: {"node_2": KEYS}
    assert found() == []


def test_feed_in_memory_is_warned_on_deployment_alone(settings: Any) -> None:
    settings.AMI_FEED = "memory"
    assert found() == []
    (message,) = found(deploy=True)
    assert message.startswith("W006 AMI_FEED is 'memory'")


def test_cache_of_one_process_is_warned_on_deployment_where_calls_are_placed(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert found(deploy=True) == []
    settings.AMI_WALLBOARD = {"CLICK_TO_CALL": {"CHANNEL": lambda _request: "PJSIP/101"}}
    assert found() == []
    (message,) = found(deploy=True)
    assert message.startswith("W007 CALLS_PER_HOUR of AMI_WALLBOARD is counted")
    assert message.endswith("in each web process.")
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache"}}
    assert found(deploy=True) == []


def test_account_of_manager_conf_has_the_rights_of_the_buttons(settings: Any) -> None:
    def sent() -> set[str]:
        places = gather().usage.places
        return {name for name in places if "django_ami.wallboard" in places[name]}

    assert sent() == {"Hangup", "QueuePause", "Redirect"}
    settings.AMI_WALLBOARD = {"CLICK_TO_CALL": {"CHANNEL": lambda _request: "PJSIP/101"}}
    assert sent() == {"Hangup", "Originate", "QueuePause", "Redirect", "Status"}
    assert {"agent", "call", "originate", "system"} <= set(gather().write())
