"""System checks of the app. ``operations.md`` and ``rights.md`` in docs have a row for each id."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core import checks

from django_ami.core.errors import ConfigurationError
from django_ami.operations import conf
from django_ami.operations.permissions import grants

__all__ = ["ALWAYS", "check_dangers", "check_permissions", "check_settings", "check_users"]


def check_settings(**_: Any) -> list[checks.CheckMessage]:
    """ami_operations.E001: AMI_OPERATIONS cannot be used."""
    try:
        conf.load()
    except ConfigurationError as error:
        return [checks.Error(error.message, id="ami_operations.E001")]
    return []


def check_permissions(**_: Any) -> list[checks.CheckMessage]:
    """ami_operations.E002: AMI_PERMISSIONS cannot be used."""
    try:
        grants.load()
    except ConfigurationError as error:
        return [checks.Error(error.message, id="ami_operations.E002")]
    return []


def check_users(**_: Any) -> list[checks.CheckMessage]:
    """ami_operations.W001: AMI_PERMISSIONS is set, and the site has no users."""
    if grants.are_set() and not apps.is_installed("django.contrib.auth"):
        return [
            checks.Warning(
                "AMI_PERMISSIONS grants something to groups and users, and the site has none.",
                hint="Add 'django.contrib.auth' to INSTALLED_APPS, or remove the setting.",
                id="ami_operations.W001",
            )
        ]
    return []


def check_dangers(**_: Any) -> list[checks.CheckMessage]:
    """ami_operations.W002: a pattern of AMI_PERMISSIONS allows everything."""
    try:
        found = list(_all_grants())
    except ConfigurationError:
        return []
    return [
        checks.Warning(
            f"AMI_PERMISSIONS: {where}: the pattern of {name} allows every text: {why}.",
            hint="Write the values that are needed, and nothing more.",
            id="ami_operations.W002",
        )
        for where, grant in found
        for name, why in grants.open_patterns(grant)
    ]


def _all_grants() -> list[tuple[str, grants.Grant]]:
    permissions = grants.load()
    found = [(f"groups[{name!r}]", one) for name, one in permissions.groups.items()]
    found += [(f"users[{name!r}]", one) for name, one in permissions.users.items()]
    everybody = permissions.everybody
    return found if everybody is None else [*found, ("everybody", everybody)]


ALWAYS = (check_settings, check_permissions, check_users, check_dangers)
