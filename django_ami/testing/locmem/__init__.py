"""A backend without a server: every action lands in ``outbox`` and is answered at once. No socket, no thread, no wait.

``"BACKEND": "django_ami.testing.locmem"`` in an entry of ``AMI_SERVERS``, or ``override_ami()`` around a test. Who
sends gets real PendingActions from a real session: the same refusals, errors and outcomes. What the server would say is
made up here: yes to everything, and empty lists, unless ``outbox.on(...)`` says otherwise.

Rule: no time passes. When ``send`` returns, all is over: an answer that would come later has come, and one that never
comes has become an ActionTimeout.
"""

from django_ami.testing.locmem.client import Client
from django_ami.testing.locmem.outbox import Outbox, outbox

__all__ = ["Client", "Outbox", "assert_action_not_sent", "assert_action_sent", "outbox"]

assert_action_sent = outbox.assert_action_sent
assert_action_not_sent = outbox.assert_action_not_sent
