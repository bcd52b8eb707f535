"""Whether a transaction is open here, of the program or of a test; and work outside of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connections

from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_test", "in_transaction", "outside_of_transactions"]

Result = TypeVar("Result")


def outside_of_transactions(using: str, function: Callable[[], Result]) -> Result:
    """Call a function whose statements are committed at once, whatever the caller has begun.

    Raises ConnectionFailed if that needs a thread, and the system refuses it.
    """
    if in_test(using) or not in_transaction(using):
        return function()
    found: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(function())
        except BaseException as error:  # noqa: BLE001  (it is raised again)
            failed.append(error)
        finally:
            connections.close_all()

    start_thread(run, "django_ami-transaction").join()
    for error in failed:
        raise error
    return found[0]


def in_transaction(using: str) -> bool:
    """True inside of ``atomic``, but for that around a test, which no other thread can see."""
    return any(not _is_of_test(block) for block in _blocks(using))


def in_test(using: str) -> bool:
    """True inside of the transaction around a test: other threads do not see what is written."""
    return any(map(_is_of_test, _blocks(using)))


def _blocks(using: str) -> list[Any]:
    return getattr(connections[using], "atomic_blocks", [])


def _is_of_test(block: Any) -> bool:
    # TestCase and pytest-django mark theirs, so that atomic(durable=True) works in tests.
    return bool(getattr(block, "_from_testcase", False))
