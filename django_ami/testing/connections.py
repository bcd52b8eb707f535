"""A test that is allowed to connect to a server. See :mod:`django_ami.core.permission`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django_ami.core import permission

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["connections_allowed"]


@contextmanager
def connections_allowed() -> Iterator[None]:
    """Connections are allowed meanwhile, to child processes, too.

    In the end ``ami`` logs off, if it is in use.
    """
    before = os.environ.get(permission.CONNECTIONS)
    os.environ[permission.CONNECTIONS] = permission.ALLOW
    _close_ami()  # a client that was refused does not try again
    try:
        yield
    finally:
        _close_ami()  # a connection that stays would be one for tests that may have none
        if before is None:
            del os.environ[permission.CONNECTIONS]
        else:
            os.environ[permission.CONNECTIONS] = before


def _close_ami() -> None:
    accessor = sys.modules.get("django_ami.accessor")
    if accessor is not None:
        accessor.ami.close()
