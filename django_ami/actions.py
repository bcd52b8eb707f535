"""The actions to send: ``Action`` for any, and a class for each that Asterisk has.

See ``django_ami.core.actions``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_ami.core import actions
from django_ami.core.actions import *  # noqa: F403  (the same names, nearer to hand)

if TYPE_CHECKING:
    from django_ami.core.actions.generated import *  # noqa: F403

__all__: list[str] = []
__all__ += actions.__all__


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        return getattr(actions, name)

    def __dir__() -> list[str]:
        return dir(actions)
