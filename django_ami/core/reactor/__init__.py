"""The event loop, and which thread runs it."""

from __future__ import annotations

from django_ami.core.reactor.leader import Leader
from django_ami.core.reactor.loop import Loop
from django_ami.core.reactor.main_thread import MainThread
from django_ami.core.reactor.runner import Runner, When
from django_ami.core.reactor.timers import Timer
from django_ami.core.reactor.traffic import Traffic

__all__ = ["Leader", "Loop", "MainThread", "Runner", "Timer", "Traffic", "When"]
