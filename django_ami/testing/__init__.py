"""Test without an Asterisk: a simulated one, over real TCP or TLS."""

from django_ami.testing.flood import FloodReport
from django_ami.testing.ledger import SessionInfo
from django_ami.testing.options import CallTimes, Faults, Limits, ServerTLS, User
from django_ami.testing.profiles import PROFILES, Profile
from django_ami.testing.requests import ReceivedAction
from django_ami.testing.script import Rule
from django_ami.testing.simulator import Simulator

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
