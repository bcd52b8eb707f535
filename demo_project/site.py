"""The site of ``manage.py demo``: an ASGI server in a thread, since the main thread listens."""

import contextlib
import errno
import socket
import threading
from typing import Self

import uvicorn

from demo_project.asgi import django_application
from django_ami.wallboard.hub import end_all_streams

HOST = "127.0.0.1"  # for this machine alone
STOP_SECONDS = 1


class Site:
    """Serves while it is used as a context manager. Signals are not its business."""

    def __init__(self, port: int) -> None:
        self._socket = listen(port)
        config = uvicorn.Config(
            django_application,
            lifespan="off",
            access_log=False,
            log_config=None,  # the log of the terminal is for calls
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [self._socket]},
            name="demo-site",
            daemon=True,
        )

    @property
    def url(self) -> str:
        """The address of the first page."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every stream, and then the server."""
        end_all_streams()
        self._server.should_exit = True
        self._thread.join(2 * STOP_SECONDS)
        with contextlib.suppress(OSError):
            self._socket.close()


def listen(port: int) -> socket.socket:
    """Listen on that port, or on a free one if somebody else has it."""
    try:
        return socket.create_server((HOST, port), backlog=100)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        return socket.create_server((HOST, 0), backlog=100)
