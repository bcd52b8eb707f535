"""The history of calls: an app of its own, which stores each call that has ended.

Put ``django_ami.calls`` into INSTALLED_APPS and migrate. The base app has no tables, and knows
nothing of this one.
"""

from __future__ import annotations
