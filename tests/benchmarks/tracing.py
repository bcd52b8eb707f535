"""The tasks of the main thread of a page in Chromium, in time of its own CPU.

The time of a clock would be that of the machine: on two cores a simulated Asterisk, a listener, a
web server and a browser wait for each other.
"""

from __future__ import annotations

import json
import time
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import websocket

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

__all__ = ["task_milliseconds"]

_CATEGORIES: Final = ["toplevel", "devtools.timeline"]
_ANSWER_SECONDS: Final = 60.0


def task_milliseconds(driver: Chrome, seconds: float) -> list[float]:
    """The CPU time of each task that the page runs in so many seconds."""
    address = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
    with urllib.request.urlopen(f"http://{address}/json/version") as answer:
        url = json.load(answer)["webSocketDebuggerUrl"]
    connection = websocket.create_connection(url, _ANSWER_SECONDS, suppress_origin=True)
    with closing(connection):
        events = _trace(connection, seconds)
    named = (event for event in events if event["name"] == "thread_name")
    names = {(event["pid"], event["tid"]): event["args"]["name"] for event in named}
    tasks = [
        event.get("tdur", 0) / 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and names.get((event["pid"], event["tid"])) == "CrRendererMain"
    ]
    assert tasks, "the trace has no task of the page"
    return tasks


def _trace(connection: websocket.WebSocket, seconds: float) -> list[dict[str, Any]]:
    config = {"includedCategories": _CATEGORIES}
    _call(connection, "Tracing.start", transferMode="ReportEvents", traceConfig=config)
    time.sleep(seconds)
    events: list[dict[str, Any]] = []
    connection.send(json.dumps({"id": 2, "method": "Tracing.end"}))
    while (told := json.loads(connection.recv())).get("method") != "Tracing.tracingComplete":
        if told.get("method") == "Tracing.dataCollected":
            events += told["params"]["value"]
    return events


def _call(connection: websocket.WebSocket, method: str, **params: object) -> None:
    connection.send(json.dumps({"id": 1, "method": method, "params": params}))
    while json.loads(connection.recv()).get("id") != 1:
        pass
