"""The person who clicks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture(autouse=True)
def _connected(demo_receivers: None) -> None:
    """The demo as it is."""


@pytest.fixture
def client(db: None) -> Client:
    """A browser in which somebody is logged in."""
    browser = Client()
    browser.force_login(User.objects.create_user("ann"))
    return browser
