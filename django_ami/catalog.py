"""The catalogue of Asterisk: every action and every event; see ``django_ami.core.catalog``."""

from __future__ import annotations

from django_ami.core import catalog
from django_ami.core.catalog import *  # noqa: F403  (the same names, nearer to hand)
from django_ami.core.catalog.renamed import predecessor, successors

__all__ = ["predecessor", "successors"]
__all__ += catalog.__all__
