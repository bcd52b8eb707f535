"""Test without an Asterisk.

``FakeAsterisk``   a simulated Asterisk over real TCP or TLS, with scripted answers, faults and
calls ``override_ami``   no server and no socket: actions land in an outbox, and events go straight
to receivers ``AmiTestMixin``   ``override_ami`` for each test of a ``TestCase``
``allow_ami_connections`` this test may connect to a server: other tests may not ``events`` events
with all their headers; ``scenarios`` whole calls; ``Recording`` what a real server sent

For pytest there are the fixtures ``ami_server``, ``ami_servers``, ``ami_client``, ``ami_outbox``,
``ami_replay`` and ``allow_ami_connections``. Names are loaded on first use, so that importing this
package costs next to nothing; ``override_ami``, ``allow_ami_connections`` and ``AmiTestMixin`` need
Django, nothing else does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_ami.simulator import PROFILES as PROFILES
    from django_ami.simulator import CallCentre as CallCentre
    from django_ami.simulator import CallTimes as CallTimes
    from django_ami.simulator import Faults as Faults
    from django_ami.simulator import FloodReport as FloodReport
    from django_ami.simulator import Limits as Limits
    from django_ami.simulator import Profile as Profile
    from django_ami.simulator import ReceivedAction as ReceivedAction
    from django_ami.simulator import Rule as Rule
    from django_ami.simulator import ServerTLS as ServerTLS
    from django_ami.simulator import SessionInfo as SessionInfo
    from django_ami.simulator import Simulator as Simulator
    from django_ami.simulator import User as User
    from django_ami.testing import events as events
    from django_ami.testing import scenarios as scenarios
    from django_ami.testing.events import EventFactory as EventFactory
    from django_ami.testing.events import event as event
    from django_ami.testing.fake import FakeAsterisk as FakeAsterisk
    from django_ami.testing.locmem import Outbox as Outbox
    from django_ami.testing.locmem import assert_action_not_sent as assert_action_not_sent
    from django_ami.testing.locmem import assert_action_sent as assert_action_sent
    from django_ami.testing.locmem import outbox as ami_outbox
    from django_ami.testing.override import allow_ami_connections as allow_ami_connections
    from django_ami.testing.override import override_ami as override_ami
    from django_ami.testing.pytest_plugin import Replay as Replay
    from django_ami.testing.recording import Moment as Moment
    from django_ami.testing.recording import Recording as Recording
    from django_ami.testing.recording import RecordingError as RecordingError
    from django_ami.testing.testcases import AmiTestMixin as AmiTestMixin

#: Below ``django_ami``.
_HOMES = {
    "PROFILES": "simulator",
    "AmiTestMixin": "testing.testcases",
    "CallCentre": "simulator",
    "CallTimes": "simulator",
    "EventFactory": "testing.events",
    "FakeAsterisk": "testing.fake",
    "Faults": "simulator",
    "FloodReport": "simulator",
    "Limits": "simulator",
    "Moment": "testing.recording",
    "Outbox": "testing.locmem",
    "Profile": "simulator",
    "ReceivedAction": "simulator",
    "Recording": "testing.recording",
    "RecordingError": "testing.recording",
    "Replay": "testing.pytest_plugin",
    "Rule": "simulator",
    "ServerTLS": "simulator",
    "SessionInfo": "simulator",
    "Simulator": "simulator",
    "User": "simulator",
    "allow_ami_connections": "testing.override",
    "assert_action_not_sent": "testing.locmem",
    "assert_action_sent": "testing.locmem",
    "event": "testing.events",
    "override_ami": "testing.override",
}
__all__ = [
    "PROFILES",
    "AmiTestMixin",
    "CallCentre",
    "CallTimes",
    "EventFactory",
    "FakeAsterisk",
    "Faults",
    "FloodReport",
    "Limits",
    "Moment",
    "Outbox",
    "Profile",
    "ReceivedAction",
    "Recording",
    "RecordingError",
    "Replay",
    "Rule",
    "ServerTLS",
    "SessionInfo",
    "Simulator",
    "User",
    "allow_ami_connections",
    "ami_outbox",
    "assert_action_not_sent",
    "assert_action_sent",
    "event",
    "events",
    "override_ami",
    "scenarios",
]


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(f"django_ami.{_HOMES[name]}"), name)
        if name == "ami_outbox":
            return import_module("django_ami.testing.locmem").outbox
        if name in ("events", "scenarios"):
            return import_module(f"django_ami.testing.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
