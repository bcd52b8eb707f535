"""A simulated Asterisk for each test of a tool."""

from __future__ import annotations

from tests.management.conftest import sim

__all__ = ["sim"]
