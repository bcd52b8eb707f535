"""A site with the wallboard in this process, and a listener that publishes to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wallboard.publishing import HEADING, publisher

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper

    from django_ami.live.feed.publisher import Publisher


@pytest.fixture
def site(settings: SettingsWrapper) -> SettingsWrapper:
    """The settings of a site that lets everybody in, with its feed in memory."""
    settings.ROOT_URLCONF = "tests.wallboard.urls"
    settings.MIDDLEWARE = []
    settings.AMI_FEED = "memory"
    settings.AMI_WALLBOARD = {"ACCESS": "tests.wallboard.urls.everybody"}
    return settings


@pytest.fixture
def listener(site: SettingsWrapper) -> Iterator[Publisher]:
    """The publisher of the site."""
    made = publisher()
    made.note("node_1", [HEADING])
    yield made
    made.close()
