"""A simulated Asterisk over real TCP or TLS; it shares no code with the core, so that no bug is on both sides."""

from django_ami.testing.simulator.flood import FloodReport
from django_ami.testing.simulator.ledger import SessionInfo
from django_ami.testing.simulator.options import CallTimes, Faults, Limits, ServerTLS, User
from django_ami.testing.simulator.profiles import PROFILES, Profile
from django_ami.testing.simulator.requests import ReceivedAction
from django_ami.testing.simulator.script import Rule
from django_ami.testing.simulator.simulator import Simulator

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
