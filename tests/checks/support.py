"""The messages of the checks, by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import run_checks

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

SECRET = "hush-hush"
KEYS: dict[str, Any] = {"HOST": "pbx", "USERNAME": "admin", "SECRET": SECRET}


def messages(*, deploy: bool = False) -> list[CheckMessage]:
    """All that our checks find; nothing they say may ever show a secret."""
    found = run_checks(tags=["ami"], include_deployment_checks=deploy)
    # The wallboard has checks of its own: tests/wallboard/test_checks.py.
    found = [message for message in found if not message.id.startswith("ami_wallboard.")]
    assert all(message.id.startswith("django_ami.") for message in found)
    assert SECRET not in "\n".join(f"{message} {message.hint} {message.obj!r}" for message in found)
    return list(found)


def lines(number: str, *, deploy: bool = False) -> list[str]:
    """The texts of one id."""
    return [
        message.msg for message in messages(deploy=deploy) if message.id == f"django_ami.{number}"
    ]
