"""What to do about the errors of Redis."""

from __future__ import annotations

import redis
from redis.exceptions import (
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)

from django_ami.redis_client import ANSWER_SECONDS

__all__ = ["cure"]

#: A command of a script to which the user has no right is refused with this, and without a code.
_REFUSED_WITHIN_SCRIPT = "user executing the script can't run this command"


def cure(error: Exception, key: str = "") -> str:
    """The thing to do about an error, in a sentence; ``key`` is the first one of a command."""
    if key and "WRONGTYPE" in str(error):
        return (
            f"Another program uses the key {key}, or one that begins with it: remove that key, or "
            "set another 'prefix' in OPTIONS of AMI_FORWARD."
        )
    if isinstance(
        error, redis.AuthenticationError | AuthorizationError | NoPermissionError
    ) or _REFUSED_WITHIN_SCRIPT in str(error):
        return (
            "Check the user and the password in 'URL' of AMI_FORWARD, and the rights of the user."
        )
    if isinstance(error, redis.TimeoutError):
        return (
            f"It did not answer within {ANSWER_SECONDS:g} s: check whether it is frozen, or busy."
        )
    if isinstance(error, ReadOnlyError) or "read only replica" in str(error):
        return "It is a replica: 'URL' of AMI_FORWARD has to name the server that takes writes."
    if isinstance(error, BusyLoadingError):
        return "It has been started, and answers when it has read its data: wait."
    if isinstance(error, OutOfMemoryError):
        return "Raise its maxmemory, or lower MAX_AGE."
    if isinstance(error, redis.ConnectionError):
        return "Check that it runs, and 'URL' of AMI_FORWARD."
    return "Check its log."
