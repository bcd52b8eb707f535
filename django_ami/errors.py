"""The errors of django_ami; their tree is drawn in ``django_ami.core.errors``."""

from __future__ import annotations

from django_ami.core import errors
from django_ami.core.errors import *  # noqa: F403  (the same names, nearer to hand)

__all__: list[str] = []
__all__ += errors.__all__
