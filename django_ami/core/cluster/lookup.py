"""The addresses of one server: its host is an address already, or DNS is asked in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django_ami.core import permission
from django_ami.core.addresses import is_numeric, resolve
from django_ami.core.errors import AmiError, ConnectionFailed
from django_ami.core.refusals import start_thread

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from django_ami.core.addresses import Addresses
    from django_ami.core.config import ServerConfig
    from django_ami.core.reactor import Loop

__all__ = ["Lookup"]

#: How long an answer of DNS may be used that came when its attempt was over.
LATE_ANSWER_SECONDS: Final = 60.0


class Lookup:
    """Looks up one server.

    All methods run in turns of the reactor, and ``answered(found)`` is called in one.
    """

    def __init__(
        self,
        config: ServerConfig,
        loop: Loop,
        answered: Callable[[Addresses | AmiError], None],
    ) -> None:
        self._config = config
        self._loop = loop
        self._answered = answered
        self._thread: threading.Thread | None = None
        self._late_answer: tuple[float, Addresses] | None = None

    def begin(self) -> Addresses | AmiError | None:
        """The addresses, or why there are none. None if DNS is asked: then ``answered`` follows."""
        host, port = self._config.host, self._config.port
        late, self._late_answer = self._late_answer, None
        if is_numeric(host):
            return _resolve(host, port)
        if (forbidden := _forbidden(host, port)) is not None:
            return forbidden
        if late is not None and self._loop.now < late[0] + LATE_ANSWER_SECONDS:
            return late[1]
        return self._ask(host, port)

    def keep(self, found: Addresses | AmiError) -> None:
        """The attempt was over when DNS answered: keep the answer for the next attempt.

        DNS would take as long again.
        """
        if not isinstance(found, AmiError):
            self._late_answer = self._loop.now, found

    def start_afresh(self) -> None:
        """A turn was cut short: the answer that is waited for may be lost."""
        self._thread = None

    def _ask(self, host: str, port: int) -> AmiError | None:
        """Ask in a thread, since getaddrinfo blocks without a limit.

        There is one such thread per server at a time, and no other thread waits for it.
        """
        if self._thread is not None and self._thread.is_alive():
            return None

        def look_up() -> None:
            found = _resolve(host, port)
            self._loop.call_soon(lambda: self._answer(found))

        try:
            self._thread = start_thread(look_up, f"django_ami-dns-{self._config.name}")
        except AmiError as error:
            return error
        return None

    def _answer(self, found: Addresses | AmiError) -> None:
        self._thread = None
        self._answered(found)


def _resolve(host: str, port: int) -> Addresses | AmiError:
    try:
        return resolve(host, port)
    except AmiError as error:
        return error
    except Exception as error:  # noqa: BLE001  (no memory; a patched getaddrinfo)
        return ConnectionFailed(f"the name {host!r} cannot be resolved ({type(error).__name__}).")


def _forbidden(host: str, port: int) -> AmiError | None:
    """Each attempt needs permission, even if DNS is not asked again."""
    try:
        permission.check(host, port)
    except AmiError as error:
        return error
    return None
