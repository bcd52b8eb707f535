"""Whether this process may connect to a server: one that runs tests may not, unless asked.

Rule: ``check`` is asked once for each attempt, before a name is looked up or a socket is opened.
The answer stands in the environment, so that child processes have it, too; and in ``signs``, as a
test may empty its environment.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from django_ami.core.errors import ConnectionForbidden

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ALLOW", "CONNECTIONS", "FORBID", "SIMULATORS", "check", "forbid_in_tests", "signs"]

#: The variable that allows connections (``allow``) or forbids them (``forbid``); without it the
#: signs decide.
CONNECTIONS: Final = "DJANGO_AMI_CONNECTIONS"
ALLOW: Final = "allow"
FORBID: Final = "forbid"
#: The variable in which the simulated Asterisks of a test run stand, as ``host:port host:port``.
SIMULATORS: Final = "DJANGO_AMI_SIMULATORS"

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def _unittest_runs() -> bool:
    """True while a runner of unittest runs, also that of ``unittest.main()`` in a script.

    It stands on a private name: ``TextTestRunner.run`` registers its result there.
    """
    return bool(getattr(sys.modules.get("unittest.signals"), "_results", None))


#: Functions that say whether this process runs tests. A framework that knows puts its own here.
signs: Final[set[Callable[[], bool]]] = {_unittest_runs}


def forbid_in_tests(tests_run: bool) -> None:
    """Where tests run, forbid connections until this process ends.

    A thread may outlive its test.
    """
    if tests_run:
        os.environ.setdefault(CONNECTIONS, FORBID)  # for the child processes
        signs.add(_tests_ran)


def _tests_ran() -> bool:
    return True


def _begins_with_tests() -> bool:
    """True in pytest, in ``python -m unittest``, and in the children of both."""
    main = getattr(sys.modules.get("__main__"), "__spec__", None)
    runner = main is not None and main.name == "unittest.__main__"
    return runner or "PYTEST_VERSION" in os.environ or os.environ.get(CONNECTIONS) == FORBID


def check(host: str, port: int) -> None:
    """Raise ConnectionForbidden if tests run here and none has allowed this address."""
    said = os.environ.get(CONNECTIONS)
    if said == ALLOW:
        return
    if not said:
        if not any(sign() for sign in signs):
            return
        forbid_in_tests(tests_run=True)
    if _is_simulated(host, port):
        return
    raise ConnectionForbidden(
        f"tests may not connect to {host}:{port}: add AmiTestMixin or the fixture ami_outbox to "
        "the test, or allow it with allow_ami_connections (docs/testing.md)."
    )


def _is_simulated(host: str, port: int) -> bool:
    for address in os.environ.get(SIMULATORS, "").split():
        own_host, _, own_port = address.rpartition(":")
        if own_port == str(port) and (host == own_host or host in _LOOPBACK):
            return True
    return False


forbid_in_tests(_begins_with_tests())
