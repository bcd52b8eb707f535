"""The actions to send: ``Action`` for any, and a class for each of the common ones; see ``django_ami.core.actions``."""

from django_ami.core import actions
from django_ami.core.actions import *  # noqa: F403  (the same names, nearer to hand)

__all__: list[str] = []
__all__ += actions.__all__
