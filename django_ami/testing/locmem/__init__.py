"""A backend without a server: every action lands in ``outbox`` and is answered at once.

No socket, no thread, no wait.

``"BACKEND": "django_ami.testing.locmem"`` in an entry of ``AMI_SERVERS``, or ``override_ami()``
around a test. Callers get real PendingActions from a real session: with its refusals, errors and
outcomes. The server's answers are made up here: yes to everything, and empty lists, unless
``outbox.on(...)`` says otherwise.

Rule: no time passes. When ``send`` returns, all is over: an answer that would come later has come,
and one that never comes has become an ActionTimeout.
"""

from __future__ import annotations

from django_ami.testing.locmem.client import Client
from django_ami.testing.locmem.outbox import Outbox, outbox

__all__ = ["Client", "Outbox", "assert_action_not_sent", "assert_action_sent", "outbox"]

assert_action_sent = outbox.assert_action_sent
assert_action_not_sent = outbox.assert_action_not_sent
