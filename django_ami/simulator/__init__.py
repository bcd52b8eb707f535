"""A simulated Asterisk over real TCP or TLS.

It shares no code with the core, so that no bug is on both sides.
"""

from __future__ import annotations

from django_ami.simulator.flood import FloodReport
from django_ami.simulator.ledger import SessionInfo
from django_ami.simulator.options import CallCentre, CallTimes, Faults, Limits, ServerTLS, User
from django_ami.simulator.profiles import PROFILES, Profile
from django_ami.simulator.requests import ReceivedAction
from django_ami.simulator.script import Rule
from django_ami.simulator.simulator import Simulator

__all__ = [
    "PROFILES",
    "CallCentre",
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
