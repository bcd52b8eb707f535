"""A thread with an event loop for one server, and the way into it from other threads."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from django_ami.simulator.server import Server

__all__ = ["ServerThread"]

logger = logging.getLogger("django_ami.testing")

Result = TypeVar("Result")


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Faults of our own are logged; broken links and TLS handshakes are the client's business."""
    error = context.get("exception")
    if not isinstance(error, OSError):
        logger.error("simulator: %s", context.get("message"), exc_info=error)


class ServerThread:
    """The thread is there from ``start`` to ``stop``, any number of times."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def running(self) -> bool:
        """True between ``start`` and ``stop``."""
        return self._thread is not None

    def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen, and return the port. Raises OSError if that is not possible."""
        if self._thread is not None:
            raise RuntimeError("the simulator is already running")
        ready: Future[int] = Future()
        thread = threading.Thread(
            target=self._run, args=(ready, host, port, tls), name="ami-simulator", daemon=True
        )
        thread.start()
        try:
            port = ready.result()
        except BaseException:
            thread.join()
            raise
        self._thread = thread
        return port

    def stop(self) -> None:
        """Stop the server, and wait for the end of the thread. Harmless when stopped."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()
        self._loop = None

    def call(self, function: Callable[..., None], *args: object) -> None:
        """Run something in the server's thread, in the order of the calls."""
        if self._loop is None:
            raise RuntimeError("the simulator is not running")

        def call() -> None:
            # asyncio would tell of an error with the arguments' own repr, and end the thread if
            # that raises.
            try:
                function(*args)
            except Exception:
                logger.exception("simulator: %s failed", function.__name__)

        self._loop.call_soon_threadsafe(call)

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run a coroutine in the server's thread; the future has its result."""
        if self._loop is None:
            work.close()
            raise RuntimeError("the simulator is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self, ready: Future[int], host: str, port: int, tls: ssl.SSLContext | None) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._main(ready, host, port, tls))
            except BaseException as error:
                if ready.done():
                    raise
                ready.set_exception(error)

    async def _main(
        self, ready: Future[int], host: str, port: int, tls: ssl.SSLContext | None
    ) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_report)
        self._loop, self._stopping = loop, asyncio.Event()
        await self._server.start(host, port, tls)
        ready.set_result(self._server.address[1])
        try:
            await self._stopping.wait()
        finally:
            await self._server.stop()
