"""Makes the users of the project, with different permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.http import HttpRequest

TELEPHONE = "PJSIP/7000"
#: The permissions of each user. The password is the name.
PEOPLE = {
    "supervisor": (
        "view_wallboard",
        "place_calls",
        "end_calls",
        "transfer_calls",
        "pause_agents",
        "listen_in",
    ),
    "viewer": ("view_wallboard",),
    "stranger": (),
}


def telephone(request: HttpRequest) -> str:
    """The telephone of every user."""
    return TELEPHONE


def make() -> None:
    """Make them all."""
    from django.contrib.auth.models import Permission, User

    for name, permissions in PEOPLE.items():
        user = User.objects.create_user(name, password=name)
        user.user_permissions.set(
            Permission.objects.filter(
                content_type__app_label="ami_wallboard", codename__in=permissions
            )
        )
    User.objects.create_superuser("chief", password="chief")


if __name__ == "__main__":
    django.setup()
    make()
