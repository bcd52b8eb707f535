"""The person who clicks."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_project.settings import AMI_PERMISSIONS


@pytest.fixture(autouse=True)
def _connected(demo_receivers: None) -> None:
    """The demo as it is."""


@pytest.fixture(autouse=True)
def _rights(settings: Any) -> None:
    """The rights of its users are those of its settings."""
    settings.AMI_PERMISSIONS = AMI_PERMISSIONS


@pytest.fixture
def client(db: None) -> Client:
    """A browser in which somebody is logged in."""
    browser = Client()
    browser.force_login(User.objects.create_user("ann"))
    return browser
