"""Visitors of the admin, and rows as listeners write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture(autouse=True)
def _admin(settings: SettingsWrapper) -> None:
    settings.ROOT_URLCONF = "tests.operations.admin.urls"
    settings.AMI_PERMISSIONS = {"everybody": {"classes": ["looking"]}}


@pytest.fixture
def log_in(db: None) -> Callable[..., Client]:
    """A visitor of the staff with these permissions of the app: ``log_in("view_lease")``."""

    def log_in(*codenames: str, name: str = "operator", **fields: bool) -> Client:
        user = User.objects.create_user(name, password=name, **{"is_staff": True, **fields})
        found = Permission.objects.filter(
            content_type__app_label="ami_operations", codename__in=codenames
        )
        assert len(found) == len(codenames)
        user.user_permissions.set(found)
        client = Client()
        client.force_login(user)
        return client

    return log_in
