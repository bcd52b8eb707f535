"""A program: a proxy that passes an answer on when it is whole, as one does that knows no streams.

``python -m tests.browser.collector HOST:PORT`` prints its own port.
"""

from __future__ import annotations

import sys
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__: list[str] = []

#: Of the connection to the site, not of that to the browser.
_OF_THE_CONNECTION = {"transfer-encoding", "content-length", "connection"}


class Collector(BaseHTTPRequestHandler):
    """Gives each request to the site at ``sys.argv[1]``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with closing(HTTPConnection(sys.argv[1])) as site:
            site.request(self.command, self.path, body, dict(self.headers))
            answer = site.getresponse()
            collected = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(collected)))
        self.end_headers()
        self.wfile.write(collected)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    print(proxy.server_port, flush=True)
    proxy.serve_forever()
