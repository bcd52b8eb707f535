"""The errors of the app: an action beyond a user's rights, and a call too many.

Both are a PermissionDenied of Django, too: where a view lets one through, the answer is a 403.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar

from django.core.exceptions import PermissionDenied

from django_ami.core.errors import AmiError

__all__ = ["ActionRefused", "TooManyCalls"]


class ActionRefused(AmiError, PermissionDenied):
    """The user may not send that action; nothing was sent. The message names the cure."""

    _sent = False
    #: The status of HTTP that says so.
    status: ClassVar[int] = HTTPStatus.FORBIDDEN
    #: After how many seconds it may go well; None: not by waiting.
    retry_seconds: int | None = None


class TooManyCalls(ActionRefused):
    """The user has placed as many calls as allowed; nothing was sent."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(
        self,
        message: str,
        server: str | None = None,
        sent: bool | None = None,
        retry_seconds: int | None = None,
    ) -> None:
        super().__init__(message, server, sent)
        self.retry_seconds = retry_seconds
        self.args = (*self.args, retry_seconds)
