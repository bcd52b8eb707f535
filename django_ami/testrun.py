"""Does this process run Django's tests? If it does, no server is connected to; see :mod:`django_ami.core.permission`.

Importing this makes it known to the core.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from django_ami.core import permission

__all__ = ["tests_run"]

#: The programs whose first argument ``test`` runs tests.
_PROGRAMS: Final = frozenset({"manage.py", "django-admin"})


def tests_run() -> bool:
    """True between Django's ``setup_test_environment`` and its end, and all the time in ``manage.py test``.

    ``manage.py test`` is known by its arguments: apps may send in ``AppConfig.ready``, which is earlier.
    """
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data") or _begins_with_tests()


def _begins_with_tests() -> bool:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = main.name if main else ""
    program, *arguments = getattr(sys, "argv", None) or [""]
    if module == "unittest.__main__":
        return True
    return arguments[:1] == ["test"] and (module == "django.__main__" or Path(program).name in _PROGRAMS)


permission.signs.append(tests_run)
if _begins_with_tests():
    os.environ.setdefault(permission.CONNECTIONS, permission.FORBID)  # for the child processes
