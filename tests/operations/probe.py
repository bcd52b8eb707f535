"""A web process of the site, whose ``/ami/health/ready`` is asked again and again."""

from __future__ import annotations

import json
import re
import threading
import time
from http.client import HTTPConnection, HTTPException
from itertools import groupby
from typing import TYPE_CHECKING, Final, Self

from tests.running import free_port, wait_until

if TYPE_CHECKING:
    from tests.operations.support import Site

__all__ = ["Probe"]

_SETTINGS: Final = {"ROOT_URLCONF": "tests.operations.urls", "ALLOWED_HOSTS": ["*"]}
_ANSWER_SECONDS: Final = 5.0


class Probe:
    """Use it as a context manager: it asks every ``seconds``, until ``end``."""

    def __init__(self, site: Site, seconds: float) -> None:
        self._seconds = seconds
        self._port = free_port()
        self._server = site.web(f"127.0.0.1:{self._port}", _SETTINGS)
        #: By ``time.monotonic``: when it was asked, and the answer.
        self._said: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: any(said == "200" for _, said in self._said), what=str(self._server))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)
        self._server.__exit__()

    def since(self, at: float) -> tuple[str, ...]:
        """The answer before that time and those since, each once as long as it does not change."""
        earlier = [answer for asked_at, answer in self._said if asked_at < at]
        said = earlier[-1:] + [answer for asked_at, answer in self._said if asked_at >= at]
        return tuple(answer for answer, _ in groupby(said))

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            asked_at = time.monotonic()
            self._said.append((asked_at, self._ask()))

    def _ask(self) -> str:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", "/ami/health/ready")
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            return type(error).__name__
        finally:
            connection.close()
        why = body["error"] or next(iter(body["servers"].values()))["reason"]
        why = re.sub(r"\d+ s\b", "… s", why)
        return f"{answer.status} ({why})" if why else str(answer.status)
