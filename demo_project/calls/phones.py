"""The telephones of users, for click to call on the wallboard."""

from django.conf import settings
from django.http import HttpRequest


def phone_of(request: HttpRequest) -> str:
    """The telephone that rings first. In a project of yours each user has one."""
    return str(settings.DEMO_PHONE)
