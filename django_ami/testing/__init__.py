"""Test without an Asterisk: a simulated one, over real TCP or TLS.

Names are loaded on first use, so that importing this package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.testing.simulator import PROFILES as PROFILES
    from django_ami.testing.simulator import CallTimes as CallTimes
    from django_ami.testing.simulator import Faults as Faults
    from django_ami.testing.simulator import FloodReport as FloodReport
    from django_ami.testing.simulator import Limits as Limits
    from django_ami.testing.simulator import Profile as Profile
    from django_ami.testing.simulator import ReceivedAction as ReceivedAction
    from django_ami.testing.simulator import Rule as Rule
    from django_ami.testing.simulator import ServerTLS as ServerTLS
    from django_ami.testing.simulator import SessionInfo as SessionInfo
    from django_ami.testing.simulator import Simulator as Simulator
    from django_ami.testing.simulator import User as User

_HOMES = {
    "PROFILES": "simulator",
    "CallTimes": "simulator",
    "Faults": "simulator",
    "FloodReport": "simulator",
    "Limits": "simulator",
    "Profile": "simulator",
    "ReceivedAction": "simulator",
    "Rule": "simulator",
    "ServerTLS": "simulator",
    "SessionInfo": "simulator",
    "Simulator": "simulator",
    "User": "simulator",
}
__all__ = [
    "PROFILES",
    "CallTimes",
    "Faults",
    "FloodReport",
    "Limits",
    "Profile",
    "ReceivedAction",
    "Rule",
    "ServerTLS",
    "SessionInfo",
    "Simulator",
    "User",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"django_ami.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
