"""Does this process run Django's tests? If it does, no server is connected to.

See :mod:`django_ami.core.permission`.

Importing this makes it known to the core. It stands on a private name of Django, since there is no
hook: ``django.test.utils._TestState.saved_data`` is there between ``setup_test_environment`` and
its end.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django_ami.core import permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.core.checks import CheckMessage

__all__ = ["notice_tests", "tests_run"]

#: The programs whose first argument ``test`` runs tests.
_PROGRAMS: Final = frozenset({"manage.py", "django-admin"})


def tests_run() -> bool:
    """True while Django's test environment is set up, and all the time in ``manage.py test``.

    ``manage.py test`` is known by its arguments: apps may send in ``AppConfig.ready``, which is
    earlier.
    """
    utils = sys.modules.get("django.test.utils")
    return hasattr(getattr(utils, "_TestState", None), "saved_data") or _begins_with_tests()


def notice_tests(**_: Any) -> Sequence[CheckMessage]:
    """A system check that finds no fault, but notices tests.

    Django's runner runs the checks before its tests. From then on connections are forbidden to the
    end of this process, and in its children; that of an app that has sent before is closed.
    """
    if tests_run() and permission.CONNECTIONS not in os.environ:
        permission.forbid_in_tests(tests_run=True)
        accessor = sys.modules.get("django_ami.accessor")  # which imports this module
        if accessor is not None:
            accessor.ami.close()
    return []


def _begins_with_tests() -> bool:
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    module = main.name if main else ""
    program, *arguments = getattr(sys, "argv", None) or [""]
    return arguments[:1] == ["test"] and (
        module == "django.__main__" or Path(program).name in _PROGRAMS
    )


permission.signs.add(tests_run)
permission.forbid_in_tests(_begins_with_tests())
