"""The event loop: whoever turns it sleeps until the next byte, timer or call, and does what is to do then."""

from django_ami.core.reactor.reactor import Reactor
from django_ami.core.reactor.timers import Timer

__all__ = ["Reactor", "Timer"]
